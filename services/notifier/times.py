"""Times: when a person may be pushed, and when the digest comes.

In: a tenant's settings of alerting, a person's calendar and zone, an instant. Out: instants, ms
UTC. Guarantee: pure; never before the instant asked about; nobody is pushed in quiet hours, nor on
a day off unless the settings say so.
"""

from __future__ import annotations

from datetime import date, timedelta

from kpi.calendar.hours import Hours
from kpi.calendar.workdays import halves
from kpi.civil import day_start, local_day
from paceline.sql.stored import Alerting

_MINUTE = 60_000
_LOOKED_AT = 30
_DAY = timedelta(days=1)


def pushable(settings: Alerting, hours: Hours, at: int) -> int:
    """The first instant from ``at`` on at which the person may be pushed."""
    day = local_day(at, hours.zone)
    for number in range(_LOOKED_AT):
        there = day + number * _DAY
        if not _works(settings, hours, there):
            continue
        midnight = day_start(there, hours.zone)
        moment = max(at, midnight)
        for low, high in sorted(settings.quiet):
            if midnight + low * _MINUTE <= moment < midnight + high * _MINUTE:
                moment = midnight + high * _MINUTE
        if local_day(moment, hours.zone) == there:
            return moment
    return at


def next_digest(settings: Alerting, hours: Hours, at: int) -> int:
    """The next digest after ``at``."""
    day = local_day(at, hours.zone)
    for number in range(_LOOKED_AT):
        there = day + number * _DAY
        moment = day_start(there, hours.zone) + settings.digest * _MINUTE
        if moment > at and _works(settings, hours, there):
            return moment
    return at


def workdays_later(hours: Hours, at: int, days: int) -> int:
    """The same wall clock so many own workdays later."""
    day = local_day(at, hours.zone)
    since = at - day_start(day, hours.zone)
    left = days
    for _ in range(days * 4 + _LOOKED_AT):
        if not left:
            break
        day += _DAY
        left -= bool(halves(hours.calendar, hours.leaves, day))
    return day_start(day, hours.zone) + since


def muted(settings: Alerting, hours: Hours, rule: str, at: int) -> bool:
    """Whether a mute window covers the instant for a rule."""
    day = local_day(at, hours.zone)
    return any(
        one.first <= day <= one.last and (not one.rules or rule in one.rules)
        for one in settings.mute
    )


def _works(settings: Alerting, hours: Hours, day: date) -> bool:
    return settings.free_days or bool(halves(hours.calendar, hours.leaves, day))
