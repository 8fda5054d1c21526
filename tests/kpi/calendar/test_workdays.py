"""Workdays: what is worked, half worked and not, and what leave takes away."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from kpi.calendar.workdays import (
    Leave,
    WorkCalendar,
    absent,
    day_after,
    elapsed,
    halves,
    workdays,
    worked_share,
)

PLAIN = WorkCalendar(id="plain")
HALF = Fraction(1, 2)
NOON = 12 * 60

GOLDEN_WEEK = WorkCalendar(
    id="cn",
    off=frozenset(date(2026, 10, day) for day in range(1, 8)),
    on=frozenset((date(2026, 9, 20), date(2026, 10, 10))),
)
BIG_SMALL = WorkCalendar(
    id="big and small", other_week=(2, 2, 2, 2, 2, 2, 0), other_from=date(2026, 1, 7)
)


def d(text: str) -> date:
    """A day."""
    return date.fromisoformat(text)


def test_national_day_2026_has_a_working_saturday_after_it() -> None:
    """Thursday 1 to Wednesday 7 October are free, Saturday the 10th is worked."""
    assert workdays(GOLDEN_WEEK, (), d("2026-09-28"), d("2026-10-04")) == 3
    assert workdays(GOLDEN_WEEK, (), d("2026-10-05"), d("2026-10-11")) == 3
    assert workdays(GOLDEN_WEEK, (), d("2026-10-01"), d("2026-10-31")) == 18
    assert halves(GOLDEN_WEEK, (), d("2026-10-10")) == 2
    assert halves(GOLDEN_WEEK, (), d("2026-10-11")) == 0


def test_big_and_small_weeks_alternate_from_the_week_of_their_first_day() -> None:
    """From the week of Wednesday 7 January: six days, five, six …; before it always five."""
    mondays = ("2025-12-22", "2025-12-29", "2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26")
    found = [
        workdays(BIG_SMALL, (), d(monday), date.fromordinal(d(monday).toordinal() + 6))
        for monday in mondays
    ]
    assert found == [5, 5, 6, 5, 6, 5]


def test_a_half_saturday_is_half_a_day() -> None:
    """Monday to Friday and Saturday morning: 5.5."""
    calendar = WorkCalendar(id="half", week=(2, 2, 2, 2, 2, 1, 0))
    assert workdays(calendar, (), d("2026-11-23"), d("2026-11-29")) == Fraction(11, 2)


def test_christmas_eve_is_half_a_day_unless_it_is_free_anyway() -> None:
    """Thursday in 2026, Sunday in 2028."""
    calendar = WorkCalendar(id="de", half=frozenset((d("2026-12-24"), d("2028-12-24"))))
    assert halves(calendar, (), d("2026-12-24")) == 1
    assert halves(calendar, (), d("2028-12-24")) == 0


def test_leave_over_a_weekend_costs_workdays_alone() -> None:
    """Friday to Monday: two of November's twenty-one."""
    leave = (Leave(d("2026-11-06"), d("2026-11-09")),)
    assert workdays(PLAIN, leave, d("2026-11-01"), d("2026-11-30")) == 19


def test_overlapping_leaves_take_a_day_once() -> None:
    """Annual leave, a sick note within it, and the same half day written twice."""
    leaves = (
        Leave(d("2026-11-02"), d("2026-11-06")),
        Leave(d("2026-11-04"), d("2026-11-09")),
        Leave(d("2026-11-04"), d("2026-11-04"), 1),
        Leave(d("2026-11-10"), d("2026-11-10"), 1),
        Leave(d("2026-11-10"), d("2026-11-10"), 1),
    )
    assert workdays(PLAIN, leaves, d("2026-11-02"), d("2026-11-13")) == 10 - 6 - HALF


def test_half_a_day_off_on_a_half_day_is_a_day_off() -> None:
    """Never less than none."""
    calendar = WorkCalendar(id="half", week=(2, 2, 2, 2, 2, 1, 0))
    saturday = d("2026-11-28")
    assert halves(calendar, (Leave(saturday, saturday, 1),), saturday) == 0
    assert halves(calendar, (Leave(saturday, saturday),), saturday) == 0


def test_who_joined_in_the_middle_has_the_workdays_since() -> None:
    """Hired on 12 October: fifteen of October's twenty-two; left, and came back: both spans."""
    october = (d("2026-10-01"), d("2026-10-31"))
    joined = absent([(d("2026-10-12"), None)])
    assert workdays(PLAIN, joined, *october) == 15
    back = absent([(d("2026-10-19"), d("2026-10-23")), (None, d("2026-10-02"))])
    assert workdays(PLAIN, back, *october) == 7


def test_leave_before_the_first_day_of_work_is_not_taken_twice() -> None:
    """Absence and leave overlap like any two leaves."""
    away = (*absent([(d("2026-10-12"), None)]), Leave(d("2026-10-08"), d("2026-10-13")))
    assert workdays(PLAIN, away, d("2026-10-01"), d("2026-10-31")) == 13


def test_who_was_never_employed_has_no_workdays() -> None:
    """No span of employment at all; and always employed takes nothing away."""
    assert workdays(PLAIN, absent([]), d("2026-10-01"), d("2026-10-31")) == 0
    assert absent([(None, None)]) == ()
    assert absent([(None, d("2026-10-05")), (d("2026-10-06"), None)]) == ()


def test_today_does_not_count_by_default() -> None:
    """One visit a day at 16:00: on workday 3 at 09:00 two days are expected, not three."""
    month = (d("2026-11-02"), d("2026-11-30"))
    assert elapsed(PLAIN, (), *month, d("2026-11-04"), 9 * 60) == 2
    assert elapsed(PLAIN, (), *month, d("2026-11-04"), 9 * 60, interpolate=True) == 2


def test_today_counts_by_the_hour_where_that_is_chosen() -> None:
    """Half past one of nine to six is half the day; of a half day it is a quarter."""
    month = (d("2026-11-02"), d("2026-11-30"))
    half_past_one = 13 * 60 + 30
    assert elapsed(PLAIN, (), *month, d("2026-11-04"), half_past_one, interpolate=True) == 2 + HALF
    off = (Leave(d("2026-11-04"), d("2026-11-04"), 1),)
    assert elapsed(
        PLAIN, off, *month, d("2026-11-04"), half_past_one, interpolate=True
    ) == 2 + Fraction(1, 4)


def test_before_a_period_nothing_has_passed_and_after_it_everything() -> None:
    """Whatever the hour."""
    month = (d("2026-11-01"), d("2026-11-30"))
    assert elapsed(PLAIN, (), *month, d("2026-10-30"), NOON, interpolate=True) == 0
    assert elapsed(PLAIN, (), *month, d("2026-12-01"), NOON, interpolate=True) == 21
    assert elapsed(PLAIN, (), *month, d("2026-11-01"), NOON, interpolate=True) == 0


def test_the_break_at_noon_does_not_pass() -> None:
    """9:00 to 12:00 and 13:30 to 18:00 are seven and a half hours."""
    calendar = WorkCalendar(id="cn", hours=((540, 720), (810, 1_080)))
    shares = [worked_share(calendar, minute) for minute in (0, 540, 720, 800, 810, 1_080, 1_440)]
    two_fifths = Fraction(2, 5)
    assert shares == [0, 0, two_fifths, two_fifths, two_fifths, 1, 1]


def test_without_hours_a_day_passes_at_its_end() -> None:
    """Nothing is divided by zero."""
    assert worked_share(WorkCalendar(id="none", hours=()), 1_439) == 0
    assert worked_share(WorkCalendar(id="none", hours=()), 1_440) == 1


def test_the_like_day_of_another_month_is_found_by_workday() -> None:
    """Five workdays are done on the morning of Saturday 7 November, and on that of 8 October."""
    assert day_after(PLAIN, (), d("2026-11-01"), d("2026-11-30"), Fraction(5)) == d("2026-11-07")
    assert day_after(PLAIN, (), d("2026-10-01"), d("2026-10-31"), Fraction(5)) == d("2026-10-08")
    assert day_after(PLAIN, (), d("2026-10-01"), d("2026-10-31"), Fraction(0)) == d("2026-10-01")
    assert day_after(PLAIN, (), d("2026-10-01"), d("2026-10-31"), Fraction(99)) == d("2026-11-01")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"week": (2, 2, 2)}, "seven numbers"),
        ({"week": (3, 2, 2, 2, 2, 0, 0)}, "0 to 2"),
        ({"other_week": (2,) * 7}, "go together"),
        ({"hours": ((720, 540),)}, "hours must follow"),
        ({"hours": ((540, 1_500),)}, "hours must follow"),
    ],
)
def test_a_calendar_that_contradicts_itself_is_refused(wrong: dict[str, object], said: str) -> None:
    """When it is made."""
    with pytest.raises(ValueError, match=said):
        WorkCalendar(id="wrong", **wrong)  # type: ignore[arg-type]
