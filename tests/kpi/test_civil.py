"""Civil days: by the zone's own rules, to the minute."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.civil import day_start, local_day, zone_of
from tests.kpi.laws.histories import law
from tests.kpi.telling import meaning, ms

HOUR = 3_600_000
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Europe/Berlin",
    "UTC",
)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("America/New_York", "2026-03-09", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Asia/Shanghai", "2026-03-08", 24),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("Pacific/Apia", "2011-12-30", 0),
    ],
)
def test_a_day_has_as_many_hours_as_the_zone_gives_it(zone: str, day: str, hours: float) -> None:
    """Days of a change of the clock are shorter or longer; Samoa never had its 30 December 2011."""
    first = date.fromisoformat(day)
    length = day_start(first + timedelta(days=1), zone) - day_start(first, zone)
    assert length == hours * HOUR


@pytest.mark.parametrize(
    ("zone", "when", "day"),
    [
        ("Asia/Shanghai", "2026-03-31 15:59:59.999", "2026-03-31"),
        ("Asia/Shanghai", "2026-03-31 16:00", "2026-04-01"),
        ("America/New_York", "2026-04-01 03:59:59.999", "2026-03-31"),
        ("America/New_York", "2026-04-01 04:00", "2026-04-01"),
        ("Australia/Lord_Howe", "2026-03-31 12:59:59.999", "2026-03-31"),
        ("Australia/Lord_Howe", "2026-03-31 13:00", "2026-04-01"),
    ],
)
def test_a_month_ends_at_local_midnight(zone: str, when: str, day: str) -> None:
    """Half-open to the millisecond."""
    assert local_day(ms(when), zone) == date.fromisoformat(day)


def test_a_clock_set_back_across_midnight_is_in_the_day_before_again() -> None:
    """Newfoundland fell back a minute past midnight: the next was 23:01 of the day before."""
    assert local_day(ms("2010-11-07 02:30"), "America/St_Johns") == date(2010, 11, 7)
    assert local_day(ms("2010-11-07 02:31"), "America/St_Johns") == date(2010, 11, 6)


@law
@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2040, 12, 31)))
def test_a_day_starts_where_it_ends_the_day_before(zone: str, day: date) -> None:
    """The first instant is of the day, the one before is not, unless the zone left the day out."""
    start = day_start(day, zone)
    assert local_day(start - 1, zone) < day
    assert local_day(start, zone) == day or zone == "Pacific/Apia"


@law
@given(
    st.sampled_from(ZONES),
    st.integers(ms("2000-01-01 00:00"), ms("2040-01-01 00:00")),
)
def test_every_instant_lies_within_its_day(zone: str, instant: int) -> None:
    """Start <= instant < start of the next day."""
    day = local_day(instant, zone)
    assert day_start(day, zone) <= instant < day_start(day + timedelta(days=1), zone)


def test_a_rep_who_moved_has_each_zone_in_its_time() -> None:
    """New York until April, Berlin from then on; before all times the first."""
    april = ms("2026-04-01 00:00")
    ana: dict[str, tuple[tuple[int, str], ...]] = {
        "hubspot-main/ana": ((0, "America/New_York"), (april, "Europe/Berlin"))
    }
    told = meaning(owner_zones=ana, zone="Asia/Shanghai")
    assert zone_of(told, "hubspot-main/ana", -1) == "America/New_York"
    assert zone_of(told, "hubspot-main/ana", april - 1) == "America/New_York"
    assert zone_of(told, "hubspot-main/ana", april) == "Europe/Berlin"
    assert zone_of(told, "hubspot-main/ben", april) == "Asia/Shanghai"
