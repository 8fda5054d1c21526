"""Conditions: what a rule reads in one look at its subject.

In: a condition and what was measured. Out: ``Reading``: it holds, it is over, or neither.
Guarantee: pure; never both; a value that is not there is no deviation, incomplete data is no data;
exactly on the line counts as in alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from kpi.alerts.rules import (
    Activity,
    Behind,
    Changed,
    Condition,
    Coverage,
    Expected,
    Milestone,
    Probability,
    Projection,
    Silent,
)
from kpi.calendar.hours import HOUR
from kpi.pace.model import Status

Word = Literal["on", "off", "between", "no_data", "error"]

_UNJUDGED: frozenset[Status] = frozenset(("no_target", "not_started", "too_early"))
"""Nothing can be claimed of these: they end what is told, and begin nothing."""
_RANK: Mapping[Status, int] = {
    "incomplete": 2,
    "at_risk": 0,
    "behind": 1,
    "on_track": 2,
    "ahead": 3,
    "covered": 4,
}
_ON_TRACK = 2
_FULL = 100


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a subject's KPI. Ratios: 1 is the whole; None: there is no such value."""

    status: Status = "no_target"
    incomplete: bool = False
    attainment: float | None = None
    """actual / target"""
    of_expected: float | None = None
    """actual / expected by now, more is better."""
    of_projection: float | None = None
    """projection / target"""
    probability: float | None = None
    of_required: float | None = None
    """coverage / required"""
    of_last: float | None = None
    """actual / the actual of the last period at the same point"""
    quiet_ms: int | None = None
    """Working time since the last activity; None: there never was one."""
    silent: bool = False
    """Of a source."""


class Reading(NamedTuple):
    """What was read. ``far``: how far it is into the condition; the greater, the further."""

    word: Word
    far: float = 0.0


def read(condition: Condition, seen: Measured, percent: int = 0) -> Reading:
    """Whether a condition holds; ``percent``: which of its milestones is asked about.

    >>> read(Expected(enter=80, until=90), Measured(status="behind", of_expected=0.85)).word
    'between'
    >>> read(Expected(enter=80, until=90), Measured(status="at_risk", of_expected=0.8)).word
    'on'
    """
    if isinstance(condition, Silent):
        return Reading("on" if seen.silent else "off")
    if seen.incomplete:
        return Reading("no_data")
    if isinstance(condition, Milestone):
        return _line(seen.attainment, "above", percent, percent)
    if isinstance(condition, Activity):
        return _quiet(condition, seen)
    return _of_kpi(condition, seen)


_OfKpi = Behind | Expected | Projection | Probability | Coverage | Changed


def _of_kpi(condition: _OfKpi, seen: Measured) -> Reading:
    if isinstance(condition, Changed):
        return _line(seen.of_last, condition.side, condition.enter, condition.until)
    if isinstance(condition, Coverage):
        return _below(condition, seen, seen.of_required)
    return Reading("off") if seen.status in _UNJUDGED else _judged(condition, seen)


def _judged(condition: Behind | Expected | Projection | Probability, seen: Measured) -> Reading:
    if isinstance(condition, Behind):
        return _word(condition, seen)
    if isinstance(condition, Projection):
        return _below(condition, seen, seen.of_projection)
    if isinstance(condition, Probability):
        return _below(condition, seen, seen.probability)
    if condition.side == "above":
        return _line(seen.of_expected, "above", condition.enter, condition.until)
    return _below(condition, seen, seen.of_expected)


def _word(condition: Behind, seen: Measured) -> Reading:
    """A bad word ends on track or better, a good one behind or worse."""
    far = 0.0 if seen.of_expected is None else seen.of_expected
    good = not {"at_risk", "behind"} & set(condition.statuses)
    if seen.status in condition.statuses:
        return Reading("on", far if good else -far)
    over = _RANK[seen.status] < _ON_TRACK if good else _RANK[seen.status] >= _ON_TRACK
    return Reading("off" if over else "between", far if good else -far)


def _below(
    condition: Expected | Projection | Probability | Coverage, seen: Measured, value: float | None
) -> Reading:
    if seen.status == "covered":
        return Reading("off", float("-inf"))
    return _line(value, "below", condition.enter, condition.until)


def _line(value: float | None, side: str, enter: int, until: int) -> Reading:
    if value is None:
        return Reading("off", float("-inf"))
    percent = value * _FULL
    sign = 1 if side == "above" else -1
    if sign * percent >= sign * enter:
        return Reading("on", sign * value)
    over = sign * percent < sign * until or enter == until
    return Reading("off" if over else "between", sign * value)


def _quiet(condition: Activity, seen: Measured) -> Reading:
    if seen.quiet_ms is None:
        return Reading("off")
    far = float(seen.quiet_ms)
    return Reading("on" if seen.quiet_ms >= condition.hours * HOUR else "off", far)
