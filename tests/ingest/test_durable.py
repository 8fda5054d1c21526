"""The durable path on real brokers: what was promised arrives, over outages and new logs."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import topics
from services.ingest.journal import Journal
from services.ingest.log import Log
from services.ingest.publisher import Confirmations, Mode, Publisher
from services.ingest.records import NotDurable, Record
from tests.support.servers import ApacheKafka, Server, Tansu

PARTITIONS = 8


def deal(n: int) -> Record:
    """The n-th record of a tenant of its own partition."""
    return Record(topics.EVENTS, n % PARTITIONS, b"acme", f"deal {n}".encode())


class Told:
    """Confirmations that say what the test says."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}

    async def next_offsets(self, incarnation: str, partitions: Collection[int]) -> dict[int, int]:
        """The same offset for every partition."""
        return dict.fromkeys(partitions, self.offsets.get(incarnation, 0))

    async def letters(self, ids: Collection[str]) -> set[str]:
        """All are stored."""
        return set(ids)


async def until(condition: Callable[[], bool], what: str, within: float = 60.0) -> None:
    """Wait for a condition within the loop."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"waited {within} s for {what}"
        await asyncio.sleep(0.02)


async def looked_again(publisher: Publisher) -> None:
    """Until the publisher has looked three times whether it may let go."""
    for _ in range(3):
        before = publisher._identified_at
        await until(lambda seen=before: publisher._identified_at > seen, "another look")  # type: ignore[misc]


@asynccontextmanager
async def publishing(
    bootstrap: str,
    folder: Path,
    mode: Mode,
    *,
    idempotent: bool,
    confirmations: Confirmations | None = None,
) -> AsyncIterator[tuple[Publisher, Journal]]:
    """A publisher at work; ended in order."""
    log = Log(bootstrap, partitions=PARTITIONS, replication=1, idempotent=idempotent)
    async with Journal(folder, max_bytes=1 << 26) as journal:
        publisher = Publisher(log, journal, mode, confirmations, period_s=0.1)
        running = asyncio.create_task(publisher.run())
        try:
            yield publisher, journal
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await log.close()


async def arrived(bootstrap: str) -> list[bytes]:
    """All values of crm.events, partition by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found = [TopicPartition(topics.EVENTS, p) for p in range(PARTITIONS)]
        consumer.assign(found)
        ends = await consumer.end_offsets(found)
        values: list[bytes] = []
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            batch = await consumer.getmany(timeout_ms=500)
            values += [bytes(r.value) for records in batch.values() for r in records]
        return values
    finally:
        await consumer.stop()


async def _outage(server: Server, bootstrap: str, folder: Path, *, idempotent: bool) -> int:
    """Publish before, during and after an outage, one after the other; how many were promised."""
    numbers = itertools.count()
    async with publishing(bootstrap, folder, "fallback", idempotent=idempotent) as (p, journal):
        await until(lambda: p.up, "the log")
        for _ in range(50):
            await p.publish([deal(next(numbers))])
        await asyncio.to_thread(server.stop)
        for _ in range(3000):
            await p.publish([deal(next(numbers))])
        assert journal.bytes_kept > 0
        starting = asyncio.create_task(asyncio.to_thread(server.start))
        # Without a pause while the journal drains, and until nothing goes by way of it any more.
        while not (starting.done() and p.up and not journal.bytes_kept):
            await p.publish([deal(next(numbers))])
        await starting
        for _ in range(50):
            await p.publish([deal(next(numbers))])
        assert journal.bytes_kept == 0
    return next(numbers)


@pytest.mark.kafka
async def test_every_promised_event_arrives_though_kafka_was_stopped(tmp_path: Path) -> None:
    """Apache Kafka, stopped under load and started again: all of it, as it was promised.

    promised  0 ... 49 |  stopped: journal  50 ... | started: behind the journal ... | straight ...
    """
    with ApacheKafka(tmp_path / "kafka") as kafka:
        (node,) = kafka.nodes
        promised = await _outage(node, kafka.bootstrap, tmp_path / "journal", idempotent=True)
        found = [_number(value) for value in await arrived(kafka.bootstrap)]
        for partition in range(PARTITIONS):
            first = list(dict.fromkeys(n for n in found if n % PARTITIONS == partition))
            assert first == list(range(partition, promised, PARTITIONS))


async def test_what_is_journaled_while_kafka_is_away_at_the_start_arrives(tmp_path: Path) -> None:
    """Ingest starts before its broker does, and is ended before that comes."""
    tansu = Tansu(tmp_path / "tansu")
    folder = tmp_path / "journal"
    async with publishing(tansu.bootstrap, folder, "fallback", idempotent=False) as (p, _):
        await p.publish([deal(n) for n in range(20)])
    with tansu:
        async with publishing(tansu.bootstrap, folder, "fallback", idempotent=False) as (_, kept):
            await until(lambda: not kept.bytes_kept, "the journal to drain")
        assert sorted(await arrived(tansu.bootstrap)) == sorted(deal(n).value for n in range(20))


async def test_a_new_log_gets_all_that_is_not_archived_and_applied_yet(tmp_path: Path) -> None:
    """A broker in memory is killed: what it acknowledged is gone with it, and comes again in order.

    promised  1 ... 40 |  killed  | 41 ... 60
    new log                        1 ... 60
    """
    with Tansu(tmp_path / "tansu") as tansu:
        told = Told()
        async with publishing(
            tansu.bootstrap, tmp_path / "j", "always", idempotent=False, confirmations=told
        ) as (p, journal):
            await until(lambda: p.incarnation is not None, "the log")
            first = p.incarnation
            for n in range(40):
                await p.publish([deal(n)])
            await asyncio.to_thread(tansu.restart)
            for n in range(40, 60):
                await p.publish([deal(n)])
            await until(lambda: p.incarnation not in (None, first), "the new log")
            await until(lambda: p._drained, "the new log to have it all")
            values = await arrived(tansu.bootstrap)
            for partition in range(PARTITIONS):
                numbers = [n for n in map(_number, values) if n % PARTITIONS == partition]
                # This broker takes records before it has the topic, so a chunk that was on its
                # way comes first; then everything comes in order.
                expected = list(range(partition, 60, PARTITIONS))
                assert numbers[-len(expected) :] == expected
            assert set(values) == {deal(n).value for n in range(60)}
            # What the old log had applied says nothing about the new one.
            told.offsets = {str(first): 1000}
            kept = journal.bytes_kept
            await looked_again(p)
            assert journal.bytes_kept == kept
            told.offsets = {str(p.incarnation): 1000}
            await until(lambda: not journal.bytes_kept, "the journal to let go")


def _number(value: bytes) -> int:
    return int(value.split()[1])


async def test_what_is_archived_but_not_applied_is_kept(tmp_path: Path) -> None:
    """Both must have it: the archive for ever, the numbers for now."""
    with Tansu(tmp_path / "tansu") as tansu:
        told = Told()
        async with publishing(
            tansu.bootstrap, tmp_path / "j", "always", idempotent=False, confirmations=told
        ) as (p, journal):
            await p.publish([deal(0), deal(8), deal(16)])
            await until(lambda: p.incarnation is not None and p._drained, "the log to have it")
            told.offsets = {str(p.incarnation): 2}
            await looked_again(p)
            assert journal.bytes_kept > 0
            told.offsets = {str(p.incarnation): 3}
            await until(lambda: not journal.bytes_kept, "the journal to let go")


async def test_an_activation_is_not_published_past_what_waits_in_the_journal(
    tmp_path: Path,
) -> None:
    """In fallback mode it goes to the log itself, or not at all: events cannot overtake it."""
    tansu = Tansu(tmp_path / "tansu")
    async with publishing(tansu.bootstrap, tmp_path / "j", "fallback", idempotent=False) as (p, _):
        with pytest.raises(NotDurable):
            await p.publish_to_log([deal(1)])
        with tansu:
            await until(lambda: p.up, "the log")
            await p.publish_to_log([deal(1)])
            assert await arrived(tansu.bootstrap) == [deal(1).value]
