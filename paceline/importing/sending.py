"""Sending history by the slow lane, and waiting until it is kept.

In: encoded events of one tenant. Out: their number, once the ledger has archived them all.
Guarantee: nothing is called done that lives in a broker's memory only: the archive's position in
the same log is past the last event. Events that are sent twice count once. Where it was broken
off, the next run goes on after what was acknowledged, unless the log is another one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.kafka import ensure_topics, make_producer
from paceline.settings import Settings
from paceline.sql import archive
from paceline.sql.engine import reading
from schemas import topics

CHUNK = 500
KEPT_S = 600.0


class Reached(msgspec.Struct, frozen=True):
    """How far a file has been acknowledged: ``sent`` events of ``content``, in which log."""

    content: str
    incarnation: str
    sent: int
    end: int
    """The offset after the last of them."""


class NotKeptError(Exception):
    """The log was replaced, or the ledger does not follow: to be run again."""


async def send(
    engine: AsyncEngine,
    settings: Settings,
    tenant: str,
    values: Sequence[bytes],
    *,
    content: str,
    state: Path,
    rate: int,
    told: Callable[[int], None],
) -> int:
    """Send what is not sent yet, at most ``rate`` events a second; ``told`` hears how far it is.

    Raises:
        NotKeptError: the ledger did not archive them within ten minutes, or the log is another one.
        KafkaError: the broker does not take them; run it again.
    """
    incarnation = await ensure_topics(
        settings.kafka, partitions=settings.partitions, replication=settings.replication
    )
    partition = topics.partition_of(tenant, settings.partitions)
    reached = _read(state, content, incarnation)
    producer = make_producer(settings.kafka, idempotent=settings.idempotent_producer)
    await producer.start()
    try:
        while reached.sent < len(values):
            began = time.monotonic()
            chunk = values[reached.sent : reached.sent + CHUNK]
            futures = [
                await producer.send(
                    topics.BACKFILL, value, key=tenant.encode(), partition=partition
                )
                for value in chunk
            ]
            placed = await asyncio.gather(*futures)
            end = max(one.offset for one in placed) + 1
            reached = Reached(content, incarnation, reached.sent + len(chunk), end)
            _note(state, reached)
            told(reached.sent)
            await asyncio.sleep(max(0.0, len(chunk) / rate - (time.monotonic() - began)))
    finally:
        await producer.stop()
    await _kept(engine, settings, partition, reached)
    _forget(state)
    return len(values)


def _note(state: Path, reached: Reached) -> None:
    state.write_bytes(msgspec.json.encode(reached))


def _forget(state: Path) -> None:
    state.unlink(missing_ok=True)


def _read(state: Path, content: str, incarnation: str) -> Reached:
    fresh = Reached(content, incarnation, 0, 0)
    try:
        found = msgspec.json.decode(state.read_bytes(), type=Reached)
    except (OSError, msgspec.MsgspecError):
        return fresh
    return found if (found.content, found.incarnation) == (content, incarnation) else fresh


async def _kept(engine: AsyncEngine, settings: Settings, partition: int, reached: Reached) -> None:
    """Wait until the archive has everything up to the last event."""
    until = time.monotonic() + KEPT_S
    while time.monotonic() < until:
        async with reading(engine) as session:
            end = await archive.end(session, partition, reached.incarnation, topic=topics.BACKFILL)
        if end >= reached.end:
            return
        now = await ensure_topics(
            settings.kafka, partitions=settings.partitions, replication=settings.replication
        )
        if now != reached.incarnation:
            raise NotKeptError("the log began anew before everything was archived: run it again")
        await asyncio.sleep(0.3)
    raise NotKeptError("the ledger does not archive what was sent: see that it runs, run it again")
