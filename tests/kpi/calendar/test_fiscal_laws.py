"""Laws of periods, in every calendar."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kpi.calendar.fiscal import (
    KINDS,
    FiscalCalendar,
    PeriodKind,
    between,
    following,
    parse_label,
    parts,
    period_of,
    place,
    previous,
)
from tests.kpi.calendar.drawn import days, fiscals
from tests.kpi.laws.histories import law

kinds = st.sampled_from(KINDS)
NESTED: tuple[tuple[PeriodKind, PeriodKind], ...] = (
    ("month", "quarter"),
    ("month", "year"),
    ("quarter", "year"),
)


@law
@given(fiscals, kinds, days)
def test_days_partition_periods_in_every_calendar(
    fiscal: FiscalCalendar, kind: PeriodKind, day: date
) -> None:
    """A period holds its day, is the period of all its days, and ends where the next begins."""
    period = period_of(fiscal, kind, day)
    assert period.first <= day <= period.last
    for number in range(period.days):
        assert period_of(fiscal, kind, period.first + timedelta(days=number)) == period
    assert following(fiscal, period).first == period.last + timedelta(days=1)


@law
@given(fiscals, st.sampled_from(NESTED), days)
def test_months_partition_quarters_and_quarters_years(
    fiscal: FiscalCalendar, nested: tuple[PeriodKind, PeriodKind], day: date
) -> None:
    """Gapless from the first day to the last, 3, 12 or 4 of them, in their places."""
    inner, outer = nested
    whole = period_of(fiscal, outer, day)
    found = parts(fiscal, whole, inner)
    assert len(found) == {"monthquarter": 3, "monthyear": 12, "quarteryear": 4}[inner + outer]
    assert (found[0].first, found[-1].last) == (whole.first, whole.last)
    assert all(a.last + timedelta(days=1) == b.first for a, b in pairwise(found))
    if (inner, outer) != ("month", "year"):
        assert [place(fiscal, one) for one in found] == list(range(1, len(found) + 1))


@law
@given(fiscals, days, st.lists(days, max_size=20))
def test_months_sum_to_quarters_in_every_calendar(
    fiscal: FiscalCalendar, day: date, wins: list[date]
) -> None:
    """The wins of the year, counted by month label and by quarter label, are the same wins."""
    year = period_of(fiscal, "year", day)
    won = Counter(wins)
    for quarter in parts(fiscal, year, "quarter"):
        by_month = [
            sum(n for win, n in won.items() if month.first <= win <= month.last)
            for month in parts(fiscal, quarter, "month")
        ]
        by_day = [win for win in wins if period_of(fiscal, "quarter", win) == quarter]
        assert sum(by_month) == len(by_day)


@law
@given(fiscals.filter(lambda one: one.weekly), days)
def test_weeks_partition_months_that_are_made_of_weeks(fiscal: FiscalCalendar, day: date) -> None:
    """A year of 52 or 53 weeks, from the weekday on which weeks start."""
    year = period_of(fiscal, "year", day)
    weeks = parts(fiscal, year, "week")
    assert len(weeks) in {52, 53}
    assert year.first.weekday() == fiscal.week_start
    assert [place(fiscal, week) for week in weeks] == list(range(1, len(weeks) + 1))
    months = [parts(fiscal, month, "week") for month in parts(fiscal, year, "month")]
    assert [week for month in months for week in month] == weeks


@law
@given(fiscals.filter(lambda one: one.weekly), days)
def test_a_week_year_ends_where_its_rule_says(fiscal: FiscalCalendar, day: date) -> None:
    """Last: within the last week of the month before; nearest: within three days of its end."""
    start = period_of(fiscal, "year", day).first
    anchors = [date(start.year + n, fiscal.start_month, 1) for n in (-1, 0, 1)]
    late = min((start - anchor).days for anchor in anchors if abs((start - anchor).days) < 7)
    assert (-6 <= late <= 0) if fiscal.year_end == "last" else (-3 <= late <= 3)


@law
@given(fiscals, kinds, days)
def test_the_previous_of_the_following_is_the_same(
    fiscal: FiscalCalendar, kind: PeriodKind, day: date
) -> None:
    """And the other way round."""
    period = period_of(fiscal, kind, day)
    assert previous(fiscal, following(fiscal, period)) == period
    assert following(fiscal, previous(fiscal, period)) == period


@law
@given(fiscals, kinds, days)
def test_a_label_leads_back_to_its_period(
    fiscal: FiscalCalendar, kind: PeriodKind, day: date
) -> None:
    """So no two periods of a calendar share one."""
    period = period_of(fiscal, kind, day)
    assert parse_label(fiscal, period.label) == period


@law
@given(fiscals, fiscals, kinds, days)
def test_a_week_label_means_the_same_days_wherever_it_is_read(
    fiscal: FiscalCalendar, other: FiscalCalendar, kind: PeriodKind, day: date
) -> None:
    """A label without FY is either refused by another calendar, or means the same days there."""
    period = period_of(fiscal, kind, day)
    try:
        found = parse_label(other, period.label)
    except ValueError:
        return
    if not period.label.startswith("FY"):
        assert (found.first, found.last) == (period.first, period.last)


@law
@given(fiscals, kinds, days, st.integers(0, 200))
def test_periods_between_cover_the_span_and_no_more(
    fiscal: FiscalCalendar, kind: PeriodKind, first: date, length: int
) -> None:
    """The first holds its first day, the last its last, without gaps."""
    last = first + timedelta(days=length)
    found = between(fiscal, kind, first, last)
    assert found[0] == period_of(fiscal, kind, first)
    assert found[-1] == period_of(fiscal, kind, last)
    assert all(following(fiscal, a) == b for a, b in pairwise(found))


@law
@given(st.text(alphabet="0123456789FYWQM-", max_size=11), fiscals)
def test_any_text_is_a_label_or_a_value_error(text: str, fiscal: FiscalCalendar) -> None:
    """Nothing else is ever raised."""
    try:
        period = parse_label(fiscal, text)
    except ValueError as problem:
        assert "is no period" in str(problem)  # noqa: PT017 - either is right
    else:
        assert period.first <= period.last
