"""Quiet: when somebody was last active.

In: reps, a moment. Out: the instant of each one's last activity. Guarantee: exact to the minute
within the last seven days, to the day within the two months before; who was quiet for longer is as
quiet as somebody who was active on the first day of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from kpi.civil import day_start, local_day
from kpi.panes import DAY, MINUTE
from paceline.progress.reading.directory import Known
from paceline.progress.reading.reader import Contents, Hash, Reader
from paceline.progress.reading.selection import owners_of
from paceline.sql.org import Rep

_MINUTE_DAYS = 7
_MONTHS = 3
_ACTIVITY = "act:"


class Quiet:
    """Reads one Redis."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def last(self, known: Known, reps: Sequence[Rep], at: int) -> dict[str, int]:
        """Rep -> ms UTC of the last activity up to ``at``; absent: never within three months."""
        place = self._reader.place(known.org.tenant, known.org.connections)
        live = await self._reader.meaning(place)
        if live is None:
            return {}
        spans = [("m", str(at // DAY - n)) for n in range(_MINUTE_DAYS + 1)]
        spans += [("d", one) for one in _months(at)]
        owners = [owner for rep in reps for owner in owners_of(rep)]
        hashes: list[Hash] = [(owner, grain, span) for owner in owners for grain, span in spans]
        _, contents = await self._reader.read(place, owners, live[0], hashes)
        found: dict[str, int] = {}
        for rep in reps:
            own = set(owners_of(rep))
            instants = [
                instant
                for (owner, grain, span), held in contents.items()
                if owner in own
                for instant in _instants(grain, span, held, rep.zone)
                if instant <= at
            ]
            if instants:
                found[rep.id] = max(instants)
        return found


def _months(at: int) -> list[str]:
    day = local_day(at, "UTC") + timedelta(days=1)
    found = []
    for _ in range(_MONTHS):
        found.append(f"{day:%Y%m}")
        day = day.replace(day=1) - timedelta(days=1)
    return found


def _instants(grain: str, span: str, held: Contents, zone: str) -> list[int]:
    found = []
    for field, amount in held.items():
        measure, _, pane = field.rpartition(":")
        if amount <= 0 or not measure.startswith(_ACTIVITY):
            continue
        if grain == "m":
            found.append(int(span) * DAY + int(pane) * MINUTE)
        else:
            day = date(int(span[:4]), int(span[4:]), int(pane))
            found.append(day_start(day, zone))
    return found
