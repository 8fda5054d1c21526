"""A build: one generation's numbers, made from the archive beside the live ones.

In: a generation that is to be built, pages of the archive. Out: its entities and panes, and the
place up to which they are counted. Guarantee: the place is written by the script that writes the
numbers, which is refused where Redis holds another one; so each record counts once, whoever goes
on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from secrets import token_hex
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from kpi.fold import Fold, Tenant, refs_of
from paceline import metrics
from schemas import keys, topics
from schemas.envelope import EntityPatch, Event, Evict, decode
from schemas.pending import STAMP, Pending, Progress
from services.aggregator.blob import Blob, Purpose, blob_of, now_ms
from services.aggregator.eviction import forget
from services.aggregator.fence import Answer, Position
from services.aggregator.owned import Archived, FencedError, MovedError, Owned
from services.aggregator.partition import Partition, passing
from services.aggregator.store import Store

log = structlog.get_logger()

_AWAY = (RedisError, OSError, TimeoutError)
_BEYOND = 1 << 62
"""After every record of a lane."""


class Piece(NamedTuple):
    """Records for one script: patches, or one eviction."""

    events: list[tuple[int, Event]]
    evict_at: int | None
    end: int
    """The offset after the last record of it."""


@dataclass(slots=True)
class Build:
    """One generation, as far as this process has built it."""

    owned: Owned
    pending: Pending
    raw: str
    """The text by which Redis says that it is to be built."""
    incarnation: str
    """The log that the live numbers follow."""
    store: Store
    progress: Progress
    again_at: float = 0.0
    """Monotonic seconds before which no switch is tried."""

    @property
    def key(self) -> str:
        """The hash of the progress."""
        return keys.building(self.owned.partition, self.pending.tenant, self.pending.generation)

    async def fold(self, topic: str, log_: str, piece: Piece) -> None:
        """Write one piece and the place after it.

        Raises:
            FencedError: the partition is another owner's.
            MovedError: Redis holds another state of the build, or it is not to be built any more.
        """
        if piece.evict_at is not None:
            state = self.key, STAMP, self.progress.stamp
            owned = self.owned._replace(store=self.store, expected=state)
            await forget(owned, self.pending.tenant, piece.evict_at)
        after = self._after(topic, log_, piece)
        try:
            fold, blob = await self._folded(topic, piece.events)
            await self.write(blob, after)
            self.store.keep((ref, fold.entities[ref]) for ref in fold.last)
        except (FencedError, MovedError):
            raise
        except Exception as error:
            if isinstance(error, _AWAY) and passing(error):
                raise
            await self._without(topic, log_, piece, error)
        if piece.evict_at is not None:
            self.store.forgot(piece.evict_at)

    async def _without(self, topic: str, log_: str, piece: Piece, error: Exception) -> None:
        """What the domain cannot take was made a dead letter when it was live."""
        if len(piece.events) > 1:
            for offset, event in piece.events:
                await self.fold(topic, log_, Piece([(offset, event)], None, offset + 1))
            piece = piece._replace(events=[])
        else:
            log.warning("left out of a rebuild", offset=piece.end - 1, error=repr(error))
        await self.write(Blob(self.owned.partition), self._after(topic, log_, piece))

    def _after(self, topic: str, log_: str, piece: Piece) -> Progress:
        at = self.progress if self.progress.log == log_ else self.progress._replace(live=0, slow=0)
        live, slow = (piece.end, at.slow) if topic == topics.EVENTS else (at.live, piece.end)
        evicted = max(at.evicted, piece.evict_at or 0)
        done = at.done + len(piece.events)
        return at._replace(log=log_, live=live, slow=slow, evicted=evicted, done=done)

    async def _folded(self, topic: str, events: list[tuple[int, Event]]) -> tuple[Fold, Blob]:
        tenants = await self.store.tenants([self.pending.tenant])
        entities = await self.store.entities(refs_of(events), tenants)
        evicted = None if topic == topics.BACKFILL else await self.store.evicted()
        fold = Fold(tenants, entities, evicted)
        missing = fold.missing()
        if missing:
            fold.entities.update(await self.store.entities(missing, tenants))
        fold.apply_all(events)
        p, dated = self.owned.partition, self.store.dated
        return fold, blob_of(fold, p, self.incarnation, now_ms(), Purpose.BUILD, dated=dated)

    async def write(self, blob: Blob, after: Progress) -> None:
        """Write what is folded, and how far that is, if Redis holds what it was folded onto."""
        owned = self.owned
        self.check(blob)
        after = after._replace(stamp=token_hex(8))
        blob.sets.append((self.key, after.fields()))
        place = Position(owned.epoch, self.incarnation, keys.BUILD, 0, 0, 0)
        answer, _ = await owned.fence.apply(owned.partition, place, blob.encode())
        if answer is Answer.STALE:
            raise MovedError
        if answer is not Answer.OK:
            raise FencedError
        metrics.REBUILT_EVENTS.inc(after.done - self.progress.done)
        self.progress = after

    def check(self, blob: Blob) -> None:
        """Let the fence answer STALE unless Redis holds this very build, still to be built."""
        one = self.pending
        wanted = keys.of_generation(one.tenant, one.generation)
        blob.generations.append((keys.pending(self.owned.partition), self.raw, wanted))
        blob.generations.append((self.key, self.progress.stamp, STAMP))

    def at(self, partition: Partition) -> bool:
        """Whether it holds exactly what the live numbers hold."""
        return self.progress.log == partition.incarnation and place_of(self.progress) == ends_of(
            partition
        )


def ends_of(partition: Partition) -> dict[str, int]:
    """Up to where each lane of the log is counted."""
    slow = partition.beside.position if partition.beside else 0
    return {topics.EVENTS: partition.position, topics.BACKFILL: slow}


def place_of(at: Progress) -> dict[str, int]:
    """Up to where each lane of its log is in a build."""
    return {topics.EVENTS: at.live, topics.BACKFILL: at.slow}


async def opened(partition: Partition, raw: str, one: Pending) -> Build:
    """The build as Redis holds it; where it holds none, a clean place to begin one."""
    owned = partition.owned()
    progress = await partition.store.progress(one.tenant, one.generation)
    if progress is None:
        # Of an attempt that was given up: it would be counted twice.
        name = keys.building(partition.number, one.tenant, one.generation)
        fresh = owned._replace(expected=(name, STAMP, ""))
        async for names in partition.store.generation_keys(one.tenant, one.generation):
            await fresh.write([("UNLINK", name, []) for name in names])
        progress = Progress(began=now_ms())
    target = Tenant(one.generation, one.meaning)
    store = partition.store.of_generation(one.tenant, target, progress.evicted)
    return Build(owned, one, raw, partition.incarnation, store, progress)


async def pages_of(build: Build, ends: dict[str, int]) -> AsyncGenerator[Sequence[Archived]]:
    """What the archive has from the build's place on, up to ``ends`` of the log that is counted."""
    at, present = build.progress, build.incarnation
    if at.log != present:
        async with aclosing(_replay(build, (at.log, at.live) if at.log else None, at.slow)) as old:
            async for page in old:
                if page[0].incarnation == present:
                    break
                yield page
    for topic, end in ends.items():
        at = build.progress if build.progress.log == present else Progress()
        live, slow = (at.live, _BEYOND) if topic == topics.EVENTS else (_BEYOND, at.slow)
        async with aclosing(_replay(build, (present, live), slow)) as lane:
            async for page in lane:
                counted = [record for record in page if record.offset < end]
                if page[0].incarnation != present or not counted:
                    break
                yield counted


async def _replay(
    build: Build, start: tuple[str, int] | None, slow: int
) -> AsyncGenerator[Sequence[Archived]]:
    owned, tenant = build.owned, build.pending.tenant
    pages = owned.archive.replay(owned.partition, tenant=tenant, start=start, backfill_from=slow)
    async with aclosing(pages) as found:  # type: ignore[type-var]
        async for page in found:
            yield page


def pieces_of(records: Sequence[Archived], tenant: str, most: int) -> Iterator[Piece]:
    """The records cut into what one script may take, in their order."""
    events: list[tuple[int, Event]] = []
    end = 0
    for record in records:
        end = record.offset + 1
        event = _event(record)
        if event is not None and isinstance(event.data, Evict):
            if events:
                yield Piece(events, None, record.offset)
            yield Piece([], event.data.at, end)
            events, end = [], 0
        elif event is not None and event.tenant == tenant and isinstance(event.data, EntityPatch):
            events.append((record.offset, event))
            if len(events) >= most:
                yield Piece(events, None, end)
                events, end = [], 0
    if end:
        yield Piece(events, None, end)


def _event(record: Archived) -> Event | None:
    try:
        return decode(record.payload)
    except ValueError:
        return None  # it is a dead letter, and was never in the numbers


async def reached_by(build: Build, ends: dict[str, int]) -> dict[str, int]:
    """Up to where the archive has both lanes of what is counted."""
    archive, p = build.owned.archive, build.owned.partition
    return {
        topic: min(end, await archive.end(p, build.incarnation, topic=topic)) if end else 0
        for topic, end in ends.items()
    }


async def pass_over(build: Build, reached: dict[str, int]) -> None:
    """Note that up to there the log has nothing more of the tenant."""
    at = build.progress
    if at.log != build.incarnation:
        at = at._replace(log=build.incarnation, live=0, slow=0)
    live = max(at.live, reached[topics.EVENTS])
    slow = max(at.slow, reached[topics.BACKFILL])
    after = at._replace(live=live, slow=slow)
    if after != build.progress:
        await build.write(Blob(build.owned.partition), after)
