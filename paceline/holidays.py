"""Public holidays: what a tenant says of a calendar, and the kept library, as a work calendar.

In: a tenant's specification and the years that are wanted. Out: a ``WorkCalendar`` of ``kpi``, and
the names of its days. Guarantees: the tenant's own days beat the library's; a year that the library
cannot know yet is marked provisional, in place of being taken for known.

The library is python-holidays. China and some others announce, a year at a time, which weekends
are worked in exchange for longer holidays: the library has those of announced years, and for later
ones only the holidays by the lunar and solar calendars.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal

import holidays
import msgspec
from holidays import registry

from kpi.calendar.workdays import Week, WorkCalendar

Language = Literal["en", "zh"]

REFERENCE = "CN"
"""A country that announces every year: the last year known of it is the library's own age."""
STOPPED_AFTER = 2
"""A country without working weekends for longer than so many years gave them up (Bulgaria 2016)."""
FIRST_KNOWN, LAST_SEARCHED = 2010, 2040

_DAY = timedelta(days=1)
_WORKING = {"en": "Adjusted working day", "zh": "调休上班"}

Days = tuple[tuple[date, str], ...]
"""Days and what they are called."""


class CalendarSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant says of one calendar; the fields that the week has are ``WorkCalendar``'s."""

    id: str
    country: str | None = None
    """ISO 3166 code, as the library knows it; None: no public holidays but the tenant's own."""
    subdivision: str | None = None
    week: Week = (2, 2, 2, 2, 2, 0, 0)
    other_week: Week | None = None
    other_from: date | None = None
    off: Days = ()
    on: Days = ()
    """Weekends that are worked; those of a year settle a year that the library has not announced"""
    half: Days = ()
    """Workdays of which one half is worked."""
    hours: tuple[tuple[int, int], ...] = ((540, 1_080),)


class _Known(msgspec.Struct, frozen=True):
    """What the library knows of a country in one year."""

    off: dict[date, str]
    on: frozenset[date]
    estimated: bool


def work_calendar(spec: CalendarSpec, years: range) -> WorkCalendar:
    """The calendar of those years. ``ValueError`` for an unknown country or subdivision.

    Also for a day that the tenant says is both off and worked.
    """
    known = _known(spec, years)
    off, on, half = (frozenset(dict(days)) for days in (spec.off, spec.on, spec.half))
    return WorkCalendar(
        id=spec.id,
        week=spec.week,
        other_week=spec.other_week,
        other_from=spec.other_from,
        off=off | {day for one in known.values() for day in one.off} - on - half,
        on=on | {day for one in known.values() for day in one.on} - off - half,
        half=half,
        provisional=frozenset(year for year in known if _provisional(spec, year, known[year])),
        hours=spec.hours,
    )


def names(spec: CalendarSpec, years: range, language: Language = "en") -> dict[date, str]:
    """What the special days of those years are called, working weekends included, ascending.

    In the country's language where the library has not the one asked for; the tenant's own names
    as they are.
    """
    named: dict[date, str] = {}
    for one in _known(spec, years, language).values():
        named |= one.off | dict.fromkeys(one.on, _WORKING[language])
    for day, name in spec.on:
        named[day] = name or _WORKING[language]
    for day, name in (*spec.half, *spec.off):
        named[day] = name or named.get(day, "")
    return dict(sorted(named.items()))


def check(country: str, subdivision: str | None = None) -> None:
    """``ValueError`` for a country or subdivision that the library has not, with what is near."""
    countries = holidays.list_supported_countries(include_aliases=True)
    if country not in countries:
        raise ValueError(f"no country {country!r} in the holiday library{_near_country(country)}")
    if subdivision is not None and subdivision not in countries[country]:
        near = _near(subdivision, {one.casefold(): one for one in countries[country]})
        none = "" if countries[country] else "; it has none"
        raise ValueError(f"no subdivision {subdivision!r} of {country}{near or none}")


def _known(spec: CalendarSpec, years: range, language: Language = "en") -> dict[int, _Known]:
    if spec.country is None:
        return {}
    check(spec.country, spec.subdivision)
    return {year: _of(spec.country, spec.subdivision, year, language) for year in years}


def _provisional(spec: CalendarSpec, year: int, known: _Known) -> bool:
    if spec.country is None or any(day.year == year for day, _ in spec.on):
        return False
    announced = _announced(spec.country)
    return known.estimated or (announced is not None and year > announced)


@lru_cache(maxsize=4_096)
def _of(country: str, subdivision: str | None, year: int, language: Language) -> _Known:
    # With the years beside it: the weekend before a New Year on Monday belongs to its holiday.
    found = _library(country, subdivision, range(year - 1, year + 2), language)
    off = dict(found.items())
    if _announced(country) is not None:
        off |= _long_weekends(off, found.weekend_workdays, found.weekend)
    off = {day: off[day] for day in sorted(off) if day.year == year}
    on = frozenset(day for day in found.weekend_workdays if day.year == year)
    return _Known(off, on, _estimated(found, off))


def _library(
    country: str, subdivision: str | None, years: range, language: Language | None
) -> holidays.HolidayBase:
    spoken = _spoken(country, language) if language else None
    return holidays.country_holidays(
        country, subdiv=subdivision, years=years, expand=False, language=spoken
    )


def _long_weekends(off: dict[date, str], on: set[date], weekend: set[int]) -> Days:
    """Days of weekends that adjoin holidays, where those are exchanged: nobody works them.

    The library lists them only where the week would have them worked, yet in a big week it has.
    """
    found: dict[date, str] = {}
    for day, name in off.items():
        for step in (_DAY, -_DAY):
            beside = day + step
            while beside.weekday() in weekend and beside not in on:
                if beside not in off:
                    found.setdefault(beside, name)
                beside += step
    return tuple(found.items())


def _estimated(found: holidays.HolidayBase, off: dict[date, str]) -> bool:
    """Whether the library says of a holiday that its day is an estimate (moon sightings)."""
    mark = found.tr(getattr(found, "estimated_label", "")).replace("%s", "").strip(" ()（）")
    return bool(mark) and any(mark in name for name in off.values())


@lru_cache(maxsize=512)
def _announced(country: str) -> int | None:
    """The last year whose working weekends are known; None where weekends are not exchanged."""
    last = _last_exchange(country)
    age = _last_exchange(REFERENCE) or 0
    return last if last is not None and last >= age - STOPPED_AFTER else None


@lru_cache(maxsize=512)
def _last_exchange(country: str) -> int | None:
    found = _library(country, None, range(FIRST_KNOWN, LAST_SEARCHED), None)
    return max((day.year for day in found.weekend_workdays), default=None)


@lru_cache(maxsize=512)
def _spoken(country: str, language: Language) -> str | None:
    """The library's name of a language, simplified Chinese first; None where it has it not."""
    languages = _library(country, None, range(0), None).supported_languages
    return next((one for one in sorted(languages) if one.startswith(language)), None)


def _near_country(country: str) -> str:
    words: dict[str, str] = {}
    for module, (name, code, *aliases) in registry.COUNTRIES.items():
        for word in (module.replace("_", " "), name, code, *aliases):
            words[word.casefold()] = code
    return _near(country, words)


def _near(written: str, words: dict[str, str]) -> str:
    close = list(_closest(written.casefold(), words))
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _closest(written: str, words: dict[str, str]) -> Iterator[str]:
    """What the nearest words stand for, each once; only itself where a word is exactly right."""
    near = [written] if written in words else get_close_matches(written, words, n=3, cutoff=0.75)
    yield from dict.fromkeys(words[word] for word in near)
