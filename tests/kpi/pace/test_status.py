"""The verdict, by FIELD.md's examples and on the very edges of the bands."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from kpi.definitions.model import Bands
from kpi.pace import pace
from tests.kpi.pace.telling import month, seen


@pytest.mark.parametrize(
    ("actual", "status"),
    [
        (Fraction(10_501, 100), "ahead"),
        (105, "on_track"),
        (99, "on_track"),
        (Fraction(9_899, 100), "behind"),
        (81, "behind"),
        (Fraction(8_099, 100), "at_risk"),
        (0, "at_risk"),
        (-10, "at_risk"),
    ],
)
def test_the_bands_are_exact_on_their_edges(actual: float | Fraction, status: str) -> None:
    """Half of 200 calls is expected: 105 % is not yet ahead, 99 % is on track, 81 % is behind."""
    assert pace(month(actual, 200, 11)).status == status


def test_a_kpi_may_have_bands_of_its_own() -> None:
    """Another product calls it at risk beyond 25 % off."""
    forgiving = Bands(ahead=110, on_track=95, at_risk=75)
    assert pace(month(95, 200, 11, bands=forgiving)).status == "on_track"
    assert pace(month(75, 200, 11, bands=forgiving)).status == "behind"
    assert pace(month(74, 200, 11, bands=forgiving)).status == "at_risk"


def test_one_visit_a_day_at_four_is_all_of_it_on_the_third_morning() -> None:
    """Completed workdays count: 2 made of 2 expected is 100 %, not 67 %."""
    told = pace(month(2, 22, 2))
    assert told.expected == 2
    assert told.of_expected == 1
    hourly = pace(month(2, 22, 2, elapsed_workdays=Fraction(3)))
    assert hourly.of_expected == Fraction(2, 3)


def test_a_silent_source_is_said_before_anything_else() -> None:
    """Even where nothing has a target: silence is not failure."""
    assert pace(month(0, 200, 20, incomplete_since=1_790_000_000_000)).status == "incomplete"
    assert pace(month(0, None, 20, incomplete_since=1_790_000_000_000)).status == "incomplete"
    assert pace(month(300, 200, 20, incomplete_since=1_790_000_000_000)).status == "incomplete"


def test_without_a_target_nothing_is_judged() -> None:
    """And nothing is expected."""
    told = pace(month(5, None, 10))
    assert seen(told.status, told.expected, told.required_per_workday) == ("no_target", None, None)


def test_nothing_elapsed_and_nothing_happened_is_not_started() -> None:
    """The first morning of a month."""
    assert pace(month(0, 20, 0)).status == "not_started"


def test_a_win_on_the_saturday_that_begins_the_month_is_ahead() -> None:
    """No workday has elapsed, yet something happened: 24 real wins fell on such days."""
    told = pace(month(1, 20, 0, elapsed_days=Fraction(1)))
    assert seen(told.status, told.expected, told.projection) == ("ahead", 0, None)


def test_a_win_that_was_taken_back_on_that_saturday_has_happened() -> None:
    """It is not "not started", and with nothing expected it is too early for more."""
    assert pace(month(0, 20, 0, happened=True)).status == "too_early"


def test_too_early_to_say_while_fewer_than_three_are_expected() -> None:
    """Target 8 in 22 days, 1 by day 5: expected 1.8, and 55 % by the band."""
    told = pace(month(1, 8, 5))
    assert told.status == "too_early"
    assert told.expected == Fraction(40, 22)
    assert told.of_expected == Fraction(22, 40)


def test_three_expected_are_enough_to_say() -> None:
    """22 expected over the month: 3 of them by the third evening."""
    assert pace(month(1, 22, 2)).status == "too_early"
    assert pace(month(1, 22, 3)).status == "at_risk"


def test_too_early_is_set_per_kpi() -> None:
    """A KPI of many small things may want ten."""
    assert pace(month(1, 44, 4, too_early_below=10)).status == "too_early"
    assert pace(month(1, 44, 5, too_early_below=10)).status == "at_risk"


def test_good_news_are_never_too_early() -> None:
    """Three deals where not two were expected; and a target reached is a target reached."""
    assert pace(month(3, 8, 5)).status == "ahead"
    assert pace(month(8, 8, 1)).status == "covered"


def test_money_is_too_early_by_the_deals_it_stands_for() -> None:
    """22,000 in a month at 5,000 a deal: 10,000 expected by day 10 are two deals, not 10,000."""
    few = {"unit": "money", "average_size": Fraction(5_000)}
    assert pace(month(0, 22_000, 10, **few)).status == "too_early"
    assert pace(month(0, 22_000, 15, **few)).status == "at_risk"
    assert pace(month(0, 22_000, 10, unit="money")).status == "at_risk"


def test_a_target_of_zero_is_legal_and_covered() -> None:
    """The first month of a ramp; a correction below 0 is another matter."""
    assert pace(month(0, 0, 10)).status == "covered"
    told = pace(month(-1, 0, 10, unit="money"))
    assert seen(told.status, told.of_expected) == ("at_risk", None)


def test_a_reached_target_needs_nothing_more() -> None:
    """Covered, in place of a division by zero on the last evening too."""
    for day in (5, 22):
        told = pace(month(9, 8, day))
        assert seen(told.status, told.remaining, told.required_per_workday) == ("covered", 0, 0)


@pytest.mark.parametrize(
    ("actual", "status"),
    [(100, "covered"), (140, "covered"), (99, "behind"), (81, "behind"), (80, "at_risk")],
)
def test_a_past_month_is_measured_by_its_target(actual: int, status: str) -> None:
    """Nothing remains: missed is missed, be it by 1 %; nothing is too early any more."""
    assert pace(month(actual, 100, 22)).status == status
    assert pace(month(actual, 100, 22, too_early_below=1_000)).status == status


def test_a_month_that_has_not_begun_is_not_started() -> None:
    """Next month's goals are shown, not judged."""
    told = pace(month(0, 20, 0))
    assert seen(told.remaining, told.remaining_workdays) == (20, 22)
    assert told.required_per_workday == Fraction(20, 22)


def test_coverage_is_compared_as_it_is() -> None:
    """1.5 against 3 on day 10 of 30 is half the need, not "ahead of 1"."""
    told = pace(month(1.5, 3, 7, kind="ratio", unit="ratio", elapsed_days=Fraction(10)))
    assert seen(told.status, told.of_expected, told.basis) == ("at_risk", Fraction(1, 2), "as_is")
    assert seen(told.projection, told.linear, told.required_per_workday) == (None, None, None)


def test_a_level_is_never_too_early_nor_covered() -> None:
    """An open pipeline of 100k against 100k may shrink tomorrow."""
    level = {"kind": "level", "unit": "money"}
    assert pace(month(100_000, 100_000, 3, **level)).status == "on_track"
    assert pace(month(200_000, 100_000, 3, **level)).status == "ahead"
    assert pace(month(1, 2, 3, kind="level")).status == "at_risk"


def test_a_rate_of_nothing_says_nothing() -> None:
    """No deal closed yet: there is no win rate, on the first day and later."""
    rate: dict[str, Any] = {"kind": "ratio", "unit": "ratio"}
    assert pace(month(None, 1, 0, **rate)).status == "not_started"
    assert pace(month(None, 1, 12, **rate)).status == "too_early"
    assert pace(month(None, 1, 12, **rate)).of_expected is None


@pytest.mark.parametrize(
    ("days", "status"),
    [(40, "ahead"), (57, "ahead"), (60, "on_track"), (62, "behind"), (75, "at_risk")],
)
def test_a_shorter_cycle_is_better(days: int, status: str) -> None:
    """60 days wanted: the bands are read on wanted over actual (62 days are 97 %)."""
    told = pace(month(days, 60, 10, kind="duration", unit="duration", direction="lower"))
    assert seen(told.status, told.of_expected) == (status, Fraction(60, days))


def test_fewer_slipped_deals_than_allowed_are_better() -> None:
    """At most 22 a month: 8 by half of it are ahead, 15 at risk, and 7 more may slip."""
    lower = {"direction": "lower"}
    assert pace(month(8, 22, 11, **lower)).status == "ahead"
    told = pace(month(15, 22, 11, **lower))
    assert seen(told.status, told.of_expected, told.remaining) == ("at_risk", Fraction(11, 15), 7)


def test_no_slipped_deal_on_the_second_morning_is_no_news() -> None:
    """Where lower is better, "ahead" takes more than a day; covered comes at the end."""
    assert pace(month(0, 22, 1, direction="lower")).status == "too_early"
    assert pace(month(0, 22, 11, direction="lower")).status == "ahead"
    assert pace(month(0, 22, 11, direction="lower")).of_expected is None
    assert pace(month(22, 22, 22, direction="lower")).status == "covered"
    assert pace(month(23, 22, 22, direction="lower")).status == "behind"
    assert pace(month(0, 0, 22, direction="lower")).status == "covered"
    assert pace(month(1, 0, 22, direction="lower")).status == "at_risk"


def test_a_cap_that_is_passed_is_passed_however_early() -> None:
    """Two deals may slip and five did by the second evening: no day that is left brings it back."""
    lower: dict[str, Any] = {"direction": "lower"}
    assert pace(month(2, 2, 2, **lower)).status == "too_early"
    assert pace(month(5, 2, 2, **lower)).status == "at_risk"
    assert pace(month(1, 0, 11, **lower)).status == "at_risk"
    long = {"elapsed_days": Fraction(29), "total_workdays": Fraction(1_000)}
    late = pace(month(1_001, 1_000, 999, **long, **lower))
    assert late.of_expected == Fraction(999, 1_001)
    assert late.status == "behind"
    assert seen(late.remaining, late.required_per_workday) == (0, 0)


def test_a_week_without_workdays_goes_by_its_days() -> None:
    """Seven calls in the week of the Spring Festival: none by its fourth morning is no good start.

    On the first morning it is not started, as any other week.
    """
    festival = {"total_workdays": Fraction(0), "total_days": Fraction(7)}
    assert pace(month(0, 7, 0, elapsed_days=Fraction(0), **festival)).status == "not_started"
    told = pace(month(0, 7, 0, elapsed_days=Fraction(3), **festival))
    assert seen(told.basis, told.expected, told.status) == ("linear", 3, "at_risk")
