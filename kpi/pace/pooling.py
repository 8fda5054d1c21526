"""A team's past as a prior: its rate, how people differ, how periods differ, how sizes scatter.

In: the histories of a team's people. Out: ``Prior``. Guarantee: every figure is a moment of what is
there, shrunk to a stated default as long as there is little of it; nothing divides by zero.

Model and defaults: decision 0015. Per person ``i`` and period ``t`` the events of ``w`` workdays
have the mean ``rate_i * w * common_t * own_it`` and ``clumping`` times a Poisson's variance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from kpi.pace.history import History, Past

PERIODS_SUPPOSED = 2.0
"""The defaults below weigh as much as so many periods seen (of one person, as so many people)."""
COMMON_VARIANCE = 0.05
OWN_VARIANCE = 0.04
PEOPLE_VARIANCE = 0.25
SIZE_VARIANCE = 0.05
LEAST_VARIANCE = 0.002
"""No two periods are ever alike to less than 4 %."""
WEEK = 5
"""Clumping is looked for between weeks: a Friday that holds a weekend is no clump."""


class Prior(msgspec.Struct, frozen=True, kw_only=True):
    """What the histories of a team's people say of one KPI; made once a team, KPI and period.

    ``people``, ``common`` and ``own`` are shapes of gamma distributions with mean 1: 1 over a
    variance, so 25 means "within about 20 % of each other".
    """

    rate: float
    """Events per workday of a typical person; 0: nothing was ever counted, so nothing is known."""
    people: float
    """How alike people are."""
    common: float
    """How alike the periods of the whole team are (a summer slump, a quarter's last month)."""
    own: float
    """How alike the periods of one person are beyond that."""
    clumping: float
    """Variance over mean of events; 1 where they come one by one, never below."""
    size: float
    """Amount of a typical event; 1 for counts."""
    spread: float
    """Standard deviation of a size over its mean; 0 for counts."""
    sizes: float
    """How many events of one's own weigh as much as the team in one's typical size."""


class _Person(msgspec.Struct, frozen=True):
    """One history in sums."""

    periods: tuple[Past, ...]
    events: int
    workdays: int
    amount: int

    @property
    def rate(self) -> float:
        return self.events / self.workdays

    @property
    def size(self) -> float:
        return self.amount / self.events


def prior_of(histories: Iterable[History], *, money: bool) -> Prior:
    """The team's pooled past as a prior. One's own history alone is a team of one.

    ``money``: the amounts are sums whose sizes matter; else each event counts what it is.
    """
    people = [_person(one) for one in histories if any(past.workdays for past in one.periods)]
    workdays = sum(one.workdays for one in people)
    rate = max(0.0, sum(one.events for one in people) / workdays) if workdays else 0.0
    clumping = _clumping([past for one in people for past in one.periods])
    factors, common = _common(people, clumping)
    size, spread, sizes = _sizes(people) if money else (1.0, 0.0, 1.0)
    own = _own_variance(people, factors, clumping)
    return Prior(
        rate=rate,
        people=1 / _people_variance(people, rate, clumping, own),
        common=1 / common,
        own=1 / own,
        clumping=clumping,
        size=size,
        spread=spread,
        sizes=sizes,
    )


def _person(history: History) -> _Person:
    periods = tuple(past for past in history.periods if past.workdays)
    return _Person(
        periods,
        sum(sum(past.events) for past in periods),
        sum(past.workdays for past in periods),
        sum(sum(past.amounts) for past in periods),
    )


def _clumping(periods: Sequence[Past]) -> float:
    """Σ (events of a block − its period's mean)² / Σ mean, over blocks of a week (of a day)."""
    squares = means = 0.0
    for past in periods:
        blocks = _blocks(past)
        mean = sum(blocks) / len(blocks)
        squares += sum((block - mean) ** 2 for block in blocks)
        means += mean * (len(blocks) - 1)
    return max(1.0, squares / means) if means > 0 else 1.0


def _blocks(past: Past) -> list[int]:
    days = past.events[1:]
    length = WEEK if len(days) >= 2 * WEEK else 1
    edges = range(0, len(days) + 1, length)
    return [sum(days[low:high]) for low, high in pairwise(edges)]


def _common(people: Sequence[_Person], clumping: float) -> tuple[list[float], float]:
    """The factors that a team's periods share, the latest first, and their variance.

    Of one person nothing can be said to be shared.
    """
    depth = max((len(one.periods) for one in people), default=0)
    sums = [_latest(people, back) for back in range(depth)]
    factors = [seen / due if due > 0 else 1.0 for seen, due in sums]
    if len(people) < 2:  # noqa: PLR2004  # two are the least that can share
        return [1.0] * depth, LEAST_VARIANCE
    beyond = sum(
        (factor - 1) ** 2 - clumping / due
        for factor, (_, due) in zip(factors, sums, strict=True)
        if due > 0
    )
    return factors, _shrunk(beyond, max(0, depth - 1), COMMON_VARIANCE)


def _latest(people: Sequence[_Person], back: int) -> tuple[float, float]:
    """Events seen and due of everyone in the period so many before the running one."""
    seen = due = 0.0
    for one in people:
        if back < len(one.periods):
            past = one.periods[-1 - back]
            seen += sum(past.events)
            due += one.rate * past.workdays
    return seen, due


def _own_variance(people: Sequence[_Person], factors: Sequence[float], clumping: float) -> float:
    """What is left of the periods' variance when clumping and the shared factors are taken out."""
    beyond = squares = 0.0
    seen = 0
    for one in people:
        depth = len(one.periods)
        for back, past in enumerate(reversed(one.periods)):
            due = one.rate * past.workdays * factors[back]
            if depth > 1 and due > 0:
                # A mean of its own takes one degree of freedom of each person.
                missed = (sum(past.events) - due) ** 2 * depth / (depth - 1)
                beyond += missed - clumping * due
                squares += due * due
                seen += 1
    return _shrunk(beyond / squares * seen if squares else 0.0, seen, OWN_VARIANCE)


def _people_variance(people: Sequence[_Person], rate: float, clumping: float, own: float) -> float:
    if rate <= 0:
        return PEOPLE_VARIANCE
    beyond = sum(
        (one.rate / rate - 1) ** 2 - clumping / (rate * one.workdays) - own / len(one.periods)
        for one in people
    )
    return _shrunk(beyond, max(0, len(people) - 1), PEOPLE_VARIANCE)


def _sizes(people: Sequence[_Person]) -> tuple[float, float, float]:
    """Mean size, its coefficient of variation, and the weight of the team's mean."""
    sellers = [one for one in people if one.events > 0 and one.amount > 0]
    if not sellers:
        return 1.0, 1.0, 1.0
    mean = sum(one.amount for one in sellers) / sum(one.events for one in sellers)
    spread = _size_variance(sellers)
    beyond = sum((one.size / mean - 1) ** 2 - spread / one.events for one in sellers)
    between = _shrunk(beyond, max(0, len(sellers) - 1), SIZE_VARIANCE)
    return mean, spread**0.5, spread / between


def _size_variance(sellers: Sequence[_Person]) -> float:
    """From sums of a day: (sum / mean − n)² / n is the squared variation, whatever n is."""
    squares = 0.0
    days = -len(sellers)
    for one in sellers:
        for past in one.periods:
            for amount, events in zip(past.amounts, past.events, strict=True):
                if events > 0:
                    squares += (amount / one.size - events) ** 2 / events
                    days += 1
    return _shrunk(squares, max(0, days), 1.0)


def _shrunk(total: float, weight: float, supposed: float) -> float:
    """A variance from its total over a weight, with the default as if seen twice."""
    found = (total + supposed * PERIODS_SUPPOSED) / (weight + PERIODS_SUPPOSED)
    return max(LEAST_VARIANCE, found)
