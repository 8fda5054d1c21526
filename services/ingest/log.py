"""The way to the log: one producer, and the answer whether the log took what it was given.

In: records. Out: their offsets, once all in-sync replicas have them. Guarantee: ``LogAway`` is
the only error; after it the records may still arrive, which their event ids make harmless.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from paceline import kafka, logs
from services.ingest.records import Record

ACK_TIMEOUT_S: Final = 2.0
_RENEW_AFTER_S: Final = 8.0
_log = logs.get_logger(__name__)


def _heard(one: asyncio.Future[Any]) -> None:
    """One error was reported for all of them; the others must not be reported as unheard."""
    if not one.cancelled():
        one.exception()


class LogAway(Exception):
    """Kafka did not acknowledge in time."""


class Log:
    """One producer, made anew when it has failed for long: a fatal error never heals by itself."""

    def __init__(
        self,
        bootstrap: str,
        *,
        partitions: int,
        replication: int,
        idempotent: bool,
        ack_timeout_s: float = ACK_TIMEOUT_S,
    ) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._replication = replication
        self._idempotent = idempotent
        self._ack_timeout_s = ack_timeout_s
        self._reader = kafka.IncarnationReader(bootstrap)
        self._producer: AIOKafkaProducer | None = None
        self._incarnation: str | None = None
        self._failing_since: float | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def identify(self) -> str:
        """The incarnation of the log, its topics made if there are none; ``LogAway``."""
        try:
            async with asyncio.timeout(10):
                found = await self._reader.read()
                if found != self._incarnation:
                    await self._abandon()
                if found is None:
                    found = await kafka.ensure_topics(
                        self._bootstrap,
                        partitions=self._partitions,
                        replication=self._replication,
                    )
                await self._open()
                self._incarnation = found
        except (KafkaError, TimeoutError, OSError) as e:
            raise LogAway(repr(e)) from e
        return found

    async def _open(self) -> None:
        if self._producer is None:
            producer = kafka.make_producer(self._bootstrap, idempotent=self._idempotent)
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer

    async def _abandon(self) -> None:
        """Drop the producer with what it holds: it was meant for another log."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # stop() would deliver it all, and aiokafka has no other way to end.
            await producer._sender.close()  # noqa: SLF001
            await producer.client.close()
            producer._closed = True  # noqa: SLF001

    async def send(self, records: Sequence[Record]) -> list[int]:
        """The offsets of the records, in their order; ``LogAway``."""
        producer = self._producer
        if producer is None:
            raise LogAway("not connected yet")
        sent: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._ack_timeout_s):
                for r in records:
                    one = await producer.send(r.topic, r.value, key=r.key, partition=r.partition)
                    sent.append(one)
                offsets = [(await one).offset for one in sent]
        # aiokafka asserts where a partition is not there (yet).
        except (KafkaError, TimeoutError, OSError, AssertionError) as e:
            for one in sent:
                one.add_done_callback(_heard)
            self._failed(producer)
            raise LogAway(repr(e)) from e
        self._failing_since = None
        return offsets

    def _failed(self, producer: AIOKafkaProducer) -> None:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if producer is self._producer and now - self._failing_since > _RENEW_AFTER_S:
            self._producer, self._failing_since = None, None
            self._end(producer)

    def _end(self, producer: AIOKafkaProducer) -> None:
        """In the background: a producer that is stopped first tries to send what it holds."""
        ending = asyncio.create_task(producer.stop())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Stop the producer; what it still holds is not waited for long."""
        if self._producer is not None:
            self._end(self._producer)
            self._producer = None
        await self._reader.close()
        if self._ending:
            _, late = await asyncio.wait(self._ending, timeout=5)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
