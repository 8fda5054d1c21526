"""The wall calendar of the story: holidays and working weekends, written down by hand.

In: nothing. Out: which days people work, which days make up a week, month, quarter and year.
Guarantee: day by day, with no calendar of the project and no holiday library.

Sources: the State Council's notices on the holidays of 2024 (25 October 2023), of 2025 (12 November
2024) and of 2026 (4 November 2025); the federal holidays of the United States.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

ONE = timedelta(days=1)

CHINA_OFF = """
2024-04-04 2024-04-05 2024-04-06
2024-05-01 2024-05-02 2024-05-03 2024-05-04 2024-05-05
2024-06-10
2024-09-15 2024-09-16 2024-09-17
2024-10-01 2024-10-02 2024-10-03 2024-10-04 2024-10-05 2024-10-06 2024-10-07
2025-01-01
2025-01-28 2025-01-29 2025-01-30 2025-01-31 2025-02-01 2025-02-02 2025-02-03 2025-02-04
2025-04-04 2025-04-05 2025-04-06
2025-05-01 2025-05-02 2025-05-03 2025-05-04 2025-05-05
2025-05-31 2025-06-01 2025-06-02
2025-10-01 2025-10-02 2025-10-03 2025-10-04 2025-10-05 2025-10-06 2025-10-07 2025-10-08
2026-01-01 2026-01-02 2026-01-03
2026-02-15 2026-02-16 2026-02-17 2026-02-18 2026-02-19 2026-02-20 2026-02-21 2026-02-22 2026-02-23
2026-04-04 2026-04-05 2026-04-06
"""
CHINA_ON = """
2024-04-07 2024-04-28 2024-05-11 2024-09-14 2024-09-29 2024-10-12
2025-01-26 2025-02-08 2025-04-27 2025-09-28 2025-10-11
2026-01-04 2026-02-14 2026-02-28
"""
"""Weekend days that are worked, so that the holidays become long."""

AMERICA_OFF = """
2024-05-27 2024-06-19 2024-07-04 2024-09-02 2024-10-14 2024-11-11 2024-11-28 2024-12-25
2025-01-01 2025-01-20 2025-02-17 2025-05-26 2025-06-19 2025-07-04 2025-09-01
2025-10-13 2025-11-11 2025-11-27 2025-12-25
2026-01-01 2026-01-19 2026-02-16
"""


def day(text: str) -> date:
    """A civil day as it is written."""
    return date.fromisoformat(text)


def days(first: date, last: date) -> Iterator[date]:
    """Every day, both ends included."""
    while first <= last:
        yield first
        first += ONE


OFF = {"cn": set(map(day, CHINA_OFF.split())), "us": set(map(day, AMERICA_OFF.split()))}
ON = {"cn": set(map(day, CHINA_ON.split())), "us": set[date]()}


def worked(calendar: str, one: date) -> bool:
    """Whether the office works on that day."""
    if one in OFF[calendar]:
        return False
    return one in ON[calendar] or one.weekday() < 5


@cache
def workdays(calendar: str, first: date, last: date) -> int:
    """Days on which the office works."""
    return sum(worked(calendar, one) for one in days(first, last))


KINDS = ("day", "week", "month", "quarter", "year")


def period(kind: str, one: date) -> tuple[date, date]:
    """The fiscal period around a day: the year begins in April, the week on Sunday."""
    if kind == "day":
        return one, one
    first = one
    while not _begins(kind, first):
        first -= ONE
    last = one
    while not _begins(kind, last + ONE):
        last += ONE
    return first, last


def _begins(kind: str, one: date) -> bool:
    if kind == "week":
        return one.weekday() == 6
    months = {"month": range(1, 13), "quarter": (1, 4, 7, 10), "year": (4,)}[kind]
    return one.day == 1 and one.month in months
