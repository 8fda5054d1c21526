"""Periods by name."""

from __future__ import annotations

from datetime import date

import pytest

from kpi.periods import civil_period, rolling_length
from kpi.reading import Slice, civil_slices

HOUR, DAY = 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("day", "2026-12-30", "2026-12-30"),
        ("week", "2026-12-28", "2027-01-03"),
        ("month", "2026-12-01", "2026-12-31"),
        ("quarter", "2026-10-01", "2026-12-31"),
        ("year", "2026-01-01", "2026-12-31"),
    ],
)
def test_a_name_and_a_day_make_a_period(name: str, first: str, last: str) -> None:
    """The week is the ISO week, and may reach into the next year."""
    span = civil_period(name, date(2026, 12, 30))
    assert span == (date.fromisoformat(first), date.fromisoformat(last))


def test_a_leap_february_has_its_29th() -> None:
    """2028."""
    assert civil_period("month", date(2028, 2, 1)).last == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("rolling:90m", 90 * 60_000),
        ("rolling:24h", DAY),
        ("rolling:30d", 30 * DAY),
        ("rolling:400d", 400 * DAY),
        ("rolling:401d", None),
        ("rolling:0h", None),
        ("rolling:1.5h", None),
        ("rolling:24h ", None),
        ("month", None),
    ],
)
def test_a_rolling_name_is_a_length_or_none(name: str, length: int | None) -> None:
    """Up to 400 days, in whole minutes, hours or days."""
    assert rolling_length(name) == length


def test_a_year_is_one_hash_and_a_half_month_is_days() -> None:
    """Few panes: 1 January 2026 to 15 March 2027 is two hashes of months and one of days."""
    assert civil_slices(date(2026, 1, 1), date(2027, 3, 15)) == [
        Slice("M", "2026", 1, 12),
        Slice("M", "2027", 1, 2),
        Slice("d", "202703", 1, 15),
    ]
