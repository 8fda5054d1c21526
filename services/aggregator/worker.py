"""The worker: claims what the group assigns to it, folds batches, and watches over its claims.

In: assignments and batches from the transport. Out: numbers. Guarantee: a batch is only folded into
a partition that is claimed; a claim that was lost (by a failover, an emptied Redis, another log) is
noticed within seconds also where no event arrives, and taken again if the group still wants us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP
from redis.asyncio import Redis
from redis.exceptions import RedisError

from paceline import metrics
from schemas import keys, topics
from services.aggregator.batch import Batch
from services.aggregator.blob import now_ms
from services.aggregator.fence import Claim, Fence
from services.aggregator.owned import Archive, FencedError
from services.aggregator.partition import Lookout, LostError, Partition, RebornError
from services.aggregator.restore import needed, restore
from services.aggregator.store import Store

log = structlog.get_logger()

RESTORE_AGAIN_S = 2.0

_AWAY = (KafkaError, RedisError, OSError, TimeoutError)
"""Kafka, Redis or SQL does not answer."""


class Log(Protocol):
    """What the worker needs of the transport's consumer."""

    def assignment(self) -> set[TP]:
        """The partitions the group gave us."""

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Read these partitions from these offsets on."""

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The first offset that the log still has, per partition."""

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """The offset after the last record, per partition."""

    async def still_member(self, tp: TP, offset: int) -> bool:
        """Whether the group's coordinator accepts us."""

    def unreadable(self) -> set[TP]:
        """Partitions whose position is not in the log."""


@dataclass(slots=True)
class Worker:
    """All partitions of one process."""

    fence: Fence
    redis: Redis
    archive: Archive
    log_: Callable[[], Log]
    read_incarnation: Callable[[], Awaitable[str | None]]
    batch_events: int
    partitions: dict[int, Partition] = field(default_factory=dict)
    incarnation: str = ""
    lookout: Lookout | None = None
    _restoring: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _locks: dict[int, asyncio.Lock] = field(default_factory=dict)
    _taking: set[int] = field(default_factory=set)

    async def seeks(self, assigned: set[TP]) -> dict[TP, int]:
        """Claim what is new, let go what was revoked; where to read each partition from."""
        mine = {tp.partition: tp for tp in assigned if tp.topic == topics.EVENTS}
        self._let_go(set(mine))
        self._taking = set(mine)
        try:
            return await self._sought_all(mine)
        finally:
            self._taking = set()

    async def _sought_all(self, mine: dict[int, TP]) -> dict[TP, int]:
        offsets = {}
        for number, tp in sorted(mine.items()):
            try:
                offsets[tp] = await self._sought(number, tp)
            except _AWAY as error:
                log.warning("claim", partition=number, error=repr(error))  # the watch tries again
        return offsets

    async def _sought(self, number: int, tp: TP) -> int:
        if number in self.partitions:
            return self.partitions[number].position
        if number in self._restoring:
            return (await self.log_().earliest_offsets(tp))[tp]
        return await self._take(number)

    def _let_go(self, kept: set[int]) -> None:
        for number in set(self.partitions) - kept:
            self.partitions.pop(number).given_up = True
        for number in set(self._restoring) - kept:
            self._restoring.pop(number).cancel()

    async def handle(self, tp: TP, batch: Batch) -> None:
        """Fold one batch in; whatever the fence says is dealt with here, nothing is raised."""
        partition = self.partitions.get(tp.partition)
        if partition is None:
            return
        try:
            await self._fold(tp, partition, batch)
        except Exception:
            # Whatever it is, the agent must go on; the watch claims the partition again.
            log.exception("batch", partition=tp.partition, start=batch.start)
            if self.partitions.get(tp.partition) is partition:
                del self.partitions[tp.partition]

    async def _fold(self, tp: TP, partition: Partition, batch: Batch) -> None:
        async with self.lock(tp.partition):
            if self.partitions.get(tp.partition) is not partition:
                return
            try:
                target = await partition.process(batch)
            except (FencedError, LostError, RebornError) as reason:
                await self._retake(tp, partition, reason)
                return
        if target is not None:
            await self.log_().seek_wait({tp: target})

    async def watch(self) -> None:
        """One look: is the log the same, are our claims in Redis, can all positions be read?"""
        incarnation = await self.read_incarnation()
        if incarnation is not None and incarnation != self.incarnation:
            log.warning("another log", before=self.incarnation, now=incarnation)
            self.incarnation = incarnation
        unreadable = {tp.partition for tp in self.log_().unreadable()}
        for number, partition in list(self.partitions.items()):
            lost = partition.incarnation != self.incarnation or number in unreadable
            if lost or not await self._held(partition):
                await self.retake(number, partition)
        await self._take_orphans()
        await self._measure()

    async def _held(self, partition: Partition) -> bool:
        """Whether Redis still has our claim, and all that it acknowledged."""
        counted = partition.position  # before asking: it may only grow meanwhile
        held, epoch, incarnation = (partition.number, partition.epoch, partition.incarnation)
        fields = [keys.EPOCH, keys.INCARNATION, keys.next_offset(topics.EVENTS)]
        found = await self.redis.hmget(keys.partition_meta(held), fields)
        if found[:2] != [epoch.encode(), incarnation.encode()]:
            return False
        return int(found[2] or 0) >= counted

    async def _take_orphans(self) -> None:
        """Claim what the group gave us, but an outage kept us from claiming or made us drop."""
        for tp in self.log_().assignment():
            if tp.topic == topics.EVENTS and self._orphaned(tp.partition):
                async with self.lock(tp.partition):
                    start = (await self.log_().earliest_offsets(tp))[tp]
                    if await self.log_().still_member(tp, start) and self._orphaned(tp.partition):
                        await self.log_().seek_wait({tp: await self._take(tp.partition)})

    def _orphaned(self, number: int) -> bool:
        return not any(number in held for held in (self.partitions, self._restoring, self._taking))

    async def retake(self, number: int, partition: Partition) -> None:
        """Claim anew what was lost, if the group still wants us to have it."""
        # A batch may be waiting for what will never come, holding the lock.
        partition.given_up = True
        async with self.lock(number):
            if self.partitions.get(number) is partition:
                tp = TP(topics.EVENTS, number)
                await self._retake(tp, partition, FencedError("claim not held"))

    async def _retake(self, tp: TP, partition: Partition, reason: Exception) -> None:
        """Claim again if the group's coordinator still accepts us, else let go."""
        log.warning("claim lost", partition=tp.partition, reason=repr(reason))
        if isinstance(reason, RebornError):
            self.incarnation = await self.read_incarnation() or self.incarnation
        if tp not in self.log_().assignment() or not await self.log_().still_member(
            tp, partition.position
        ):
            self.partitions.pop(tp.partition, None)
            return
        self.partitions.pop(tp.partition, None)
        await self.log_().seek_wait({tp: await self._take(tp.partition)})

    async def _take(self, number: int) -> int:
        """Claim a partition; the offset to read it from. A restore goes on in the background."""
        partition, claim = await self._claim(number)
        lost = partition.log_start > partition.position
        if lost or await needed(partition, claim, self.incarnation):
            self._restoring[number] = asyncio.create_task(self._restore(partition, claim))
            return partition.log_start
        if claim.before != self.incarnation:
            await partition.take(self.incarnation, adopt=True)
        self._owned(partition)
        return partition.position

    def _owned(self, partition: Partition) -> None:
        self.partitions[partition.number] = partition
        log.info(
            "claimed",
            partition=partition.number,
            epoch=partition.epoch,
            position=partition.position,
        )

    async def _claim(self, number: int) -> tuple[Partition, Claim]:
        tp = TP(topics.EVENTS, number)
        store = Store(self.redis, self.fence, number)
        partition = Partition(
            number, self.fence, store, self.archive, self.incarnation, self.batch_events
        )
        partition.with_backfill()
        partition.lookout = self.lookout
        partition.log_start = (await self.log_().earliest_offsets(tp))[tp]
        return partition, await partition.take(self.incarnation, adopt=False)

    async def _restore(self, partition: Partition, claim: Claim) -> None:
        """Put a partition back from the archive, then read on; until done its batches are left."""
        number = partition.number
        while True:
            try:
                await restore(partition, claim, self.incarnation)
                if partition.log_start <= partition.position:
                    break
                log.error("neither log nor archive has the position", partition=number)
            except Exception as error:  # noqa: BLE001 - a partition must not stay without owner
                log.warning("restore", partition=number, error=repr(error))
            partition, claim = await self._claim_again(number)
        self._restoring.pop(number, None)
        self._owned(partition)
        await self.log_().seek_wait({TP(topics.EVENTS, number): partition.position})

    async def _claim_again(self, number: int) -> tuple[Partition, Claim]:
        while True:
            await asyncio.sleep(RESTORE_AGAIN_S)
            try:
                return await self._claim(number)
            except _AWAY as error:
                log.warning("claim", partition=number, error=repr(error))

    async def _measure(self) -> None:
        metrics.PARTITIONS_OWNED.set(len(self.partitions))
        owned = {TP(topics.EVENTS, number): p for number, p in self.partitions.items()}
        if not owned:
            return
        ends = await self.log_().highwaters(*owned)
        for tp, partition in owned.items():
            lag = max(0, ends[tp] - partition.position)
            metrics.LAG_EVENTS.labels(str(tp.partition)).set(lag)
            behind = (now_ms() - partition.heard_at) / 1000 if lag and partition.heard_at else 0
            metrics.LAG_SECONDS.labels(str(tp.partition)).set(behind)
        metrics.ENTITIES_CACHED.set(sum(p.store.cached for p in owned.values()))

    def held(self) -> list[int]:
        """The partitions that are ours, those included that are being put back."""
        return sorted({*self.partitions, *self._restoring})

    def lock(self, number: int) -> asyncio.Lock:
        """Held by whoever folds into a partition, of whichever lane."""
        return self._locks.setdefault(number, asyncio.Lock())


async def watch_for_ever(worker: Worker, every_s: float) -> None:
    """Look again and again; an outage of Kafka or Redis is logged and waited for."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await worker.watch()
        except _AWAY as error:
            log.warning("watch", error=repr(error))
