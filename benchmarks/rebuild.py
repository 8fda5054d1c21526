"""How fast numbers are built anew from the archive, beside the live path in the same run.

In: how many events of ``benchmarks.load``, of four organisations with 50 reps each. Out: events per
second of one worker that builds from SQLite, against the same worker when it counted them live.
Guarantee: a real Redis and a real file; the log is in memory for both; afterwards every pane of the
new generation equals that of the old one, or nothing is printed.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import load
from benchmarks.row import Row, row, table
from paceline.embedded.redis import find_redis
from paceline.redis import make_client
from paceline.sql import archive, models
from paceline.sql.engine import engine_for, writing
from schemas import keys
from schemas.envelope import Activate, Event, decode, encode
from services.aggregator.batch import Batch
from services.aggregator.fence import Fence
from services.aggregator.main import SqlArchive
from tests.aggregator.broker import HERE, Broker, Hand, P, new_broker
from tests.support.servers import RedisServer

EVENTS = 40_000
_TENANTS, _REPS, _BATCH, _A_TRANSACTION = 4, 200, 500, 5_000


def run(events: int = EVENTS) -> list[Row]:
    """One figure, with the live path as its peer."""
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as name:
        folder = Path(name)
        with RedisServer(folder / "redis", binary=find_redis()) as server:
            built, live = asyncio.run(_both(server.url, folder / "paceline.db", events))
    return [
        row("rebuild beside the live numbers", "events/s", events / built, "live", events / live)
    ]


async def _both(url: str, file: Path, events: int) -> tuple[float, float]:
    redis, engine = make_client(url), engine_for(f"sqlite+aiosqlite:///{file}")
    load.TENANTS, load.REPS = _TENANTS, _REPS
    now = time.time_ns() // 1_000_000
    broker = new_broker("benchmark")
    first = [one.value for one in load.activations(now)]
    for value in [*first, *(one.value for one in load.events(events, now))]:
        broker.log.produce(value)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(models.Base.metadata.create_all)
        hand = Hand(broker, Fence(redis, memory_flags=True), redis, _BATCH)
        hand.worker.archive = SqlArchive(engine)
        await hand.join()
        live = await _counted(hand)
        for value in first:
            broker.log.produce(_second(value))
        await _archived(engine, broker)
        await _counted(hand)
        began = time.perf_counter()
        await hand.build()
        built = time.perf_counter() - began
        await _equal(redis)
        return built, live
    finally:
        await redis.aclose()
        await engine.dispose()


async def _counted(hand: Hand) -> float:
    records = hand.broker.log.records  # without a hole, so that a place in it is an offset
    began = time.perf_counter()
    for low in range(hand.position, len(records), _BATCH):
        some = records[low : low + _BATCH]
        await hand.worker.handle(HERE, Batch(low, low + len(some), some))
    return time.perf_counter() - began


def _second(value: bytes) -> bytes:
    event: Event = decode(value)
    assert isinstance(event.data, Activate)
    data = Activate(generation=2, meaning=event.data.meaning, issued_at=event.data.issued_at)
    return encode(
        Event(
            id=f"activate:{event.tenant}:2",
            source=event.source,
            type=event.type,
            tenant=event.tenant,
            data=data,
        )
    )


async def _archived(engine: AsyncEngine, broker: Broker) -> None:
    records = broker.log.records
    for low in range(0, len(records), _A_TRANSACTION):
        some = records[low : low + _A_TRANSACTION]
        rows = [
            archive.Row(offset=one.offset, tenant=told.tenant, event_id=told.id, payload=one.value)
            for one in some
            for told in (decode(one.value),)
        ]
        async with writing(engine) as session:
            await archive.append(session, "benchmark", P, rows, some[-1].offset + 1)


async def _equal(redis: Redis) -> None:
    compared = 0
    for number in range(_TENANTS):
        tenant = f"tenant-{number:03}"
        live = await redis.hget(keys.tenant_meta(P, tenant), keys.LIVE)
        if live != b"2":
            raise AssertionError(f"{tenant} is at generation {live!r}")
        for raw in await redis.keys(keys.owner_panes(P, tenant, 1, "") + "*"):
            old = raw if isinstance(raw, str) else raw.decode()
            new = old.replace(f":{tenant}:1:", f":{tenant}:2:", 1)
            if await redis.hgetall(old) != await redis.hgetall(new):
                raise AssertionError(f"{new} differs from {old}")
            compared += 1
    if not compared:
        raise AssertionError("nothing was compared")


if __name__ == "__main__":
    print(table(run()))
