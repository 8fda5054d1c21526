"""Progress: a selection's numbers within a period, from Redis and the organisation.

In: a caller, a selection of reps, a question. Out: a ``Progress`` and its ETag, or only the ETag
where the caller has that state already. Guarantee: an ETag is found with one round trip to Redis,
before any pane is read; what is answered under it is exactly what it names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from kpi.civil import day_start, zone_of
from paceline.sql.org import Org, Rep
from schemas.envelope import owner_key
from schemas.meaning import Meaning
from services.api.access import Caller
from services.api.answers import Progress, Subject
from services.api.compose import Part, compose
from services.api.problems import unavailable
from services.api.reader import Head, Place, Reader
from services.api.tally import Folded, Line, Tally
from services.api.windows import Question, Window, window

_ATTEMPTS = 5
_MINUTE = 60_000


class Selection(msgspec.Struct, frozen=True):
    """Whose numbers are added up; ``others``: owners that are no known rep too."""

    subject: Subject
    reps: tuple[Rep, ...]
    others: bool = False


class Told(msgspec.Struct, frozen=True):
    """An answer; ``progress`` is None where the caller's ETag still holds."""

    etag: str
    progress: Progress | None


class _Asked(msgspec.Struct, frozen=True):
    caller: Caller
    place: Place
    chosen: Selection
    question: Question
    if_none_match: str

    def etag(self, head: Head) -> str:
        return _etag(head, self.caller, self.chosen, self.question)

    def parts(self, meaning: Meaning | None, versions: Iterable[str]) -> list[Part]:
        return _parts(self.caller.org, self.chosen, self.question, meaning, versions)

    def told(self, parts: list[Part], folded: Iterable[Folded], head: Head) -> Told:
        taken = iter(folded)
        for part in parts:
            part.folded = [next(taken) for _ in part.lines]
        subject = self.chosen.subject
        return Told(self.etag(head), compose(self.caller.org, subject, self.question, parts, head))


class Teller:
    """Answers questions about progress."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._tally = Tally(reader)

    async def tell(
        self, caller: Caller, chosen: Selection, question: Question, if_none_match: str = ""
    ) -> Told:
        """The answer; ``UnreadableError`` where the window is no longer kept."""
        place = self.reader.place(caller.org.tenant, caller.org.connections)
        asked = _Asked(caller, place, chosen, question, if_none_match)
        for _ in range(_ATTEMPTS):
            told = await self._try(asked)
            if told is not None:
                return told
            self.reader.forget(place.tenant)
        raise unavailable("the numbers were being switched while they were read; try again")

    async def head(self, caller: Caller) -> Head:
        """The head of the caller's tenant, without versions."""
        return await self.reader.head(self.reader.place(caller.org.tenant, ()), ())

    async def _try(self, asked: _Asked) -> Told | None:
        """An answer, None where the generation was switched meanwhile."""
        live = await self.reader.meaning(asked.place)
        if live is None:
            return await self._before_the_first(asked)
        head = None
        if _needs_head(asked):
            head = await self.reader.head(asked.place, _owners(asked.chosen))
            if head.generation != live[0]:
                return None
            if _matches(asked.if_none_match, asked.etag(head)):
                return Told(asked.etag(head), None)
        return await self._read(asked, live, head)

    async def _read(
        self, asked: _Asked, live: tuple[int, Meaning], head: Head | None
    ) -> Told | None:
        generation, meaning = live
        parts = asked.parts(meaning, head.versions if head else ())
        lines = [line for part in parts for line in part.lines]
        now = asked.question.now
        tallied = await self._tally.read(asked.place, generation, lines, now, head)
        return None if tallied is None else asked.told(parts, tallied.folded, tallied.head)

    async def _before_the_first(self, asked: _Asked) -> Told | None:
        """No generation is live yet: everything is 0, in the zones of the configuration."""
        head = await self.reader.head(asked.place, _owners(asked.chosen))
        if head.generation is not None:
            return None
        parts = asked.parts(None, ())
        return asked.told(parts, (Folded({}) for part in parts for _ in part.lines), head)


def _owners(chosen: Selection) -> list[str] | None:
    """The owners whose versions matter; None: all that there are."""
    return None if chosen.others else [owner for rep in chosen.reps for owner in owners_of(rep)]


def _needs_head(asked: _Asked) -> bool:
    """One owner's panes are read at once; for several it pays to ask first who changed."""
    owners = _owners(asked.chosen)
    return bool(asked.if_none_match) or owners is None or len(owners) > 1


def owners_of(rep: Rep) -> list[str]:
    """The owner keys of a rep."""
    return [owner_key(owner.connection, owner.owner) for owner in rep.owners]


def unmapped(org: Org, owners: Iterable[str]) -> list[str]:
    """Owner keys that are no known rep, sorted; ``<connection>/`` stands for no owner at all."""
    mapped = {owner for rep in org.reps.values() for owner in owners_of(rep)}
    return sorted(set(owners) - mapped)


def zone_for(rep: Rep, question: Question, meaning: Meaning | None) -> str:
    """The zone whose days a rep's numbers were put into."""
    owners = owners_of(rep)
    if meaning is None or not owners:
        return rep.zone
    moment = question.moment
    instant = day_start(moment.day, rep.zone) if moment.day else moment.instant
    return zone_of(meaning, owners[0], instant)


def _parts(
    org: Org,
    chosen: Selection,
    question: Question,
    meaning: Meaning | None,
    versions: Iterable[str],
) -> list[Part]:
    windows: dict[str, Window] = {}

    def part(subject: Subject, zone: str, owners: Iterable[str]) -> Part:
        if zone not in windows:
            windows[zone] = window(question, zone)
        slices = windows[zone].slices
        return Part(subject, windows[zone], tuple(Line(owner, slices) for owner in owners))

    parts = [
        part(rep_subject(rep), zone_for(rep, question, meaning), owners_of(rep))
        for rep in chosen.reps
    ]
    if chosen.others:
        zone = meaning.zone if meaning else org.zone
        parts += [part(_owner_subject(owner), zone, [owner]) for owner in unmapped(org, versions)]
    return parts


def rep_subject(rep: Rep) -> Subject:
    """A rep as the subject of numbers."""
    return Subject(kind="rep", id=rep.id, name=rep.name, name_zh=rep.name_zh, team=rep.team)


def _owner_subject(owner: str) -> Subject:
    connection, _, name = owner.partition("/")
    return Subject(kind="owner", id=owner, name=name, connection=connection)


def _etag(head: Head, caller: Caller, chosen: Selection, question: Question) -> str:
    state = (
        head.incarnation,
        head.generation,
        head.restoring,
        caller.digest,
        sorted(head.versions.items()),
        question.now // _MINUTE,
        (chosen.subject.kind, chosen.subject.id, question.period),
        # Without ``at`` the moment is now, and the minute stands for it.
        None if question.moment.instant == question.now else str(question.moment),
    )
    return f'W/"{hashlib.sha256(msgspec.json.encode(state)).hexdigest()[:24]}"'


def _matches(if_none_match: str, etag: str) -> bool:
    """Whether one of the listed tags is this one, by the weak comparison of RFC 9110."""
    listed = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in listed or etag.removeprefix("W/") in listed
