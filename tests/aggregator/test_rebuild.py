"""Generations that are built beside the live one: switched whole, or held, released, discarded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from schemas import keys, topics
from schemas.envelope import Activate, EntityPatch, encode
from schemas.meaning import ConnectionMeaning, Meaning
from services.aggregator import rebuild
from tests.aggregator.broker import Kept, P
from tests.aggregator.conftest import emptied
from tests.aggregator.faults import Died, Kind
from tests.aggregator.stored import by_month, names, stored
from tests.aggregator.test_laws import OTHER_STAGES, TENANT, Office, Plot, eternal, plots, runner
from tests.aggregator.told import (
    ACME,
    CRM,
    Desk,
    activation,
    call,
    discarded,
    eviction,
    released,
    told,
)
from tests.kpi.laws.histories import Told
from tests.oracle.plain import Recount
from tests.support.servers import RedisServer

__all__ = ["eternal", "runner"]

CALLS = [call(f"e{n}", f"{n}", f"2026-11-20 12:{n:02}") for n in range(40)]
SIGNED = told("w", "deal", "9", "2026-11-20 13:00", "create", owner="ana", stage="signed")

LOST = Meaning(
    code=1,
    zone="UTC",
    connections={
        CRM: ConnectionMeaning(currency="USD", stages={"*": {"lead": "open", "signed": "lost"}})
    },
)
"""As it was, but what is signed is lost."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for an archive that stands still."""
    monkeypatch.setattr(rebuild, "PATIENCE_S", 0.0)
    monkeypatch.setattr(rebuild, "AGAIN_S", 0.0)


async def live(redis: Redis) -> int:
    """The generation that readers see."""
    return int(await redis.hget(keys.tenant_meta(P, ACME), keys.LIVE) or 0)


async def test_the_log_is_read_on_while_a_generation_is_built(one_redis: Redis) -> None:
    """The ledger stands still: new calls count in the old generation, and later in the new one."""
    desk = Desk(one_redis)
    archive = desk.broker.archive
    archive.busy = False
    await desk.hear(activation(), SIGNED, *CALLS[:10])
    await desk.hear(activation(2, LOST), *CALLS[10:])
    assert await live(one_redis) == 1
    assert (await desk.sums(1))["act:call"] == 40
    archive.keep()
    await desk.hand.build()
    assert await live(one_redis) == 2
    sums = await desk.sums(2)
    assert (sums["act:call"], sums["lost_n"]) == (40, 1)
    assert "won_n" not in sums


async def test_the_old_generation_expires_and_readers_are_told(one_redis: Redis) -> None:
    """A quarter of an hour for whoever reads it; every owner is named to those who stream."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS, activation(2))
    await desk.hand.build()
    for name in await names(one_redis, keys.generation(P, ACME, 1)):
        assert 0 < await one_redis.pttl(name) <= rebuild.OLD_GENERATION_KEPT_MS
    assert await names(one_redis, keys.generation(P, ACME, 1))
    entries: list[Any] = await one_redis.xrevrange(keys.changes(P), count=1) or []
    entry = entries[0][1]
    assert entry[b"o"] == b'["hubspot-main/ana"]'
    assert not await one_redis.exists(keys.leaving(P), keys.pending(P))


async def test_a_held_generation_keeps_up_and_waits_for_its_release(one_redis: Redis) -> None:
    """It has what came after it, is read by nobody, and is switched to by one record."""
    desk = Desk(one_redis)
    await desk.hear(activation(), SIGNED, activation(2, LOST, held=True), *CALLS)
    await desk.hand.build()
    assert await live(one_redis) == 1
    assert (await desk.sums(2))["act:call"] == 40
    await desk.hear(released(2))
    assert await live(one_redis) == 2
    assert (await desk.sums(2))["lost_n"] == 1


async def test_a_discarded_generation_leaves_no_trace(one_redis: Redis) -> None:
    """Its keys go, it is not built any further, and a release comes too late."""
    desk = Desk(one_redis)
    await desk.hear(activation(), activation(2, LOST, held=True), *CALLS)
    await desk.hear(discarded(2), released(2))
    await desk.hand.build()
    assert await live(one_redis) == 1
    for name in await names(one_redis, keys.generation(P, ACME, 2)):
        assert await one_redis.pttl(name) > 0
    assert not await one_redis.exists(keys.leaving(P), keys.pending(P))


async def test_a_change_that_is_applied_outlives_a_held_one_that_is_discarded(
    one_redis: Redis,
) -> None:
    """The second is still being built when the third is tried out and thrown away."""
    desk = Desk(one_redis)
    desk.broker.archive.busy = False
    await desk.hear(activation(), SIGNED, activation(2, LOST), activation(3, held=True))
    await desk.hear(discarded(3))
    desk.broker.archive.keep()
    await desk.hand.build()
    assert await live(one_redis) == 2


async def test_a_generation_that_is_overtaken_is_not_built(one_redis: Redis) -> None:
    """Two changes, one after the other: only the later one is switched to."""
    desk = Desk(one_redis)
    desk.broker.archive.busy = False
    await desk.hear(activation(), activation(2, LOST, held=True), activation(3), *CALLS)
    await desk.hear(released(2))
    desk.broker.archive.keep()
    await desk.hand.build()
    assert await live(one_redis) == 3
    assert (await desk.sums(3))["act:call"] == 40


async def test_an_emptied_redis_comes_back_with_what_was_decided(one_redis: Redis) -> None:
    """One generation was discarded, one is held, one was released: that one is live at once."""
    desk = Desk(one_redis)
    await desk.hear(activation(), activation(2, LOST, held=True), SIGNED)
    await desk.hear(discarded(2), activation(3, LOST, held=True), released(3))
    await desk.hear(activation(4, held=True), *CALLS)
    desk.broker.archive.keep()
    await one_redis.flushdb()
    await desk.calm()
    assert await live(one_redis) == 3
    sums = await desk.sums(3)
    assert (sums["act:call"], sums["lost_n"]) == (40, 1)
    await desk.hear(released(4))
    assert (await desk.sums(4))["won_n"] == 1


async def test_a_build_forgets_what_the_live_one_forgot(one_redis: Redis) -> None:
    """A call of November, an eviction in March, and a late word about it: once, and too late."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS, eviction("2027-03-01 00:00"))
    await desk.hear(activation(2), call("late", "1", "2026-11-20 12:01", received="2027-03-02"))
    assert await live(one_redis) == 2
    assert (await desk.sums(2))["act:call"] == 40
    assert not await desk.known("activity", "1", 2)


async def test_both_lanes_are_built(one_redis: Redis) -> None:
    """What was imported is in the archive's other lane."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS[:20])
    lane = desk.hand.worker.partitions[P].beside
    assert lane is not None
    old = [Kept("log-1", n, encode(one), topics.BACKFILL) for n, one in enumerate(CALLS[20:])]
    desk.broker.archive.keep()
    desk.broker.archive.kept += old
    await rebuild_lane(desk, old)
    await desk.hear(activation(2))
    assert await live(one_redis) == 2
    assert (await desk.sums(2))["act:call"] == 40


async def rebuild_lane(desk: Desk, records: list[Kept]) -> None:
    """Count them in the slow lane."""
    from services.aggregator.batch import Batch  # noqa: PLC0415 - only here
    from tests.aggregator.broker import Record  # noqa: PLC0415 - only here

    lane = desk.hand.worker.partitions[P].beside
    assert lane is not None
    await lane.process(Batch(0, len(records), [Record(r.offset, r.payload) for r in records]))


@pytest.mark.parametrize(("copied", "back"), [(0, 1), (1, 1), (2, 2), (3, 4), (5, 3), (1, 8)])
async def test_a_redis_that_goes_back_during_a_rebuild_is_noticed(
    one_redis: Redis, copied: int, back: int
) -> None:
    """Pages of the build are gone with what was written since the copy."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS)
    desk.broker.archive.keep()
    desk.broker.log.produce(activation(2))
    desk.fence.arm([("copy", copied), ("roll back", back)])
    for _ in range(3):
        await desk.calm()
    assert await live(one_redis) == 2
    assert (await desk.sums(2))["act:call"] == 40


@pytest.mark.parametrize("kind", ["die before", "die after"])
@pytest.mark.parametrize("died", range(0, 12, 2))
async def test_a_rebuild_may_die_anywhere_and_goes_on_from_there(
    one_redis: Redis, died: int, kind: Kind
) -> None:
    """Readers see the old generation until the switch; the successor folds nothing twice."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS)
    desk.broker.archive.keep()
    desk.broker.log.produce(activation(2))
    desk.fence.arm([(kind, died)])
    with pytest.raises(Died):
        await desk.calm()
    assert (await desk.sums(await live(one_redis)))["act:call"] == 40
    before = await one_redis.hget(keys.building(P, ACME, 2), "done")
    successor = Desk(one_redis)
    successor.broker.log = successor.broker.archive.log = desk.broker.log
    successor.broker.archive.keep()
    await successor.hear()
    await successor.calm()
    assert await live(one_redis) == 2
    assert (await successor.sums(2))["act:call"] == 40
    done = int(await one_redis.hget(keys.building(P, ACME, 2), "done") or 0)
    assert done == 40 >= int(before or 0)


async def test_leftovers_of_a_build_that_was_given_up_are_not_counted(one_redis: Redis) -> None:
    """Keys without a place to go on from, whoever left them."""
    desk = Desk(one_redis)
    await one_redis.hset(keys.panes(P, ACME, 2, f"{CRM}/ana", "M", "2026"), "act:call:11", "7")
    await desk.hear(activation(), *CALLS, activation(2))
    assert (await desk.sums(2))["act:call"] == 40


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plots(), st.lists(st.sampled_from(("read", "build", "archive")), max_size=40))
def test_readers_see_only_whole_generations(
    eternal: None, redis_server: RedisServer, runner: asyncio.Runner, plot: Plot, acts: list[str]
) -> None:
    """Whatever is read and built meanwhile, what is live is the recount of what was counted."""

    async def tried() -> None:
        async with emptied(redis_server) as redis:
            office = Office(redis, plot)
            office.broker.archive.busy = False
            await office.open()
            for act in acts:
                if act == "read":
                    await office.hand.read(1)
                elif act == "build":
                    await office.hand.look()
                else:
                    office.broker.archive.keep(3)
                await whole(redis, office)

    runner.run(tried())


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plots(), st.integers(0, 1))
def test_from_the_archive_alone_it_is_as_it_was_or_as_a_fresh_start(
    eternal: None, redis_server: RedisServer, runner: asyncio.Runner, plot: Plot, emptied_too: int
) -> None:
    """Redis and the log are gone: the same meaning changes nothing, another begins anew."""

    async def tried() -> None:
        async with emptied(redis_server) as redis:
            office = Office(redis, plot)
            await office.open()
            await office.close()
            before = await stored(redis, P, TENANT, plot.generation)
            office.broker.archive.keep()
            if emptied_too:
                office.broker.log.start = office.broker.log.end
                await redis.flushdb()
                await office.close()
                assert await stored(redis, P, TENANT, plot.generation) == before
            for number, meaning in ((8, plot.meaning), (9, OTHER_STAGES)):
                office.broker.log.produce(activation(number, meaning, TENANT))
                await office.close()
                built = await stored(redis, P, TENANT, number)
                assert number == 9 or built == before
            fresh = Desk(redis)
            await redis.flushdb()
            told_anew = [event for _, event in plot.events if isinstance(event.data, EntityPatch)]
            await fresh.hear(activation(9, OTHER_STAGES, TENANT), *told_anew)
            assert await stored(redis, P, TENANT, 9) == built

    runner.run(tried())


async def whole(redis: Redis, office: Office) -> None:
    """Every number of the live generation, against the recount up to the position."""
    raw = await redis.hget(keys.tenant_meta(P, TENANT), keys.LIVE)
    if raw is None:
        return
    position = office.hand.position
    counted: list[Told] = []
    meanings: dict[int, Meaning] = {}
    offset = 0
    for hole, event in office.plot.events:
        offset += hole
        if isinstance(event.data, Activate):
            meanings[event.data.generation] = event.data.meaning
        elif isinstance(event.data, EntityPatch) and offset < position:
            one = (event.id, event.connection, event.data)
            counted += [] if one in counted else [one]
        offset += 1
    held = await stored(redis, P, TENANT, int(raw))
    days = Recount(counted, meanings[int(raw)]).by_day()
    assert held.days == days
    assert held.months == by_month(days)
