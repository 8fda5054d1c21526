"""Periods by name: calendar years and ISO weeks, and rolling spans.

In: a period's name, and a civil day. Out: its first and last day, or a length. Other fiscal years
and weeks are ``kpi.calendar``'s; this is its calendar when nothing else is configured.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from kpi.calendar.fiscal import KINDS, FiscalCalendar, PeriodKind, period_of
from kpi.panes import DAY, HOUR, MINUTE

CIVIL = KINDS

_ROLLING = re.compile(r"rolling:([1-9][0-9]{0,3})(m|h|d)")
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
LONGEST_ROLLING_DAYS = 400

_DEFAULT = FiscalCalendar()
_KINDS: dict[str, PeriodKind] = {kind: kind for kind in KINDS}


class Span(NamedTuple):
    """Civil days, both included."""

    first: date
    last: date


def civil_period(name: str, day: date) -> Span:
    """The period of that name in which a civil day lies. ``KeyError`` for another name."""
    period = period_of(_DEFAULT, _KINDS[name], day)
    return Span(period.first, period.last)


def rolling_length(name: str) -> int | None:
    """``rolling:90m``, ``rolling:24h``, ``rolling:30d`` as ms; None for any other name."""
    match = _ROLLING.fullmatch(name)
    if match is None:
        return None
    length = int(match[1]) * _UNITS[match[2]]
    return length if length <= LONGEST_ROLLING_DAYS * DAY else None
