"""Periods of a fiscal calendar: which days a kind of period means, its neighbours and its parts.

In: a fiscal calendar, a kind and a day, or a label. Out: periods of civil days, both ends
included. Guarantee, in every calendar: days partition weeks, months, quarters and years; months
partition quarters, and quarters years; weeks partition months only where months are made of weeks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

import msgspec

from kpi.calendar.labels import FIRST_YEAR, KINDS, LAST_YEAR, PeriodKind, day_named, label
from kpi.calendar.years import (
    MONTHS,
    PER_QUARTER,
    FiscalCalendar,
    Pattern,
    month_starts,
    week_number,
    week_of,
    year_at,
)

__all__ = [
    "FIRST_YEAR",
    "KINDS",
    "LAST_YEAR",
    "FiscalCalendar",
    "Pattern",
    "Period",
    "PeriodKind",
    "between",
    "following",
    "parse_label",
    "parts",
    "period_of",
    "place",
    "previous",
]

_DAY = timedelta(days=1)
_MONTHS_OF: dict[PeriodKind, int] = {"month": 1, "quarter": PER_QUARTER, "year": MONTHS}


class Period(msgspec.Struct, frozen=True):
    """Civil days ``first`` to ``last``, both included, and what they are called."""

    kind: PeriodKind
    first: date
    last: date
    label: str

    @property
    def days(self) -> int:
        """How many there are."""
        return (self.last - self.first).days + 1


@lru_cache(maxsize=16_384)
def period_of(fiscal: FiscalCalendar, kind: PeriodKind, day: date) -> Period:
    """The period of that kind in which a day lies. ``ValueError`` for another kind.

    >>> period_of(FiscalCalendar(start_month=4), "quarter", date(2026, 11, 23)).label
    'FY2027-Q3'
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of period: {', '.join(KINDS)}")
    if kind == "day":
        first, last = day, day
    elif kind == "week":
        first = week_of(fiscal, day)
        last = first + timedelta(days=6)
    else:
        first, last = _months(fiscal, _MONTHS_OF[kind], day)
    return Period(kind, first, last, label(fiscal, kind, first))


def previous(fiscal: FiscalCalendar, period: Period) -> Period:
    """The period of the same kind that ends the day before."""
    return period_of(fiscal, period.kind, period.first - _DAY)


def following(fiscal: FiscalCalendar, period: Period) -> Period:
    """The period of the same kind that begins the day after."""
    return period_of(fiscal, period.kind, period.last + _DAY)


def between(fiscal: FiscalCalendar, kind: PeriodKind, first: date, last: date) -> list[Period]:
    """The periods of a kind that have a day from ``first`` to ``last``, in order."""
    return list(_between(fiscal, kind, first, last))


def parts(fiscal: FiscalCalendar, period: Period, kind: PeriodKind) -> list[Period]:
    """The periods of a finer kind that partition a period, in order; one of its own kind is itself.

    ``ValueError`` where that kind does not partition it: a quarter in a month, and weeks in periods
    of calendar months (``between`` gives the weeks that touch them).
    """
    found = between(fiscal, kind, period.first, period.last)
    if found[0].first < period.first or found[-1].last > period.last:
        raise ValueError(f"the {kind}s of this calendar do not partition the {period.kind}s")
    if kind == "week" and not fiscal.weekly and period.kind != "week":
        raise ValueError(f"the weeks of this calendar do not partition the {period.kind}s")
    return found


def place(fiscal: FiscalCalendar, period: Period) -> int:
    """Its place, from 1, within the next larger period; like periods have the same.

    A day's within its month, a month's within its quarter, a quarter's and a week's within the
    (fiscal) year; 1 for a year.
    """
    if period.kind == "week":
        return week_number(fiscal, period.first)[1]
    if period.kind == "day":
        return (period.first - period_of(fiscal, "month", period.first).first).days + 1
    index = _month_index(fiscal, period.first)
    if period.kind == "month":
        return index % PER_QUARTER + 1
    return index // PER_QUARTER + 1 if period.kind == "quarter" else 1


def parse_label(fiscal: FiscalCalendar, text: str) -> Period:
    """The period of a label, the reverse of ``Period.label``; ``ValueError`` says how to write it.

    >>> parse_label(FiscalCalendar(start_month=4), "FY2027-M08").first
    datetime.date(2026, 11, 1)
    """
    return period_of(fiscal, *day_named(fiscal, text))


def _between(fiscal: FiscalCalendar, kind: PeriodKind, first: date, last: date) -> Iterator[Period]:
    if first > last:
        return
    period = period_of(fiscal, kind, first)
    yield period
    while period.last < last:
        period = following(fiscal, period)
        yield period


def _months(fiscal: FiscalCalendar, months: int, day: date) -> tuple[date, date]:
    """The first and last day of the run of so many months in which a day lies."""
    starts = month_starts(fiscal, year_at(fiscal, day))
    index = (bisect_right(starts, day) - 1) // months * months
    return starts[index], starts[index + months] - _DAY


def _month_index(fiscal: FiscalCalendar, day: date) -> int:
    return bisect_right(month_starts(fiscal, year_at(fiscal, day)), day) - 1
