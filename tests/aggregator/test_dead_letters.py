"""What cannot be counted becomes a dead letter, is counted as such, and stops nobody."""

from __future__ import annotations

import msgspec
import pytest
from redis.asyncio import Redis

from paceline import metrics
from schemas import keys
from schemas.envelope import EntityPatch, Event, encode, entity_key
from tests.aggregator.broker import P
from tests.aggregator.faults import Died, Kind
from tests.aggregator.told import ACME, CRM, Desk, activation, call, told

NOON = "2026-11-20 12:00"
ANA = keys.panes(P, ACME, 1, f"{CRM}/ana", "d", "202611")


def of_the_year_30000(event_id: str, vendor_id: str) -> Event:
    """Every instant of it lies beyond all calendars."""
    event = told(event_id, "deal", vendor_id, NOON, "create", stage="lead")
    assert isinstance(event.data, EntityPatch)
    far = 30_000 * 366 * 86_400_000
    patch = msgspec.structs.replace(event.data, occurred_at=far, received_at=far)
    return msgspec.structs.replace(event, data=patch)


def letters_counted(reason: str) -> float:
    """The metric."""
    return float(metrics.DEAD_LETTERS.labels("aggregate", reason)._value.get())


async def test_bytes_that_are_no_event_are_put_aside(one_redis: Redis) -> None:
    """Good, garbage, good: both good ones count, the garbage is kept byte for byte."""
    desk = Desk(one_redis)
    before = letters_counted("undecodable")
    await desk.hear(
        activation(), call("e1", "1", NOON), b"\xff not json", call("e2", "2", NOON), b""
    )
    assert (await desk.sums())["act:call"] == 2
    assert await desk.reasons() == ["undecodable", "undecodable"]
    assert [letter.payload for letter in await desk.letters()] == [b"\xff not json", b""]
    assert letters_counted("undecodable") == before + 2


async def test_an_event_that_makes_the_domain_raise_is_put_aside(one_redis: Redis) -> None:
    """A deal of the year 30,000, told then: no calendar has it."""
    desk = Desk(one_redis)
    before = letters_counted("poison")
    absurd = of_the_year_30000("e2", "2")
    await desk.hear(activation(), call("e1", "1", NOON), absurd, call("e3", "3", NOON))
    assert (await desk.sums())["act:call"] == 2
    assert await desk.reasons() == ["poison"]
    assert (await desk.letters())[0].payload == encode(absurd)
    assert not await desk.known("deal", "2")
    assert letters_counted("poison") == before + 1


async def test_poison_in_the_archive_does_not_stop_a_new_generation(one_redis: Redis) -> None:
    """What was put aside when it was live is left out of the rebuild; its neighbours are not."""
    desk = Desk(one_redis)
    far = of_the_year_30000("e2", "2")
    await desk.hear(activation(), call("e1", "1", NOON), far, b"no event", call("e3", "3", NOON))
    await desk.hear(activation(2))
    assert (await desk.sums(2))["act:call"] == 2


async def test_a_corrupted_pane_holds_up_only_what_it_concerns(one_redis: Redis) -> None:
    """Somebody wrote a word over Ana's calls: hers are put aside, Ben's count."""
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", NOON))
    await one_redis.hset(ANA, "act:call:20", "twelve")
    await desk.hear(
        call("e2", "2", NOON), call("e3", "3", NOON, owner="ben"), call("e4", "4", NOON)
    )
    assert await desk.reasons() == ["poison", "poison"]
    ben = keys.panes(P, ACME, 1, f"{CRM}/ben", "d", "202611")
    assert await one_redis.hget(ben, "act:call:20") == b"1"


async def test_a_corrupted_entity_holds_up_only_itself(one_redis: Redis) -> None:
    """The packed deal is cut off: its change is put aside, the next deal's counts."""
    desk = Desk(one_redis)
    name = entity_key("deal", CRM, "9001")
    bucket = keys.entities(P, ACME, 1, keys.entity_bucket(name))
    await one_redis.hset(bucket, name, '["d","hubspot-ma')
    signed = {"stage": "signed", "amount": "1200.50", "owner": "ana"}
    await desk.hear(
        activation(),
        told("e1", "deal", "9001", NOON, "create", **signed),
        told("e2", "deal", "9002", NOON, "create", **signed),
    )
    assert (await desk.sums())["won:USD"] == 120_050
    assert await desk.reasons() == ["poison"]


async def test_a_tenant_without_configuration_is_told_so(one_redis: Redis) -> None:
    """Its events wait as dead letters; those after the activation count."""
    desk = Desk(one_redis)
    await desk.hear(call("e1", "1", NOON), call("e2", "2", NOON))
    await desk.hear(activation(), call("e3", "3", NOON))
    assert await desk.reasons() == ["no_generation"] * 2
    assert await desk.counted("no_generation") == 2
    assert (await desk.sums())["act:call"] == 1


async def test_too_late_and_too_early_are_counted_apart(one_redis: Redis) -> None:
    """A call told of 91 days after its change, and one six minutes before it."""
    desk = Desk(one_redis)
    early = "2026-11-20 11:53"
    await desk.hear(
        activation(),
        told("e1", "activity", "1", "2026-08-20 12:00", "create", received=NOON, type="call"),
        told("e2", "activity", "2", NOON, "create", received=early, type="call"),
        told("e3", "deal", "9001", "2026-01-20 12:00", "create", received=NOON, stage="lead"),
    )
    assert await desk.reasons() == ["too_late", "future_clock"]
    assert (await desk.counted("too_late"), await desk.counted("future_clock")) == (1, 1)
    sums = await desk.sums()
    assert "act:call" not in sums
    assert sums["created"] == 1


async def test_a_deal_keeps_at_most_256_changes(one_redis: Redis) -> None:
    """The 257th is a dead letter, in one batch as over many; what was told before stands."""
    desk = Desk(one_redis)
    edits = [
        told(f"e{n}", "deal", "9001", f"2026-11-20 12:{n // 60:02}:{n % 60:02}", amount=f"{n}")
        for n in range(1, 260)
    ]
    await desk.hear(activation(), *edits[:250])
    await desk.hear(*edits[250:])
    assert await desk.reasons() == ["too_many_changes"] * 3
    assert await desk.counted("too_many_changes") == 3


async def test_two_tenants_may_use_the_same_ids(one_redis: Redis) -> None:
    """Both call their connection hubspot-main, both lose event e1: two letters, not one."""
    desk = Desk(one_redis)
    await desk.hear(
        told("e1", "deal", "1", NOON, "create"),
        told("e1", "deal", "1", NOON, "create", tenant="globex"),
    )
    letters = await desk.letters()
    assert {letter.tenant for letter in letters} == {ACME, "globex"}
    assert len({letter.id for letter in letters}) == 2


@pytest.mark.parametrize("fault", ["lose after", "die after", "die before"])
async def test_a_dead_letter_is_written_with_the_position(one_redis: Redis, fault: Kind) -> None:
    """However the script's caller ends, each event has one letter and one count."""
    desk = Desk(one_redis, batch_events=1)
    await desk.hear(activation())
    events: list[Event | bytes] = [b"garbage", told("e1", "deal", "1", NOON, tenant="globex")]
    for event in events:
        desk.broker.log.produce(event)
    desk.fence.arm([(fault, 0)])
    died = fault.startswith("die")
    if died:
        with pytest.raises(Died):
            await desk.hand.read()
        successor = Desk(one_redis)
        successor.broker.log = successor.broker.archive.log = desk.broker.log
        await successor.hear()
    else:
        await desk.hear()
    assert sorted(await desk.reasons()) == ["no_generation", "undecodable"]
    assert await desk.counted("no_generation", "globex") == 1
