"""Following the log: which records, from where, and of which incarnation.

In: Kafka. Out: chunks for the writer. Guarantee: positions are SQL's, never the consumer group's;
records are kept under the incarnation that they were read from, for it is asked after the fetch
and before the commit: had the log been replaced in between, the records would be dropped and read
again where they belong.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from paceline.kafka import IncarnationReader, LogError, ensure_topics
from paceline.logs import get_logger
from paceline.settings import Settings
from schemas.topics import ALL

log = get_logger(__name__)

POLL_MS = 1000
"""An idle ledger still looks for a new incarnation this often."""
PAUSE_S = 0.5
_BATCH_FACTOR = 4
"""Larger batches than a script's: a transaction costs an fsync, and nobody waits for it."""


class RebornError(Exception):
    """The log is another one now."""


class Record(NamedTuple):
    """One record: its offset, its time (ms), its value."""

    offset: int
    at: int
    value: bytes | None


class Chunk(NamedTuple):
    """Records of one partition, in order; everything below ``next_offset`` has been read."""

    topic: str
    partition: int
    records: Sequence[Record]
    next_offset: int


class Writer(Protocol):
    """Who keeps what is read, with the position, in one transaction."""

    async def position(self, incarnation: str, topic: str, partition: int) -> int:
        """Where to read on; 0 in a log that was never seen."""

    async def write(self, incarnation: str, chunks: Sequence[Chunk]) -> None:
        """Keep the chunks, all or none."""


Measure = Callable[[str, int, int, float], None]
"""(topic, partition, records that wait, seconds that the oldest of them may be behind)"""


class Follower:
    """What is followed, and which of its partitions are read by this process at the moment."""

    def __init__(self, group: str, topics: Sequence[str], measure: Measure) -> None:
        self.group, self.topics, self.measure = group, tuple(topics), measure
        self.positions: Positions | None = None

    def partitions(self, topic: str) -> list[int]:
        """Those of a topic, ascending."""
        return self.positions.partitions(topic) if self.positions else []


async def follow(settings: Settings, writer: Writer, follower: Follower) -> None:
    """Keep the log until cancelled; over broker failures and over the end of the log itself.

    Raises:
        LogError: the topics are not what this installation needs, or the log has shrunk.
    """
    while True:
        try:
            await _follow_one(settings, writer, follower)
        except RebornError:
            log.warning("log_reborn")
        except (KafkaError, OSError) as error:
            log.warning("kafka_away", error=repr(error), again_in_s=PAUSE_S)
            await asyncio.sleep(PAUSE_S)


async def _follow_one(settings: Settings, writer: Writer, follower: Follower) -> None:
    incarnation = await ensure_topics(
        settings.kafka, partitions=settings.partitions, replication=settings.replication
    )
    async with (
        IncarnationReader(settings.kafka) as reader,
        _consumer(settings, follower.group) as consumer,
    ):
        positions = Positions(consumer, writer, incarnation, follower.measure)
        follower.positions = positions
        consumer.subscribe(follower.topics, listener=positions)
        while True:
            chunks, unreadable = await _fetch(consumer, settings.batch_events * _BATCH_FACTOR)
            if await reader.read() != incarnation:
                raise RebornError
            await positions.mend(unreadable)
            if chunks:
                await writer.write(incarnation, chunks)
                positions.moved(chunks)


@asynccontextmanager
async def _consumer(settings: Settings, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_500,
        fetch_max_bytes=settings.fetch_max_bytes,
        fetch_max_wait_ms=settings.fetch_wait_ms,
        metadata_max_age_ms=5_000,
        retry_backoff_ms=50,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def _fetch(consumer: AIOKafkaConsumer, most: int) -> tuple[list[Chunk], list[TopicPartition]]:
    """Some records, or the partitions whose position the log does not have."""
    try:
        found = await consumer.getmany(timeout_ms=POLL_MS, max_records=most)
    except NoOffsetForPartitionError:
        # Assigned, and not sought yet; the group's committed offsets are never used.
        return [], []
    except OffsetOutOfRangeError as error:
        return [], list(error.args[0])
    return [_chunk(tp, records) for tp, records in found.items() if records], []


def _chunk(tp: TopicPartition, found: Sequence[Any]) -> Chunk:
    records = [Record(one.offset, one.timestamp, one.value) for one in found]
    return Chunk(tp.topic, tp.partition, records, records[-1].offset + 1)


class Positions(ConsumerRebalanceListener):  # type: ignore[misc]
    """Where each partition is read: sought at every assignment to where SQL is."""

    def __init__(
        self, consumer: AIOKafkaConsumer, writer: Writer, incarnation: str, measure: Measure
    ) -> None:
        self._consumer = consumer
        self._writer = writer
        self._incarnation = incarnation
        self._told = measure
        self._read: dict[TopicPartition, int] = {}

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Forget them; what is being written may be written again by the next owner."""
        for tp in revoked:
            self._read.pop(tp, None)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Seek to SQL's position, whatever Kafka's committed offset says."""
        for tp in assigned:
            at = await self._writer.position(self._incarnation, tp.topic, tp.partition)
            self._seek(tp, at)

    async def mend(self, unreadable: Collection[TopicPartition]) -> None:
        """Go on where the log begins if it has dropped what was not archived yet; say so loudly.

        Raises:
            LogError: the log ends before the archive does, without being another log.
        """
        if not unreadable:
            return
        starts = await self._consumer.beginning_offsets(unreadable)
        ends = await self._consumer.end_offsets(unreadable)
        for tp in unreadable:
            at = self._read.get(tp, 0)
            if at > ends[tp]:
                raise LogError(_shrunk(tp, at, ends[tp]))
            if at < starts[tp]:
                log.error(
                    "records_lost",
                    topic=tp.topic,
                    partition=tp.partition,
                    first=at,
                    count=starts[tp] - at,
                )
                self._seek(tp, starts[tp])

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic that are ours to write."""
        return sorted(tp.partition for tp in self._read if tp.topic == topic)

    def moved(self, chunks: Sequence[Chunk]) -> None:
        """Note what is written, and how far behind that leaves us."""
        for chunk in chunks:
            tp = TopicPartition(chunk.topic, chunk.partition)
            if tp in self._read:
                self._read[tp] = chunk.next_offset
                self._measure(tp, chunk.records[-1].at if chunk.records else 0)

    def _measure(self, tp: TopicPartition, at_ms: int) -> None:
        end = self._consumer.highwater(tp) if tp in self._consumer.assignment() else None
        if end is None:
            return
        waiting = max(0, end - self._read[tp])
        behind = time.time() - at_ms / 1000 if waiting else 0
        self._told(tp.topic, tp.partition, waiting, max(0, behind))

    def _seek(self, tp: TopicPartition, offset: int) -> None:
        try:
            self._consumer.seek(tp, offset)
            self._read[tp] = offset
        except IllegalStateError:
            # Taken from us while SQL was asked; its new owner seeks.
            self._read.pop(tp, None)


def _shrunk(tp: TopicPartition, kept: int, end: int) -> str:
    return (
        f"{tp.topic}/{tp.partition} ends at {end}, but was read up to {kept}: the brokers lost "
        f"acknowledged records. Delete Paceline's topics to begin a new log: {', '.join(ALL)}; "
        "the archive keeps what it has"
    )
