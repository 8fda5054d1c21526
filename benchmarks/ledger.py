"""How fast the ledger writes facts: rows a second into SQLite and into PostgreSQL.

In: how many events of ``benchmarks.load``. Out: rows per second, the events per second that they
stand for, and how the two databases compare. Guarantee: facts are folded before the clock starts;
real files, real servers, ``fsync`` as the databases are set up by us (PostgreSQL: off, as the tests
start it); every row is there at the end, or nothing is printed.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, select

from benchmarks import load
from benchmarks.row import Row, row, table
from kpi.fold import Entities, Fold, Tenant, refs_of
from paceline.sql import books, models
from paceline.sql.engine import engine_for, reading, writing
from schemas import topics
from schemas.envelope import Activate, Event, decode
from schemas.facts import FactBatch, TenantFacts
from tests.sql.postgres import PostgreSQL

EVENTS = 20_000
_BATCH, _A_TRANSACTION = 500, 4


def run(events: int = EVENTS) -> list[Row]:
    """Both databases, with the same facts."""
    batches = _batches(events)
    facts = sum(len(one.rows) for b in batches for t in b.tenants for one in t.events)
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as name:
        sqlite = f"sqlite+aiosqlite:///{Path(name) / 'paceline.db'}"
        ours = asyncio.run(_seconds(sqlite, batches, facts))
    server = PostgreSQL()
    try:
        with server:
            theirs = asyncio.run(_seconds(server.new_database(), batches, facts))
    finally:
        server.remove()
    return [
        row("ledger into SQLite", "rows/s", facts / ours, "PostgreSQL", facts / theirs),
        row("events that these are", "events/s", events / ours, "PostgreSQL", events / theirs),
        row("facts an event", "rows", facts / events),
    ]


def _batches(events: int) -> list[FactBatch]:
    now = time.time_ns() // 1_000_000
    tenants = {
        one.tenant: Tenant(1, one.data.meaning)
        for record in load.activations(now)
        if isinstance((one := decode(record.value)).data, Activate)
    }
    entities: Entities = {}
    made = [decode(one.value) for one in load.events(events, now)]
    return [
        _batch(low, made[low : low + _BATCH], tenants, entities)
        for low in range(0, len(made), _BATCH)
    ]


def _batch(
    start: int, events: Sequence[Event], tenants: dict[str, Tenant], entities: Entities
) -> FactBatch:
    told = [(start + n, event) for n, event in enumerate(events)]
    fold = Fold(dict(tenants), {ref: entities.get(ref) for ref in refs_of(told)})
    fold.entities.update({ref: entities.get(ref) for ref in fold.missing()})
    fold.apply_all(told)
    entities.update({ref: fold.entities[ref] for ref in fold.last})
    return FactBatch(
        incarnation="benchmark",
        topic=topics.EVENTS,
        partition=0,
        since=start,
        start=start,
        end=start + len(events),
        beside=0,
        tenants=[TenantFacts(name, 1, one.told) for name, one in fold.changes.items() if one.told],
    )


async def _seconds(url: str, batches: Sequence[FactBatch], facts: int) -> float:
    engine = engine_for(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(models.Base.metadata.create_all)
        began = time.perf_counter()
        for low in range(0, len(batches), _A_TRANSACTION):
            async with writing(engine) as session:
                for batch in batches[low : low + _A_TRANSACTION]:
                    await books.store(session, batch)
        seconds = time.perf_counter() - began
        async with reading(engine) as session:
            held = await session.scalar(select(func.count()).select_from(models.FactRow))
        if held != facts:
            raise AssertionError(f"{held} rows of {facts}")
        return seconds
    finally:
        await engine.dispose()


if __name__ == "__main__":
    print(table(run()))
