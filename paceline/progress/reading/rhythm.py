"""Rhythms: which sources are silent now, their usual rhythm learnt where nothing is configured.

In: a tenant, its head. Out: connection -> ms UTC of its last event. Guarantee: nothing more is read
while every source was heard within a workday; a rhythm is read at most once a day and process.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, timedelta
from fractions import Fraction

from kpi.civil import local_day
from paceline.progress.reading.directory import Known
from paceline.progress.reading.reader import Contents, Hash, Head, Place, Reader
from paceline.progress.reading.sources import allowed, overdue, quiet_workdays
from paceline.progress.reading.windows import Question, day_slices
from paceline.sql.org import Org
from schemas.envelope import owner_key

_SECOND = 1_000
_OWNERS = 20
"""So many owners of a connection stand for all of them, by id."""
_LOOK_BACK = timedelta(days=45)
"""Holds twenty workdays, whatever the holidays."""
_LIMIT = 2_000


class Rhythms:
    """What is known of sources."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._allowed: OrderedDict[tuple[object, ...], Fraction | None] = OrderedDict()

    async def silent(
        self, known: Known, place: Place, head: Head, question: Question
    ) -> dict[str, int]:
        """The sources that are quiet for longer than they should, last heard before the moment."""
        plan = known.plan
        quiet_after = {one: s * _SECOND for one, s in plan.quiet_after.items()}
        moment = question.moment.instant_in(plan.zone)
        enabled = {
            one: at
            for one, at in head.seen.items()
            if one in known.org.connections and known.org.connections[one].enabled
        }
        found = overdue(enabled, quiet_after, question.now, moment)
        for one, at in enabled.items():
            if (
                one not in quiet_after
                and at < moment
                and await self._paused(known, place, head, question, one, at)
            ):
                found[one] = at
        return found

    async def _paused(
        self, known: Known, place: Place, head: Head, question: Question, one: str, at: int
    ) -> bool:
        plan = known.plan
        quiet = quiet_workdays(at, question.now, plan.calendars[plan.calendar], plan.zone)
        if quiet <= 1 or head.generation is None:
            return False
        usual = await self._usual(known, place, head.generation, one, local_day(at, plan.zone))
        return usual is not None and quiet > usual

    async def _usual(
        self, known: Known, place: Place, generation: int, one: str, last: date
    ) -> Fraction | None:
        """Learnt from the days before the last event: the silence itself is no rhythm."""
        plan = known.plan
        key = (place.tenant, generation, known.digest, one, last)
        if key not in self._allowed:
            heard = await self._heard(known.org, place, generation, one, last)
            self._allowed[key] = allowed(heard, last, plan.calendars[plan.calendar])
            if len(self._allowed) > _LIMIT:
                self._allowed.popitem(last=False)
        return self._allowed[key]

    async def _heard(
        self, org: Org, place: Place, generation: int, one: str, last: date
    ) -> set[date]:
        owners = sorted(
            owner_key(one, owner.owner)
            for rep in org.reps.values()
            for owner in rep.owners
            if owner.connection == one
        )[:_OWNERS]
        slices = day_slices(last - _LOOK_BACK, last)
        hashes: list[Hash] = [(owner, s.grain, s.span) for owner in owners for s in slices]
        _, contents = await self._reader.read(place, owners, generation, hashes)
        return {day for hash_, held in contents.items() for day in _days(hash_[2], held)}


def _days(span: str, held: Contents) -> set[date]:
    year, month = int(span[:4]), int(span[4:])
    return {date(year, month, int(field.rpartition(":")[2])) for field in held}
