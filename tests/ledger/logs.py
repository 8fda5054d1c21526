"""Logs to archive: real brokers with a few records of one small sales team.

In: a broker. Out: records in ``crm.events`` and ``crm.dead``. Guarantee: each call writes what it
says, in that order, acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.following import Follower, follow
from paceline.kafka import ensure_topics, make_producer
from paceline.settings import Settings
from paceline.sql import archive
from paceline.sql.engine import engine_for
from paceline.sql.migrate import upgrade_engine
from schemas import dead, envelope, topics
from schemas.meaning import Meaning
from services.ledger.main import FOLLOWED, GROUP
from services.ledger.writer import Writer

PARTITIONS = 2
NOON = 1_700_000_000_000


def settings_for(bootstrap: str, url: str) -> Settings:
    """Settings as ``paceline up`` gives them."""
    return Settings(
        kafka=bootstrap,
        redis="redis://127.0.0.1:6379/0",
        sql=url,
        partitions=PARTITIONS,
        replication=1,
        batch_events=50,
    )


def url_in(folder: Path) -> str:
    """A SQLite file of the test's own."""
    return f"sqlite+aiosqlite:///{folder / 'ledger.db'}"


@asynccontextmanager
async def database(folder: Path) -> AsyncIterator[AsyncEngine]:
    """A migrated database."""
    engine = engine_for(url_in(folder))
    await upgrade_engine(engine)
    yield engine
    await engine.dispose()


@asynccontextmanager
async def ledger(settings: Settings, engine: AsyncEngine) -> AsyncIterator[asyncio.Task[None]]:
    """A ledger at work within this process."""
    task = asyncio.create_task(
        follow(settings, Writer(engine), Follower(GROUP, FOLLOWED, _unmeasured))
    )
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _unmeasured(*_: object) -> None:
    """Nobody looks at gauges here."""


def won(deal: str, tenant: str = "acme") -> bytes:
    """Anna wins a deal."""
    patch = envelope.EntityPatch(
        entity="deal",
        id=deal,
        op="set",
        occurred_at=NOON,
        received_at=NOON,
        fields={"stage": "closedwon", "owner": "anna"},
    )
    return _event(f"won-{deal}", envelope.PATCHED, tenant, patch)


def ticked(at: int = NOON) -> bytes:
    """The partition's clock."""
    return _event(f"tick-{at}", envelope.TICKED, "", envelope.Tick(at=at))


def evicted() -> bytes:
    """Old activities are forgotten."""
    return _event("evict:1", envelope.EVICTED, "", envelope.Evict(at=NOON))


def activated(generation: int = 1, tenant: str = "acme") -> bytes:
    """The tenant's numbers get a meaning."""
    meaning = Meaning(code=1, zone="Europe/Berlin")
    data = envelope.Activate(generation=generation, meaning=meaning, issued_at=NOON)
    return _event(f"activate:{tenant}:{generation}", envelope.ACTIVATED, tenant, data)


def late_call() -> dead.DeadLetter:
    """A call that came after it was forgotten."""
    return dead.DeadLetter(
        id="acme:call-7",
        stage="aggregate",
        tenant="acme",
        connection="hubspot-main",
        reason="too_late",
        detail="the call is older than 90 days",
        at=NOON,
        payload=b'{"call": 7}',
    )


def _event(event: str, kind: str, tenant: str, data: envelope.Record) -> bytes:
    found = envelope.Event(id=event, source="/test", type=kind, tenant=tenant, data=data)
    return envelope.encode(found)


async def send(bootstrap: str, topic: str, partition: int, values: Sequence[bytes]) -> str:
    """Write the values and wait until they are acknowledged; the incarnation of the log."""
    incarnation = await ensure_topics(bootstrap, partitions=PARTITIONS)
    producer = make_producer(bootstrap, idempotent=False)
    await producer.start()
    try:
        sent = [await producer.send(topic, value, partition=partition) for value in values]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return incarnation


async def send_events(bootstrap: str, values: Sequence[bytes], partition: int = 0) -> str:
    """Write events."""
    return await send(bootstrap, topics.EVENTS, partition, values)


async def payloads(engine: AsyncEngine, partition: int = 0) -> list[bytes]:
    """All that is archived, in the order of a replay."""
    pages = [page async for page in archive.replay(engine, partition, batch=7)]
    return [record.payload for page in pages for record in page]


async def eventually(
    condition: Callable[[], Awaitable[bool]], what: str, within: float = 60.0
) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + within
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within:g} s for {what}")
        await asyncio.sleep(0.05)
