"""Laws of workdays, against a day-by-day count."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kpi.calendar.workdays import (
    Leave,
    WorkCalendar,
    absent,
    day_after,
    elapsed,
    halves,
    workdays,
)
from tests.kpi.calendar.drawn import calendars, leaves, near
from tests.kpi.laws.histories import law

lengths = st.integers(0, 120)
minutes = st.integers(0, 1_440)


def counted(calendar: WorkCalendar, away: list[Leave], first: date, last: date) -> Fraction:
    """Day by day, without sums, segments or structs of the module's own making."""
    total = 0
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        planned = calendar.week[day.weekday()]
        if calendar.other_week is not None and calendar.other_from is not None:
            begun = calendar.other_from - timedelta(days=calendar.other_from.weekday())
            if day >= begun and (day - begun).days // 7 % 2 == 0:
                planned = calendar.other_week[day.weekday()]
        if day in calendar.half and planned == 2:
            planned = 1
        if day in calendar.on:
            planned = 2
        if day in calendar.off:
            planned = 0
        for worst in (2, 1):
            if any(one.halves == worst and one.first <= day <= one.last for one in away):
                planned = max(planned - worst, 0)
                break
        total += planned
    return Fraction(total, 2)


@law
@given(calendars(), leaves, near, lengths)
def test_workdays_are_what_a_count_day_by_day_gives(
    calendar: WorkCalendar, away: list[Leave], first: date, length: int
) -> None:
    """Prefix sums and disjoint segments are only faster."""
    last = first + timedelta(days=length)
    expected = counted(calendar, away, first, last)
    assert expected == workdays(calendar, away, first, last)
    assert expected == sum(
        Fraction(halves(calendar, away, first + timedelta(days=n)), 2) for n in range(length + 1)
    )


@law
@given(calendars(), leaves, near, lengths, lengths)
def test_workdays_of_disjoint_spans_add_up(
    calendar: WorkCalendar, away: list[Leave], first: date, one: int, other: int
) -> None:
    """Also across the turn of the year."""
    border, last = first + timedelta(days=one), first + timedelta(days=one + other)
    whole = workdays(calendar, away, first, last)
    after = workdays(calendar, away, border + timedelta(days=1), last)
    assert whole == workdays(calendar, away, first, border) + after


@law
@given(calendars(), leaves, leaves, near, lengths)
def test_leave_never_adds_workdays_and_none_are_negative(
    calendar: WorkCalendar, away: list[Leave], more: list[Leave], first: date, length: int
) -> None:
    """However leaves overlap; the same leave again changes nothing."""
    last = first + timedelta(days=length)
    before = workdays(calendar, away, first, last)
    assert 0 <= workdays(calendar, [*away, *more], first, last) <= before <= length + 1
    assert workdays(calendar, [*away, *away], first, last) == before


@law
@given(calendars(), leaves, near, lengths, near, minutes, st.booleans())
def test_elapsed_lies_between_nothing_and_everything_and_never_falls(
    calendar: WorkCalendar,
    away: list[Leave],
    first: date,
    length: int,
    day: date,
    minute: int,
    interpolate: bool,  # noqa: FBT001 - drawn
) -> None:
    """A minute later, or the next morning, it is at least as much."""
    last = first + timedelta(days=length)

    def at(when: date, then: int) -> Fraction:
        return elapsed(calendar, away, first, last, when, then, interpolate=interpolate)

    assert 0 <= at(day, minute) <= workdays(calendar, away, first, last)
    assert at(day, minute) <= at(day, min(minute + 1, 1_440)) <= at(day + timedelta(days=1), 0)


@law
@given(calendars(), leaves, near, lengths, st.integers(0, 60))
def test_the_day_after_so_many_workdays_is_the_first_one(
    calendar: WorkCalendar, away: list[Leave], first: date, length: int, done: int
) -> None:
    """At its beginning they are completed, at that of the day before they are not."""
    last, wanted = first + timedelta(days=length), Fraction(done, 2)
    day = day_after(calendar, away, first, last, wanted)
    assert first <= day <= last + timedelta(days=1)
    if day <= last:
        assert elapsed(calendar, away, first, last, day) >= wanted
    if day > first:
        assert elapsed(calendar, away, first, last, day - timedelta(days=1)) < wanted


@law
@given(st.lists(st.tuples(st.none() | near, st.none() | near), max_size=4), near)
def test_a_day_is_absent_or_employed(
    spans: list[tuple[date | None, date | None]], day: date
) -> None:
    """Never both, never neither; a span that ends before it begins employs nobody."""
    employed = any((a is None or a <= day) and (b is None or day <= b) for a, b in spans)
    away = any(one.first <= day <= one.last for one in absent(spans))
    assert away != employed
