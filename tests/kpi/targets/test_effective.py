"""The target in force: which version, derived from what, and why that much."""

from __future__ import annotations

from fractions import Fraction

import pytest

from kpi.calendar.fiscal import FiscalCalendar
from kpi.calendar.workdays import WorkCalendar
from kpi.periods import Span
from kpi.targets.effective import effective, line, part
from kpi.targets.model import Effective, Nature, Presence, TargetVersion, Tiers
from tests.kpi.targets.sales import (
    AMOUNT,
    APRIL,
    AT_WORK,
    CIVIL,
    NOVEMBER,
    OPEN_PIPELINE,
    SLIPPED,
    VISITS,
    WIN_RATE,
    away,
    day,
    named,
    present,
    span,
    target,
    told,
)


def asked(
    versions: list[TargetVersion],
    days: str | Span,
    nature: Nature = AMOUNT,
    presence: Presence = AT_WORK,
    fiscal: FiscalCalendar = CIVIL,
) -> Effective:
    """The target, which is set."""
    period = named(days, fiscal) if isinstance(days, str) else days
    found = effective(versions, nature, period, presence, fiscal)
    assert found is not None
    return found


def test_a_change_on_16_april_counts_by_its_workdays() -> None:
    """FIELD: 100k then 120k from 16 April, 11 of 22 workdays each, is 110k."""
    versions = [
        target(100_000, "2026-04"),
        target(120_000, "2026-04", version=2, effective="04-16"),
    ]
    found = asked(versions, APRIL)
    assert found.base == 110_000
    assert found.reasons == ("changed 2026-04-16",)
    assert [told(one.version, one.amount.base) for one in found.segments] == [
        (1, 50_000),
        (2, 60_000),
    ]


def test_a_replacing_change_asks_for_the_whole_new_figure() -> None:
    """120k in April, of which the days before the change keep what they had."""
    versions = [
        target(100_000, "2026-04"),
        target(120_000, "2026-04", version=2, effective="04-16", change="replace"),
    ]
    found = asked(versions, APRIL)
    assert found.base == 120_000
    assert line(found, AT_WORK, day("04-15")) == Tiers(Fraction(50_000))


@pytest.mark.parametrize("change", ["prorata", "replace"])
def test_the_line_moves_from_the_effective_date_only(change: str) -> None:
    """What was expected by the eve of the change is what it was without any."""
    before = target(100_000, "2026-04")
    after = target(
        120_000,
        "2026-04",
        version=2,
        effective="04-16",
        change="replace" if change == "replace" else "prorata",
    )
    old, new = asked([before], APRIL), asked([before, after], APRIL)
    for date in ("04-01", "04-08", "04-15"):
        assert line(new, AT_WORK, day(date)) == line(old, AT_WORK, day(date))
    assert line(new, AT_WORK, day("04-16")).base > line(old, AT_WORK, day("04-16")).base


def test_a_replacing_cut_below_what_was_expected_draws_the_line_anew() -> None:
    """From 100k to 40k on 16 April, when 50k were expected: it does not fall, it is flatter."""
    versions = [
        target(100_000, "2026-04"),
        target(40_000, "2026-04", version=2, effective="04-16", change="replace"),
    ]
    found = asked(versions, APRIL)
    assert found.base == 40_000
    assert line(found, AT_WORK, day("04-15")).base == 20_000


def test_the_latest_published_version_wins_from_its_day_on() -> None:
    """Version 3 takes over version 2's days too, for it begins earlier."""
    versions = [
        target(220, "2026-04"),
        target(440, "2026-04", version=2, effective="04-16"),
        target(660, "2026-04", version=3, effective="04-13"),
    ]
    found = asked(versions, APRIL)
    assert [told(one.version, one.amount.base) for one in found.segments] == [(1, 80), (3, 420)]


def test_a_draft_never_counts_and_an_acknowledged_version_does() -> None:
    """The manager tries 150k; what Ana acknowledged holds."""
    versions = [
        target(100_000, "2026-04", state="acknowledged"),
        target(150_000, "2026-04", version=2, state="draft"),
    ]
    found = asked(versions, APRIL)
    assert told(found.base, found.version, found.state) == (100_000, 1, "acknowledged")
    assert effective([versions[1]], AMOUNT, APRIL, AT_WORK, CIVIL) is None


def test_zero_is_a_target() -> None:
    """Nothing is asked for, which is not the same as nothing said."""
    found = asked([target(0, "2026-11")], NOVEMBER)
    assert told(found.base, found.full, found.share) == (0, 0, 1)
    assert effective([], AMOUNT, NOVEMBER, AT_WORK, CIVIL) is None


def test_tiers_are_prorated_alike() -> None:
    """A leave of 3 of November's 21 workdays takes a seventh off each tier."""
    versions = [target(21_000, "2026-11", stretch=42_000, commit=14_000)]
    found = asked(versions, NOVEMBER, presence=present(away("11-02", "11-04")))
    assert told(found.base, found.stretch, found.commit) == (18_000, 36_000, 12_000)


def test_a_tier_that_only_one_version_has_is_elsewhere_the_base() -> None:
    """A stretch of 180k set on 16 April: half of April at 100k, half at 180k."""
    versions = [
        target(100_000, "2026-04"),
        target(120_000, "2026-04", version=2, effective="04-16", stretch=180_000),
    ]
    found = asked(versions, APRIL)
    assert told(found.stretch, found.commit) == (140_000, None)


def test_a_month_comes_from_its_quarter_by_workdays() -> None:
    """Q4 2026 has 22, 21 and 23 workdays."""
    quarter = [target(66_000, "2026-Q4")]
    months = [asked(quarter, month) for month in ("2026-10", "2026-11", "2026-12")]
    assert [one.base for one in months] == [22_000, 21_000, 23_000]
    assert {one.source for one in months} == {"derived"}
    assert months[0].reasons == ("derived from 2026-10-01 to 2026-12-31",)


def test_a_month_comes_from_its_quarter_by_the_distribution_in_per_cent() -> None:
    """A hockey stick on purpose: 15, 25 and 60 %."""
    quarter = [target(100_000, "2026-Q4", monthly=(15, 25, 60))]
    months = [asked(quarter, month).base for month in ("2026-10", "2026-11", "2026-12")]
    assert months == [15_000, 25_000, 60_000]


def test_a_distribution_that_does_not_fit_its_period_is_left_aside() -> None:
    """Two per cents for three months: by workdays, and the alignment report says so."""
    assert asked([target(66_000, "2026-Q4", monthly=(50, 50))], "2026-10").base == 22_000


def test_a_quarter_is_the_sum_of_its_months_and_names_the_missing() -> None:
    """October and December are set, November was forgotten."""
    found = asked([target(10, "2026-10"), target(30, "2026-12")], "2026-Q4")
    assert told(found.base, found.source) == (40, "sum")
    assert found.missing == (NOVEMBER,)
    assert "no target from 2026-11-01 to 2026-11-30" in found.reasons


def test_the_own_target_of_a_period_beats_its_parts_and_its_whole() -> None:
    """A quarter of 100 stays 100 whatever its months and its year say."""
    versions = [target(100, "2026-Q4"), target(50, "2026-10"), target(999, "2026")]
    assert asked(versions, "2026-Q4").base == 100
    assert asked(versions, "2026-10").base == 50
    assert asked(versions, "2026-11").base == Fraction(100 * 21, 66)


def test_a_year_is_the_sum_of_what_holds_in_each_quarter() -> None:
    """Q1 as such, Q2 from its months, nothing for the rest."""
    versions = [
        target(100, "2026-Q1"),
        target(7, "2026-01"),
        *(target(20, month) for month in ("2026-04", "2026-05", "2026-06")),
    ]
    found = asked(versions, "2026")
    assert found.base == 160
    assert len(found.missing) == 6


def test_a_week_over_two_months_has_days_of_both() -> None:
    """28 September to 4 October: three workdays of September's 22, two of October's 22."""
    versions = [target(22, "2026-09", kpi="visits"), target(220, "2026-10", kpi="visits")]
    found = asked(versions, span("09-28", "10-04"), VISITS)
    assert found.base == 3 + 20


def test_a_day_of_a_month_is_a_workdays_share() -> None:
    """And a Sunday asks for nothing."""
    versions = [target(42, "2026-11", kpi="visits")]
    assert asked(versions, "2026-11-23", VISITS).base == 2
    assert asked(versions, "2026-11-22", VISITS).base == 0


def test_a_target_for_a_period_without_workdays_spreads_over_its_days() -> None:
    """The Spring Festival's week: 7 calls to old friends, one a day."""
    festival = frozenset(day(f"02-{number}") for number in range(16, 23))
    presence = Presence(calendar=WorkCalendar(id="cn", off=festival))
    versions = [target(7, span("02-16", "02-22"), kpi="calls")]
    found = asked(versions, span("02-16", "02-22"), VISITS, presence)
    assert found.base == 7
    assert line(found, presence, day("02-18")).base == 3


def test_fiscal_months_are_those_of_the_calendar() -> None:
    """A year from April: FY2027-Q3 is October to December 2026."""
    fiscal = FiscalCalendar(start_month=4)
    versions = [target(66_000, named("FY2027-Q3", fiscal))]
    assert asked(versions, "FY2027-M08", fiscal=fiscal).base == 21_000


@pytest.mark.parametrize("nature", [WIN_RATE, OPEN_PIPELINE])
def test_a_ratio_or_level_is_taken_as_it_is(nature: Nature) -> None:
    """A win rate of 30 % in the quarter is 30 % in a month of leave, and on any day."""
    versions = [target(Fraction(3, 10), "2026-Q4", kpi=nature.kpi)]
    found = asked(versions, NOVEMBER, nature, present(away("11-02", "11-20")))
    assert told(found.base, found.share, found.segments) == (Fraction(3, 10), 1, ())
    assert part(found, AT_WORK, [span("11-02", "11-06")]).base == Fraction(3, 10)


def test_a_ratios_change_holds_from_its_day_on() -> None:
    """30 %, from 16 April 35 %: there is nothing to share out."""
    versions = [
        target(30, "2026-04"),
        target(35, "2026-04", version=2, effective="04-16"),
    ]
    early = effective(versions, WIN_RATE, APRIL, AT_WORK, CIVIL, day=day("04-15"))
    late = effective(versions, WIN_RATE, APRIL, AT_WORK, CIVIL, day=day("04-16"))
    assert early is not None
    assert late is not None
    assert told(early.base, late.base) == (30, 35)


def test_a_cap_on_slipped_deals_shrinks_with_its_period_but_not_by_leave() -> None:
    """66 in the quarter at most are 21 in November, leave or not."""
    versions = [target(66, "2026-Q4", kpi="slipped_deals")]
    found = asked(versions, NOVEMBER, SLIPPED, present(away("11-02", "11-20")))
    assert found.base == 21


def test_minutes_of_calls_add_up_like_calls() -> None:
    """66 hours of talk in the quarter are 21 in November, and 18 with three days of leave."""
    talk = Nature(kpi="call_time", kind="flow", unit="duration")
    versions = [target(66 * 3_600, "2026-Q4", kpi="call_time")]
    assert asked(versions, NOVEMBER, talk).base == 21 * 3_600
    assert asked(versions, NOVEMBER, talk, present(away("11-02", "11-04"))).base == 18 * 3_600
