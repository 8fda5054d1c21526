"""Sources: which connection has fallen silent, and since when.

In: when each connection was last heard, how long it may be quiet, the tenant's work calendar.
Out: connection -> ms UTC of its last event. Guarantee: pure; a source that was never heard, or is
switched off, is not called silent, because there is no "since".

How long a source may be quiet is what the configuration says (``sources.quiet_after``, by the
clock). Without that its usual rhythm is learnt from those of the twenty workdays before its last
event on which any of its owners had one. A source that speaks on every workday may be quiet for one
workday (the eight hours of an ordinary calendar), one that pauses for as long as its longest pause
and one workday more. With fewer than five such days nothing is known and nothing called silent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from fractions import Fraction

from kpi.calendar.workdays import WorkCalendar, halves, worked_share
from kpi.civil import day_start, local_day

LOOKED_AT = 20
"""Workdays that are looked at to learn a rhythm."""
_ENOUGH = 5
LONGEST_DAYS = 90
"""No silence is measured further back: a source that old is silent by any rhythm."""
_ONE_DAY = timedelta(days=1)
_MINUTE = 60_000


def overdue(
    seen: Mapping[str, int], quiet_after: Mapping[str, int], now: int, moment: int
) -> dict[str, int]:
    """Silent by the configured durations (ms): those last heard before the answer's moment."""
    return {
        one: at
        for one, at in seen.items()
        if one in quiet_after and now - at > quiet_after[one] and at < moment
    }


def quiet_workdays(since: int, now: int, calendar: WorkCalendar, zone: str) -> Fraction:
    """Workdays between two instants, parts of days by the working hours; at most of 90 days."""
    last = local_day(now, zone)
    first = max(local_day(since, zone), last - timedelta(days=LONGEST_DAYS))
    quiet = Fraction(0)
    day = first
    while day <= last:
        low = _share(since, day, calendar, zone)
        high = _share(now, day, calendar, zone)
        quiet += (high - low) * halves(calendar, (), day) / 2
        day += _ONE_DAY
    return quiet


def allowed(heard: Collection[date], last: date, calendar: WorkCalendar) -> Fraction | None:
    """How many workdays a source may be quiet, by the days on which it was heard; None: unknown.

    ``last`` is the civil day of its last event; the twenty workdays before it are looked at.
    """
    days = _workdays_before(last, calendar)
    if sum(day in heard for day in days) < _ENOUGH:
        return None
    longest = quiet = 0
    for day in days:
        quiet = 0 if day in heard else quiet + 1
        longest = max(longest, quiet)
    return Fraction(longest + 1)


def _workdays_before(today: date, calendar: WorkCalendar) -> list[date]:
    """The last twenty workdays before a day, oldest first."""
    days: list[date] = []
    day = today
    for _ in range(LONGEST_DAYS):
        day -= _ONE_DAY
        if halves(calendar, (), day):
            days.append(day)
        if len(days) == LOOKED_AT:
            break
    return days[::-1]


def _share(instant: int, day: date, calendar: WorkCalendar, zone: str) -> Fraction:
    """How much of a day's working hours an instant has behind it, 0 to 1."""
    here = local_day(instant, zone)
    if here != day:
        return Fraction(int(here > day))
    return worked_share(calendar, (instant - day_start(day, zone)) // _MINUTE)
