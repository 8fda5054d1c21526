"""Periods: which civil days (or which rolling span) a name such as ``month`` means at a moment.

In: a period's name and a civil day. Out: its first and last day. Guarantee: days partition months,
months quarters, quarters years; weeks are ISO weeks, Monday to Sunday.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import NamedTuple

from kpi.panes import DAY, HOUR, MINUTE
from kpi.reading import next_month

CIVIL = ("day", "week", "month", "quarter", "year")

_ROLLING = re.compile(r"rolling:([1-9][0-9]{0,3})(m|h|d)")
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
LONGEST_ROLLING_DAYS = 400


class Span(NamedTuple):
    """Civil days, both included."""

    first: date
    last: date


def civil_period(name: str, day: date) -> Span:
    """The period of that name in which a civil day lies. ``KeyError`` for another name."""
    return {"day": _day, "week": _week, "month": _month, "quarter": _quarter, "year": _year}[name](
        day
    )


def rolling_length(name: str) -> int | None:
    """``rolling:90m``, ``rolling:24h``, ``rolling:30d`` as ms; None for any other name."""
    match = _ROLLING.fullmatch(name)
    if match is None:
        return None
    length = int(match[1]) * _UNITS[match[2]]
    return length if length <= LONGEST_ROLLING_DAYS * DAY else None


def _day(day: date) -> Span:
    return Span(day, day)


def _week(day: date) -> Span:
    monday = day - timedelta(days=day.weekday())
    return Span(monday, monday + timedelta(days=6))


def _month(day: date) -> Span:
    first = day.replace(day=1)
    return Span(first, next_month(first) - timedelta(days=1))


def _quarter(day: date) -> Span:
    first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return Span(first, next_month(next_month(next_month(first))) - timedelta(days=1))


def _year(day: date) -> Span:
    return Span(date(day.year, 1, 1), date(day.year, 12, 31))
