"""Public holidays: China as announced, years that are not, the tenant's word before all.

The days of 2026 are those of the State Council's notice of 4 November 2025.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest

from kpi.calendar.workdays import Leave, WorkCalendar, halves, provisional_years, workdays
from paceline.holidays import CalendarSpec, check, names, work_calendar

CHINA = CalendarSpec(id="cn", country="CN")
YEARS = range(2024, 2029)

NOTICE_OFF_2026 = (
    ("2026-01-01", "2026-01-03"),
    ("2026-02-15", "2026-02-23"),
    ("2026-04-04", "2026-04-06"),
    ("2026-05-01", "2026-05-05"),
    ("2026-06-19", "2026-06-21"),
    ("2026-09-25", "2026-09-27"),
    ("2026-10-01", "2026-10-07"),
)
NOTICE_ON_2026 = (
    "2026-01-04",
    "2026-02-14",
    "2026-02-28",
    "2026-05-09",
    "2026-09-20",
    "2026-10-10",
)


def d(text: str) -> date:
    """A day."""
    return date.fromisoformat(text)


def spread(first: str, last: str) -> set[date]:
    """The days from one to another."""
    return {d(first) + timedelta(days=n) for n in range((d(last) - d(first)).days + 1)}


def china(**more: object) -> WorkCalendar:
    """The calendar of China with something of the tenant's."""
    return work_calendar(CalendarSpec(id="cn", country="CN", **more), YEARS)  # type: ignore[arg-type]


def test_2026_is_as_the_state_council_announced_it() -> None:
    """All of its days off, weekends among them, and all six working weekends."""
    calendar = work_calendar(CHINA, range(2026, 2027))
    assert calendar.off == set().union(*(spread(*span) for span in NOTICE_OFF_2026))
    assert calendar.on == {d(day) for day in NOTICE_ON_2026}
    assert not calendar.provisional


@pytest.mark.parametrize(
    ("first", "last", "worked"),
    [
        ("2026-09-28", "2026-10-11", 6),
        ("2026-10-01", "2026-10-31", 18),
        ("2026-09-14", "2026-09-20", 6),
        ("2026-02-09", "2026-03-01", 11),
        ("2026-02-01", "2026-02-28", 16),
        ("2026-01-01", "2026-12-31", 248),
    ],
)
def test_the_workdays_of_2026_around_its_holidays(first: str, last: str, worked: int) -> None:
    """National Day with Saturday the 10th, a six-day week before Mid-Autumn, Spring Festival."""
    assert workdays(china(), (), d(first), d(last)) == worked


def test_in_a_big_week_nobody_works_on_the_saturday_of_spring_festival() -> None:
    """The library lists no weekend that is free anyway; in a six-day week it would be worked."""
    six = china(week=(2, 2, 2, 2, 2, 2, 0))
    assert halves(six, (), d("2026-02-21")) == 0
    assert halves(six, (), d("2026-02-14")) == 2
    assert halves(six, (), d("2026-03-07")) == 2


def test_the_weekend_before_a_new_year_on_monday_belongs_to_it() -> None:
    """Announced for 2024 as "30 December to 1 January", though 30 December lies in 2023."""
    calendar = work_calendar(CHINA, range(2023, 2024))
    assert d("2023-12-30") in calendar.off
    assert d("2024-01-01") not in calendar.off


def test_a_year_that_is_not_announced_is_provisional() -> None:
    """The library has 2027's festivals, and none of its working weekends."""
    calendar = china()
    assert calendar.provisional == {2027, 2028}
    assert not [day for day in calendar.on if day.year > 2026]
    assert halves(calendar, (), d("2027-02-08")) == 0
    assert provisional_years(calendar, d("2026-11-01"), d("2027-01-31")) == (2027,)
    assert provisional_years(calendar, d("2026-11-01"), d("2026-12-31")) == ()


def test_a_tenant_who_states_its_working_weekends_has_settled_the_year() -> None:
    """2027 by the tenant's own reading of the notice, 2028 still open."""
    calendar = china(on=((d("2027-01-30"), "Spring Festival"),))
    assert calendar.provisional == {2028}
    assert halves(calendar, (), d("2027-01-30")) == 2


def test_the_tenants_own_days_beat_the_library() -> None:
    """The exhibition on 2 October is worked, the bridge of 10 October is not, the 8th is half."""
    calendar = china(
        on=((d("2026-10-02"), "Exhibition"),),
        off=((d("2026-10-10"), ""), (d("2026-11-11"), "Day after the sale")),
        half=((d("2026-10-08"), "Back from the journey"),),
    )
    week = [halves(calendar, (), d(day)) for day in ("2026-10-01", "2026-10-02", "2026-10-08")]
    assert week == [0, 2, 1]
    assert halves(calendar, (), d("2026-10-10")) == 0
    assert halves(calendar, (), d("2026-11-11")) == 0


def test_a_day_both_off_and_worked_is_refused() -> None:
    """Nobody could say which is meant."""
    with pytest.raises(ValueError, match="2026-10-10 is both off and on"):
        china(on=((d("2026-10-10"), ""),), off=((d("2026-10-10"), ""),))


def test_estimated_holidays_make_a_year_provisional_too() -> None:
    """Eid is seen, not computed: the Emirates' 2024 is known, their 2028 is an estimate."""
    calendar = work_calendar(CalendarSpec(id="ae", country="AE"), YEARS)
    assert 2028 in calendar.provisional
    assert 2024 not in calendar.provisional


def test_a_country_without_exchanged_weekends_is_never_provisional() -> None:
    """Germany's law is known for years; Bulgaria exchanged weekends until 2016 and no more."""
    for country in ("DE", "BG", "US"):
        calendar = work_calendar(CalendarSpec(id="x", country=country), YEARS)
        assert calendar.provisional == frozenset()


def test_a_saturday_beside_a_german_holiday_stays_a_saturday() -> None:
    """Only countries that exchange weekends have long ones: a shop sells on Easter Saturday."""
    shop = CalendarSpec(id="shop", country="DE", week=(2, 2, 2, 2, 2, 2, 0))
    assert halves(work_calendar(shop, YEARS), (), d("2026-04-04")) == 2


def test_a_subdivision_has_its_own_holidays() -> None:
    """Epiphany is free in Bavaria, and worked in Berlin."""
    bavaria, berlin = (
        work_calendar(CalendarSpec(id=one, country="DE", subdivision=one), YEARS)
        for one in ("BY", "BE")
    )
    assert halves(bavaria, (), d("2026-01-06")) == 0
    assert halves(berlin, (), d("2026-01-06")) == 2


def test_leave_over_national_day_costs_only_its_workdays() -> None:
    """28 September to 10 October are thirteen days and six workdays."""
    leave = (Leave(d("2026-09-28"), d("2026-10-10")),)
    calendar = china()
    october = (d("2026-09-01"), d("2026-10-31"))
    lost = workdays(calendar, (), *october) - workdays(calendar, leave, *october)
    assert lost == Fraction(6)


def test_no_country_has_the_tenants_days_alone() -> None:
    """Holidays are the tenant's own list."""
    spec = CalendarSpec(id="own", off=((d("2026-12-24"), "Closed"),))
    assert work_calendar(spec, YEARS).off == {d("2026-12-24")}
    assert names(spec, YEARS) == {d("2026-12-24"): "Closed"}


def test_days_have_names_in_english_and_chinese() -> None:
    """Working weekends too; a tenant's day without a name keeps the library's."""
    spec = CalendarSpec(id="cn", country="CN", off=((d("2026-10-01"), ""),))
    english, chinese = (names(spec, range(2026, 2027), one) for one in ("en", "zh"))
    assert (english[d("2026-10-01")], chinese[d("2026-10-01")]) == ("National Day", "国庆节")
    assert english[d("2026-10-10")] == "Adjusted working day"
    assert chinese[d("2026-10-10")] == "调休上班"
    assert list(english) == sorted(english)


@pytest.mark.parametrize(
    ("country", "subdivision", "said"),
    [
        ("cn", None, "no country 'cn' in the holiday library; did you mean CN?"),
        ("China", None, "no country 'China' in the holiday library; did you mean CN?"),
        ("Gemany", None, "did you mean DE?"),
        ("QQ", None, "no country 'QQ' in the holiday library"),
        ("DE", "BYY", "no subdivision 'BYY' of DE; did you mean BY?"),
        ("CN", "SH", "no subdivision 'SH' of CN; it has none"),
    ],
)
def test_an_unknown_place_is_refused_with_what_is_near(
    country: str, subdivision: str | None, said: str
) -> None:
    """When the file is read, and when the calendar is made."""
    with pytest.raises(ValueError, match="no ") as caught:
        check(country, subdivision)
    assert said in str(caught.value)
    with pytest.raises(ValueError, match="no "):
        work_calendar(CalendarSpec(id="x", country=country, subdivision=subdivision), YEARS)
