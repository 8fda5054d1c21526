"""A log and an archive in memory, and workers that read from them by hand.

In: events. Out: batches as a broker would hand them on, with holes, jumps, a log that starts later
or anew. Guarantee: nothing happens by itself; a test says who reads what, and when
the ledger writes.
"""

# ruff: noqa: ARG002 - of the ports' arguments not every one matters with one partition

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from faust.types import TP
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas import topics
from schemas.envelope import Activate, Discard, Event, Release, Tick, decode, encode
from services.aggregator.batch import Batch
from services.aggregator.fence import Fence
from services.aggregator.owned import Archived
from services.aggregator.rebuild import Rebuilder
from services.aggregator.worker import Worker

P = 5
HERE = TP(topics.EVENTS, P)

LONG_S = 0.2
"""A batch that takes longer waits for something."""


class Record(NamedTuple):
    """What a Kafka client hands out."""

    offset: int
    value: bytes


class Kept(NamedTuple):
    """A record of the archive."""

    incarnation: str
    offset: int
    payload: bytes
    topic: str = topics.EVENTS


@dataclass(slots=True)
class MemoryLog:
    """One partition of one log."""

    incarnation: str
    records: list[Record] = field(default_factory=list)
    start: int = 0
    end: int = 0

    def produce(self, event: Event | bytes, hole: int = 0) -> int:
        """Append a record after a hole of some offsets; its offset."""
        offset = self.end + hole
        value = event if isinstance(event, bytes) else encode(event)
        self.records.append(Record(offset, value))
        self.end = offset + 1
        return offset

    def batch(self, start: int, most: int) -> Batch | None:
        """A fetch from a position; None where there is nothing (any more)."""
        records = [r for r in self.records if r.offset >= max(start, self.start)][:most]
        if start < self.start or not records:
            return None
        return Batch(start, records[-1].offset + 1, records)


@dataclass(slots=True)
class MemoryArchive:
    """What the ledger kept. It is busy: whenever it is asked for its end, it has come further."""

    log: MemoryLog
    page: int = 4
    incarnations: list[str] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    busy: bool = True

    def keep(self, most: int | None = None) -> None:
        """Archive the next records of the present log; all of them where nothing else is said."""
        at = self.ends.get(self.log.incarnation, 0)
        fresh = [record for record in self.log.records if record.offset >= at][:most]
        if not fresh:
            return
        if self.log.incarnation not in self.incarnations:
            self.incarnations.append(self.log.incarnation)
        for offset, value in fresh:
            if not _is_tick(value):
                self.kept.append(Kept(self.log.incarnation, offset, value))
        self.ends[self.log.incarnation] = fresh[-1].offset + 1

    async def replay(
        self,
        partition: int,
        *,
        tenant: str | None = None,
        start: tuple[str, int] | None = None,
        backfill_from: int = 0,
    ) -> AsyncIterator[list[Archived]]:
        """As the archive in SQL."""
        logs = self.incarnations
        if start is not None:
            logs = logs[logs.index(start[0]) :] if start[0] in logs else []
        for incarnation in list(logs):
            after = start[1] - 1 if start is not None and incarnation == start[0] else -1
            while page := self._page(incarnation, after, tenant):
                yield list(page)
                after = page[-1].offset
            after = backfill_from - 1 if start is not None and incarnation == start[0] else -1
            while page := self._page(incarnation, after, tenant, topics.BACKFILL):
                yield list(page)
                after = page[-1].offset

    def _page(
        self, incarnation: str, after: int, tenant: str | None, topic: str = topics.EVENTS
    ) -> list[Kept]:
        found = [
            record
            for record in self.kept
            if (record.incarnation, record.topic) == (incarnation, topic)
            and record.offset > after
            and (tenant is None or _tenant(record.payload) in (tenant, ""))
        ]
        return found[: self.page]

    async def end(self, partition: int, incarnation: str, *, topic: str = topics.EVENTS) -> int:
        """The first offset that is not archived; by the next question there may be more."""
        if topic == topics.BACKFILL:
            lane = (
                one for one in self.kept if (one.incarnation, one.topic) == (incarnation, topic)
            )
            return max((one.offset + 1 for one in lane), default=0)
        if self.busy and incarnation == self.log.incarnation:
            self.keep()
        return self.ends.get(incarnation, 0)

    async def activations(self, partition: int) -> list[bytes]:
        """Every activation archived."""
        return [record.payload for record in self.kept if _is_activation(record.payload)]


def _event(value: bytes) -> Event | None:
    try:
        return decode(value)
    except ValueError:
        return None


def _tenant(value: bytes) -> str:
    event = _event(value)
    return event.tenant if event else ""


def _is_tick(value: bytes) -> bool:
    event = _event(value)
    return event is not None and isinstance(event.data, Tick)


def _is_activation(value: bytes) -> bool:
    event = _event(value)
    return event is not None and isinstance(event.data, Activate | Release | Discard)


@dataclass(slots=True)
class Broker:
    """The log as it is now, its archive, and who is in the consumer group."""

    log: MemoryLog
    archive: MemoryArchive
    owner: Hand | None = None

    async def incarnation(self) -> str:
        """The id of the present log."""
        return self.log.incarnation

    def born_again(self, incarnation: str) -> None:
        """The broker lost its memory."""
        self.log = self.archive.log = MemoryLog(incarnation)


def new_broker(incarnation: str = "log-1", *, page: int = 4) -> Broker:
    """An empty log that nobody reads."""
    log = MemoryLog(incarnation)
    return Broker(log, MemoryArchive(log, page))


@dataclass(slots=True)
class Hand:
    """One worker process: reads when it is told to. It is the worker's view of the log, too."""

    broker: Broker
    fence: Fence
    redis: Redis
    batch_events: int = 3
    worker: Worker = field(init=False)
    rebuilder: Rebuilder = field(init=False)
    at: int = -1
    """Where the next fetch begins; -1 while nothing is assigned."""

    def __post_init__(self) -> None:
        """Make the worker; it knows the log that is there now."""
        self.worker = Worker(
            self.fence,
            self.redis,
            self.broker.archive,
            lambda: self,
            self.broker.incarnation,
            self.batch_events,
        )
        self.worker.incarnation = self.broker.log.incarnation
        self.rebuilder = Rebuilder(self.worker)

    async def join(self) -> None:
        """The group gives the partition to this worker, and takes it from whoever had it."""
        self.broker.owner = self
        await self.seek_wait(await self.worker.seeks({HERE}))

    async def read(self, most: int = 1_000, *, ahead: int = 0) -> bool:
        """Fetch once and hand the batch on; whether there was one. ``ahead``: from elsewhere."""
        if not ahead and self.at < self.broker.log.start:
            return False  # a consumer does not jump: whoever watches must notice
        start = max(self.broker.log.start, self.at + ahead, 0)
        batch = self.broker.log.batch(start, most) if self.at >= 0 else None
        if batch is None:
            return False
        self.at = batch.end
        await self._watched(asyncio.ensure_future(self.worker.handle(HERE, batch)))
        return True

    async def build(self) -> None:
        """Build whatever is to be built, as far as it goes."""
        while await self.look():
            pass

    async def look(self) -> bool:
        """One look of whoever builds; whether there is more to do."""
        try:
            return await self.rebuilder.look()
        except (RedisError, OSError):
            return True  # it is tried again

    async def _watched(self, handling: asyncio.Future[None]) -> None:
        """Wait; the worker's watch goes on beside a batch that takes long, as in the process."""
        while not (await asyncio.wait([handling], timeout=LONG_S))[0]:
            watching = asyncio.ensure_future(self.worker.watch())
            await asyncio.wait([handling, watching], return_when=asyncio.ALL_COMPLETED)
            await watching
        await handling

    @property
    def position(self) -> int:
        """Up to where the partition is counted; -1 while it is not ours."""
        held = self.worker.partitions.get(P)
        return held.position if held else -1

    def assignment(self) -> set[TP]:
        """What the group gave us, as far as we know."""
        return {HERE}

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Read on from there."""
        self.at = partitions.get(HERE, self.at)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Where the log starts."""
        return dict.fromkeys(partitions, self.broker.log.start)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Where the log ends."""
        return dict.fromkeys(partitions, self.broker.log.end)

    async def still_member(self, tp: TP, offset: int) -> bool:
        """Whether the group still means us."""
        return self.broker.owner is self

    def unreadable(self) -> set[TP]:
        """Our position is not in the log."""
        lost = self.at < self.broker.log.start or self.at > self.broker.log.end
        return {HERE} if lost else set()


def produce_all(log: MemoryLog, events: Sequence[Event | bytes]) -> None:
    """One after another, without holes."""
    for event in events:
        log.produce(event)
