"""Where a flow will end, and how likely its target is: a model of counts and of money.

In: the past of a subject and of its team, what is counted so far, how much of the period is left.
Out: probability, intervals, mean. Guarantee: deterministic; standard library only; the probability
falls with the target and rises with the actual (decision 0015 states the model).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kpi.definitions.model import Direction
from kpi.pace.history import History


class Prior(msgspec.Struct, frozen=True, kw_only=True):
    """What the histories of a team's people say of one KPI; made once a team, KPI and period."""

    rate: float
    """Events per workday of a typical person."""
    people: float
    """How alike people are (gamma shape of their rates): 1 hardly, 100 nearly the same."""
    common: float
    """How alike the periods of the whole team are (gamma shape of the factor all share)."""
    own: float
    """How alike the periods of one person are beyond that (gamma shape)."""
    clumping: float
    """Variance over mean of a day's events; 1 where they come one by one, never below."""
    size: float
    """Amount of a typical event; 1 for counts."""
    spread: float
    """Standard deviation of a size over its mean; 0 for counts."""
    sizes: float
    """How many events of one's own weigh as much as the team in one's typical size."""


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
    """... and what their histories let expect by now (``expected_events``)."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The period's final value."""

    probability: float
    mean: float
    half: tuple[float, float]
    """50 % interval."""
    interval: tuple[float, float]
    """80 % interval."""


def prior_of(histories: Sequence[History], *, money: bool) -> Prior:
    """The team's pooled past as a prior. One's own history alone is a team of one."""
    raise NotImplementedError


def expected_events(prior: Prior, history: History, workdays: float) -> float:
    """Events to be expected of a subject in so many workdays, before the period says anything."""
    raise NotImplementedError


def predict(prior: Prior, history: History, outlook: Outlook) -> Prediction:
    """The final value's distribution. Never raises for finite input."""
    raise NotImplementedError
