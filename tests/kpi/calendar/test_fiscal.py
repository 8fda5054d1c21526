"""Fiscal periods: years that were published, labels, places, and what cannot be read."""

from __future__ import annotations

from datetime import date

import pytest

from kpi.calendar.fiscal import (
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

PLAIN = FiscalCalendar()
APRIL = FiscalCalendar(start_month=4)
RETAIL = FiscalCalendar(
    start_month=2, pattern="4-5-4", week_start=6, year_end="nearest", named_by="start"
)
SUNDAYS = FiscalCalendar(week_start=6)


def d(text: str) -> date:
    """A day."""
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("label", "first", "last", "weeks"),
    [
        ("FY2012", "2012-01-29", "2013-02-02", 53),
        ("FY2017", "2017-01-29", "2018-02-03", 53),
        ("FY2022", "2022-01-30", "2023-01-28", 52),
        ("FY2023", "2023-01-29", "2024-02-03", 53),
        ("FY2024", "2024-02-04", "2025-02-01", 52),
        ("FY2025", "2025-02-02", "2026-01-31", 52),
        ("FY2026", "2026-02-01", "2027-01-30", 52),
    ],
)
def test_the_retail_years_are_those_of_the_national_retail_federation(
    label: str, first: str, last: str, weeks: int
) -> None:
    """4-5-4 weeks from Sunday, to the Saturday nearest 31 January."""
    year = parse_label(RETAIL, label)
    assert (year.first, year.last) == (d(first), d(last))
    assert len(parts(RETAIL, year, "week")) == weeks


def test_the_fifty_third_week_lengthens_the_last_month() -> None:
    """Retail 2023: every quarter 4-5-4, the last 4-5-5."""
    year = parse_label(RETAIL, "FY2023")
    weeks = [month.days // 7 for month in parts(RETAIL, year, "month")]
    assert weeks == [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 5]


@pytest.mark.parametrize(
    ("pattern", "weeks"), [("4-4-5", [4, 4, 5]), ("4-5-4", [4, 5, 4]), ("5-4-4", [5, 4, 4])]
)
def test_a_pattern_is_that_of_every_quarter(pattern: str, weeks: list[int]) -> None:
    """The first quarter of an ordinary year."""
    fiscal = FiscalCalendar(pattern=pattern)  # type: ignore[arg-type]
    quarter = period_of(fiscal, "quarter", d("2026-02-10"))
    assert [month.days // 7 for month in parts(fiscal, quarter, "month")] == weeks


def test_a_year_may_end_on_the_last_saturday_of_its_month() -> None:
    """Not the nearest: August's last Saturday in 2025 is the 30th, in 2024 the 31st."""
    fiscal = FiscalCalendar(start_month=9, pattern="4-4-5", week_start=6)
    year = period_of(fiscal, "year", d("2025-03-03"))
    assert (year.label, year.first, year.last) == ("FY2025", d("2024-09-01"), d("2025-08-30"))


@pytest.mark.parametrize("year", range(2015, 2040))
def test_the_year_nearest_to_december_from_monday_is_that_of_iso_8601(year: int) -> None:
    """So its weeks are the ISO weeks of its own number."""
    fiscal = FiscalCalendar(pattern="4-4-5", year_end="nearest")
    found = parse_label(fiscal, f"FY{year}")
    assert found.first == date.fromisocalendar(year, 1, 1)
    weeks = parts(fiscal, found, "week")
    assert {week.label[:4] for week in weeks} == {str(year)}
    assert [place(fiscal, week) for week in weeks] == list(range(1, len(weeks) + 1))


@pytest.mark.parametrize(("named_by", "name"), [("end", "FY2027"), ("start", "FY2026")])
def test_a_fiscal_year_is_named_by_its_end_or_by_its_start(named_by: str, name: str) -> None:
    """April 2026 to March 2027."""
    fiscal = FiscalCalendar(start_month=4, named_by=named_by)  # type: ignore[arg-type]
    for day in ("2026-04-01", "2026-12-31", "2027-03-31"):
        assert period_of(fiscal, "year", d(day)).label == name
    assert period_of(fiscal, "year", d("2027-04-01")).label != name


@pytest.mark.parametrize(
    ("fiscal", "kind", "label", "first", "last"),
    [
        (PLAIN, "day", "2026-11-23", "2026-11-23", "2026-11-23"),
        (PLAIN, "week", "2026-W48", "2026-11-23", "2026-11-29"),
        (PLAIN, "month", "2026-11", "2026-11-01", "2026-11-30"),
        (PLAIN, "quarter", "2026-Q4", "2026-10-01", "2026-12-31"),
        (PLAIN, "year", "2026", "2026-01-01", "2026-12-31"),
        (APRIL, "month", "FY2027-M08", "2026-11-01", "2026-11-30"),
        (APRIL, "quarter", "FY2027-Q3", "2026-10-01", "2026-12-31"),
        (APRIL, "week", "2026-W48", "2026-11-23", "2026-11-29"),
        (SUNDAYS, "week", "W2026-11-22", "2026-11-22", "2026-11-28"),
        (RETAIL, "week", "FY2026-W43", "2026-11-22", "2026-11-28"),
        (RETAIL, "month", "FY2026-M10", "2026-11-01", "2026-11-28"),
        (RETAIL, "quarter", "FY2026-Q4", "2026-11-01", "2027-01-30"),
    ],
)
def test_a_day_lies_in_a_period_with_a_label(
    fiscal: FiscalCalendar, kind: PeriodKind, label: str, first: str, last: str
) -> None:
    """23 November 2026, as several calendars call it."""
    period = period_of(fiscal, kind, d("2026-11-23"))
    assert (period.kind, period.label) == (kind, label)
    assert (period.first, period.last) == (d(first), d(last))


@pytest.mark.parametrize(
    ("fiscal", "text", "said"),
    [
        (PLAIN, "2026-13", "months are 01 to 12"),
        (PLAIN, "2026-Q5", "a year has quarters 1 to 4"),
        (PLAIN, "2025-W53", "2025 has no week 53"),
        (PLAIN, "2026-02-29", "there is no such day"),
        (PLAIN, "FY2026", "are calendar years: a day 2026-11-23, a week 2026-W48"),
        (PLAIN, "0026", "years are 1900 to 2999"),
        (PLAIN, "november", "write a day 2026-11-23"),
        (PLAIN, "2026-11 ", "write a day 2026-11-23"),
        (PLAIN, "２０２６", "write a day 2026-11-23"),
        (APRIL, "2026", "are fiscal years"),
        (APRIL, "2026-Q4", "a quarter FY2027-Q3"),
        (APRIL, "FY2027-M13", "a year has months 1 to 12"),
        (SUNDAYS, "2026-W48", "do not start on Monday"),
        (SUNDAYS, "W2026-11-23", "the week of 2026-11-23 is W2026-11-22"),
        (SUNDAYS, "FY2026-W43", "not numbered so"),
        (RETAIL, "FY2026-W53", "FY2026 has weeks 01 to 52"),
        (RETAIL, "2026-11", "months of this calendar are made of weeks"),
    ],
)
def test_a_label_of_another_calendar_is_refused_with_what_to_write(
    fiscal: FiscalCalendar, text: str, said: str
) -> None:
    """Never read as something near."""
    with pytest.raises(ValueError, match="is no period") as caught:
        parse_label(fiscal, text)
    assert repr(text) in str(caught.value)
    assert said in str(caught.value)


def test_a_calendar_month_may_be_named_as_such_in_a_fiscal_year() -> None:
    """Nobody can mistake 2026-11, and that is what people write."""
    assert parse_label(APRIL, "2026-11").label == "FY2027-M08"


def test_like_periods_have_the_same_place() -> None:
    """The last month of a quarter, the third quarter of a year from April, the week of a year."""
    assert place(APRIL, parse_label(APRIL, "FY2027-M09")) == 3
    assert place(APRIL, parse_label(APRIL, "FY2027-Q3")) == 3
    assert place(PLAIN, parse_label(PLAIN, "2026-W48")) == 48
    assert place(PLAIN, parse_label(PLAIN, "2026-11-23")) == 23
    assert place(PLAIN, parse_label(PLAIN, "2026")) == 1


def test_weeks_do_not_partition_calendar_months() -> None:
    """So they are no parts of one, though some touch it."""
    november = parse_label(PLAIN, "2026-11")
    with pytest.raises(ValueError, match="weeks of this calendar do not partition the months"):
        parts(PLAIN, november, "week")
    touching = between(PLAIN, "week", november.first, november.last)
    assert [week.label[-2:] for week in touching] == ["44", "45", "46", "47", "48", "49"]
    with pytest.raises(ValueError, match="quarters of this calendar"):
        parts(PLAIN, november, "quarter")


def test_not_even_where_they_happen_to_fit() -> None:
    """February 2021 is four whole weeks; the answer must not depend on the year."""
    with pytest.raises(ValueError, match="do not partition"):
        parts(PLAIN, parse_label(PLAIN, "2021-02"), "week")


def test_neighbours_cross_the_year() -> None:
    """The first quarter of a fiscal year follows its predecessor's last."""
    first = parse_label(APRIL, "FY2027-Q1")
    assert previous(APRIL, first).label == "FY2026-Q4"
    assert following(APRIL, parse_label(APRIL, "FY2026-Q4")) == first


def test_no_days_have_no_periods() -> None:
    """An empty span."""
    assert between(PLAIN, "month", d("2026-11-02"), d("2026-11-01")) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"start_month": 0}, "start_month is 0"), ({"week_start": 7}, "week_start is 7")],
)
def test_a_month_that_does_not_exist_is_refused(wrong: dict[str, int], said: str) -> None:
    """When the calendar is made, not when it is asked."""
    with pytest.raises(ValueError, match=said):
        FiscalCalendar(**wrong)  # type: ignore[arg-type]


def test_an_unknown_kind_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match="'decade' is no kind of period: day, week, month"):
        period_of(PLAIN, "decade", d("2026-11-23"))
