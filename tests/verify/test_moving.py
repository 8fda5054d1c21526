"""Verification while the numbers move: events, both lanes, evictions, workers that die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from kpi import panes
from paceline.verify import check as checking
from paceline.verify.places import Checked
from paceline.verify.redis import Eyes, Hash, Held
from schemas import keys
from services.aggregator import partition, rebuild, worker
from tests.aggregator.broker import P
from tests.aggregator.conftest import emptied
from tests.aggregator.test_laws import CENTURY, TENANT, Office, Plot, Step, plots, steps
from tests.aggregator.told import ACME, CRM, Desk, activation, call, eviction, told
from tests.support.servers import RedisServer
from tests.verify.desk import USUAL, Shelf, verified

BUSY = [
    event
    for n in range(30)
    for event in (
        call(f"k{n}", f"{n % 20}", f"2026-11-0{1 + n % 9} 10:{n:02}", deal=f"{n % 5}"),
        told(f"d{n}", "deal", f"{n % 5}", f"2026-11-1{n % 9} 09:{n:02}", owner="ana", stage="lead"),
    )
]


class Crowd(Eyes):
    """Whenever Redis was looked at, more is counted."""

    desk: Desk

    async def look(self, *asked: Any) -> list[Any]:
        """As ever, and then some more events."""
        found = await super().look(*asked)
        await self.desk.hand.read(1)
        await self.desk.hand.build()
        return found

    async def panes(self) -> AsyncIterator[tuple[Hash, Held]]:
        """One hash at a time, so that each has a look of its own."""
        async for name, held in super().panes():
            yield name, held
            await self.desk.hand.read(1)
            await self.desk.hand.build()


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> type[Crowd]:
    """Readers meet a crowd."""
    monkeypatch.setattr(checking, "Eyes", Crowd)
    monkeypatch.setattr("paceline.verify.redis._AT_ONCE", 1)
    return Crowd


async def test_events_that_come_while_it_reads_are_no_drift(
    one_redis: Redis, crowd: type[Crowd]
) -> None:
    """An event between any two looks; every place is right as of its own look."""
    desk = Desk(one_redis, page=7, batch_events=2)
    await desk.hear(activation(1, USUAL), *BUSY[:20])
    for event in BUSY[20:]:
        desk.broker.log.produce(event)
    crowd.desk = desk
    found = await verified(desk)
    assert found.places == 0
    assert found.position > 21
    assert found.records > 20


async def test_a_wrong_number_is_found_in_the_crowd(one_redis: Redis, crowd: type[Crowd]) -> None:
    """One call too many, of an owner whose calls go on being counted."""
    desk = Desk(one_redis, page=7, batch_events=2)
    await desk.hear(activation(1, USUAL), *BUSY[:20])
    await one_redis.hincrby(keys.panes(P, ACME, 1, f"{CRM}/ana", "M", "2026"), "act:call:11", 1)
    for event in BUSY[20:]:
        desk.broker.log.produce(event)
    crowd.desk = desk
    found = await verified(desk)
    assert found.position > 21
    assert [(one.measure, one.total) for one in found.drift] == [("act:call", 1)]


async def test_an_eviction_while_it_reads_is_no_drift(one_redis: Redis, crowd: type[Crowd]) -> None:
    """Activities go while their buckets are read, before or after."""
    desk = Desk(one_redis, page=7, batch_events=2)
    await desk.hear(activation(1, USUAL), *BUSY)
    for event in (eviction("2027-03-01 00:00"), call("n", "99", "2027-03-02 10:00")):
        desk.broker.log.produce(event)
    crowd.desk = desk
    assert (await verified(desk)).places == 0
    assert not await desk.known("activity", "1")


async def test_a_change_of_meaning_while_it_reads_begins_again(
    one_redis: Redis, crowd: type[Crowd]
) -> None:
    """What was read is of the old generation; what is said is of the new one."""
    desk = Desk(one_redis, page=7, batch_events=2)
    await desk.hear(activation(1, USUAL), *BUSY)
    desk.broker.log.produce(call("n", "99", "2026-11-02 10:00"))
    desk.broker.log.produce(activation(2, USUAL))
    crowd.desk = desk
    found = await verified(desk)
    assert (found.generation, found.places) == (2, 0)


@pytest.fixture
def eternal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in the aggregator's law: nothing expires, nothing waits."""
    for name in ("MINUTES_KEPT", "DAYS_KEPT", "MONTHS_KEPT"):
        monkeypatch.setattr(panes, name, CENTURY)
    monkeypatch.setattr(partition, "RETRY_FIRST_S", 0.0)
    monkeypatch.setattr(partition, "SEEK_AGAIN_S", 0.0)
    monkeypatch.setattr(rebuild, "AGAIN_S", 0.0)
    monkeypatch.setattr(worker, "RESTORE_AGAIN_S", 0.0)
    _forget_panes()
    yield
    _forget_panes()


def _forget_panes() -> None:
    panes._flow_panes.cache_clear()
    panes._gauge_panes.cache_clear()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all examples."""
    with asyncio.Runner() as one:
        yield one


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plots(), steps, st.integers(1, 9))
def test_whatever_happened_there_is_no_drift(
    eternal: None,
    redis_server: RedisServer,
    runner: asyncio.Runner,
    plot: Plot,
    happened: list[Step],
    part: int,
) -> None:
    """Workers die before and after each script, Redis goes back or is emptied, logs are reborn."""

    async def tried() -> None:
        async with emptied(redis_server) as redis:
            found = await _lived(redis, plot, happened, part)
            assert (found.places, found.first) == (0, [])
            assert found.generation == plot.generation

    runner.run(tried())


async def _lived(redis: Redis, plot: Plot, happened: list[Step], part: int) -> Checked:
    office = Office(redis, plot)
    await office.open()
    for step in happened:
        await office.live(step)
    await office.close()
    shelf = Shelf(office.broker.archive)
    return await checking.check(redis, shelf, P, TENANT, records_a_part=part)
