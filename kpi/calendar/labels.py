"""Labels: the name of each period, and back.

In: a fiscal calendar, a kind and a day; or a text. Out: a label; or a kind and a day of the period
meant. Guarantee: no label means two periods of one calendar, and a label that another calendar
would write is refused with what to write instead, never read as something else.

| kind | calendar years | fiscal years |
|---|---|---|
| day | 2026-11-23 | the same |
| week from Monday | 2026-W48 (ISO 8601) | the same |
| week from another day | W2026-11-22 (its first day) | the same; in week-pattern years FY2026-W43 |
| month | 2026-11 | FY2027-M08 (a calendar month may also be read as 2026-11) |
| quarter | 2026-Q4 | FY2027-Q3 |
| year | 2026 | FY2027 |
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from typing import Literal

from kpi.calendar.years import (
    MONTHS,
    PER_QUARTER,
    QUARTERS,
    WEEK,
    FiscalCalendar,
    month_starts,
    name_of,
    named,
    week_number,
    week_of,
    year_at,
)

PeriodKind = Literal["day", "week", "month", "quarter", "year"]

KINDS: tuple[PeriodKind, ...] = ("day", "week", "month", "quarter", "year")
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Labels of other years are taken for slips of the pen."""

_SHAPES = {
    "day": re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})"),
    "iso": re.compile(r"([0-9]{4})-W([0-9]{2})"),
    "week_from": re.compile(r"W([0-9]{4})-([0-9]{2})-([0-9]{2})"),
    "fiscal_week": re.compile(r"FY([0-9]{4})-W([0-9]{2})"),
    "month": re.compile(r"([0-9]{4})-([0-9]{2})"),
    "fiscal_month": re.compile(r"FY([0-9]{4})-M([0-9]{2})"),
    "quarter": re.compile(r"(FY)?([0-9]{4})-Q([0-9])"),
    "year": re.compile(r"(FY)?([0-9]{4})"),
}


def label(fiscal: FiscalCalendar, kind: PeriodKind, day: date) -> str:
    """The label of the period of that kind in which a day lies."""
    if kind == "day":
        return f"{day:%Y-%m-%d}"
    if kind == "week":
        return _week_label(fiscal, week_of(fiscal, day))
    year = year_at(fiscal, day)
    month = bisect_right(month_starts(fiscal, year), day)
    name = f"{'' if fiscal.plain else 'FY'}{name_of(fiscal, year):04}"
    if kind == "month":
        return f"{name}-{'' if fiscal.plain else 'M'}{month:02}"
    return name if kind == "year" else f"{name}-Q{(month - 1) // PER_QUARTER + 1}"


def day_named(fiscal: FiscalCalendar, text: str) -> tuple[PeriodKind, date]:
    """What a label means: the kind, and the first day of the period.

    ``ValueError`` says why it means nothing in this calendar, and shows labels that do.
    """
    for shape, read in _READERS.items():
        match = _SHAPES[shape].fullmatch(text)
        if match is not None:
            found = read(fiscal, match)
            if isinstance(found, tuple):
                return found
            raise ValueError(f"{text!r} is no period: {found}")
    raise ValueError(f"{text!r} is no period: write {examples(fiscal)}")


def examples(fiscal: FiscalCalendar) -> str:
    """Labels that mean something in a calendar: what an error shows.

    >>> examples(FiscalCalendar())
    'a day 2026-11-23, a week 2026-W48, a month 2026-11, a quarter 2026-Q4 or a year 2026'
    """
    shown = [f"a {kind} {label(fiscal, kind, date(2026, 11, 23))}" for kind in KINDS]
    return f"{', '.join(shown[:-1])} or {shown[-1]}"


_Found = tuple[PeriodKind, date] | str
"""What was meant, or why nothing was."""


def _week_label(fiscal: FiscalCalendar, week: date) -> str:
    if fiscal.week_start == 0:
        year, number, _ = week.isocalendar()
        return f"{year:04}-W{number:02}"
    if not fiscal.weekly:
        return f"W{week:%Y-%m-%d}"
    year, number = week_number(fiscal, week)
    return f"FY{name_of(fiscal, year):04}-W{number:02}"


def _day(_: FiscalCalendar, match: re.Match[str]) -> _Found:
    found = _date(match)
    return found if isinstance(found, str) else ("day", found)


def _iso_week(fiscal: FiscalCalendar, match: re.Match[str]) -> _Found:
    if fiscal.week_start != 0:
        return f"weeks of this calendar do not start on Monday: {examples(fiscal)}"
    year, number = int(match[1]), int(match[2])
    if not _sensible(year):
        return _out_of_range()
    try:
        return "week", date.fromisocalendar(year, number, 1)
    except ValueError:
        return f"{year} has no week {number}"


def _week_from(fiscal: FiscalCalendar, match: re.Match[str]) -> _Found:
    found = _date(match)
    if isinstance(found, str):
        return found
    week = week_of(fiscal, found)
    right = _week_label(fiscal, week)
    return ("week", week) if right == match[0] else f"the week of {found} is {right}"


def _fiscal_week(fiscal: FiscalCalendar, match: re.Match[str]) -> _Found:
    if fiscal.week_start == 0 or not fiscal.weekly:
        return f"weeks of this calendar are not numbered so: {examples(fiscal)}"
    starts = _year(fiscal, match[1])
    if isinstance(starts, str):
        return starts
    weeks, number = (starts[MONTHS] - starts[0]) // WEEK, int(match[2])
    if not 1 <= number <= weeks:
        return f"FY{match[1]} has weeks 01 to {weeks}"
    return "week", starts[0] + (number - 1) * WEEK


def _month(fiscal: FiscalCalendar, match: re.Match[str]) -> _Found:
    if fiscal.weekly:
        return f"months of this calendar are made of weeks: {examples(fiscal)}"
    year, month = int(match[1]), int(match[2])
    if not _sensible(year):
        return _out_of_range()
    return ("month", date(year, month, 1)) if 1 <= month <= MONTHS else "months are 01 to 12"


def _fiscal_month(fiscal: FiscalCalendar, match: re.Match[str]) -> _Found:
    return _part(fiscal, "month", ("FY", match[1]), (int(match[2]), MONTHS))


def _quarter(fiscal: FiscalCalendar, match: re.Match[str]) -> _Found:
    return _part(fiscal, "quarter", (match[1], match[2]), (int(match[3]), QUARTERS))


def _whole_year(fiscal: FiscalCalendar, match: re.Match[str]) -> _Found:
    return _part(fiscal, "year", (match[1], match[2]), (1, 1))


def _part(
    fiscal: FiscalCalendar, kind: PeriodKind, name: tuple[str | None, str], place: tuple[int, int]
) -> _Found:
    """The part of a year at a place, which is (number, how many there are)."""
    prefix, year = name
    number, count = place
    if fiscal.plain == bool(prefix):
        years = "calendar" if fiscal.plain else "fiscal"
        return f"the years of this calendar are {years} years: {examples(fiscal)}"
    starts = _year(fiscal, year)
    if isinstance(starts, str):
        return starts
    if not 1 <= number <= count:
        return f"a year has {kind}s 1 to {count}"
    return kind, starts[(number - 1) * (MONTHS // count)]


def _year(fiscal: FiscalCalendar, name: str) -> tuple[date, ...] | str:
    return (
        month_starts(fiscal, named(fiscal, int(name))) if _sensible(int(name)) else _out_of_range()
    )


def _date(match: re.Match[str]) -> date | str:
    year, month, day = (int(part) for part in match.groups())
    if not _sensible(year):
        return _out_of_range()
    try:
        return date(year, month, day)
    except ValueError:
        return "there is no such day"


def _sensible(year: int) -> bool:
    return FIRST_YEAR <= year <= LAST_YEAR


def _out_of_range() -> str:
    return f"years are {FIRST_YEAR} to {LAST_YEAR}"


_READERS: dict[str, Callable[[FiscalCalendar, re.Match[str]], _Found]] = {
    "day": _day,
    "iso": _iso_week,
    "week_from": _week_from,
    "fiscal_week": _fiscal_week,
    "month": _month,
    "fiscal_month": _fiscal_month,
    "quarter": _quarter,
    "year": _whole_year,
}
