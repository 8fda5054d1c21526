"""Rebuild: a tenant's numbers anew, beside the live ones.

In: generations that are to be built, the archive, the log's end. Out: their keys; then they are the
live ones. Guarantee: the build is another lane of the fence, with a place of its own, so it goes on
after a crash and counts each record once; readers see the old generation until the one script that
switches, which is refused unless the build holds exactly the records that the live numbers hold.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from secrets import token_hex
from typing import NamedTuple

import msgspec
import structlog
from redis.exceptions import RedisError

from kpi.fold import Fold, Tenant, refs_of
from paceline import metrics
from schemas import keys, topics
from schemas.envelope import EntityPatch, Event, Evict, decode
from schemas.pending import STAMP, Pending, Progress
from services.aggregator.activation import leave, switch
from services.aggregator.blob import Blob, Purpose, blob_of, now_ms
from services.aggregator.eviction import forget
from services.aggregator.fence import Answer, Position
from services.aggregator.owned import Archived, FencedError, MovedError, Owned
from services.aggregator.partition import LostError, Partition, RebornError, passing
from services.aggregator.store import Store
from services.aggregator.worker import Worker

log = structlog.get_logger()

OLD_GENERATION_KEPT_MS = 15 * 60_000
"""How long a reader that began on a generation may go on reading it."""

IDLE_S = 0.25
BESIDE_S = 0.005
"""Between two scripts while live events wait: they come first."""
BESIDE_EVENTS = 100
"""How many events one script folds meanwhile."""
NEAR = 20_000
"""So many records before the live numbers a build waits for the switch, and not for the archive."""
PATIENCE_S = 2.0
"""How long the partition may wait for the ledger to archive what is counted already."""
AGAIN_S = 5.0
_POLL_S = 0.01

_AWAY = (RedisError, OSError, TimeoutError)


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
        return self.progress.log == partition.incarnation and _place(self.progress) == _ends(
            partition
        )


@dataclass(slots=True)
class Rebuilder:
    """All builds of one worker."""

    worker: Worker
    _builds: dict[tuple[int, str, int], Build] = field(default_factory=dict)

    async def look(self) -> bool:
        """Some work for every owned partition; whether there is more."""
        more = False
        waiting = 0
        for partition in list(self.worker.partitions.values()):
            try:
                pending = await partition.store.pending()
                waiting += len(pending)
                self._forget(partition, pending)
                await self._clear(partition)
                for raw, one in pending.items():
                    more |= await self._work(partition, raw, one)
            except (FencedError, MovedError, LostError, RebornError) as reason:
                log.info("rebuild begins again", partition=partition.number, reason=repr(reason))
                self._forget(partition, {})
        metrics.GENERATIONS_BUILDING.set(waiting)
        return more

    def _forget(self, partition: Partition, pending: dict[str, Pending]) -> None:
        """Drop what is not to be built any more, or was built under another claim."""
        for place, build in list(self._builds.items()):
            old = build.raw not in pending or build.owned.epoch != partition.epoch
            other = build.incarnation != partition.incarnation
            if place[0] == partition.number and (old or other):
                del self._builds[place]

    async def _work(self, partition: Partition, raw: str, one: Pending) -> bool:
        """One page of the archive, or the switch; whether there is more to do at once."""
        place = partition.number, one.tenant, one.generation
        build = self._builds.get(place)
        if build is None:
            build = self._builds[place] = await _opened(partition, raw, one)
        try:
            ready = await self._forward(partition, build)
            if not ready:
                return True
            if one.held:
                return False
            return await self._switch(partition, build)
        except BaseException:
            # What Redis holds is not known any more.
            self._builds.pop(place, None)
            raise

    async def _forward(self, partition: Partition, build: Build, *, hurry: bool = False) -> bool:
        """Fold what the archive has up to where the numbers are; True: there is no more."""
        ends = _ends(partition)
        reached = await _reached(build, ends)
        at, folded = build.progress, 0
        if at.log == build.incarnation and all(_place(at)[lane] >= reached[lane] for lane in ends):
            return True
        async with aclosing(_pages(build, ends)) as pages:
            async for page in pages:
                log_, topic = page[0].incarnation, page[0].topic
                most = partition.batch_events if hurry else self._most(partition)
                for piece in _pieces(page, build.pending.tenant, most):
                    await build.fold(topic, log_, piece)
                    folded += 1
                    if not hurry:
                        await asyncio.sleep(BESIDE_S if self._busy(partition) else 0)
                if folded >= _PIECES_A_LOOK:
                    return False
        await _pass_over(build, reached)
        return True

    def _most(self, partition: Partition) -> int:
        return BESIDE_EVENTS if self._busy(partition) else partition.batch_events

    def _busy(self, partition: Partition) -> bool:
        """Whether somebody is folding live events at this moment."""
        return self.worker.lock(partition.number).locked()

    async def _switch(self, partition: Partition, build: Build) -> bool:
        """Let it be the live one, if the archive has all that is counted; no more to do then."""
        if time.monotonic() < build.again_at or partition.position > build.progress.live + NEAR:
            return False
        async with self.worker.lock(partition.number):
            if self.worker.partitions.get(partition.number) is not partition:
                return False
            if not await _archived(partition, build):
                build.again_at = time.monotonic() + AGAIN_S
                return False
            while not await self._forward(partition, build, hurry=True):
                pass
            if not build.at(partition):
                return False
            await _switched(partition, build)
        return False

    async def _clear(self, partition: Partition) -> None:
        """Let the keys of generations go that nobody can begin to read any more."""
        hash_ = keys.leaving(partition.number)
        for tenant, generation in await partition.store.leaving():
            place = keys.of_generation(tenant, generation)
            owned = partition.owned()._replace(expected=(hash_, place, "1"))
            kept = [str(OLD_GENERATION_KEPT_MS)]
            async for names in partition.store.generation_keys(tenant, generation):
                await owned.write([("PEXPIRE", name, kept) for name in names])
            await owned.write([("HDEL", hash_, [place])])


_PIECES_A_LOOK = 20
_BEYOND = 1 << 62
"""After every record of a lane."""


def _ends(partition: Partition) -> dict[str, int]:
    """Up to where each lane of the log is counted."""
    slow = partition.beside.position if partition.beside else 0
    return {topics.EVENTS: partition.position, topics.BACKFILL: slow}


def _place(at: Progress) -> dict[str, int]:
    return {topics.EVENTS: at.live, topics.BACKFILL: at.slow}


async def rebuild_for_ever(worker: Worker) -> None:
    """Build what is to be built, until cancelled; an outage is logged and waited for."""
    rebuilder = Rebuilder(worker)
    while True:
        more = False
        try:
            more = await rebuilder.look()
        except _AWAY as error:
            log.warning("rebuild", error=repr(error))
        except Exception:
            log.exception("rebuild")
        await asyncio.sleep(0 if more else IDLE_S)


async def _opened(partition: Partition, raw: str, one: Pending) -> Build:
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


async def _pages(build: Build, ends: dict[str, int]) -> AsyncGenerator[Sequence[Archived]]:
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


def _pieces(records: Sequence[Archived], tenant: str, most: int) -> Iterator[Piece]:
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


async def _reached(build: Build, ends: dict[str, int]) -> dict[str, int]:
    """Up to where the archive has both lanes of what is counted."""
    archive, p = build.owned.archive, build.owned.partition
    return {
        topic: min(end, await archive.end(p, build.incarnation, topic=topic)) if end else 0
        for topic, end in ends.items()
    }


async def _pass_over(build: Build, reached: dict[str, int]) -> None:
    """Note that up to there the log has nothing more of the tenant."""
    at = build.progress
    if at.log != build.incarnation:
        at = at._replace(log=build.incarnation, live=0, slow=0)
    live = max(at.live, reached[topics.EVENTS])
    slow = max(at.slow, reached[topics.BACKFILL])
    after = at._replace(live=live, slow=slow)
    if after != build.progress:
        await build.write(Blob(build.owned.partition), after)


async def _archived(partition: Partition, build: Build) -> bool:
    """Whether the ledger archives all that is counted within some patience; the numbers stand."""
    ends = _ends(partition)
    deadline = time.monotonic() + PATIENCE_S
    while await _reached(build, ends) != ends:
        if partition.given_up or time.monotonic() > deadline:
            log.info("the switch waits for the archive", partition=partition.number)
            return False
        await asyncio.sleep(_POLL_S)
    return True


async def _switched(partition: Partition, build: Build) -> None:
    """One script: the new generation is live, the old one leaves, readers are told."""
    one, p = build.pending, partition.number
    live = (await partition.store.tenants([one.tenant]))[one.tenant]
    assert live is not None  # noqa: S101 - a first generation is not built
    blob = Blob(p)
    blob.generations.append((keys.tenant_meta(p, one.tenant), str(live.generation)))
    build.check(blob)
    switch(blob, one.tenant, Tenant(one.generation, one.meaning))
    leave(blob, one.tenant, [live.generation])
    blob.gone.append((keys.pending(p), keys.of_generation(one.tenant, one.generation)))
    owners = msgspec.json.encode(await partition.store.owners(one.tenant)).decode()
    entry = ["t", one.tenant, "o", owners, "off", str(partition.position)]
    blob.changes.append((keys.changes(p), [*entry, "r", "0", "i", partition.incarnation]))
    await partition.stand(blob)
    seconds = round((now_ms() - build.progress.began) / 1000, 1)
    told = {"events": build.progress.done, "seconds": seconds}
    log.info("rebuilt", tenant=one.tenant, generation=one.generation, **told)
