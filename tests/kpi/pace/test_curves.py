"""Three curves side by side: what is expected by now, and where it leads."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from kpi.pace import Like, Segment, history_of, pace
from tests.kpi.pace.telling import like, month, seen

HEALTHY = [(30, 33, 37), (28, 32, 40), (35, 30, 35), (31, 34, 35)]
"""Per cent of four past quarters by month."""
HOCKEY = [(10, 20, 70), (12, 25, 63), (14, 24, 62), (15, 25, 60)]


def quarter(*shares: int) -> Like:
    """60 workdays, 20 a month, evenly within each; 10,000 in all."""
    cumulative = [0]
    for share in shares:
        cumulative += [cumulative[-1] + share * 5 * day for day in range(1, 21)]
    return Like(60, tuple(cumulative))


def test_linear_pace_goes_by_days() -> None:
    """Target 300, 10 of 30 days, 80 made: expected 100, on the way to 240, 11 a day from here."""
    told = pace(
        month(80, 300, 8, elapsed_days=Fraction(10), total_workdays=Fraction(28), basis="linear")
    )
    assert told.linear is not None
    assert seen(told.linear.expected, told.linear.projection) == (100, 240)
    assert seen(told.basis, told.expected, told.difference) == ("linear", 100, -20)
    assert told.required_per_workday == Fraction(220, 20)


def test_workday_pace_goes_by_personal_workdays() -> None:
    """After a week of holidays 10 of 30 days are but 4 of 16 workdays: expected 75, not 100."""
    told = pace(month(80, 300, 4, elapsed_days=Fraction(10), total_workdays=Fraction(16)))
    assert told.workday is not None
    assert told.linear is not None
    assert seen(told.basis, told.expected, told.projection) == ("workday", 75, 320)
    assert seen(told.linear.expected, told.status) == (100, "ahead")


def test_half_workdays_count_half() -> None:
    """A big and small week: 2.5 of 5.5 workdays."""
    told = pace(month(5, 11, 0, elapsed_workdays=Fraction(5, 2), total_workdays=Fraction(11, 2)))
    assert told.expected == 5


def test_what_is_left_is_spread_over_what_remains_with_today() -> None:
    """On the third morning of five 20 workdays remain of 22, today included."""
    assert pace(month(2, 22, 2)).required_per_workday == 1
    last = pace(month(10, 22, 21))
    assert seen(last.remaining_workdays, last.required_per_workday) == (1, 12)


def test_a_last_weekend_has_no_workday_to_spread_over() -> None:
    """The month ends on a Sunday: no workday remains, and nothing is divided by it."""
    told = pace(month(10, 22, 22, elapsed_days=Fraction(28)))
    assert seen(told.remaining, told.required_per_workday, told.status) == (12, None, "at_risk")


def test_a_month_of_leave_falls_back_to_days() -> None:
    """No workday of one's own, and a target nonetheless: by days then."""
    told = pace(month(5, 30, 0, elapsed_days=Fraction(10), total_workdays=Fraction(0)))
    assert seen(told.basis, told.expected, told.workday) == ("linear", 10, None)


def test_a_hockey_stick_is_not_behind_all_quarter() -> None:
    """1,300 of 10,000 after a month: 39 % by workdays, just right by its own curve."""
    likes = tuple(quarter(*shares) for shares in HOCKEY)
    said = {
        "elapsed_workdays": Fraction(20),
        "total_workdays": Fraction(60),
        "elapsed_days": Fraction(30),
        "total_days": Fraction(90),
        "likes": likes,
    }
    told = pace(month(1_300, 10_000, 0, basis="historical", **said))
    assert seen(told.basis, told.expected, told.projection) == ("historical", 1_300, 10_000)
    assert told.status == "on_track"
    assert told.historical_note == "median of 4 like periods"
    by_workday = pace(month(1_300, 10_000, 0, **said))
    assert by_workday.status == "at_risk"
    assert by_workday.of_expected == Fraction(39, 100)
    assert by_workday.historical == told.historical


@pytest.mark.parametrize(("shares", "first", "second"), [(HEALTHY, 305, 640), (HOCKEY, 130, 375)])
def test_the_curve_is_the_median_share_by_month(
    shares: list[tuple[int, int, int]], first: int, second: int
) -> None:
    """28, 30, 31, 35 per cent make 30.5 after a month; the hockey stick has 13, then 37.5."""
    likes = tuple(quarter(*each) for each in shares)
    for day, expected in ((20, first), (40, second)):
        told = pace(
            month(1, 1_000, day, total_workdays=Fraction(60), total_days=Fraction(90), likes=likes)
        )
        assert told.historical is not None
        assert told.historical.expected == expected


def test_the_median_share_is_neither_the_mean_nor_the_pool() -> None:
    """9k of 10k and 200k of 1,000k: a mean of 55 %, a pool of 20.7 %; two more settle it."""
    likes = (like(0, 9, 10), like(0, 200, 1_000), like(0, 3, 10), like(0, 4, 10))
    told = pace(month(1, 100, 1, total_workdays=Fraction(2), likes=likes))
    assert told.historical is not None
    assert told.historical.expected == 35


def test_three_like_periods_are_not_enough_and_it_says_so() -> None:
    """It falls back to workdays; a period without a total has no share and is none of the four."""
    likes = (like(0, 1, 4), like(0, 1, 4), like(0, 1, 4), like(0, 0, 0), like(0, 5, -5))
    told = pace(month(1, 100, 1, total_workdays=Fraction(2), likes=likes, basis="historical"))
    assert seen(told.basis, told.expected, told.historical) == ("workday", 50, None)
    assert told.historical_note == "3 like periods, 4 needed"


def test_periods_of_other_lengths_are_aligned_by_workday() -> None:
    """After half of 22 workdays each is read at its own half, between days if need be."""
    likes = (like(0, 2, 4), like(0, 1, 2, 3, 4), like(0, 4), like(0, 0, 4, 4))
    told = pace(month(1, 8, 11, likes=likes))
    assert told.historical is not None
    assert told.historical.expected == 4


def test_what_happened_before_the_first_workday_is_in_the_curve_at_once() -> None:
    """Months that begin with a weekend: 1 of 4 was there before Monday."""
    told = pace(month(1, 8, 0, likes=(like(1, 2, 4),) * 4, basis="historical"))
    assert seen(told.expected, told.projection, told.status) == (2, 4, "too_early")


def test_a_change_of_target_is_not_a_deviation() -> None:
    """100k to 120k on 16 April, half-way: 110k in all, and what was expected by then stays 50k."""
    halves = (
        Segment(Fraction(100_000), Fraction(1, 2)),
        Segment(Fraction(120_000), Fraction(1, 2)),
    )
    before = pace(month(50_000, 100_000, 11, unit="money"))
    after = pace(month(50_000, 110_000, 11, unit="money", segments=halves))
    assert before.expected == after.expected == 50_000
    assert before.status == after.status == "on_track"
    end = pace(month(50_000, 110_000, 22, unit="money", segments=halves))
    assert end.expected == 110_000


def test_spring_festival_lies_on_spring_festival() -> None:
    """Two Februaries with their holidays at another place are alike by workday, not by date."""
    sold = {date(2025, 2, 5): 1, date(2025, 2, 6): 3, date(2026, 2, 2): 1, date(2026, 2, 24): 3}
    february = [(date(2025, 2, 1), date(2025, 2, 28)), (date(2026, 2, 1), date(2026, 2, 28))]
    workdays = {date(2025, 2, 5), date(2025, 2, 6), date(2026, 2, 2), date(2026, 2, 24)}
    first, second = history_of(sold, sold, february, workdays).likes()
    assert first == second == like(0, 1, 4)


def test_what_falls_on_days_off_belongs_to_the_workday_before() -> None:
    """A win on Sunday the 1st comes before all workdays, one on Saturday the 7th is Friday's."""
    workdays = {date(2026, 11, 1) + timedelta(days=n) for n in range(1, 6)}
    sold = {date(2026, 11, 1): 500, date(2026, 11, 6): 200, date(2026, 11, 7): 300}
    wins = {date(2026, 11, 1): 1, date(2026, 11, 6): 1, date(2026, 11, 7): 2}
    (week,) = history_of(sold, wins, [(date(2026, 11, 1), date(2026, 11, 7))], workdays).periods
    assert week.amounts == (500, 0, 0, 0, 0, 500)
    assert week.events == (1, 0, 0, 0, 0, 3)


def test_a_like_period_must_be_whole() -> None:
    """A value is missing, or there is no workday."""
    with pytest.raises(ValueError, match="3 workdays need 4 cumulative values, not 2"):
        Like(3, (0, 1))
    with pytest.raises(ValueError, match="0 workdays"):
        Like(0, (0,))


def test_integers_never_make_a_float() -> None:
    """7 of 3 as plain integers is seven thirds, by pace and as it is."""
    whole: Any = {"actual": 7, "target": 3}
    for kind in ("flow", "level"):
        told = pace(replace(month(0, 0, 22, kind=kind), **whole))
        assert isinstance(told.of_expected, Fraction)
        assert told.of_expected == Fraction(7, 3)
