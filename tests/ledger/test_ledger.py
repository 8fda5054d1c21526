"""The ledger against real brokers: nothing is lost, nothing is kept twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import archive, dead
from paceline.sql.engine import reading, writing
from schemas import topics
from schemas.dead import encode
from tests.ledger.logs import (
    activated,
    database,
    eventually,
    evicted,
    late_call,
    ledger,
    payloads,
    send,
    send_events,
    settings_for,
    ticked,
    url_in,
    won,
)
from tests.support.servers import ApacheKafka, Tansu


@pytest.fixture(params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tansu | ApacheKafka]:
    """A broker of the test's own: its topics have fixed names, and tests may restart it."""
    kind = Tansu if request.param == "tansu" else ApacheKafka
    with kind(tmp_path / "broker") as server:
        yield server


async def archived_to(engine: AsyncEngine, incarnation: str, offset: int) -> None:
    """Wait until the archive has everything of partition 0 below the offset."""

    async def there() -> bool:
        async with reading(engine) as session:
            return await archive.end(session, 0, incarnation) >= offset

    await eventually(there, f"offset {offset} in the archive")


async def test_everything_but_the_clock_is_archived_as_it_came(
    log: Tansu | ApacheKafka, tmp_path: Path
) -> None:
    """Patches, activations, evictions and even rubbish are kept; ticks only move the position."""
    values = [activated(), won("9001"), ticked(), b"{rubbish", evicted(), ticked()]
    incarnation = await send_events(log.bootstrap, values)
    async with database(tmp_path) as engine:
        async with ledger(settings_for(log.bootstrap, url_in(tmp_path)), engine):
            await archived_to(engine, incarnation, len(values))
        kept = await payloads(engine)
        assert kept == [activated(), won("9001"), b"{rubbish", evicted()]
        async with reading(engine) as session:
            assert await archive.activations(session, 0) == [activated()]
            assert await archive.tenants(session, 0) == ["acme"]


async def test_a_dead_letter_is_stored_once_however_often_it_is_sent(
    log: Tansu | ApacheKafka, tmp_path: Path
) -> None:
    """Its id is its own, and what is no letter is kept too, as nobody's."""
    letters = [encode(late_call()), encode(late_call()), b"no letter"]
    await send(log.bootstrap, topics.DEAD, 1, letters)
    async with database(tmp_path) as engine:

        async def kept(tenant: str) -> list[dead.StoredLetter]:
            async with reading(engine) as session:
                return (await dead.page(session, tenant)).letters

        async with ledger(settings_for(log.bootstrap, url_in(tmp_path)), engine):
            await eventually(lambda: _any(kept("")), "the last letter")
        assert [stored.letter for stored in await kept("acme")] == [late_call()]
        assert [stored.letter.payload for stored in await kept("")] == [b"no letter"]


async def _any(found: object) -> bool:
    return bool(await found)  # type: ignore[misc]


async def test_a_ledger_that_starts_again_goes_on_where_sql_is(
    log: Tansu | ApacheKafka, tmp_path: Path
) -> None:
    """Monday -> archived | restart | tuesday -> archived; monday is not there twice."""
    monday, tuesday = [won("1"), won("2")], [won("3")]
    settings = settings_for(log.bootstrap, url_in(tmp_path))
    async with database(tmp_path) as engine:
        for day, end in ((monday, 2), (tuesday, 3)):
            incarnation = await send_events(log.bootstrap, day)
            async with ledger(settings, engine):
                await archived_to(engine, incarnation, end)
        assert await payloads(engine) == monday + tuesday


async def test_while_sql_is_away_the_ledger_waits_and_drops_nothing(
    log: Tansu | ApacheKafka, tmp_path: Path
) -> None:
    """The table is gone, comes back, and everything sent meanwhile is in it."""
    settings = settings_for(log.bootstrap, url_in(tmp_path))
    async with database(tmp_path) as engine, ledger(settings, engine) as task:
        incarnation = await send_events(log.bootstrap, [won("before")])
        await archived_to(engine, incarnation, 1)
        await _rename(engine, "archive", "archive_away")
        await send_events(log.bootstrap, [won(str(i)) for i in range(200)])
        await asyncio.wait({task}, timeout=1.0)
        assert not task.done()
        await _rename(engine, "archive_away", "archive")
        await archived_to(engine, incarnation, 201)
        assert await payloads(engine) == [won("before"), *(won(str(i)) for i in range(200))]


async def _rename(engine: AsyncEngine, old: str, new: str) -> None:
    async with writing(engine) as session:
        await session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


async def test_a_new_log_is_archived_from_its_beginning_behind_the_old_one(
    tmp_path: Path,
) -> None:
    """The embedded broker dies with its memory under a live ledger; offsets start anew at 0."""
    with Tansu(tmp_path / "broker") as log:
        settings = settings_for(log.bootstrap, url_in(tmp_path))
        old, new = [won("old-1"), won("old-2")], [won("new-1"), won("new-2"), won("new-3")]
        async with database(tmp_path) as engine, ledger(settings, engine):
            first = await send_events(log.bootstrap, old)
            await archived_to(engine, first, 2)
            log.restart()
            second = await send_events(log.bootstrap, new)
            await archived_to(engine, second, 3)
            assert first != second
            assert await payloads(engine) == old + new


async def test_of_two_ledgers_one_may_be_killed_at_any_moment(
    log: Tansu | ApacheKafka, tmp_path: Path
) -> None:
    """Two processes share the partitions; one gets SIGKILL while it writes."""
    deals = [[won(f"{p}-{i}") for i in range(3000)] for p in (0, 1)]
    incarnation = ""
    async with database(tmp_path) as engine:
        running = [await _process(log.bootstrap, tmp_path) for _ in range(2)]
        for p in (0, 1):
            incarnation = await send_events(log.bootstrap, deals[p], p)

        async def some() -> bool:
            async with reading(engine) as session:
                return await archive.count(session, 0) + await archive.count(session, 1) > 0

        async def all_there() -> bool:
            async with reading(engine) as session:
                ends = [await archive.end(session, p, incarnation) for p in (0, 1)]
            return ends == [3000, 3000]

        await eventually(some, "the first row")
        running[0].kill()
        await eventually(all_there, "all rows", within=90)
        assert [await payloads(engine, p) for p in (0, 1)] == deals
        await _end(running)


async def _process(bootstrap: str, folder: Path) -> asyncio.subprocess.Process:
    settings = settings_for(bootstrap, url_in(folder))
    environment = os.environ | {
        f"PACELINE_{name.upper()}": str(getattr(settings, name))
        for name in ("kafka", "redis", "sql", "partitions", "replication", "batch_events")
    }
    command = (sys.executable, "-m", "services.ledger.main")
    return await asyncio.create_subprocess_exec(*command, env=environment)


async def _end(running: list[asyncio.subprocess.Process]) -> None:
    for process in running:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
    assert [await process.wait() for process in running] == [-signal.SIGKILL, 0]
