"""What pace is asked about and what it answers: one KPI of one subject in one period.

In: nothing. Out: the values that the other modules of this folder speak of. Guarantee: frozen;
amounts, targets and days are exact (``Fraction``, which an ``int`` may stand for); the only floats
are the probability and its interval.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import msgspec

from kpi.definitions.model import Bands, Basis, Direction, Kind, Unit

Status = Literal[
    "incomplete",
    "no_target",
    "not_started",
    "too_early",
    "covered",
    "ahead",
    "on_track",
    "behind",
    "at_risk",
]
PaceBasis = Literal["linear", "workday", "historical", "as_is"]
"""``as_is``: not a flow; compared with the target as it is."""

Caution = Literal["likely_all_the_same", "unlikely_all_the_same"]
"""The bands say one thing, the probability another: said aloud, never left for the reader to find.

``likely_all_the_same``: behind or at risk, yet the target is more likely reached than not.
``unlikely_all_the_same``: ahead or on track, yet it is more likely missed.
"""

ENOUGH_LIKES = 4
"""Fewer like periods make no curve."""


class Segment(msgspec.Struct, frozen=True):
    """A stretch of the period with one target: a change within the period makes two of them.

    ``target`` is what the whole period would have been set; ``share`` the stretch's part of the
    period's workdays, 0 to 1. The shares add up to 1.
    """

    target: Fraction
    share: Fraction


class Like(msgspec.Struct, frozen=True):
    """A past period like this one (same place in the quarter or year), aligned by workdays.

    ``cumulative[p]`` is what had been counted at the end of workday ``p``, the days off after it
    included; ``cumulative[0]`` is what happened before the first workday. So there are ``workdays``
    + 1 of them, and the last is the total.

    Raises:
        ValueError: another number of cumulative values, or no workday.

    """

    workdays: int
    cumulative: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.workdays < 1 or len(self.cumulative) != self.workdays + 1:
            raise ValueError(
                f"{self.workdays} workdays need {self.workdays + 1} cumulative values, "
                f"not {len(self.cumulative)}"
            )


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a verdict rests on. Days come from the subject's own calendar.

    ``elapsed_days`` and ``elapsed_workdays`` are completed ones: today counts tomorrow. Who wants
    today to count by the hour adds its worked share to both (``kpi.calendar.worked_share``).
    ``actual`` is None where there is no value, such as a win rate of nothing closed.
    """

    actual: Fraction | None
    target: Fraction | None
    """The effective one: ramp, leave and changes within the period are already in it."""
    kind: Kind
    unit: Unit = "count"
    direction: Direction = "higher"
    bands: Bands = Bands()
    too_early_below: int = 3
    basis: Basis = "workday"
    elapsed_days: Fraction
    total_days: Fraction
    """Civil days of the period: 22 November of 30 days, at any time of day, has elapsed 21."""
    elapsed_workdays: Fraction
    total_workdays: Fraction
    """Own ones, leave out; halves are possible."""
    likes: tuple[Like, ...] = ()
    segments: tuple[Segment, ...] = ()
    """Empty: one target all along."""
    happened: bool = False
    """Anything was counted in the period, even where corrections brought it back to 0."""
    average_size: Fraction | None = None
    """Of money and durations: the usual amount of one event (``Prior.size``), so that an expected
    amount can be read as an expected count. None: too early is said of counts only."""
    incomplete_since: int | None = None
    """ms UTC since when a source of this subject is silent."""


class Curve(msgspec.Struct, frozen=True):
    """Pace by one curve.

    ``expected``: what should be there by now. ``projection``: where this curve leads by the end,
    None before it says anything (nothing of it has elapsed). ``of_expected``: 1 is exactly on it,
    more is better, for lower-is-better too (expected / actual); None where it would be a division
    by zero.
    """

    expected: Fraction
    projection: Fraction | None
    of_expected: Fraction | None


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a KPI stands.

    ``expected``, ``of_expected`` and ``projection`` are those of ``basis``, ``difference`` is
    actual − expected. Of a ratio, level or duration the expected value is the target, and there are
    no curves, no projection and nothing per workday.
    """

    status: Status
    basis: PaceBasis
    """What was used: a historical curve that is not there gives way to workdays, those to days."""
    expected: Fraction | None = None
    of_expected: Fraction | None = None
    projection: Fraction | None = None
    difference: Fraction | None = None
    linear: Curve | None = None
    workday: Curve | None = None
    historical: Curve | None = None
    historical_note: str | None = None
    """``2 like periods, 4 needed``, or of how many periods the curve is: ``median of 5 ...``."""
    remaining: Fraction | None = None
    """target − actual, never below 0. Where lower is better: what may still happen."""
    required_per_workday: Fraction | None = None
    """remaining / remaining workdays, today included; 0 when covered; None without a workday."""
    remaining_workdays: Fraction = Fraction(0)
    probability: float | None = None
    """To have reached the target by the period's end (lower is better: not to have passed it)."""
    interval: tuple[float, float] | None = None
    """80 % interval of the period's final value."""
    caution: Caution | None = None
