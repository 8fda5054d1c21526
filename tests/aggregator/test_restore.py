"""Putting a partition back while the world goes on: the ledger writes, Redis goes back."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from schemas import keys
from services.aggregator import worker
from tests.aggregator.broker import P
from tests.aggregator.told import Desk, activation, call

CALLS = [call(f"e{n}", f"{n}", f"2026-11-20 12:{n:02}") for n in range(40)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that failed is tried again without a pause."""
    monkeypatch.setattr(worker, "RESTORE_AGAIN_S", 0.0)


async def test_what_the_ledger_writes_during_a_restore_is_read_from_the_log(
    one_redis: Redis,
) -> None:
    """Five of forty are archived when the restore begins, all of them when it ends."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS)
    desk.broker.archive.keep(6)
    await one_redis.flushdb()
    await desk.calm()
    assert (await desk.sums())["act:call"] == 40


async def test_an_idle_partition_is_restored_too(one_redis: Redis) -> None:
    """Nothing is sent; the watch alone sees that Redis is empty."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS)
    desk.broker.archive.keep()
    desk.broker.log.start = desk.broker.log.end
    await one_redis.flushdb()
    await desk.calm()
    assert (await desk.sums())["act:call"] == 40
    assert not await one_redis.hexists(keys.partition_meta(P), keys.RESTORING)


@pytest.mark.parametrize(("copied", "back"), [(0, 1), (1, 1), (2, 2), (3, 4), (5, 3)])
async def test_a_redis_that_goes_back_during_a_restore_leaves_no_hole(
    one_redis: Redis, copied: int, back: int
) -> None:
    """The claim is still there, but some pages are gone: the restore begins again."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS)
    desk.broker.archive.keep()
    await one_redis.flushdb()
    desk.fence.arm([("copy", copied), ("roll back", back)])
    await desk.calm()
    assert (await desk.sums())["act:call"] == 40


async def test_a_batch_is_not_folded_onto_a_state_that_is_gone(one_redis: Redis) -> None:
    """Its answer was lost; what it wrote is read once more, and then Redis goes back to before."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *CALLS[:10])
    await desk.copy.take()
    desk.fence.arm([("lose after", 0), ("roll back", 0)])
    await desk.hear(*CALLS[10:])
    assert (await desk.sums())["act:call"] == 40


async def test_an_activation_is_not_passed_over_for_having_been_there(one_redis: Redis) -> None:
    """Its answer was lost, and when it is looked at again Redis goes back to before it."""
    desk = Desk(one_redis)
    await desk.hand.join()
    await desk.copy.take()
    desk.fence.arm([("lose after", 0), ("roll back", 0)])
    await desk.hear(activation(), *CALLS)
    assert (await desk.sums())["act:call"] == 40
