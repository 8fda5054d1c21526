"""Fiscal years: on which days the twelve months of a year begin.

In: a fiscal calendar and a year's number. Out: thirteen days, the first of each month and of the
next year. Guarantee: the years, and the months within them, partition the days, so whatever is
built of months does too.

A year's number here is that of the calendar year in which ``start_month`` begins it. A week-pattern
year begins with a week: it ends on the weekday before ``week_start``, the last one within the month
before ``start_month``, or the one nearest to that month's end. So it has 52 or 53 weeks; the 53rd
is added to its last month. Nearest, from January and Monday, is the year of ISO 8601; nearest, from
February and Sunday, with 4-5-4, is the retail calendar of the (US) National Retail Federation.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

import msgspec

Pattern = Literal["months", "4-4-5", "4-5-4", "5-4-4"]

MONTHS = 12
QUARTERS = 4
PER_QUARTER = MONTHS // QUARTERS
WEEK = timedelta(days=7)


class FiscalCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """How a tenant cuts time. ``ValueError`` for a month or weekday that does not exist."""

    start_month: int = 1
    pattern: Pattern = "months"
    """Calendar months, or months of so many weeks in each quarter."""
    week_start: int = 0
    """0 Monday … 6 Sunday."""
    year_end: Literal["last", "nearest"] = "last"
    """Of a week-pattern year only: see the module."""
    named_by: Literal["start", "end"] = "end"
    """Whether April 2026 to March 2027 is FY2026 or FY2027; years from January are what they are"""

    def __post_init__(self) -> None:
        if not 1 <= self.start_month <= MONTHS:
            raise ValueError(f"start_month is {self.start_month}: 1 (January) to 12 (December)")
        if not 0 <= self.week_start < WEEK.days:
            raise ValueError(f"week_start is {self.week_start}: 0 (Monday) to 6 (Sunday)")

    @property
    def plain(self) -> bool:
        """Whether its years are calendar years, written as such: 2026, 2026-Q4, 2026-11."""
        return self.pattern == "months" and self.start_month == 1

    @property
    def weekly(self) -> bool:
        """Whether its months are made of weeks."""
        return self.pattern != "months"


@lru_cache(maxsize=4_096)
def month_starts(fiscal: FiscalCalendar, year: int) -> tuple[date, ...]:
    """The first days of the twelve months of a year, and of the year after."""
    if fiscal.weekly:
        return _weekly(fiscal, year)
    return tuple(_months_on(date(year, fiscal.start_month, 1), n) for n in range(MONTHS + 1))


def year_at(fiscal: FiscalCalendar, day: date) -> int:
    """The number of the fiscal year in which a day lies."""
    year = day.year
    while month_starts(fiscal, year)[0] > day:
        year -= 1
    while month_starts(fiscal, year)[MONTHS] <= day:
        year += 1
    return year


def name_of(fiscal: FiscalCalendar, year: int) -> int:
    """The number in a year's name."""
    return year + _ahead(fiscal)


def named(fiscal: FiscalCalendar, name: int) -> int:
    """The year of that name, the reverse of ``name_of``."""
    return name - _ahead(fiscal)


def week_of(fiscal: FiscalCalendar, day: date) -> date:
    """The first day of the week in which a day lies.

    >>> week_of(FiscalCalendar(week_start=6), date(2026, 11, 23))
    datetime.date(2026, 11, 22)
    """
    return day - timedelta(days=(day.weekday() - fiscal.week_start) % WEEK.days)


def week_number(fiscal: FiscalCalendar, week: date) -> tuple[int, int]:
    """(the fiscal year a week belongs to, its number there from 1), by its first day.

    A week belongs to the year in which it has most of its days, as in ISO 8601.
    """
    middle = week + timedelta(days=3)
    year = year_at(fiscal, middle)
    return year, (middle - month_starts(fiscal, year)[0]) // WEEK + 1


def _ahead(fiscal: FiscalCalendar) -> int:
    return int(fiscal.named_by == "end" and fiscal.start_month != 1)


def _months_on(first: date, months: int) -> date:
    count = first.month - 1 + months
    return date(first.year + count // MONTHS, count % MONTHS + 1, 1)


def _weekly(fiscal: FiscalCalendar, year: int) -> tuple[date, ...]:
    starts = [_week_year(fiscal, year)]
    weeks = [int(number) for number in fiscal.pattern.split("-")] * QUARTERS
    for number in weeks[:-1]:
        starts.append(starts[-1] + number * WEEK)
    return (*starts, _week_year(fiscal, year + 1))


def _week_year(fiscal: FiscalCalendar, year: int) -> date:
    """The first day of a week-pattern year: the day after its predecessor's end."""
    first = date(year, fiscal.start_month, 1)
    latest = first if fiscal.year_end == "last" else first + timedelta(days=3)
    return week_of(fiscal, latest)
