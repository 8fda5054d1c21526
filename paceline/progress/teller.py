"""Progress: a selection's numbers within a period, from Redis and the organisation.

In: an organisation, a selection, a question. Out: an answer and its ETag, or only the ETag where
whoever asks has that state already. Guarantee: what is answered under an ETag is exactly what it
names.

Round trips to Redis. One person: one, with head, panes and the past in one transaction; a second
one only when an event of an earlier day arrived since the past was read. A team: one for the head,
which is all that a 304 needs, one for whoever changed; what people did in like periods is read once
a day, at most 400 hashes at a time. Besides, once for each tenant and process: the meaning of a new
generation, and what was heard lately of a source that is quiet for longer than a workday.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kpi.periods import Span
from kpi.reading import add
from paceline.progress.compose import Answer, Sheet, compose
from paceline.progress.judging.desk import Desk, Past, Read
from paceline.progress.reading.directory import Known
from paceline.progress.reading.likes import Series
from paceline.progress.reading.pasts import Pasts, Study
from paceline.progress.reading.reader import Head, Place, Reader
from paceline.progress.reading.recent import RecentParts
from paceline.progress.reading.rhythm import Rhythms
from paceline.progress.reading.selection import Part, Selection
from paceline.progress.reading.tally import Folded, Line, Tallied, Tally
from paceline.progress.reading.windows import Question
from paceline.sql.org import Rep
from schemas.meaning import Meaning

_ATTEMPTS = 5
_MINUTE = 60_000


class SwitchedError(Exception):
    """The numbers were being switched again and again while they were read."""


class Told(msgspec.Struct, frozen=True):
    """An answer; None where the caller's ETag still holds."""

    etag: str
    answer: Answer | None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request: who asks whose numbers of which period, and which KPIs."""

    known: Known
    """The tenant's organisation and plan."""
    place: Place
    chosen: Selection
    question: Question
    kpis: tuple[str, ...] | None
    if_none_match: str

    @property
    def alone(self) -> bool:
        """One person is read at once; for several it pays to ask first who changed."""
        return self.chosen.subject.kind == "rep"


class Lines(msgspec.Struct, frozen=True):
    """What an answer is made of: parts, and the sums of their lines of the days that count."""

    generation: int
    meaning: Meaning
    parts: Sequence[Part]
    sums: Mapping[str, int]
    versions: Mapping[str, int]


class Teller:
    """Answers questions about progress."""

    def __init__(self, reader: Reader, live: Reader | None = None) -> None:
        """``live``: who tells what is learnt from the past, where it is not the same reader."""
        self.reader = reader
        self._tally = Tally(reader)
        self._pasts = Pasts(live or reader)
        self._rhythms = Rhythms(reader)
        self._desk = Desk()
        self._recent = RecentParts()

    async def tell(
        self,
        known: Known,
        chosen: Selection,
        question: Question,
        if_none_match: str = "",
        kpis: tuple[str, ...] | None = None,
    ) -> Told:
        """The answer; ``UnreadableError`` where the window is no longer kept."""
        place = self.reader.place(known.org.tenant, known.org.connections)
        asked = Asked(
            known=known,
            place=place,
            chosen=chosen,
            question=question,
            kpis=kpis,
            if_none_match=if_none_match,
        )
        for _ in range(_ATTEMPTS):
            told = await self._try(asked)
            if told is not None:
                return told
            self.reader.forget(place.tenant)
        raise SwitchedError

    async def lines(self, known: Known, chosen: Selection, question: Question) -> Lines | None:
        """The lines of an answer; None before the first generation, or while one is switched."""
        place = self.reader.place(known.org.tenant, known.org.connections)
        live = await self.reader.meaning(place)
        if live is None:
            return None
        head = await self.reader.head(place, chosen.owners)
        generation, meaning = live
        parts = self._recent.of(known, chosen, question, meaning, head.versions)
        wanted = [line for part in parts for line in part.lines]
        rates = known.plan.rates
        found = await self._tally.read(place, generation, wanted, question.now, head, (), rates)
        if found is None:
            self.reader.forget(place.tenant)
            return None
        sums = add(one.sums for one in found.folded)
        return Lines(generation, meaning, parts, sums, found.head.versions)

    async def head(self, known: Known, question: Question) -> tuple[Head, dict[str, int]]:
        """The head of the tenant, without versions, and the sources that are silent."""
        place = self.reader.place(known.org.tenant, known.org.connections)
        head = await self.reader.head(place, ())
        return head, await self._rhythms.silent(known, place, head, question)

    async def weeks(
        self, known: Known, chosen: Selection, question: Question
    ) -> list[tuple[Rep, Series, tuple[Span, ...]]]:
        """What people did in the twelve whole weeks before this one, for suggestions."""
        place = self.reader.place(known.org.tenant, known.org.connections)
        live = await self.reader.meaning(place)
        if live is None:
            return []
        found = await self._pasts.weeks(known, place, live[0], chosen, question)
        return found or []

    async def _try(self, asked: Asked) -> Told | None:
        """An answer, None where the generation was switched meanwhile."""
        live = await self.reader.meaning(asked.place)
        if live is None:
            return await self._before_the_first(asked)
        if asked.alone:
            return await self._read(asked, live, None)
        head = await self.reader.head(asked.place, asked.chosen.owners)
        if head.generation != live[0]:
            return None
        if asked.if_none_match:
            unchanged = await self._unchanged(asked, head)
            if unchanged is not None:
                return unchanged
        return await self._read(asked, live, head)

    async def _unchanged(self, asked: Asked, head: Head) -> Told | None:
        silent = await self._silent(asked, head)
        etag = _etag(asked, head, silent)
        return Told(etag, None) if _matches(asked.if_none_match, etag) else None

    async def _read(
        self, asked: Asked, live: tuple[int, Meaning], head: Head | None
    ) -> Told | None:
        generation, meaning = live
        parts = self._parts(asked, meaning, head.versions if head else ())
        study = self._pasts.study(
            asked.known, asked.place, generation, asked.chosen, parts, asked.question
        )
        lines = [line for part in parts for line in _lines(part)]
        more, rates = study.first(head), asked.known.plan.rates
        apart = self._pasts.reader is not self.reader
        tallied = await self._tally.read(
            *(asked.place, generation, lines, asked.question.now, head),
            () if apart else more,
            rates,
        )
        if tallied is None:
            return None
        fresh, contents = tallied.fresh, tallied.contents
        if apart:
            owners = list(dict.fromkeys(one[0] for one in more))
            fresh, contents = await self._pasts.reader.read(asked.place, owners, generation, more)
        if not await study.finish(fresh, contents):
            return None
        return await self._told(asked, parts, study, tallied)

    async def _told(
        self, asked: Asked, parts: Sequence[Part], study: Study, tallied: Tallied
    ) -> Told:
        silent = await self._silent(asked, tallied.head)
        etag = _etag(asked, tallied.head, silent)
        if _matches(asked.if_none_match, etag):
            return Told(etag, None)
        since = _since(asked, tallied.head, silent)
        reads, gates = _reads(parts, tallied.folded, since, study)
        sheet = _sheet(asked, tallied.head, reads, gates, study.group())
        return Told(etag, compose(sheet, self._desk))

    async def _before_the_first(self, asked: Asked) -> Told | None:
        """No generation is live yet: everything is 0, in the zones of the configuration."""
        head = await self.reader.head(asked.place, asked.chosen.owners)
        if head.generation is not None:
            return None
        etag = _etag(asked, head, {})
        if _matches(asked.if_none_match, etag):
            return Told(etag, None)
        parts = self._parts(asked, None, ())
        nothing = [Folded({}, {}) for part in parts for _ in _lines(part)]
        reads, gates = _reads(parts, nothing, {}, None)
        return Told(etag, compose(_sheet(asked, head, reads, gates, None), self._desk))

    def _parts(self, asked: Asked, meaning: Meaning | None, versions: Iterable[str]) -> list[Part]:
        return self._recent.of(asked.known, asked.chosen, asked.question, meaning, versions)

    async def _silent(self, asked: Asked, head: Head) -> dict[str, int]:
        return await self._rhythms.silent(asked.known, asked.place, head, asked.question)


def _lines(part: Part) -> list[Line]:
    """All lines of a part, in the order in which ``_reads`` takes them."""
    return [*part.lines, *part.wins, *(line for _, lines in part.gates for line in lines)]


def _reads(
    parts: Sequence[Part],
    folded: Iterable[Folded],
    since: Mapping[str, int],
    study: Study | None,
) -> tuple[list[Read], dict[Span, dict[str, int]]]:
    taken = iter(folded)
    reads: list[Read] = []
    gates: dict[Span, dict[str, int]] = {}
    for part in parts:
        own = tuple(next(taken) for _ in part.lines)
        wins = tuple(next(taken) for _ in part.wins)
        for span, lines in part.gates:
            gates[span] = add(next(taken).reported for _ in lines)
        past = study.of(part) if study else None
        quiet = [since[one] for owner in part.owners if (one := owner.partition("/")[0]) in since]
        reads.append(Read(part, own, wins, past, min(quiet, default=None)))
    return reads, gates


def _sheet(
    asked: Asked,
    head: Head,
    reads: Sequence[Read],
    gates: Mapping[Span, Mapping[str, int]],
    past: Past | None,
) -> Sheet:
    return Sheet(
        known=asked.known,
        subject=asked.chosen.subject,
        question=asked.question,
        kpis=asked.kpis,
        reads=reads,
        past=past,
        gates=gates,
        head=head,
    )


def _since(asked: Asked, head: Head, silent: Mapping[str, int]) -> dict[str, int]:
    """Connection -> since when its data is incomplete; all of them while numbers are restored."""
    if not head.restoring:
        return dict(silent)
    now = head.clock or asked.question.now
    return {one: min(now, silent.get(one, now)) for one in asked.known.org.connections}


def _etag(asked: Asked, head: Head, silent: Mapping[str, int]) -> str:
    question, subject = asked.question, asked.chosen.subject
    state = (
        head.incarnation,
        head.generation,
        head.restoring,
        asked.known.digest,
        sorted(head.versions.items()),
        sorted(silent.items()),
        question.now // _MINUTE,
        (subject.kind, subject.id, question.period, asked.kpis),
        # Without ``at`` the moment is now, and the minute stands for it.
        None if question.is_now else str(question.moment),
    )
    return f'W/"{hashlib.sha256(msgspec.json.encode(state)).hexdigest()[:24]}"'


def _matches(if_none_match: str, etag: str) -> bool:
    """Whether one of the listed tags is this one, by the weak comparison of RFC 9110."""
    listed = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in listed or etag.removeprefix("W/") in listed
