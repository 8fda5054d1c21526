"""The stream: one client's snapshot, then what changes, as server-sent events.

In: a caller, a selection, a period, the client's ``Last-Event-ID``. Out: ``snapshot`` and
``change`` events whose id is a token to resume from. Guarantee: whoever applies them in order
holds the numbers that a progress read would give; a slow reader gets the latest state, not a
backlog.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet

import msgspec
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import ServerSentEvent

from paceline import metrics
from paceline.logs import get_logger
from paceline.progress.judging.desk import minute_of
from paceline.progress.reading.changes import Feed, Subscription
from paceline.progress.reading.selection import Selection, owners_of
from paceline.progress.reading.windows import Question, ask, window
from paceline.progress.teller import Teller
from services.api.access import Caller
from services.api.problems import ProblemError, unavailable

HEARTBEAT_S = 15
LOOK_S = 1.0
"""How often a quiet stream looks whether its day, its organisation or its generation changed."""
GAP_S, LONGEST_GAP_S = 0.02, 1.0
"""Between two events of a stream; after a quiet time a change goes at once."""
REST = 1
"""A stream rests so many times as long as its last event took to make: under load an event holds
more changes, and streams leave half of the process to others."""

log = get_logger(__name__)


class View(msgspec.Struct, frozen=True):
    """What a stream shows; built anew for each look, so that a changed organisation is noticed."""

    caller: Caller
    chosen: Selection


class Stream:
    """One client's stream."""

    def __init__(
        self,
        teller: Teller,
        feed: Feed,
        look: Callable[[], Awaitable[View | None]],
        period: str,
        clock: Callable[[], int],
        kpis: tuple[str, ...] | None = None,
    ) -> None:
        self._teller, self._feed, self._look = teller, feed, look
        self._period, self._clock, self._kpis = period, clock, kpis
        self._frame: Frame | None = None

    async def events(self, view: View, last_event_id: str) -> AsyncIterator[ServerSentEvent]:
        """The client's events, until it leaves, its key ends, or a store is away."""
        place = self._teller.reader.place(view.caller.org.tenant, ())
        try:
            with metrics.SSE_CLIENTS.track_inprogress():
                async with self._feed.subscribed(place.partition, place.tenant) as news:
                    async for event in self._follow(view, news, Token.parse(last_event_id)):
                        yield event
        except (RedisError, SQLAlchemyError, OSError, ProblemError) as error:
            # The client comes back by itself, with its Last-Event-ID.
            log.warning("a stream ends", reason=str(error)[:200])

    async def _follow(
        self, view: View, news: Subscription, token: Token | None
    ) -> AsyncIterator[ServerSentEvent]:
        first = await self._first(view, news, token)
        if first is not None:
            yield first
        while True:
            await news.news(LOOK_S)
            began = time.monotonic()
            seen = await self._look()
            if seen is None:
                return
            event = await self._next(seen, news)
            took = time.monotonic() - began
            if event is not None:
                yield event
                await asyncio.sleep(min(LONGEST_GAP_S, max(GAP_S, REST * took)))

    async def _first(
        self, view: View, news: Subscription, token: Token | None
    ) -> ServerSentEvent | None:
        """A snapshot, or where the client's state is known what changed since; None for nothing."""
        if token is None:
            return await self._event(view, news, None)
        frame = await self._framed(view)
        here = (frame.incarnation, news.partition, frame.digest)
        if (token.incarnation, token.partition, token.frame) != here:
            return await self._event(view, news, None)
        self._frame = frame
        changed = await self._feed.since(news.partition, token.entry, news.tenant)
        if changed is not None and not _shown(view, changed):
            return None
        return await self._event(view, news, changed)

    async def _next(self, view: View, news: Subscription) -> ServerSentEvent | None:
        changed, afresh = news.take()
        if afresh:
            return await self._event(view, news, None)
        if _shown(view, changed):
            return await self._event(view, news, changed)
        if await self._framed(view) != self._frame:
            return await self._event(view, news, None)
        return None

    async def _event(
        self, view: View, news: Subscription, changed: AbstractSet[str] | None
    ) -> ServerSentEvent:
        """The rows of those who changed; all where None did or the frame is another by now."""
        entry = news.last_id
        question = self._question(view)
        told = (
            await self._teller.tell(view.caller.known, view.chosen, question, "", self._kpis)
        ).answer
        if told is None:
            raise unavailable("no body without If-None-Match")
        _, silent = await self._teller.head(view.caller.known, question)
        version = told.whole.version
        frame = Frame.of(view, question, version.incarnation, told.whole.generation, silent)
        if changed is not None and frame == self._frame:
            name, data = "change", told.change(_ids(view, changed))
        else:
            name, data = "snapshot", told.encoded()
        self._frame = frame
        token = Token(version.incarnation, news.partition, entry, frame.digest)
        return ServerSentEvent(data=data.decode(), event=name, id=str(token), sep="\n")

    async def _framed(self, view: View) -> Frame:
        question = self._question(view)
        head, silent = await self._teller.head(view.caller.known, question)
        return Frame.of(view, question, head.incarnation, head.generation, silent)

    def _question(self, view: View) -> Question:
        return ask(self._period, None, self._clock(), view.caller.plan.fiscal)


class Frame(msgspec.Struct, frozen=True):
    """All that rows depend on besides their owners' changes; another frame, and all may differ."""

    incarnation: str
    generation: int | None
    organisation: str
    asked: tuple[str, str, str]
    bounds: tuple[tuple[str, int, int], ...]
    minutes: tuple[int | None, ...]
    """Where today is interpolated: pace moves with every minute."""
    silent: tuple[tuple[str, int], ...]

    @classmethod
    def of(
        cls,
        view: View,
        question: Question,
        incarnation: str,
        generation: int | None,
        silent: Mapping[str, int],
    ) -> Frame:
        """The frame of a view at a question's moment."""
        org, subject = view.caller.org, view.chosen.subject
        zones = sorted({rep.zone for rep in view.chosen.reps} | {org.zone})
        windows = [window(question, zone) for zone in zones]
        return cls(
            incarnation,
            generation,
            view.caller.digest,
            (question.period, subject.kind, subject.id),
            tuple((one.zone, one.start, one.end) for one in windows),
            tuple(minute_of(view.caller.plan, question, one) for one in windows),
            tuple(sorted(silent.items())),
        )

    @property
    def digest(self) -> str:
        """A short name of it, for tokens."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


class Token(msgspec.Struct, frozen=True):
    """Where a client is: ``<incarnation>:<partition>:<entry of the change stream>:<frame>``."""

    incarnation: str
    partition: int
    entry: str
    frame: str

    def __str__(self) -> str:
        return f"{self.incarnation}:{self.partition}:{self.entry}:{self.frame}"

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """The token of a ``Last-Event-ID``; None for anything else."""
        incarnation, *rest = text.rsplit(":", 3)
        if len(rest) != len(("partition", "entry", "frame")) or not rest[0].isdecimal():
            return None
        milliseconds, _, number = rest[1].partition("-")
        if not milliseconds.isdecimal() or not number.isdecimal():
            return None
        return cls(incarnation, int(rest[0]), rest[1], rest[2])


def _shown(view: View, changed: AbstractSet[str]) -> bool:
    """Whether any of the owners is part of the view."""
    if view.chosen.others:
        return bool(changed)
    return any(not changed.isdisjoint(owners_of(rep)) for rep in view.chosen.reps)


def _ids(view: View, changed: AbstractSet[str]) -> set[str]:
    """The rows of those who changed: reps, and owners that no rep has."""
    reps = {rep.id for rep in view.chosen.reps if not changed.isdisjoint(owners_of(rep))}
    return reps | set(changed)
