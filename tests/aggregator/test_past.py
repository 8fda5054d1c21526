"""Whoever reads closed days once need not read them again until one of them changes.

The hash of past versions stands still while only today moves; it moves with every change of a
day before the owner's today, by the wall clock of whoever counts.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from kpi.civil import local_day, zone_of
from kpi.panes import HOUR, MINUTE
from schemas import keys
from schemas.meaning import ConnectionMeaning, Meaning
from services.aggregator import building, partition, rebuild
from services.aggregator.blob import past_owners
from tests.aggregator.broker import P
from tests.aggregator.told import ACME, CRM, USUAL, Desk, activation, call, ms, told
from tests.kpi.laws.histories import ANCHORS, MEANING, Told, deliveries, histories, law
from tests.oracle.folding import Folding

ANA = f"{CRM}/ana"
STAGES = USUAL.connections[CRM].stages


def clock(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """It is so late, as UTC."""
    for module in (partition, building, rebuild):
        monkeypatch.setattr(module, "now_ms", lambda: ms(when))


async def past(redis: Redis, owner: str = ANA) -> int | None:
    """Where in the log a closed day of the owner changed last."""
    raw = await redis.hget(keys.past_versions(P, ACME), owner)
    return None if raw is None else int(raw)


async def changed(redis: Redis, owner: str = ANA) -> int:
    """Where in the log anything of the owner changed last."""
    return int(await redis.hget(keys.versions(P, ACME), owner) or -1)


async def test_what_happens_today_leaves_the_past_alone(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call of this noon, told this afternoon."""
    clock(monkeypatch, "2026-11-20 15:00")
    await Desk(one_redis).hear(activation(), call("e1", "1", "2026-11-20 12:00"))
    assert await changed(one_redis) == 1
    assert await past(one_redis) is None


async def test_a_late_event_moves_the_past(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call of yesterday, and then again one of today."""
    clock(monkeypatch, "2026-11-20 15:00")
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", "2026-11-19 12:00"))
    assert await past(one_redis) == 1
    await desk.hear(call("e2", "2", "2026-11-20 12:00"))
    assert (await changed(one_redis), await past(one_redis)) == (2, 1)


async def test_what_is_taken_back_on_the_next_day_moves_the_past(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Friday's call is deleted on Saturday."""
    clock(monkeypatch, "2026-11-20 15:00")
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", "2026-11-20 12:00"))
    clock(monkeypatch, "2026-11-21 09:00")
    await desk.hear(told("e2", "activity", "1", "2026-11-21 09:00", "delete"))
    assert await past(one_redis) == 2


async def test_a_reassignment_told_late_moves_the_past_of_both(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tenth has another owner of the open deal from ten o'clock on."""
    clock(monkeypatch, "2026-11-20 15:00")
    desk = Desk(one_redis)
    opened = told("e1", "deal", "1", "2026-11-10 09:00", "create", owner="ana", stage="lead")
    await desk.hear(activation(), opened)
    await desk.hear(told("e2", "deal", "1", "2026-11-10 10:00", owner="ben"))
    assert await past(one_redis) == await past(one_redis, f"{CRM}/ben") == 2


async def test_a_day_closes_an_hour_early(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is computed before midnight may be written after it."""
    clock(monkeypatch, "2026-11-20 22:59")
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", "2026-11-20 22:50"))
    assert await past(one_redis) is None
    clock(monkeypatch, "2026-11-20 23:00")
    await desk.hear(call("e2", "2", "2026-11-20 22:55"))
    assert await past(one_redis) == 2


@pytest.mark.parametrize(("zone", "moved"), [("America/New_York", None), ("Asia/Shanghai", 1)])
async def test_today_is_that_of_the_owner(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch, zone: str, moved: int | None
) -> None:
    """At 18:00 UTC it is still the 20th in New York, and the 21st in Shanghai."""
    clock(monkeypatch, "2026-11-20 18:00")
    connection = ConnectionMeaning(currency="USD", stages=STAGES)
    meaning = Meaning(code=1, zone=zone, connections={CRM: connection})
    await Desk(one_redis).hear(activation(1, meaning), call("e1", "1", "2026-11-20 15:00"))
    assert await past(one_redis) == moved


async def test_a_restore_moves_the_past_again(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis was emptied; whoever cached under its epoch must not read on."""
    clock(monkeypatch, "2026-11-20 15:00")
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", "2026-11-19 12:00"))
    before = await one_redis.hget(keys.partition_meta(P), keys.EPOCH)
    desk.broker.archive.keep()
    await one_redis.flushdb()
    await desk.calm()
    assert await past(one_redis) == 1
    assert before != await one_redis.hget(keys.partition_meta(P), keys.EPOCH)


async def test_building_a_generation_leaves_the_past_versions_alone(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads it yet; the switch itself tells readers by the generation's number."""
    clock(monkeypatch, "2026-11-20 15:00")
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", "2026-11-19 12:00"))
    desk.broker.archive.keep()
    await desk.hear(activation(2))
    assert (await desk.sums(2))["act:call"] == 1
    assert await past(one_redis) == 1


nows = st.builds(
    lambda anchor, minutes: anchor + minutes * MINUTE,
    st.sampled_from(ANCHORS),
    st.integers(-2_000, 2_000),
)


@law
@given(st.data(), histories, nows, st.integers(0, HOUR))
def test_while_the_past_version_stands_no_closed_day_changes(
    data: st.DataObject, history: list[Told], now: int, later: int
) -> None:
    """Of whatever owner, in whatever zones, for a reader whose clock is up to an hour ahead."""
    folding = Folding(MEANING)
    for batch in data.draw(deliveries(history)):
        facts = folding.fold(batch)
        past = past_owners(facts, MEANING, now)
        for owner, _, instant in facts:
            today = local_day(now + later, zone_of(MEANING, owner, now + later))
            day = local_day(instant, zone_of(MEANING, owner, instant))
            assert day >= today or owner in past
