"""Moves between zones: panes still partition time, and the day of a move is as long as it was."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.civil import day_start, local_day, zone_of
from kpi.panes import spread
from kpi.reading import civil_slices, fold
from schemas.meaning import Meaning
from tests.kpi.laws.histories import law
from tests.kpi.telling import meaning, ms

HOUR, QUARTER = 3_600_000, 900_000
MEI = "hubspot-main/mei"
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Europe/Berlin",
    "UTC",
)


def moving(first: str, then: str, when: int) -> Meaning:
    """Mei lives in one zone, and from an instant on in another."""
    return meaning(owner_zones={MEI: ((0, first), (when, then))}, zone="UTC")


def hours_of(told: Meaning, day: date) -> float:
    """How long a civil day was for Mei, by counting each quarter of an hour around it."""
    noon = ms(f"{day} 12:00")
    around = range(noon - 60 * HOUR, noon + 60 * HOUR, QUARTER)
    return sum(local_day(at, zone_of(told, MEI, at)) == day for at in around) / 4


def wins(told: Meaning, instants: list[int], first: date, last: date) -> int:
    """What the panes hold of one win at each instant, read over civil days."""
    increments = spread(dict.fromkeys(((MEI, "won_n", at) for at in instants), 1), told, 0)
    total = 0
    for one in civil_slices(first, last):
        held = {
            field: amount
            for (_, pane, field), amount in increments.items()
            if (pane.grain, pane.span) == (one.grain, one.span)
        }
        total += fold(held, one).get("won_n", 0)
    return total


@pytest.mark.parametrize(
    ("first", "then", "when", "day", "hours"),
    [
        # Midnight in Shanghai is noon of the day before in New York: that day goes on.
        ("Asia/Shanghai", "America/New_York", "2026-06-30 16:00", "2026-06-30", 36),
        ("Asia/Shanghai", "America/New_York", "2026-06-30 16:00", "2026-07-01", 24),
        ("America/New_York", "Asia/Shanghai", "2026-07-01 04:00", "2026-07-01", 12),
        ("America/New_York", "Asia/Shanghai", "2026-07-01 04:00", "2026-06-30", 24),
        # The days on which the clocks change, for who has arrived just before.
        ("Asia/Shanghai", "America/New_York", "2026-03-07 16:00", "2026-03-08", 23),
        ("Asia/Shanghai", "America/New_York", "2026-10-31 16:00", "2026-11-01", 25),
        # New York's short day of 23 hours, after 13 of Shanghai's of the same date.
        ("Asia/Shanghai", "America/New_York", "2026-03-08 05:00", "2026-03-08", 36),
        ("Asia/Shanghai", "Australia/Lord_Howe", "2026-04-04 13:00", "2026-04-05", 24.5),
        ("Pacific/Pago_Pago", "Pacific/Kiritimati", "2026-06-30 11:00", "2026-06-30", 0),
        ("Pacific/Kiritimati", "Pacific/Pago_Pago", "2026-06-30 10:00", "2026-06-30", 48),
        ("Pacific/Kiritimati", "Pacific/Pago_Pago", "2026-06-30 10:00", "2026-06-29", 25),
        ("Pacific/Apia", "America/New_York", "2012-06-01 00:00", "2011-12-30", 0),
    ],
)
def test_the_day_of_a_move_is_as_long_as_it_was(
    first: str, then: str, when: str, day: str, hours: float
) -> None:
    """Westward it goes on, eastward it is cut short, across the date line it doubles or is none."""
    assert hours_of(moving(first, then, ms(when)), date.fromisoformat(day)) == hours


@law
@given(
    st.sampled_from(ZONES),
    st.sampled_from(ZONES),
    st.integers(ms("2011-12-20 00:00"), ms("2030-01-01 00:00")),
    st.lists(st.integers(-80 * HOUR, 80 * HOUR), min_size=1, max_size=8, unique=True),
    st.integers(-4, 4),
)
def test_panes_partition_the_time_of_somebody_who_moves(
    first: str, then: str, when: int, offsets: list[int], cut: int
) -> None:
    """Wherever the days are parted, each win is on one side, whatever the date did in between."""
    told = moving(first, then, when)
    instants = [when + offset for offset in offsets]
    border = local_day(when, "UTC") + timedelta(days=cut)
    begin, end = border - timedelta(days=40), border + timedelta(days=40)
    before = wins(told, instants, begin, border)
    after = wins(told, instants, border + timedelta(days=1), end)
    assert before + after == len(instants)
    assert before == sum(local_day(at, first if at < when else then) <= border for at in instants)


@law
@given(
    st.sampled_from(ZONES),
    st.sampled_from(ZONES),
    st.integers(ms("2012-01-10 00:00") // QUARTER, ms("2030-01-01 00:00") // QUARTER),
)
def test_the_days_around_a_move_are_as_long_as_the_time_that_passed(
    first: str, then: str, quarter: int
) -> None:
    """From a midnight of the old zone to one of the new: nothing is lost and nothing doubled."""
    when = quarter * QUARTER
    told = moving(first, then, when)
    opening = local_day(when, first) - timedelta(days=3)
    closing = local_day(when, then) + timedelta(days=3)
    passed = day_start(closing, then) - day_start(opening, first)
    lasting = 0.0
    for number in range((closing - opening).days):
        lasting += hours_of(told, opening + timedelta(days=number))
    assert lasting * HOUR == passed
