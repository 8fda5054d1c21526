"""Pane hashes go when their time has come; a hash without a time would stay for ever."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from schemas.envelope import Event
from schemas.meaning import ConnectionMeaning, DeclaredMeasure, Meaning
from tests.aggregator.broker import P
from tests.aggregator.stored import names
from tests.aggregator.told import CRM, Desk, activation, call, told

QUALIFYING = Meaning(
    code=1,
    zone="UTC",
    connections={
        CRM: ConnectionMeaning(
            currency="USD", stages={"*": {"lead": "qualified", "signed": "won", "no": "lost"}}
        )
    },
    credit="splits",
    measures={
        "due": DeclaredMeasure(entity="deal", moment="expected_close", take="sum", of="amount")
    },
)
SHARED = "ana=60;ben=40"
"""Ben has but money, without a count beside it."""


def now() -> str:
    """This minute: its minute panes are kept."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M}"


async def undated(redis: Redis) -> list[str]:
    """Pane hashes that never go, but for the base of the levels."""
    panes = await names(redis, f"{{{P}}}:acme:1:w:*")
    return [name for name in panes if not name.endswith(":gM:all") and await redis.pttl(name) == -1]


def histories(when: str) -> dict[str, list[list[Event]]]:
    """Batches after which every hash has been empty once, or nearly so."""
    deal = {"owner": "ana", "amount": "-350"}
    return {
        "a call deleted and another made": [
            [call("e1", "1", when)],
            [told("e2", "activity", "1", when, "delete")],
            [call("e3", "2", when)],
        ],
        "a call deleted and another made at once": [
            [call("e1", "1", when)],
            [told("e2", "activity", "1", when, "delete"), call("e3", "2", when)],
            [call("e4", "3", when)],
        ],
        "a credit note taken back, then a win": [
            [told("e1", "deal", "1", when, "create", stage="signed", **deal)],
            [told("e2", "deal", "1", when, "delete")],
            [call("e3", "2", when)],
        ],
        "a deal that will not go stale that day after all": [
            [told("e1", "deal", "1", when, "create", stage="lead", owner="ana", amount="40000")],
            [told("e2", "deal", "1", when, stage="no")],
            [told("e3", "deal", "2", when, "create", stage="lead", owner="ana", amount="7")],
            [told("e4", "deal", "2", when, "delete")],
        ],
        "a shared credit note taken back, then another": [
            [told("e1", "deal", "1", when, "create", stage="signed", split=SHARED, **deal)],
            [told("e2", "deal", "1", when, "delete")],
            [told("e3", "deal", "2", when, "create", stage="signed", split=SHARED, amount="350")],
        ],
        "an expected credit note that is put off and comes back": [
            [told("e1", "deal", "1", when, "create", close_on="2999-03-31", **deal)],
            [told("e2", "deal", "1", when, close_on="2999-06-30")],
            [told("e3", "deal", "2", when, "create", close_on="2999-03-31", amount="350")],
        ],
        "a deal whose staleness moves to another month": [
            [told("e1", "deal", "1", "2026-06-15 10:00", "create", stage="lead", owner="ana")],
            [call("e2", "1", "2026-07-05 10:00", deal="1")],
            [told("e3", "deal", "2", "2026-07-15 11:00", "create", stage="lead", owner="ana")],
        ],
    }


@pytest.mark.parametrize("named", histories("2026-06-15 10:00"))
async def test_no_pane_hash_is_left_without_its_time(one_redis: Redis, named: str) -> None:
    """Whatever came and went in it, and in whatever batches."""
    desk = Desk(one_redis)
    await desk.hear(activation(1, QUALIFYING))
    for batch in histories(now())[named]:
        await desk.hear(*batch)
        assert await undated(one_redis) == []


async def test_a_batch_that_was_refused_dates_nothing(one_redis: Redis) -> None:
    """A poisonous record beside a call: written one by one, the call's hashes have their time."""
    desk = Desk(one_redis)
    when = now()
    await desk.hear(activation(1, QUALIFYING), call("e0", "0", when, owner="ben"))
    ben = await names(one_redis, f"{{{P}}}:acme:1:w:*:d:*")
    await one_redis.hset(ben[0], f"act:call:{datetime.now(UTC).day}", "twelve")
    await desk.hear(call("e1", "1", when), call("e2", "2", when, owner="ben"))
    assert await desk.reasons() == ["poison"]
    assert await undated(one_redis) == []
