"""What verification names, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from kpi import contributions as contributing
from kpi.contributions import Contributions
from kpi.deal import deal_contributions
from kpi.entity import Entity
from paceline.verify.places import Place, UncheckedError
from schemas import keys
from schemas.envelope import Event
from schemas.meaning import Meaning
from tests.aggregator.broker import P
from tests.aggregator.told import ACME, CRM, Desk, activation, call, eviction, told
from tests.verify.desk import USUAL, verified

ANA = f"{CRM}/ana"
DEAL = f"d:{CRM}:9001"


def quarter() -> list[Event]:
    """Ana finds a customer, calls, wins; Ben loses patience and has nothing."""
    return [
        told("c1", "deal", "9001", "2026-11-02 09:00", "create", owner="ana", stage="lead"),
        told("c2", "deal", "9001", "2026-11-03 09:00", amount="40000.00", close_on="2026-11-30"),
        *(call(f"k{n}", f"{n}", f"2026-11-04 1{n}:30", deal="9001") for n in range(6)),
        told("c3", "deal", "9001", "2026-11-20 16:00", stage="signed"),
        told("c4", "deal", "9002", "2026-11-21 08:00", "create", owner="ben", stage="lead"),
        told("c5", "activity", "3", "2026-11-21 09:00", deal="9002"),
        told("c6", "deal", "9002", "2026-11-22 09:00", "delete"),
    ]


async def opened(redis: Redis) -> Desk:
    """A desk that heard all of it."""
    desk = Desk(redis, batch_events=3)
    await desk.hear(activation(1, USUAL), *quarter())
    return desk


async def _rewrite(redis: Redis, name: str, field: str, old: bytes, new: bytes) -> None:
    raw: Any = await redis.hget(name, field)
    assert old in raw
    await redis.hset(name, field, raw.replace(old, new))


async def named(desk: Desk) -> Place:
    """The one kind of place that is named, the first of them."""
    found = await verified(desk)
    assert found.places
    assert len({place.kind for place in found.first}) == 1
    return found.first[0]


async def test_a_quarter_that_was_counted_has_no_drift(one_redis: Redis) -> None:
    """Every pane, entity and version is right, and it says how many it looked at."""
    found = await verified(await opened(one_redis))
    assert (found.places, found.drift) == (0, [])
    assert (found.records, found.entities) == (12, 8)
    assert found.panes >= 3


async def test_a_changed_number_is_named_exactly(one_redis: Redis) -> None:
    """Somebody gives Ana one more won deal in November's day panes."""
    desk = await opened(one_redis)
    name = keys.panes(P, ACME, 1, ANA, "d", "202611")
    await one_redis.hincrby(name, "won_n:20", 1)
    assert await named(desk) == Place(
        kind="pane",
        measure="won_n",
        owner=ANA,
        grain="d",
        span="202611",
        field="won_n:20",
        stored=2,
        right=1,
    )
    drift = (await verified(desk)).drift
    assert [(one.measure, one.owners, one.places, one.total) for one in drift] == [
        ("won_n", 1, 1, 1)
    ]


async def test_a_hash_that_is_gone_is_named(one_redis: Redis) -> None:
    """The levels of November, without which no pipeline is right."""
    desk = await opened(one_redis)
    await one_redis.delete(keys.panes(P, ACME, 1, ANA, "gd", "202611"))
    place = await named(desk)
    assert (place.owner, place.grain, place.stored) == (ANA, "gd", None)


async def test_a_number_of_nobody_is_named(one_redis: Redis) -> None:
    """An owner of whom nothing was ever told has 7 calls."""
    desk = await opened(one_redis)
    await one_redis.hset(keys.panes(P, ACME, 1, f"{CRM}/eve", "M", "2026"), "act:call:11", "7")
    place = await named(desk)
    assert (place.measure, place.owner, place.stored, place.right) == (
        "act:call",
        f"{CRM}/eve",
        7,
        None,
    )


async def test_what_is_no_number_is_named(one_redis: Redis) -> None:
    """Redis takes any text; and a key may be something else than a hash."""
    desk = await opened(one_redis)
    await one_redis.hset(keys.panes(P, ACME, 1, ANA, "d", "202611"), "won_n:20", "many")
    assert (await named(desk)).stored == "many"
    await one_redis.set(keys.panes(P, ACME, 1, ANA, "d", "202611"), "many")
    assert "not a hash" in {place.stored for place in (await verified(desk)).first}


@pytest.mark.parametrize("milliseconds", [None, 86_400_000])
async def test_a_wrong_expiry_is_named(one_redis: Redis, milliseconds: int | None) -> None:
    """A hash that would stay for ever, and one that would go tomorrow."""
    desk = await opened(one_redis)
    name = keys.panes(P, ACME, 1, ANA, "M", "2026")
    if milliseconds is None:
        await one_redis.persist(name)
    else:
        await one_redis.pexpire(name, milliseconds)
    place = await named(desk)
    assert (place.kind, place.owner, place.grain, place.span) == ("expiry", ANA, "M", "2026")


async def test_a_changed_entity_is_named_by_its_field(one_redis: Redis) -> None:
    """The deal's amount, from which the next correction would take the wrong difference."""
    desk = await opened(one_redis)
    name = keys.entities(P, ACME, 1, keys.entity_bucket(DEAL))
    await _rewrite(one_redis, name, DEAL, b"40000.00", b"90000.00")
    place = await named(desk)
    assert (place.kind, place.span, place.field) == ("entity", DEAL, "amount")
    assert "90000.00" in str(place.stored)
    assert "40000.00" in str(place.right)


async def test_an_entity_that_is_gone_unreadable_or_elsewhere_is_named(one_redis: Redis) -> None:
    """In turn: not there, not JSON, and in a bucket where nobody looks."""
    desk = await opened(one_redis)
    bucket = keys.entity_bucket(DEAL)
    name = keys.entities(P, ACME, 1, bucket)
    packed = await one_redis.hget(name, DEAL) or b""
    await one_redis.hdel(name, DEAL)
    assert (await named(desk)).stored is None
    await one_redis.hset(name, DEAL, "{")
    assert (await named(desk)).stored == "unreadable"
    await one_redis.hdel(name, DEAL)
    await one_redis.hset(keys.entities(P, ACME, 1, bucket + 1), DEAL, packed)
    assert {place.field for place in (await verified(desk)).first} == {"bucket", ""}


@pytest.mark.parametrize("version", [None, "soon", "4711", "-1"])
async def test_a_version_that_cannot_be_is_named(one_redis: Redis, version: str | None) -> None:
    """None, no number, ahead of the log."""
    desk = await opened(one_redis)
    name = keys.versions(P, ACME)
    if version is None:
        await one_redis.hdel(name, ANA)
    else:
        await one_redis.hset(name, ANA, version)
    place = await named(desk)
    assert (place.kind, place.owner) == ("version", ANA)


async def test_another_meaning_than_the_archived_one_is_named(one_redis: Redis) -> None:
    """What is counted from now on would mean something else."""
    desk = await opened(one_redis)
    name = keys.tenant_meta(P, ACME)
    await _rewrite(one_redis, name, keys.MEANING, b'"won"', b'"lost"')
    assert (await named(desk)).kind == "meaning"


async def test_forgotten_activities_are_not_missed_but_their_numbers_are(one_redis: Redis) -> None:
    """Six calls are forgotten in spring; what they counted stays, and is still verified."""
    desk = await opened(one_redis)
    await desk.hear(eviction("2027-03-01 00:00"), call("k9", "9", "2027-03-02 10:00"))
    found = await verified(desk)
    assert (found.places, found.entities) == (0, 3)
    await one_redis.hincrby(keys.panes(P, ACME, 1, ANA, "M", "2026"), "act:call:11", -1)
    assert (await named(desk)).measure == "act:call"


async def test_what_is_too_late_or_from_a_wrong_clock_counts_nowhere(one_redis: Redis) -> None:
    """Dead letters are in the archive and in no number."""
    desk = await opened(one_redis)
    await desk.hear(
        eviction("2027-03-01 00:00"),
        call("late", "50", "2026-11-04 10:00", note="told in March"),
        told("early", "deal", "77", "2026-11-04 10:00", received="2026-11-03 10:00", owner="ana"),
        b"no event at all",
    )
    assert (await desk.reasons()) == ["too_late", "future_clock", "undecodable"]
    assert (await verified(desk)).places == 0


async def test_what_was_poison_to_the_live_path_is_left_out_too(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect: a deal of a certain name cannot be counted. Its other events still are."""

    def cursed(entity: Entity, meaning: Meaning) -> Contributions:
        if entity.read("name") == "cursed":
            raise ZeroDivisionError
        return deal_contributions(entity, meaning)

    monkeypatch.setattr(contributing, "deal_contributions", cursed)
    desk = await opened(one_redis)
    await desk.hear(
        told("p1", "deal", "9001", "2026-11-22 10:00", name="cursed"),
        told("p2", "deal", "9001", "2026-11-22 11:00", amount="41000.00"),
    )
    assert await desk.reasons() == ["poison"]
    assert (await verified(desk)).places == 0
    assert (await desk.sums())["won:EUR"] == 4_100_000


async def test_what_came_before_the_first_configuration_is_told_apart(one_redis: Redis) -> None:
    """It was a dead letter; a later generation, or a restore, counts it."""
    desk = Desk(one_redis)
    await desk.hear(call("k", "k", "2026-11-04 10:00"), activation(1, USUAL), *quarter()[:3])
    assert (await verified(desk)).places == 0
    await one_redis.flushdb()
    await desk.calm()
    assert (await verified(desk)).places == 0
    assert (await desk.sums())["act:call"] == 2


async def test_another_generation_is_verified_under_its_own_meaning(one_redis: Redis) -> None:
    """Signed means lost from now on; the old generation is nobody's business any more."""
    lost = USUAL.connections[CRM].stages["*"] | {"signed": "lost"}
    other = type(USUAL)(
        code=USUAL.code,
        zone="UTC",
        connections={CRM: type(USUAL.connections[CRM])(currency="EUR", stages={"*": lost})},
    )
    desk = await opened(one_redis)
    await desk.hear(activation(2, other), call("k9", "9", "2026-11-23 10:00"))
    found = await verified(desk)
    assert (found.generation, found.places) == (2, 0)


async def test_numbers_of_older_rules_are_not_called_wrong(one_redis: Redis) -> None:
    """They differ because the program was upgraded; `paceline apply` counts them anew."""
    desk = Desk(one_redis)
    await desk.hear(activation(), *quarter())
    assert (await verified(desk)).places == 0
    await one_redis.hincrby(keys.panes(P, ACME, 1, ANA, "M", "2026"), "act:call:11", 1)
    with pytest.raises(UncheckedError, match="by version 1 of the rules"):
        await verified(desk)


async def test_a_ledger_that_stands_still_is_said_to(one_redis: Redis) -> None:
    """Without the archive nothing can be said, and nothing is."""
    desk = await opened(one_redis)
    desk.broker.archive.keep(3)
    desk.broker.archive.busy = False
    with pytest.raises(UncheckedError, match="stands at 3, the numbers at 13"):
        await verified(desk, patience_s=0.1)


async def test_an_empty_redis_cannot_be_verified(one_redis: Redis) -> None:
    """Nothing is not 0 drift."""
    with pytest.raises(UncheckedError, match="no numbers"):
        await verified(Desk(one_redis))
