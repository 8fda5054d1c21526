"""Suggestions: the 80th percentile of periods of the target's own length."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from kpi.targets.suggest import WEEKS, suggest, suggest_of
from tests.kpi.targets.sales import told

QUARTER_OF_CALLS = [50, 62, 41, 70, 55, 48, 66, 59, 73, 44, 61, 57]
CAREER = 8_000


def weeks_of_calls(seed: int) -> list[int]:
    """A long career: 60 calls a week, give or take 12."""
    random = Random(seed)
    return [round(random.gauss(60, 12)) for _ in range(CAREER)]


def reached(target: Fraction, weeks: list[int]) -> float:
    """The share of the months of four weeks that reach a target."""
    months = [sum(weeks[start : start + 4]) for start in range(0, len(weeks), 4)]
    return sum(month >= target for month in months) / len(months)


def test_a_weekly_percentile_times_four_is_reached_one_month_in_twenty() -> None:
    """FIELD's trap; that of months themselves is reached about one in five."""
    past, future = weeks_of_calls(1), weeks_of_calls(2)
    weekly, monthly = suggest(past, 1), suggest(past, WEEKS["month"])
    assert weekly is not None
    assert monthly is not None
    assert 0.03 < reached(4 * weekly.value, future) < 0.07
    assert 0.16 < reached(monthly.value, future) < 0.24


def test_twelve_weeks_have_nine_windows_of_four() -> None:
    """Nearest rank: the eighth of nine sums; the basis says what it rests on."""
    found = suggest(QUARTER_OF_CALLS, 4)
    assert found is not None
    sums = sorted(sum(QUARTER_OF_CALLS[n : n + 4]) for n in range(9))
    assert told(found.value, found.windows, found.enough) == (sums[7], 9, True)
    assert told(found.lowest, found.median, found.highest) == (sums[0], sums[4], sums[8])


def test_a_month_of_more_workdays_asks_for_more() -> None:
    """23 workdays after windows of 20."""
    plain, long = suggest(QUARTER_OF_CALLS, 4), suggest(QUARTER_OF_CALLS, 4, scale=Fraction(23, 20))
    assert plain is not None
    assert long is not None
    assert long.value == plain.value * Fraction(23, 20)


def test_weeks_away_are_left_out_with_their_windows() -> None:
    """A week of leave in the middle is not a week of no calls."""
    weeks: list[int | None] = [*QUARTER_OF_CALLS]
    weeks[5] = None
    found = suggest(weeks, 4)
    assert found is not None
    assert (found.windows, found.left_out) == (5, 4)


def test_one_window_is_an_anecdote_and_none_is_no_suggestion() -> None:
    """A quarter from twelve weeks; a new hire of three weeks, for a month."""
    quarter = suggest(QUARTER_OF_CALLS, WEEKS["quarter"])
    assert quarter is not None
    assert (quarter.windows, quarter.enough) == (1, False)
    assert suggest(QUARTER_OF_CALLS[:3], 4) is None


def test_zero_weeks_count() -> None:
    """A rep who was there and sold nothing."""
    found = suggest([0] * 12, 4)
    assert found is not None
    assert found.value == 0


def test_where_lower_is_better_the_percentile_counts_from_below() -> None:
    """First response: the faster fifth of ten months, in minutes."""
    found = suggest_of([Fraction(n) for n in range(10, 110, 10)], 4, direction="lower")
    assert found is not None
    assert found.value == 20
