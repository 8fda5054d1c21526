"""Where a flow will end, and how likely its target is: a model of counts and of money.

In: the past of a subject and of its team, what is counted so far, how much of the period is left.
Out: probability, intervals, mean. Guarantee: deterministic; standard library only; the probability
never rises with the target and never falls with the actual (lower is better: turned round).

The model (decision 0015): a subject's events of the period have a gamma-distributed rate. Its mean
is the subject's own rate, drawn to the team's as far as the own past is short, times what the rest
of the team does in this period; what the subject has done so far updates it; so the rest of the
period is negative binomial. Money is such a number of sizes: a point at 0 and a gamma beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, exp, floor, log1p

import msgspec

from kpi.definitions.model import Direction
from kpi.pace.distributions import (
    count_at_least,
    count_quantiles,
    gamma_at_least,
    gamma_quantile,
)
from kpi.pace.history import History
from kpi.pace.pooling import Prior, prior_of

__all__ = ["Outlook", "Prediction", "Prior", "expected_events", "predict", "prior_of"]

_LEVELS = (0.1, 0.25, 0.75, 0.9)


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """One subject's running period, as the model wants it."""

    actual: int
    """Counted so far (money: minor units)."""
    events: int
    """By how many events; for a count the same as ``actual``."""
    target: float
    elapsed: float
    """Workdays completed."""
    total: float
    """Workdays of the period."""
    done: float | None = None
    """Share of a period usually done by now (the historical curve's); None: elapsed / total."""
    money: bool = False
    direction: Direction = "higher"
    others_events: int = 0
    """What the rest of the team has counted so far in this period, ..."""
    others_expected: float = 0.0
    """... and what their histories let expect by now: the sum of their ``expected_events``."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The period's final value, in the KPI's unit."""

    probability: float
    """To reach the target; where lower is better, not to pass it."""
    mean: float
    half: tuple[float, float]
    """50 % interval."""
    interval: tuple[float, float]
    """80 % interval."""


class _Rest(msgspec.Struct, frozen=True):
    """Events in the rest of the period."""

    mean: float
    variance: float


def expected_events(prior: Prior, history: History, workdays: float) -> float:
    """Events to be expected of a subject in so many workdays, before the period says anything."""
    return _usual(prior, history)[0] * workdays


def predict(prior: Prior, history: History, outlook: Outlook) -> Prediction | None:
    """The final value's distribution; None where no history ever counted anything.

    >>> from kpi.pace.history import Past
    >>> steady = History((Past((0, *[1] * 20), (0, *[1] * 20)),) * 6)
    >>> half = Outlook(actual=10, events=10, target=20.0, elapsed=10.0, total=20.0)
    >>> found = predict(prior_of([steady], money=False), steady, half)
    >>> round(found.mean), round(found.probability, 1), found.interval
    (20, 0.5, (16.0, 24.0))
    """
    if prior.rate <= 0:
        return None
    rest = _rest(prior, history, outlook)
    return _money(prior, history, outlook, rest) if outlook.money else _count(outlook, rest)


def _usual(prior: Prior, history: History) -> tuple[float, float]:
    """A subject's rate per workday, drawn to the team's, and how well it is known (gamma shape)."""
    periods = [past for past in history.periods if past.workdays]
    workdays = sum(past.workdays for past in periods)
    if not workdays:
        return prior.rate, prior.people
    own = max(0.0, sum(sum(past.events) for past in periods) / workdays)
    noise = prior.clumping / (prior.rate * workdays) + 1 / (prior.own * len(periods))
    known = 1 / noise
    return (prior.people * prior.rate + known * own) / (prior.people + known), prior.people + known


def _rest(prior: Prior, history: History, outlook: Outlook) -> _Rest:
    rate, known = _usual(prior, history)
    usual = max(rate * outlook.total, 1e-9)
    done = _done(outlook)
    common, shared = _team_now(prior, outlook)
    shape = 1 / (1 / prior.own + 1 / shared + 1 / known)
    seen = max(0, outlook.events) / prior.clumping
    factor = (shape + seen) / (shape / common + usual * done / prior.clumping)
    mean = usual * (1 - done) * factor
    return _Rest(mean, prior.clumping * mean + mean * mean / (shape + seen))


def _done(outlook: Outlook) -> float:
    if outlook.done is not None:
        share = outlook.done
    else:
        share = outlook.elapsed / outlook.total if outlook.total > 0 else 1.0
    return max(0.0, min(1.0, share))


def _team_now(prior: Prior, outlook: Outlook) -> tuple[float, float]:
    """The factor that all share in this period as the others show it, and its gamma shape."""
    seen = max(0, outlook.others_events) / prior.clumping
    due = max(0.0, outlook.others_expected) / prior.clumping
    return (prior.common + seen) / (prior.common + due), prior.common + seen


def _count(outlook: Outlook, rest: _Rest) -> Prediction:
    missing = outlook.target - outlook.actual
    if outlook.direction == "higher":
        probability = count_at_least(ceil(missing), rest.mean, rest.variance)
    else:
        probability = 1 - count_at_least(floor(missing) + 1, rest.mean, rest.variance)
    low, lower, upper, high = (
        float(outlook.actual + n) for n in count_quantiles(_LEVELS, rest.mean, rest.variance)
    )
    return Prediction(
        probability=_chance(probability),
        mean=outlook.actual + rest.mean,
        half=(lower, upper),
        interval=(low, high),
    )


def _money(prior: Prior, history: History, outlook: Outlook, rest: _Rest) -> Prediction:
    size, seen = _size(prior, history, outlook)
    spread = prior.spread**2
    mean = rest.mean * size
    variance = size**2 * (
        rest.mean * spread + rest.variance + (rest.variance + rest.mean**2) * spread / seen
    )
    none = _none(rest)
    some = max(1e-12, 1 - none)
    given, scatter = mean / some, (variance + mean**2) / some - (mean / some) ** 2
    missing = outlook.target - outlook.actual
    if outlook.direction == "higher":
        probability = 1.0 if missing <= 0 else some * gamma_at_least(missing, given, scatter)
    else:
        # Exactly the target still keeps to it.
        probability = 0.0 if missing < 0 else 1 - some * _above(missing, given, scatter)
    ends = _ends(lambda level: gamma_quantile(level, given, scatter), none, some, outlook.actual)
    return Prediction(
        probability=_chance(probability),
        mean=outlook.actual + mean,
        half=(ends[1], ends[2]),
        interval=(ends[0], ends[3]),
    )


def _above(room: float, mean: float, variance: float) -> float:
    return gamma_at_least(room, mean, variance) if mean > 0 else 0.0


def _ends(quantile: Callable[[float], float], none: float, some: float, actual: int) -> list[float]:
    """Quantiles of the point at 0 and what lies beyond it, on top of what is there."""
    return [
        actual + (quantile((level - none) / some) if level > none else 0.0) for level in _LEVELS
    ]


def _size(prior: Prior, history: History, outlook: Outlook) -> tuple[float, float]:
    """A subject's typical size, drawn to the team's, and of how many events it is known."""
    amount = prior.size * prior.sizes + outlook.actual
    seen = prior.sizes + max(0, outlook.events)
    for past in history.periods:
        amount += sum(past.amounts)
        seen += max(0, sum(past.events))
    # Corrections may leave less than nothing; a tenth of the usual size is the least believed.
    return max(amount / seen, prior.size / 10), seen


def _none(rest: _Rest) -> float:
    """P(no event) in the rest of the period."""
    if rest.mean <= 0:
        return 1.0
    beyond = rest.variance - rest.mean
    if beyond <= rest.mean * 1e-9:
        return exp(-rest.mean)
    size = rest.mean**2 / beyond
    return exp(-size * log1p(rest.mean / size))


def _chance(x: float) -> float:
    return max(0.0, min(1.0, x))
