"""Instants to civil days and back, by IANA zone.

In: integer milliseconds UTC and a zone name. Out: the local day. Guarantee: daylight saving and
moves of the zone are those of the tz database; a local day has 23, 24 or 25 hours (and 23.5 on
Lord Howe).
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.meaning import Meaning

_MINUTE = 60_000
"""Since 1973 every offset and every change of one falls on a minute; some not on a quarter."""

_HOURS = (12, 0, 23)
"""Of a civil day, in the order in which they stand for it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_day(instant: int, zone: str) -> date:
    """The civil day of an instant (from 1973 on) in a zone."""
    return _day_of_minute(instant // _MINUTE, zone)


def day_start(day: date, zone: str) -> int:
    """The first instant of a civil day, ms UTC; after the gap where midnight is skipped."""
    return _at(day, 0, zone)


def zone_of(meaning: Meaning, owner: str, instant: int) -> str:
    """The zone of an owner key at an instant: its own, else the tenant's."""
    spans = meaning.owner_zones.get(owner)
    if not spans:
        return meaning.zone
    return spans[max(0, bisect_right(spans, (instant, "\U0010ffff")) - 1)][1]


def within_day(meaning: Meaning, owner: str, day: date) -> int:
    """An instant (ms UTC) that falls on a civil day of the owner: noon, where he is then.

    For what has a date and no time. Where he moves on that day and noon is not his, the first hour
    of it or the last; a day that he has left out altogether gives the noon of his first zone.
    """
    zones = [zone for _, zone in meaning.owner_zones.get(owner) or ((0, meaning.zone),)]
    instants = [_at(day, hour, zone) for hour in _HOURS for zone in zones]
    for instant in instants:
        if local_day(instant, zone_of(meaning, owner, instant)) == day:
            return instant
    return instants[0]


def _at(day: date, hour: int, zone: str) -> int:
    local = datetime(day.year, day.month, day.day, hour, tzinfo=_zone(zone))
    return round((local.astimezone(UTC) - _EPOCH) / timedelta(milliseconds=1))


@lru_cache(maxsize=131_072)
def _day_of_minute(minute: int, zone: str) -> date:
    return (_EPOCH + timedelta(minutes=minute)).astimezone(_zone(zone)).date()


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
