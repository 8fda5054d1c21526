"""Joiners, leavers, movers and leave."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from kpi.organisation import Membership, stays
from kpi.periods import Span
from kpi.targets.effective import effective, line, part
from kpi.targets.model import ALWAYS, Effective, Presence
from tests.kpi.targets.sales import (
    AMOUNT,
    AT_WORK,
    CIVIL,
    NOVEMBER,
    away,
    day,
    named,
    present,
    span,
    target,
    told,
)


def november(presence: Presence, *, prorate: bool = True) -> Effective:
    """Of 21,000 and 21 workdays."""
    versions = [target(21_000, "2026-11", prorate=prorate)]
    found = effective(versions, AMOUNT, NOVEMBER, presence, CIVIL)
    assert found is not None
    return found


def test_leave_takes_its_workdays_off_the_target() -> None:
    """FIELD: target x own workdays / workdays; a weekend within the leave costs nothing."""
    found = november(present(away("11-05", "11-09")))
    assert told(found.base, found.full, found.share) == (18_000, 21_000, Fraction(18, 21))
    assert found.reasons == ("leave 3 of 21 workdays",)


def test_half_a_day_of_leave_is_half_a_day() -> None:
    """An afternoon."""
    found = november(present(away("11-05", "11-05", 1)))
    assert told(found.base, found.reasons) == (20_500, ("leave 0.5 of 21 workdays",))


def test_a_joiner_has_the_workdays_from_the_hire_on() -> None:
    """Hired on Monday 16 November: 11 of 21."""
    found = november(present(employed=Span(day("11-16"), date.max)))
    assert told(found.base, found.reasons) == (11_000, ("joined 2026-11-16",))


def test_a_leaver_has_the_workdays_up_to_the_last() -> None:
    """Gone after Friday the 6th: 5 of 21."""
    found = november(present(employed=Span(date.min, day("11-06"))))
    assert told(found.base, found.reasons) == (5_000, ("left 2026-11-06",))


def test_whoever_was_gone_before_is_asked_for_nothing() -> None:
    """Left in October."""
    assert november(present(employed=Span(date.min, day("10-30")))).base == 0


def test_a_month_all_on_leave_asks_for_nothing() -> None:
    """And its line is flat, not undefined."""
    presence = present(away("10-26", "12-04"))
    found = november(presence)
    assert found.base == line(found, presence, day("11-15")).base == 0


def test_a_target_that_is_not_to_be_prorated_stays_whole() -> None:
    """The parts of its line fall on the days at work all the same."""
    presence = present(away("11-02", "11-13"))
    found = november(presence, prorate=False)
    assert told(found.base, found.reasons) == (21_000, ())
    assert line(found, presence, day("11-13")).base == 0


def test_leave_in_october_lowers_the_quarter_by_octobers_days() -> None:
    """Q4 has 66 workdays; 6 on leave in October leave November alone."""
    presence = present(away("10-05", "10-12"))
    versions = [target(66_000, "2026-Q4")]
    quarter = effective(versions, AMOUNT, named("2026-Q4"), presence, CIVIL)
    month = effective(versions, AMOUNT, NOVEMBER, presence, CIVIL)
    assert quarter is not None
    assert month is not None
    assert told(quarter.base, month.base) == (60_000, 21_000)


def test_a_mover_keeps_the_target_and_each_team_has_the_share_of_the_stay() -> None:
    """West until Friday the 13th (10 workdays), East from the 16th (11)."""
    memberships = [
        Membership("west", None, day("11-13")),
        Membership("east", day("11-14"), None),
    ]
    found = november(AT_WORK)
    west = part(found, AT_WORK, stays(memberships, {"west"}, NOVEMBER))
    east = part(found, AT_WORK, stays(memberships, {"east"}, NOVEMBER))
    assert told(found.base, west.base, east.base) == (21_000, 10_000, 11_000)


def test_a_part_outside_of_the_target_has_nothing_of_it() -> None:
    """December's days have nothing of November's target; all days have all of it."""
    found = november(AT_WORK)
    assert part(found, AT_WORK, [span("12-01", "12-31")]).base == 0
    assert part(found, AT_WORK, [ALWAYS]).base == 21_000
    assert part(found, AT_WORK, []).base == 0


def test_without_any_workday_only_days_of_employment_count() -> None:
    """A weekend campaign, joined on its Sunday: one of two days, and nothing by Saturday."""
    weekend = span("11-21", "11-22")
    presence = present(employed=Span(day("11-22"), date.max))
    found = effective([target(10, weekend)], AMOUNT, weekend, presence, CIVIL)
    assert found is not None
    assert told(found.base, line(found, presence, day("11-21")).base) == (5, 0)
