"""The log: how every service opens a producer, and how the topics and the incarnation come to be.

In: a bootstrap address. Out: started aiokafka clients, and the incarnation, the id of this log.
Guarantee: whoever starts first, everyone reads the same incarnation: the first record of its topic.
Candidates have distinct keys, so that compaction never removes the first one. No client that is
made after this module is imported lets a broker create a topic by merely naming it.
"""

from __future__ import annotations

import asyncio
import functools
from types import TracebackType
from typing import Self
from uuid import uuid4

import aiokafka.client
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

from schemas import topics

# aiokafka asks brokers to create whatever topic it names, and has no option against it. A broker
# that was born again under a live client then gets a crm.events of its own default partition count.
aiokafka.client.MetadataRequest = functools.partial(
    aiokafka.client.MetadataRequest, allow_auto_topic_creation=False
)

LINGER_MS = 2
REQUEST_TIMEOUT_MS = 10_000
_ALREADY_EXISTS = 36
_COMPACTED = {"cleanup.policy": "compact"}
_KEPT = {"retention.ms": str(7 * 24 * 3600 * 1000)}
_IDENTITY = TopicPartition(topics.INCARNATION, 0)


class LogError(RuntimeError):
    """The topics are not what this installation needs; the text says what to do."""


def make_producer(
    bootstrap: str, *, idempotent: bool, request_timeout_ms: int = REQUEST_TIMEOUT_MS
) -> AIOKafkaProducer:
    """A producer, not started, that acknowledges only what all in-sync replicas have."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=idempotent,
        linger_ms=LINGER_MS,
        max_batch_size=256 * 1024,
        max_request_size=4 * 1024 * 1024,
        request_timeout_ms=request_timeout_ms,
        retry_backoff_ms=50,
        metadata_max_age_ms=5_000,
    )


async def ensure_topics(bootstrap: str, *, partitions: int, replication: int = 1) -> str:
    """Create what is missing and return the incarnation of the log.

    Raises:
        LogError: ``crm.events`` has another partition count, or was deleted but its identity kept.
        KafkaError: the broker is not reachable.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        await _create(admin, partitions, replication)
    finally:
        await admin.close()
    return await _settle_incarnation(bootstrap)


async def _create(admin: AIOKafkaAdminClient, partitions: int, replication: int) -> None:
    existing = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics()}
    if topics.EVENTS not in existing and topics.INCARNATION in existing:
        raise LogError(
            f"topic {topics.EVENTS} is gone but {topics.INCARNATION} still names the old log: "
            f"delete {topics.INCARNATION} too, so that every reader learns that offsets start anew"
        )
    # The identity is made last: a crash before it leaves a log that the next start completes.
    wanted = [
        NewTopic(topics.EVENTS, partitions, replication, topic_configs=_KEPT),
        NewTopic(topics.BACKFILL, partitions, replication, topic_configs=_KEPT),
        NewTopic(topics.FACTS, partitions, replication, topic_configs=_KEPT),
        NewTopic(topics.ALERTS, partitions, replication, topic_configs=_KEPT),
        NewTopic(topics.DEAD, partitions, replication, topic_configs=_KEPT),
        NewTopic(topics.INCARNATION, 1, replication, topic_configs=_COMPACTED),
    ]
    for topic in wanted:
        if topic.name not in existing:
            await _create_one(admin, topic)
    found = existing.get(topics.EVENTS, partitions)
    if found != partitions:
        raise LogError(
            f"topic {topics.EVENTS} has {found} partitions but the settings say {partitions}: "
            "the count is fixed when the topic is made; set PACELINE_PARTITIONS to it"
        )


async def _create_one(admin: AIOKafkaAdminClient, topic: NewTopic) -> None:
    response = await admin.create_topics([topic])
    for name, code, *_ in response.topic_errors:
        if code not in (0, _ALREADY_EXISTS):
            raise LogError(f"topic {name} could not be made: {for_code(code).__name__}")


async def _settle_incarnation(bootstrap: str) -> str:
    async with IncarnationReader(bootstrap) as reader:
        found = await reader.read()
        if found is None:
            await _propose(bootstrap)
            found = await reader.read()
    if found is None:
        raise LogError(f"the incarnation was written to {topics.INCARNATION} but cannot be read")
    return found


async def _propose(bootstrap: str) -> None:
    candidate = str(uuid4()).encode()
    # Not idempotent: a second candidate does no harm, and not every broker can.
    producer = make_producer(bootstrap, idempotent=False)
    await producer.start()
    try:
        key = topics.INCARNATION_KEY + b":" + candidate
        await producer.send_and_wait(topics.INCARNATION, candidate, key=key, partition=0)
    finally:
        await producer.stop()


class IncarnationReader:
    """Reads the incarnation again and again over one connection; cheap enough for once a second."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        await self._started()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                retry_backoff_ms=50,
                fetch_max_wait_ms=100,
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer

    async def read(self, timeout_s: float = 5.0) -> str | None:
        """The first record of the topic; None where there is none yet.

        Raises:
            KafkaError: the broker cannot be asked; the next call starts with a new connection.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._first(await self._started())
        except (KafkaError, TimeoutError, OSError) as e:
            await self.close()
            raise KafkaError(f"the incarnation cannot be read: {e!r}") from e

    async def _first(self, consumer: AIOKafkaConsumer) -> str | None:
        if topics.INCARNATION not in await consumer.topics():
            return None
        consumer.assign([_IDENTITY])
        ends = await consumer.end_offsets([_IDENTITY])
        if not ends[_IDENTITY]:
            return None
        starts = await consumer.beginning_offsets([_IDENTITY])
        consumer.seek(_IDENTITY, starts[_IDENTITY])
        record = await consumer.getone(_IDENTITY)
        return bytes(record.value).decode()

    async def close(self) -> None:
        """End the connection; the next ``read`` makes a new one."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


async def read_incarnation(bootstrap: str) -> str | None:
    """The incarnation of the log, or None while nobody has made the topics."""
    async with IncarnationReader(bootstrap) as reader:
        return await reader.read()
