"""Two lanes of one partition: history is counted beside what happens now, each record once."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from schemas import keys, topics
from schemas.envelope import Event, encode
from services.aggregator.batch import Batch
from tests.aggregator.broker import Kept, P, Record
from tests.aggregator.stored import names
from tests.aggregator.told import Desk, activation, call, eviction, told

HISTORY = [call(f"old{n}", f"old{n}", f"2026-10-20 12:{n:02}") for n in range(12)]
NOW = [call(f"new{n}", f"new{n}", f"2026-11-20 12:{n:02}") for n in range(12)]


async def imported(desk: Desk, events: list[Event], start: int = 0) -> None:
    """A batch of the slow lane, as its consumer would hand it on."""
    lane = desk.hand.worker.partitions[P].beside
    assert lane is not None
    records = [Record(start + n, encode(event)) for n, event in enumerate(events)]
    await lane.process(Batch(start, start + len(events), records))


async def test_history_is_counted_beside_what_happens_now(one_redis: Redis) -> None:
    """Twelve old calls between twelve new ones: 24, and each lane has its own position."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *NOW[:6])
    await imported(desk, HISTORY)
    await desk.hear(*NOW[6:])
    assert (await desk.sums())["act:call"] == 24
    held = await one_redis.hget(keys.partition_meta(P), keys.next_offset(topics.BACKFILL))
    assert held == b"12"


async def test_history_that_comes_twice_counts_once(one_redis: Redis) -> None:
    """The same file again, at later offsets: the ids of its events are the same."""
    desk = Desk(one_redis)
    await desk.hear(activation())
    await imported(desk, HISTORY)
    await imported(desk, HISTORY, start=12)
    await imported(desk, HISTORY, start=12)
    assert (await desk.sums())["act:call"] == 12


async def test_what_a_live_batch_stands_on_must_still_be_in_redis(one_redis: Redis) -> None:
    """Redis forgets the imported batch but not the claim: the deal is counted from what is left."""
    desk = Desk(one_redis)
    await desk.hear(activation())
    before = await one_redis.dump(keys.partition_meta(P)) or b""
    created = told("c", "deal", "9", "2026-10-01 09:00", "create", stage="lead", owner="anna")
    await imported(desk, [created])
    for name in await names(one_redis):
        if not name.endswith(":meta"):
            await one_redis.delete(name)
    await one_redis.restore(keys.partition_meta(P), 0, before, replace=True)
    await desk.hear(told("w", "deal", "9", "2026-11-02 09:00", stage="signed", owner="anna"))
    await imported(desk, [created])
    lane = desk.hand.worker.partitions[P].beside
    assert lane is not None
    assert lane.position == 1
    assert (await desk.sums())["created"] == 1


async def test_an_emptied_redis_gets_both_lanes_back(one_redis: Redis) -> None:
    """The archive has 12 of each; the log has nothing any more."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *NOW)
    await imported(desk, HISTORY)
    archive = desk.broker.archive
    archive.keep()
    log = desk.broker.log
    archive.kept += [
        Kept(log.incarnation, n, encode(event), topics.BACKFILL) for n, event in enumerate(HISTORY)
    ]
    await one_redis.flushdb()
    await desk.calm()
    assert (await desk.sums())["act:call"] == 24
    held = await one_redis.hget(keys.partition_meta(P), keys.next_offset(topics.BACKFILL))
    assert held == b"12"


async def test_what_was_imported_and_forgotten_is_counted_again_in_a_restore(
    one_redis: Redis,
) -> None:
    """The eviction of February comes before October's import when the archive is replayed."""
    desk = Desk(one_redis)
    await desk.hear(activation())
    await imported(desk, HISTORY)
    await desk.hear(eviction("2027-02-01 00:00"))
    assert not await desk.known("activity", "old0")
    archive, log = desk.broker.archive, desk.broker.log
    archive.keep()
    archive.kept += [
        Kept(log.incarnation, n, encode(event), topics.BACKFILL) for n, event in enumerate(HISTORY)
    ]
    await one_redis.flushdb()
    await desk.calm()
    assert (await desk.sums())["act:call"] == 12
    assert await desk.reasons() == []
    await desk.hear(activation(2))
    assert (await desk.sums(2))["act:call"] == 12


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.booleans(), min_size=24, max_size=24))
async def test_the_lanes_commute(one_redis: Redis, order: list[bool]) -> None:
    """A deal's life, told in two lanes in any mixture, has the numbers of one lane."""
    life = [
        told("a", "deal", "9", "2026-10-01 09:00", "create", stage="lead", owner="anna"),
        told("b", "deal", "9", "2026-10-05 09:00", amount="100", currency="USD"),
        told("c", "deal", "9", "2026-10-07 09:00", owner="ben"),
        told("d", "deal", "9", "2026-10-09 09:00", stage="signed"),
    ]
    sums = []
    for lanes in ([True] * 4, order[:4]):
        await one_redis.flushdb()
        desk, at = Desk(one_redis), 0
        await desk.hear(activation())
        for event, live in zip(life, lanes, strict=True):
            if live:
                await desk.hear(event)
            else:
                await imported(desk, [event], at)
                at += 1
        sums.append(await desk.sums())
    assert sums[0] == sums[1]
    assert sums[0]["created"] == 1
