"""Numbers that an earlier version counted: read, and made anew by the next generation."""

from __future__ import annotations

import json

import pytest
from redis.asyncio import Redis

from kpi import CODE
from kpi.entity import unpack
from schemas import keys
from schemas.envelope import Event
from schemas.meaning import Meaning
from services.aggregator import store
from tests.aggregator.broker import P
from tests.aggregator.told import ACME, CRM, Desk, activation, call, ms, told
from tests.oracle.plain import Recount

STAGES = activation().data.meaning.connections  # type: ignore[union-attr]

TOLD = [
    told("e1", "deal", "1", "2026-11-02 09:20", "create", owner="ana", stage="lead", amount="900"),
    call("e2", "7", "2026-11-02 10:07", deal="1"),
    told("e3", "deal", "1", "2026-11-16 09:00", stage="signed"),
]


def of(code: int) -> Meaning:
    """The same configuration, counted by a version of the code."""
    return Meaning(code=code, zone="UTC", connections=STAGES)


async def aged(redis: Redis, generation: int) -> None:
    """Every stored entity as version 1 wrote it: without shares, calls by the hour."""
    for name in await redis.keys(f"{{{P}}}:{ACME}:{generation}:e:*"):
        for entity, packed in (await redis.hgetall(name)).items():
            fields = json.loads(packed)[:11]
            hours = {str(int(minute) // 60): n for minute, n in fields[10].items()}
            await redis.hset(name, entity, json.dumps([*fields[:10], hours]))


def recounted(events: list[Event]) -> dict[str, int]:
    """Every measure over all owners and days."""
    history = [(event.id, CRM, event.data) for event in events]
    sums: dict[str, int] = {}
    for (_, measure, _), amount in Recount(history, of(CODE)).by_day().items():  # type: ignore[arg-type]
        sums[measure] = sums.get(measure, 0) + amount
    return {measure: amount for measure, amount in sums.items() if amount}


def test_an_entity_stored_before_shares_existed_is_read() -> None:
    """Fields are only ever added at the end."""
    entity = unpack('["d","hubspot-main",5,[],[],[],[],[],[],{},{"494000":1}]')
    assert (entity.split, entity.overlay) == ((), ())
    assert entity.touches == {494_000: 1}


@pytest.mark.parametrize("more", [False, True])
async def test_the_generation_of_a_new_version_is_counted_from_the_archive(
    one_redis: Redis,
    more: bool,  # noqa: FBT001 - whether something comes in between
) -> None:
    """Nothing stored is carried over, so the hours of version 1 become minutes."""
    desk, events = Desk(one_redis), list(TOLD)
    await desk.hear(activation(1, of(1)), *TOLD)
    await aged(one_redis, 1)
    desk.hand.worker.partitions[P].store.drop()
    if more:
        events.append(call("e4", "8", "2026-11-17 10:00", deal="1"))
        await desk.hear(events[-1])
    desk.broker.archive.keep()
    await desk.hear(activation(2, of(CODE)))
    assert await desk.sums(2) == recounted(events)
    name = f"d:{CRM}:1"
    bucket = keys.entities(P, ACME, 2, keys.entity_bucket(name))
    packed = await one_redis.hget(bucket, name)
    assert packed is not None
    assert ms("2026-11-02 10:07") // 60_000 in unpack(packed).touches


class Heard:
    """A log that remembers."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, event: str, **_: object) -> None:
        """One line."""
        self.warnings.append(event)


async def test_numbers_of_another_version_are_told_to_whoever_runs_it(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the configuration is applied, by this version."""
    heard, desk = Heard(), Desk(one_redis)
    monkeypatch.setattr(store, "log", heard)
    await desk.hear(activation(1, of(1)), *TOLD)
    assert "paceline apply" in "".join(heard.warnings)
    desk.broker.archive.keep()
    await desk.hear(activation(2, of(CODE)))
    heard.warnings.clear()
    await desk.hear(call("e5", "9", "2026-11-18 10:00"))
    assert heard.warnings == []
