"""Workdays: how much of which days a person works.

In: a work calendar, personal leave, civil days. Out: halves of a day (integers) and workdays
(exact fractions, a half day is 1/2). Guarantees: workdays of disjoint spans add up; never negative;
leave never adds any, and overlapping leaves take a day away once.

Which rule decides a day: ``off`` (a public holiday), then ``on`` (an adjusted working weekend),
then the week, which ``half`` shortens. Leave takes from what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

Week = tuple[int, ...]
"""Seven numbers of halves of a day, Monday first: 2 the whole day, 1 half of it, 0 none."""

FULL = 2
DAY_MINUTES = 1_440

_DAY = timedelta(days=1)


class WorkCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """Which days are worked. ``ValueError`` for what contradicts itself."""

    id: str
    week: Week = (2, 2, 2, 2, 2, 0, 0)
    other_week: Week | None = None
    """Big and small weeks (大小周): the second of two weeks that alternate, Monday to Sunday."""
    other_from: date | None = None
    """In the week of this day, and in every second one after it, ``other_week`` applies."""
    off: frozenset[date] = frozenset()
    on: frozenset[date] = frozenset()
    """Worked whole, whatever the week says."""
    half: frozenset[date] = frozenset()
    """Worked half, where the week has them as workdays."""
    provisional: frozenset[int] = frozenset()
    """Years whose holidays are not announced yet."""
    hours: tuple[tuple[int, int], ...] = ((540, 1_080),)
    """Working hours as minutes of the local day, ascending, half-open: by default 9:00 to 18:00."""

    def __post_init__(self) -> None:
        if self.off & self.on:
            raise ValueError(f"calendar {self.id}: {min(self.off & self.on)} is both off and on")
        if (self.other_week is None) != (self.other_from is None):
            raise ValueError(f"calendar {self.id}: other_week and other_from go together")
        for week in filter(None, (self.week, self.other_week)):
            if len(week) != len(_WEEKDAYS) or not all(0 <= halves <= FULL for halves in week):
                raise ValueError(f"calendar {self.id}: a week is seven numbers of halves, 0 to 2")
        if not _ascending(self.hours):
            raise ValueError(f"calendar {self.id}: hours must follow each other within one day")


class Leave(msgspec.Struct, frozen=True):
    """Days away, both included; ``halves`` of each: 2 the whole day, 1 half of it."""

    first: date
    last: date
    halves: int = FULL


def halves(calendar: WorkCalendar, leaves: Sequence[Leave], day: date) -> int:
    """Halves of a day that are worked: 0, 1 or 2."""
    away = max((one.halves for one in leaves if one.first <= day <= one.last), default=0)
    return max(0, scheduled(calendar, day) - away)


def workdays(calendar: WorkCalendar, leaves: Sequence[Leave], first: date, last: date) -> Fraction:
    """Workdays from ``first`` to ``last``, both included; none where ``last`` lies before.

    >>> from datetime import date
    >>> workdays(WorkCalendar(id="plain"), (), date(2026, 11, 1), date(2026, 11, 30))
    Fraction(21, 1)
    """
    worked = _count(calendar, first, last).halves
    for segment in _segments(tuple(leaves)):
        low, high = max(first, segment.first), min(last, segment.last)
        if low <= high:
            lost = _count(calendar, low, high)
            worked -= lost.halves if segment.halves == FULL else lost.days
    return Fraction(worked, FULL)


def elapsed(
    calendar: WorkCalendar,
    leaves: Sequence[Leave],
    first: date,
    last: date,
    day: date,
    minute: int = 0,
    *,
    interpolate: bool = False,
) -> Fraction:
    """Workdays of a span that are completed when ``day`` begins.

    With ``interpolate``, plus today's, as far as its working hours have passed at ``minute`` of the
    local day. A half day passes over the same hours at half the speed.
    """
    done = workdays(calendar, leaves, first, min(day - _DAY, last))
    if interpolate and first <= day <= last:
        today = Fraction(halves(calendar, leaves, day), FULL)
        done += today * worked_share(calendar, minute)
    return done


def worked_share(calendar: WorkCalendar, minute_of_day: int) -> Fraction:
    """The share (0 to 1) of a day's working hours that has passed at a minute of the local day.

    A calendar without hours lets the whole day pass at its end.
    """
    total = sum(end - start for start, end in calendar.hours)
    if not total:
        return Fraction(int(minute_of_day >= DAY_MINUTES))
    passed = sum(max(0, min(minute_of_day, end) - start) for start, end in calendar.hours)
    return Fraction(passed, total)


def absent(employed: Iterable[tuple[date | None, date | None]]) -> tuple[Leave, ...]:
    """What lies outside of the spans of employment (None: open), as leaves among the others.

    >>> from datetime import date
    >>> absent([(date(2026, 10, 12), None)])[0].last
    datetime.date(2026, 10, 11)
    """
    away: list[Leave] = []
    free: date | None = date.min
    for start, end in sorted((start or date.min, end or date.max) for start, end in employed):
        if free is not None and start > free:
            away.append(Leave(free, start - _DAY))
        if free is not None:
            free = None if end == date.max else max(free, end + _DAY)
    return (*away, Leave(free, date.max)) if free is not None else tuple(away)


def day_after(
    calendar: WorkCalendar, leaves: Sequence[Leave], first: date, last: date, done: Fraction
) -> date:
    """The first day of a span at whose beginning ``done`` workdays are completed.

    Finds like points of two periods. The day after ``last`` where the span has fewer.
    """
    low, high = 0, (last - first).days + 1
    while low < high:
        middle = (low + high) // 2
        reached = workdays(calendar, leaves, first, first + timedelta(days=middle - 1))
        low, high = (low, middle) if reached >= done else (middle + 1, high)
    return first + timedelta(days=low)


def scheduled(calendar: WorkCalendar, day: date) -> int:
    """Halves of a day that the calendar has as worked, before any leave."""
    if day in calendar.off:
        return 0
    if day in calendar.on:
        return FULL
    planned = _week_at(calendar, day)[day.weekday()]
    return min(planned, 1) if day in calendar.half else planned


def provisional_years(calendar: WorkCalendar, first: date, last: date) -> tuple[int, ...]:
    """The years of a span whose holidays are not announced yet."""
    return tuple(year for year in sorted(calendar.provisional) if first.year <= year <= last.year)


class _Count(NamedTuple):
    """Halves, and days of which anything is worked: half a day's leave takes one half of each."""

    halves: int
    days: int


_WEEKDAYS = range(7)


def _week_at(calendar: WorkCalendar, day: date) -> Week:
    if calendar.other_week is None or calendar.other_from is None:
        return calendar.week
    weeks = (_monday(day) - _monday(calendar.other_from)) // 7
    return calendar.other_week if weeks >= 0 and weeks % 2 == 0 else calendar.week


def _monday(day: date) -> int:
    return day.toordinal() - day.weekday()


def _count(calendar: WorkCalendar, first: date, last: date) -> _Count:
    if first > last:
        return _Count(0, 0)
    total_halves, total_days = 0, 0
    for year in range(first.year, last.year + 1):
        sums = _sums(calendar, year)
        low = first.timetuple().tm_yday - 1 if year == first.year else 0
        high = last.timetuple().tm_yday if year == last.year else len(sums) - 1
        total_halves += sums[high].halves - sums[low].halves
        total_days += sums[high].days - sums[low].days
    return _Count(total_halves, total_days)


@lru_cache(maxsize=2_048)
def _sums(calendar: WorkCalendar, year: int) -> tuple[_Count, ...]:
    """Sums over the first 0, 1, 2, … days of a year, so that any span is one difference."""
    first = date(year, 1, 1)
    length = date(year, 12, 31).timetuple().tm_yday
    days = (scheduled(calendar, first + timedelta(days=number)) for number in range(length))
    counts = (_Count(worked, int(worked > 0)) for worked in days)
    return tuple(accumulate(counts, _plus, initial=_Count(0, 0)))


def _plus(one: _Count, other: _Count) -> _Count:
    return _Count(one.halves + other.halves, one.days + other.days)


@lru_cache(maxsize=8_192)
def _segments(leaves: tuple[Leave, ...]) -> tuple[Leave, ...]:
    """Leaves cut into disjoint ones, each with the most that any of them takes of its days."""
    edges = sorted({edge for one in leaves for edge in (_from(one), _to(one))})
    cut = []
    for start, end in pairwise(edges):
        taken = max((one.halves for one in leaves if _from(one) <= start < _to(one)), default=0)
        if taken > 0:
            cut.append(Leave(date.fromordinal(start), date.fromordinal(end - 1), min(taken, FULL)))
    return tuple(cut)


def _from(leave: Leave) -> int:
    return leave.first.toordinal()


def _to(leave: Leave) -> int:
    """The day after it, half-open; an empty leave ends where it begins."""
    return max(leave.first.toordinal(), leave.last.toordinal() + 1)


def _ascending(hours: tuple[tuple[int, int], ...]) -> bool:
    flat = [minute for span in hours for minute in span]
    return flat == sorted(flat) and (not flat or (flat[0] >= 0 and flat[-1] <= DAY_MINUTES))
