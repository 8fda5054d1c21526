"""Forgetting activities: what they counted stays, and nothing of them is ever counted twice."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from schemas.envelope import Event
from tests.aggregator.told import Desk, activation, call, eviction, told

AUGUST, NOVEMBER = "2026-08-01 10:00", "2026-11-20 10:00"
EVICTION = eviction("2026-11-21 00:00")


async def forgotten(redis: Redis) -> Desk:
    """A call of August, evicted in November; a deal of August and a call of November are not."""
    desk = Desk(redis)
    await desk.hear(
        activation(),
        call("e1", "old", AUGUST, deal="9001"),
        told("e2", "deal", "9001", AUGUST, "create", stage="lead", owner="ana", amount="10"),
        call("e3", "fresh", NOVEMBER),
        EVICTION,
    )
    return desk


async def test_quiet_activities_are_forgotten_and_stay_counted(one_redis: Redis) -> None:
    """Deals are never forgotten."""
    desk = await forgotten(one_redis)
    assert not await desk.known("activity", "old")
    assert await desk.known("activity", "fresh")
    assert await desk.known("deal", "9001")
    assert (await desk.sums())["act:call"] == 2


LATER: dict[str, Event] = {
    "an edit": told("l1", "activity", "old", "2026-11-22 10:00", type="visit", owner="ben"),
    "an edit that tells the creation": told(
        "l2", "activity", "old", "2026-11-22 10:00", created=AUGUST, type="call"
    ),
    "a creation told again": call("e1", "old", AUGUST),
    "a creation with its own instant": told(
        "l3", "activity", "old", "2026-11-22 10:00", "create", created=AUGUST, type="call"
    ),
    "a delete": told("l4", "activity", "old", "2026-11-22 10:00", "delete"),
    "a creation out of a slow journal": told(
        "e1", "activity", "old", AUGUST, "create", received="2026-10-29 10:00", type="call"
    ),
}


@pytest.mark.parametrize("named", LATER)
async def test_a_later_event_of_a_forgotten_activity_adds_nothing(
    one_redis: Redis, named: str
) -> None:
    """Its number stands as it was; at most it is shown as incomplete."""
    desk = await forgotten(one_redis)
    before = await desk.sums()
    await desk.hear(LATER[named])
    after = await desk.sums()
    after.pop("x:act_no_creation", None)
    assert after == before


TOO_LATE = [name for name in LATER if name not in ("an edit", "a delete")]


@pytest.mark.parametrize("named", TOO_LATE)
async def test_what_would_count_it_again_is_too_late(one_redis: Redis, named: str) -> None:
    """Dead-lettered and counted, never silent."""
    desk = await forgotten(one_redis)
    await desk.hear(LATER[named])
    assert await desk.reasons() == ["too_late"]
    assert await desk.counted("too_late") == 1


async def test_whatever_changed_an_activity_keeps_it(one_redis: Redis) -> None:
    """Told of in November by a field that activities seldom have: it is not quiet."""
    desk = Desk(one_redis)
    changed = told("e2", "activity", "old", NOVEMBER, amount="15")
    await desk.hear(activation(), call("e1", "old", AUGUST), changed, EVICTION)
    assert await desk.known("activity", "old")


async def test_an_eviction_may_be_read_again(one_redis: Redis) -> None:
    """Its answer is lost, Redis goes back: the numbers are the same."""
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "old", AUGUST), call("e2", "fresh", NOVEMBER))
    await desk.copy.take()
    desk.fence.arm([("lose after", 1)])
    await desk.hear(EVICTION)
    await desk.copy.put_back()
    await desk.calm()
    assert not await desk.known("activity", "old")
    assert (await desk.sums())["act:call"] == 2


async def test_a_new_generation_forgets_what_the_log_says_was_forgotten(one_redis: Redis) -> None:
    """Built from the archive, evictions included: the same sums, and no second counting either."""
    desk = await forgotten(one_redis)
    await desk.hear(call("e1", "old", AUGUST), activation(2))
    assert not await desk.known("activity", "old", 2)
    assert await desk.sums(2) == await desk.sums(1)
    await desk.hear(LATER["a creation out of a slow journal"])
    assert (await desk.sums(2))["act:call"] == 2
