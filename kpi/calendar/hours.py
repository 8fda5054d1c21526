"""Working time: how long somebody has worked between two instants, and when so much will be over.

In: a person's calendar, leave and zone, instants in ms UTC. Out: milliseconds. Guarantee: time
outside of working hours counts nothing; a half day passes over the same hours at half the speed;
``later`` is the first instant at which ``between`` reaches what was asked for.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from kpi.calendar.workdays import FULL, Leave, WorkCalendar, halves
from kpi.civil import day_start, local_day

HOUR = 3_600_000
_MINUTE = 60_000
_DAY = timedelta(days=1)
LONGEST_DAYS = 400
"""Nothing is looked for further away: who never works is waited for no longer."""


class Hours(NamedTuple):
    """When somebody works."""

    calendar: WorkCalendar
    zone: str
    leaves: tuple[Leave, ...] = ()

    def between(self, start: int, end: int) -> int:
        """Milliseconds worked from ``start`` to ``end``; none where ``end`` lies before."""
        worked = 0
        day, last = local_day(start, self.zone), local_day(end, self.zone)
        first = max(day, last - timedelta(days=LONGEST_DAYS))
        while first <= last:
            worked += sum(
                speed * max(0, min(end, high) - max(start, low)) // FULL
                for low, high, speed in self._spans(first)
            )
            first += _DAY
        return worked

    def later(self, start: int, worked: int) -> int:
        """The instant at which ``worked`` ms have been worked since ``start``.

        ``start`` itself for nothing; ``LONGEST_DAYS`` later where so much is never worked.
        """
        if worked <= 0:
            return start
        left = worked
        day = local_day(start, self.zone)
        for number in range(LONGEST_DAYS):
            for low, high, speed in self._spans(day + number * _DAY):
                begins = max(start, low)
                here = speed * max(0, high - begins) // FULL
                if here >= left:
                    return begins + -(-left * FULL // speed)
                left -= here
        return start + LONGEST_DAYS * 24 * HOUR

    def _spans(self, day: date) -> list[tuple[int, int, int]]:
        """Working spans of a day, ms UTC, half-open, with the halves at which they pass."""
        speed = halves(self.calendar, self.leaves, day)
        if not speed:
            return []
        midnight = day_start(day, self.zone)
        return [
            (midnight + low * _MINUTE, midnight + high * _MINUTE, speed)
            for low, high in self.calendar.hours
        ]
