"""Pasts: which past an answer needs, read with it, and handed out person by person.

In: a selection's parts, one round trip's worth of hashes. Out: ``Past`` of each person and of the
group. Guarantee: of one person nothing is read twice while the past stands still; selections of
more than ``MOST`` people are answered without their past (by workdays, without probability).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date

from kpi.calendar.fiscal import period_of
from kpi.organisation import stays, team_on
from kpi.panes import DAY
from kpi.periods import Span
from paceline.progress.judging.desk import Past, presence_of
from paceline.progress.reading.directory import Known
from paceline.progress.reading.history import Histories, Wanted, chunks, hashes_of
from paceline.progress.reading.likes import Series, heard, months_of, pasts_of, within
from paceline.progress.reading.pools import MOST as MOST_LEARNT_FROM
from paceline.progress.reading.pools import Pool
from paceline.progress.reading.reader import Contents, Hash, Head, Place, Reader
from paceline.progress.reading.selection import Part, Selection, memberships_of, owners_of
from paceline.progress.reading.windows import Question
from paceline.sql.org import Rep

MOST = 500
_POOLS = 2_000

_Spans = tuple[Span, ...]


class Pasts:
    """The pasts that this process knows."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.histories = Histories()
        self.pools: OrderedDict[tuple[object, ...], Pool] = OrderedDict()
        self.groups: OrderedDict[tuple[object, ...], tuple[list[Series], Series]] = OrderedDict()

    def study(
        self,
        known: Known,
        place: Place,
        generation: int,
        chosen: Selection,
        parts: Sequence[Part],
        question: Question,
    ) -> Study:
        """What one answer needs to know of the past."""
        return Study(self, known, place, generation, chosen, parts, question)

    async def weeks(
        self, known: Known, place: Place, generation: int, chosen: Selection, question: Question
    ) -> list[tuple[Rep, Series, _Spans]]:
        """The twelve whole weeks before this one, person by person."""
        week = period_of(question.fiscal, "week", question.day_in(known.plan.zone))
        spans = pasts_of(question, week).learn
        months = months_of(spans)
        wanted = [(owner, months) for rep in chosen.reps for owner in owners_of(rep)]
        head = await self.reader.head(place, [owner for owner, _ in wanted])
        kpis, histories = known.kpis, self.histories
        for some in chunks(histories.missing(place, generation, kpis, wanted, head)):
            owners = [owner for owner, _ in some]
            fresh, contents = await self.reader.read(place, owners, generation, hashes_of(some))
            histories.take(place, generation, kpis, some, contents, fresh)
        return [
            (rep, histories.of(place, generation, kpis, owners_of(rep), months), spans)
            for rep in chosen.reps
        ]

    def keep(self, key: tuple[object, ...], pool: Pool) -> None:
        """A team's pool, for the day."""
        self.pools[key] = pool
        if len(self.pools) > _POOLS:
            self.pools.popitem(last=False)


class Study:
    """The past that one answer needs."""

    def __init__(
        self,
        pasts: Pasts,
        known: Known,
        place: Place,
        generation: int,
        chosen: Selection,
        parts: Sequence[Part],
        question: Question,
    ) -> None:
        self._pasts, self._known = pasts, known
        self._place, self._generation, self._chosen = place, generation, chosen
        self._question = question
        self._checked = False
        people = [part for part in parts if part.subject.kind == "rep"]
        period = people[0].window.period if people and len(chosen.reps) <= MOST else None
        self._past = pasts_of(question, period)
        self._all: _Spans = tuple(dict.fromkeys((*self._past.likes, *self._past.learn)))
        self._months = months_of(self._all)
        self._day = min((part.window.through_day for part in people), default=date.min)
        self._asked: list[Wanted] = []
        self._later: list[list[Wanted]] = []
        self._own = [self._wanted(owner) for rep in chosen.reps for owner in owners_of(rep)]
        self._teams = dict.fromkeys(part.team for part in people if part.team is not None)

    def first(self, head: Head | None) -> list[Hash]:
        """Month hashes to read in the answer's own round trip; others are for ``finish``."""
        self._checked = head is not None
        if not self._months:
            return []
        wanted = [*self._own, *self._of_pools()]
        missing = self._missing(wanted, head)
        if not missing:
            return []
        self._asked, *self._later = chunks(missing)
        return hashes_of(self._asked)

    async def finish(self, head: Head, contents: Mapping[Hash, Contents]) -> bool:
        """Keep what was read, read what is left; False where another generation is live."""
        self._take(self._asked, contents, head)
        # A team's head was asked first; of one person the versions are known only now.
        stale = [] if self._checked else self._missing(self._own, head)
        for some in [*self._later, *(chunks(stale) if stale else ())]:
            owners = [owner for owner, _ in some]
            reader = self._pasts.reader
            fresh, more = await reader.read(self._place, owners, self._generation, hashes_of(some))
            if fresh.generation != self._generation:
                return False
            self._take(some, more, fresh)
        return True

    def of(self, part: Part) -> Past | None:
        """A person's past."""
        if part.subject.kind != "rep" or not self._months:
            return None
        series = self._series(part.owners)
        pool = self._pool(part.team) if part.team is not None else None
        learn = pool.spans if pool else heard(self._past.learn, [series])
        return Past(series, learn, pool, heard(self._past.likes, [series]))

    def group(self) -> Past | None:
        """The past of a team or the organisation: everybody's, on their days in it."""
        if not self._months or self._chosen.subject.kind == "rep":
            return None
        found = [self._series(tuple(owners_of(rep))) for rep in self._chosen.reps]
        subject = self._chosen.subject
        key = (self._place.tenant, subject.kind, subject.id, self._known.digest, self._past)
        held = self._pasts.groups.get(key)
        if held is None or not _same(held[0], found):
            spans = [self._days_of(rep) for rep in self._chosen.reps]
            held = (found, within(zip(found, spans, strict=True)))
            self._pasts.groups[key] = held
            if len(self._pasts.groups) > _POOLS:
                self._pasts.groups.popitem(last=False)
        likes, learn = (heard(spans, [held[1]]) for spans in self._past)
        return Past(held[1], learn, None, likes)

    def _days_of(self, rep: Rep) -> _Spans:
        if self._chosen.tree is None:
            return self._all
        dated = memberships_of(self._known.plan, rep)
        return tuple(one for span in self._all for one in stays(dated, self._chosen.tree, span))

    def _wanted(self, owner: str) -> Wanted:
        return owner, self._months

    def _series(self, owners: Sequence[str]) -> Series:
        histories, kpis = self._pasts.histories, self._known.kpis
        return histories.of(self._place, self._generation, kpis, owners, self._months)

    def _missing(self, wanted: Sequence[Wanted], head: Head | None) -> list[Wanted]:
        histories, kpis = self._pasts.histories, self._known.kpis
        return histories.missing(self._place, self._generation, kpis, wanted, head)

    def _take(
        self, wanted: Sequence[Wanted], contents: Mapping[Hash, Contents], head: Head
    ) -> None:
        histories, kpis = self._pasts.histories, self._known.kpis
        histories.take(self._place, self._generation, kpis, wanted, contents, head)

    def _of_pools(self) -> list[Wanted]:
        """The owners of teams whose pool is not known yet."""
        unknown = [team for team in self._teams if self._key(team) not in self._pasts.pools]
        people = [rep for team in unknown for rep in self._people(team)]
        return [self._wanted(owner) for rep in people for owner in owners_of(rep)]

    def _people(self, team: str) -> list[Rep]:
        """Who is directly in a team on the day, at most so many, by id."""
        plan = self._known.plan
        found = (
            rep
            for rep in self._known.org.reps.values()
            if team_on(memberships_of(plan, rep), self._day) == team
        )
        return [rep for rep, _ in zip(found, range(MOST_LEARNT_FROM), strict=False)]

    def _pool(self, team: str) -> Pool:
        key = self._key(team)
        found = self._pasts.pools.get(key)
        if found is None:
            plan = self._known.plan
            people = [
                (self._series(tuple(owners_of(rep))), presence_of(plan, plan.reps.get(rep.id)))
                for rep in self._people(team)
            ]
            found = Pool(people, self._past.learn)
            self._pasts.keep(key, found)
        return found

    def _key(self, team: str) -> tuple[object, ...]:
        known, now = self._known, self._question.now
        who = (team, self._day)  # who was in the team depends on the day asked about
        return (self._place.tenant, self._generation, known.digest, who, self._past, now // DAY)


def _same(held: Sequence[Series], found: Sequence[Series]) -> bool:
    """Whether they are of the same people, and nobody's was made anew."""
    return len(held) == len(found) and all(a is b for a, b in zip(held, found, strict=True))
