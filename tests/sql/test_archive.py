"""The archive on both databases: idempotent, and in the order of the logs."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import archive
from paceline.sql.engine import reading, writing
from schemas import topics


def rows(*offsets: int, tenant: str = "acme") -> list[archive.Row]:
    """Deals as the log has them."""
    return [
        archive.Row(offset=at, tenant=tenant, event_id=f"e{at}", payload=f"{tenant}@{at}".encode())
        for at in offsets
    ]


async def append(
    engine: AsyncEngine, log: str, found: list[archive.Row], to: int, partition: int = 3
) -> None:
    """One transaction of the ledger."""
    async with writing(engine) as session:
        await archive.append(session, log, partition, found, to)


async def replayed(
    engine: AsyncEngine, partition: int = 3, **which: str
) -> list[tuple[str, int, bytes]]:
    """All of a partition, in pages of two."""
    pages = [
        page
        async for page in archive.replay(engine, partition, tenant=which.get("tenant"), batch=2)
    ]
    return [(one.incarnation, one.offset, one.payload) for page in pages for one in page]


async def position(engine: AsyncEngine, log: str, partition: int = 3) -> int | None:
    """How far the archive follows."""
    async with reading(engine) as session:
        return await archive.progress(session, log, partition)


async def test_writing_again_changes_nothing(engine: AsyncEngine) -> None:
    """0 1 2 | 1 2 3 with a hole at 4 -> 0 1 2 3, next 5; an old ledger does not pull it back."""
    await append(engine, "log-a", rows(0, 1, 2), 3)
    await append(engine, "log-a", rows(1, 2, 3), 5)
    await append(engine, "log-a", rows(0, 1), 2)
    assert [offset for _, offset, _ in await replayed(engine)] == [0, 1, 2, 3]
    assert await position(engine, "log-a") == 5


async def test_logs_are_replayed_in_the_order_in_which_they_were_seen(engine: AsyncEngine) -> None:
    """Zulu came before alpha, so it is replayed first, although a late row of it comes last."""
    await append(engine, "zulu", rows(0), 1)
    await append(engine, "alpha", rows(0, 1), 2)
    await append(engine, "zulu", rows(1), 2)
    expected = [("zulu", 0), ("zulu", 1), ("alpha", 0), ("alpha", 1)]
    assert [(log, offset) for log, offset, _ in await replayed(engine)] == expected
    async with reading(engine) as session:
        assert await archive.end(session, 3, "alpha") == 2
        assert await archive.end(session, 3, "never-seen") == 0


async def test_a_tenant_is_replayed_with_what_concerns_the_whole_partition(
    engine: AsyncEngine,
) -> None:
    """Globex and the evictions of its partition, but nothing of acme."""
    await append(engine, "log", rows(0, 2) + rows(1, tenant="globex") + rows(3, tenant=""), 4)
    found = await replayed(engine, tenant="globex")
    assert [payload for *_, payload in found] == [b"globex@1", b"@3"]
    assert await replayed(engine, partition=4) == []
    async with reading(engine) as session:
        assert await archive.tenants(session, 3) == ["acme", "globex"]


async def test_a_replay_starts_where_it_is_told(engine: AsyncEngine) -> None:
    """From (log, offset) on, through later logs; a log that was never seen gives nothing."""
    await append(engine, "old", rows(0, 1, 2), 3)
    await append(engine, "new", rows(0), 1)

    async def after(start: tuple[str, int]) -> list[tuple[str, int]]:
        pages = [page async for page in archive.replay(engine, 3, start=start)]
        return [(one.incarnation, one.offset) for page in pages for one in page]

    assert await after(("old", 1)) == [("old", 1), ("old", 2), ("new", 0)]
    assert await after(("new", 1)) == []
    assert await after(("unknown", 0)) == []


async def test_two_ledgers_at_once_keep_each_record_once(engine: AsyncEngine) -> None:
    """Both write all of a new log, in batches, at the same time."""

    async def one() -> None:
        for start in range(0, 60, 10):
            await append(engine, "log", rows(*range(start, start + 10)), start + 10)

    await asyncio.gather(one(), one())
    assert [offset for _, offset, _ in await replayed(engine)] == list(range(60))
    assert await position(engine, "log") == 60


async def test_dead_letters_and_events_have_positions_of_their_own(engine: AsyncEngine) -> None:
    """Partition 3 of one topic is not partition 3 of the other."""
    await append(engine, "log", rows(0), 1)
    async with writing(engine) as session:
        await archive.advance(session, topics.DEAD, "log", 3, 9)
        assert await archive.progress(session, "log", 3) == 1
        assert await archive.progress(session, "log", 3, topic=topics.DEAD) == 9


_counter = iter(range(1_000_000))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.tuples(st.integers(0, 19), st.integers(1, 20)), max_size=8))
async def test_any_batches_that_cover_the_log_archive_the_log(
    engine: AsyncEngine, cuts: list[tuple[int, int]]
) -> None:
    """Overlapping, repeated, out of order: in the end it is the log, once."""
    log = f"log-{next(_counter)}"
    partition = next(_counter)
    for start, length in [*cuts, (0, 20)]:
        to = min(start + length, 20)
        await append(engine, log, rows(*range(start, to)), to, partition)
    assert [offset for _, offset, _ in await replayed(engine, partition)] == list(range(20))


async def test_the_lanes_of_a_log_have_offsets_of_their_own(engine: AsyncEngine) -> None:
    """Live 0 1, imported 0 1 2, then another log: live first, then what was imported, per log."""
    await append(engine, "log-a", rows(0, 1), 2)
    async with writing(engine) as session:
        await archive.append(
            session, "log-a", 3, rows(0, 1, 2, tenant="old"), 3, topic=topics.BACKFILL
        )
    await append(engine, "log-b", rows(0), 1)
    found = [one async for page in archive.replay(engine, 3, batch=2) for one in page]
    assert [(one.incarnation, one.topic, one.offset) for one in found] == [
        *(("log-a", topics.EVENTS, at) for at in (0, 1)),
        *(("log-a", topics.BACKFILL, at) for at in (0, 1, 2)),
        ("log-b", topics.EVENTS, 0),
    ]
    assert await position(engine, "log-a") == 2


async def test_a_replay_goes_on_in_both_lanes_where_each_of_them_was(engine: AsyncEngine) -> None:
    """From 1 of the live lane and 2 of the imported one."""
    await append(engine, "log-a", rows(0, 1), 2)
    async with writing(engine) as session:
        await archive.append(session, "log-a", 3, rows(0, 1, 2), 3, topic=topics.BACKFILL)
    pages = archive.replay(engine, 3, start=("log-a", 1), backfill_from=2)
    found = [(one.topic, one.offset) async for page in pages for one in page]
    assert found == [(topics.EVENTS, 1), (topics.BACKFILL, 2)]
