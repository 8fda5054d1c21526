"""Ramp plans: a target that grows from the day of hire, step by step, until it is the full one.

In: a plan, a day of hire, leave. Out: the days of each step and what they ask for. Guarantee: leave
either moves the curve (as long as it still changes) or lowers the target (from then on, or always,
as the plan says), never both. Escalation by experience is the same: steps of a year, over 100 %.

A month on a ramp asks for the mean over its days: hired on 20 January with 0 then 25 per cent of
100,000, February is 19 days at 0 and 9 at 25 %, which is 8,036; by calendar months it is 25,000.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal, NamedTuple

import msgspec

from kpi.calendar.workdays import Leave
from kpi.organisation import intersect, joined
from kpi.periods import Span

OTHERS = "*"
"""In a plan: every KPI that it does not name."""

Phase = Literal["activities", "pipeline", "revenue"]

_DAY = timedelta(days=1)
_FULL = Fraction(100)
_WHOLE = 2
"""Halves of a day of leave."""


class Steps(msgspec.Struct, frozen=True):
    """What one KPI asks for, step by step: per cent of the full target, or amounts a month.

    After the last step a percentage is 100, or stays where it is above that (an escalation);
    after the last amount the full target holds. For a ratio or level an amount is its value.
    """

    values: tuple[Fraction, ...]
    mode: Literal["percent", "absolute"] = "percent"

    def at(self, place: int) -> Fraction | None:
        """The value of a step, counted from 0; None where the full target holds as it is."""
        if place < len(self.values):
            return self.values[place]
        if self.mode == "absolute":
            return None
        return max([_FULL, *self.values[-1:]])

    @property
    def settled(self) -> int:
        """The step, counted from 0, from which the value no longer changes.

        >>> percent(0, 25, 50, 75, 100).settled, percent(100, 110, 120).settled
        (4, 2)
        """
        place = len(self.values)
        while place and self.at(place - 1) == self.at(place):
            place -= 1
        return place


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What must be reached by the end of a month of tenure, since the hire or within that month."""

    month: int
    kpi: str
    at_least: Fraction
    within: Literal["since_hire", "month"] = "since_hire"


class RampPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan for a role. A KPI that it neither names nor covers by `"*"` has its full target.

    `by` tenure days: a step begins on the same day of a later month (the last day where the month
    is too short). `by` calendar months: the month of the hire is the first step.
    """

    id: str
    steps: Mapping[str, Steps]
    by: Literal["tenure_days", "calendar_months"] = "tenure_days"
    leave: Literal["shift", "prorate"] = "shift"
    gates: tuple[Gate, ...] = ()
    step_months: int = 1

    def of(self, kpi: str) -> Steps | None:
        """The steps of a KPI, if the plan has any for it."""
        return self.steps.get(kpi, self.steps.get(OTHERS))


class OnRamp(msgspec.Struct, frozen=True):
    """A person's plan, and the day from which it counts."""

    plan: RampPlan
    hired: date


class Run(NamedTuple):
    """Days of one step. `per_cent` and `amount` are both None where the full target holds."""

    first: date
    last: date
    per_cent: Fraction | None
    amount: Fraction | None


def percent(*values: int) -> Steps:
    """Steps in per cent of the full target."""
    return Steps(tuple(map(Fraction, values)))


def amounts(*values: int | Fraction) -> Steps:
    """Steps as amounts a month: counts or minor units."""
    return Steps(tuple(map(Fraction, values)), "absolute")


def runs(on: OnRamp, kpi: str, leaves: Sequence[Leave], span: Span) -> list[Run]:
    """The days of a span from the hire on, cut where a step begins."""
    steps = on.plan.of(kpi)
    asked = intersect(span, Span(on.hired, date.max))
    if steps is None or asked is None:
        return [Run(*asked, None, None)] if asked else []
    starts = step_starts(on, leaves, steps.settled + 1)
    ends = [start - _DAY for start in starts[1:]] + [date.max]
    found = []
    for place, (first, last) in enumerate(zip(starts, ends, strict=True)):
        if cut := intersect(Span(first, last), asked):
            found.append(_run(cut, steps, place))
    return found


def ramp_target(
    on: OnRamp, kpi: str, quota: Fraction | int, month: Span, leaves: Sequence[Leave] = ()
) -> Fraction:
    """What one month asks of somebody on a ramp: the mean over the days since the hire.

    `quota` is the full target of that month. Leave moves the curve where the plan says so, and is
    otherwise left to the proration of the target as a whole; so are the days before the hire.

    >>> on = OnRamp(RampPlan(id="ae", steps={"*": percent(0, 25)}), date(2026, 1, 20))
    >>> round(ramp_target(on, "won_amount", 100_000, Span(date(2026, 2, 1), date(2026, 2, 28))))
    8036
    """
    found = runs(on, kpi, leaves, month)
    days = sum(length(run) for run in found)
    parts = (asked(run, Fraction(quota)) * length(run) for run in found)
    return sum(parts, Fraction(0)) / days if days else Fraction(0)


def asked(run: Run, quota: Fraction) -> Fraction:
    """What a run's step asks for, of a full target."""
    if run.amount is not None:
        return run.amount
    return quota if run.per_cent is None else quota * run.per_cent / _FULL


def length(run: Run | Span) -> int:
    """Civil days, both ends included."""
    return (run.last - run.first).days + 1


def step_starts(on: OnRamp, leaves: Sequence[Leave], count: int) -> list[date]:
    """The first days of the first `count` steps; leave moves them where the plan says so."""
    months = [place * on.plan.step_months for place in range(count)]
    return [month_start(on, leaves, month) for month in months]


def month_start(on: OnRamp, leaves: Sequence[Leave], month: int) -> date:
    """The first day of a month of tenure, counted from 0."""
    away = _away(leaves) if on.plan.leave == "shift" else []
    if on.plan.by == "calendar_months":
        return _calendar_start(on.hired, away, month)
    return _tenure_start(on.hired, away, month)


def lowering_leave(on: OnRamp, kpi: str, leaves: Sequence[Leave]) -> tuple[Leave, ...]:
    """The leave that lowers the target: all, or what lies after the curve that it moved."""
    steps = on.plan.of(kpi)
    if on.plan.leave == "prorate" or steps is None:
        return tuple(leaves)
    settled = step_starts(on, leaves, steps.settled + 1)[-1]
    return tuple(
        Leave(max(one.first, settled), one.last, one.halves)
        for one in leaves
        if one.last >= settled
    )


def same_day(day: date, months: int) -> date:
    """The same day of a later month, its last where it is shorter.

    >>> same_day(date(2026, 1, 31), 1)
    datetime.date(2026, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _run(days: Span, steps: Steps, place: int) -> Run:
    value = steps.at(place)
    if value is None:
        return Run(*days, None, None)
    return Run(*days, value, None) if steps.mode == "percent" else Run(*days, None, value)


def _away(leaves: Sequence[Leave]) -> list[Span]:
    """Whole days of leave, each once; half a day moves nothing."""
    return joined(Span(one.first, one.last) for one in leaves if one.halves == _WHOLE)


def _tenure_start(hired: date, away: Sequence[Span], month: int) -> date:
    """The day before which as many days were worked through as without any leave."""
    start = same_day(hired, month)
    for leave in away:
        began = max(leave.first, hired)
        if leave.last >= began and began < start:
            start += timedelta(days=length(Span(began, leave.last)))
    return start


def _calendar_start(hired: date, away: Sequence[Span], month: int) -> date:
    """A month of which more than half is leave does not count; the next takes its step."""
    start, counted = hired, 0
    while counted < month:
        begin = start.replace(day=1)
        end = same_day(begin, 1) - _DAY
        counted += not _mostly_away(Span(start, end), away)
        start = end + _DAY
    return start


def _mostly_away(month: Span, away: Sequence[Span]) -> bool:
    absent = sum(length(cut) for leave in away if (cut := intersect(leave, month)))
    return 2 * absent > length(month)
