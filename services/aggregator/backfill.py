"""The slow lane: an organisation's history, counted while the live lane has nothing to do.

In: records of ``crm.backfill``, by a plain consumer of the worker's own. Out: the numbers, as if
they had come live. Guarantee: a partition's history is counted by whoever owns its live lane,
under the same claim, lock and fence, each record once; a partition whose live lane is behind is
left alone, so that a live event waits for one script at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from faust.types import TP
from redis.exceptions import RedisError

from schemas import topics
from services.aggregator.batch import Batch
from services.aggregator.owned import FencedError
from services.aggregator.partition import LostError, Partition, RebornError
from services.aggregator.restore import fill_backfill
from services.aggregator.worker import Worker

log = structlog.get_logger()

IDLE_S = 0.5
AWAY_S = 1.0
BREATH_S = 0.01
"""Between two batches: whoever waits for Redis comes first."""
_AWAY = (KafkaError, RedisError, OSError, TimeoutError)


async def backfill_for_ever(worker: Worker, bootstrap: str) -> None:
    """Count what is imported, until cancelled; an outage is logged and waited for."""
    while True:
        try:
            async with _consumer(bootstrap) as consumer:
                while True:
                    counted = await look(worker, consumer)
                    await asyncio.sleep(BREATH_S if counted else IDLE_S)
        except _AWAY as error:
            log.warning("backfill", error=repr(error))
            await asyncio.sleep(AWAY_S)


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=100,
        metadata_max_age_ms=5_000,
        retry_backoff_ms=50,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def look(worker: Worker, consumer: Any) -> int:
    """One batch for every owned partition that has history waiting; how many records it were."""
    owned = dict(worker.partitions)
    places = [TopicPartition(topics.BACKFILL, number) for number in sorted(owned)]
    if not places:
        return 0
    consumer.assign(places)
    starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    counted = 0
    for place in places:
        partition = owned[place.partition]
        lane = partition.beside
        if lane is not None and lane.position < ends[place] and await _quiet(worker, partition):
            lane.log_start = starts[place]
            counted += await _one(worker, consumer, place, partition)
    return counted


async def _quiet(worker: Worker, partition: Partition) -> bool:
    """Whether the live lane of the partition has nothing waiting."""
    place = TP(topics.EVENTS, partition.number)
    ends = await worker.log_().highwaters(place)
    return (ends.get(place) or 0) <= partition.position


async def _one(worker: Worker, consumer: Any, place: TopicPartition, partition: Partition) -> int:
    lane = partition.beside
    assert lane is not None  # noqa: S101 - asked before
    if lane.position < lane.log_start:
        return await _fold(worker, partition, None)
    start = lane.position
    consumer.seek(place, start)
    try:
        found = await consumer.getmany(place, timeout_ms=1_000, max_records=lane.batch_events)
    except OffsetOutOfRangeError:
        return 0  # looked at again: the log begins later, or it is another one
    records = found.get(place, [])
    if not records:
        return 0
    return await _fold(worker, partition, Batch(start, records[-1].offset + 1, records))


async def _fold(worker: Worker, partition: Partition, batch: Batch | None) -> int:
    """Count one batch, or (None) what only the archive still has; how many records it were."""
    lane = partition.beside
    assert lane is not None  # noqa: S101 - asked before
    before = lane.position
    try:
        async with worker.lock(partition.number):
            if worker.partitions.get(partition.number) is not partition:
                return 0
            if batch is None:
                await fill_backfill(partition)
            else:
                await lane.process(batch)
    except (FencedError, LostError, RebornError) as reason:
        log.warning("backfill", partition=partition.number, reason=repr(reason))
        await worker.retake(partition.number, partition)
        return 0
    return max(0, lane.position - before)
