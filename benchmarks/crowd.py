"""A team of 200 and what they did in eighteen months, written to Redis as the aggregator would.

In: how many entities. Out: an organisation with targets in SQL, panes, entities and versions in
Redis. Guarantee: entities, contributions and panes come from ``kpi`` alone; the same seed gives the
same numbers; four of five entities are activities, one of five is a deal with its history.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from redis import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

import kpi
from benchmarks.load import STAGES, TYPES, WEIGHTS, ZONES
from kpi.civil import local_day
from kpi.contributions import Contributions, contributions
from kpi.entity import Entity, apply, new, pack
from kpi.panes import spread
from paceline.admin.targets import import_targets
from paceline.admin.values import Actor
from paceline.sql import models
from paceline.sql.engine import writing
from paceline.sql.keys import create_key
from schemas import keys
from schemas.envelope import EntityPatch, Op, Scalar, entity_key, owner_key
from schemas.meaning import ConnectionMeaning, Meaning
from schemas.topics import partition_of

TENANT, CONNECTION, TEAM = "acme", "hubspot-main", "sales"
REPS, PARTITIONS = 200, 8
DAY_MS, MINUTE_MS = 86_400_000, 60_000
BACK_DAYS = 540
CATALOGUE = (
    "won_amount",
    "won_count",
    "pipeline_built",
    "opportunities_created",
    "meetings",
    "new_customer_visits",
    "calls",
    "win_rate",
)
"""KPIs with a target for everybody."""

_AT_ONCE = 2_000

Fields = dict[Any, Any]
"""As the client of Redis wants the fields of a hash."""


def partition() -> int:
    """Where the team's numbers are."""
    return partition_of(TENANT, PARTITIONS)


def owners() -> list[str]:
    """Owner keys, one a rep."""
    return [owner_key(CONNECTION, str(5_000 + n)) for n in range(REPS)]


def meaning() -> Meaning:
    """Three zones, HubSpot's default pipeline."""
    return Meaning(
        code=kpi.CODE,
        zone=ZONES[0],
        owner_zones={one: ((0, ZONES[n % len(ZONES)]),) for n, one in enumerate(owners())},
        connections={
            CONNECTION: ConnectionMeaning(
                currency="USD", stages={"*": STAGES}, steps={"*": tuple(STAGES)}
            )
        },
    )


async def found(engine: AsyncEngine, now: int) -> str:
    """The organisation in an empty database; an API key that reads all of it."""
    async with engine.begin() as connection:
        await connection.run_sync(models.Base.metadata.create_all)
    async with writing(engine) as session:
        session.add_all(_organisation())
        key = await create_key(session, TENANT, label="benchmark", scopes=["read"])
    month = f"{local_day(now, ZONES[0]):%Y-%m}"
    lines = [
        f"{one},rep-{n:03},{month},{0.3 if one == 'win_rate' else 20 + n % 7}"
        for n in range(REPS)
        for one in CATALOGUE
    ]
    data = "\n".join(["kpi,rep,period,base", *lines]).encode()
    await import_targets(engine, TENANT, data, actor=Actor("benchmark"))
    return key


def _organisation() -> Iterator[models.Base]:
    settings = {"currency": "USD", "stale_after_days": 30, "entity_retention_days": 90}
    yield models.Tenant(id=TENANT, name="Acme", name_zh=None, zone=ZONES[0], settings=settings)
    yield models.Connection(
        id=CONNECTION,
        tenant=TENANT,
        kind="hubspot",
        enabled=True,
        settings={"currency": "USD", "zone": ZONES[0], "stages": {"*": STAGES}},
    )
    yield models.Team(tenant=TENANT, id=TEAM, name="Sales", name_zh=None, parent_id=None)
    for n in range(REPS):
        rep = f"rep-{n:03}"
        yield models.Rep(
            tenant=TENANT,
            id=rep,
            name=f"Rep {n}",
            name_zh=None,
            team_id=TEAM,
            zone=ZONES[n % len(ZONES)],
            manages_team=None,
        )
        yield models.RepOwner(
            tenant=TENANT, connection=CONNECTION, owner_id=str(5_000 + n), rep_id=rep
        )


class Sizes(msgspec.Struct):
    """Bytes of Redis for so many reps and entities."""

    reps: int
    entities: int


Told = Callable[[int, str, Contributions], None]
"""Takes number, entity key and contributions of each entity, as the ledger would have them."""


def load(redis: Redis, entities: int, now: int, told: Told | None = None) -> Sizes:
    """Everything in Redis; how much memory panes and entities take there."""
    empty = _used(redis)
    panes: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    means, p = meaning(), partition()
    pipe = redis.pipeline(transaction=False)
    for n, (name, entity) in enumerate(_entities(entities, now)):
        facts = contributions(entity, means)
        if told is not None:
            told(n, name, facts)
        for (owner, held, field), by in spread(facts, means, now).items():
            panes[keys.panes(p, TENANT, 1, owner, held.grain, held.span)][field] += by
        bucket = keys.entities(p, TENANT, 1, keys.entity_bucket(name))
        pipe.hset(bucket, name, pack(entity))
        if n % _AT_ONCE == 0:
            pipe.execute()
    pipe.execute()
    kept = _used(redis)
    for key, fields in panes.items():
        redis.hset(key, mapping={f: v for f, v in fields.items() if v})
    _heads(redis, means, now)
    return Sizes(_used(redis) - kept, kept - empty)


def _heads(redis: Redis, means: Meaning, now: int) -> None:
    p = partition()
    for one in range(PARTITIONS):
        fields: Fields = {keys.INCARNATION: "benchmark", keys.EPOCH: "1", keys.CLOCK: str(now)}
        redis.hset(keys.partition_meta(one), mapping=fields)
    head: Fields = {
        keys.LIVE: "1",
        keys.MEANING: msgspec.json.encode(means).decode(),
        keys.seen(CONNECTION): str(now),
    }
    redis.hset(keys.tenant_meta(p, TENANT), mapping=head)
    for known in (keys.versions(p, TENANT), keys.past_versions(p, TENANT)):
        redis.hset(known, mapping=dict.fromkeys(owners(), 1))


def touch(redis: Redis, numbers: list[int], version: int, now: int) -> None:
    """Each of some reps makes a call now; closed days stay as they are."""
    p, means = partition(), meaning()
    pipe = redis.pipeline(transaction=True)
    for n in numbers:
        owner = owners()[n]
        for (_, held, field), by in spread({(owner, "act:call", now): 1}, means, now).items():
            pipe.hincrby(keys.panes(p, TENANT, 1, owner, held.grain, held.span), field, by)
        pipe.hset(keys.versions(p, TENANT), owner, str(version))
    pipe.execute()


def _used(redis: Redis) -> int:
    facts = redis.info("memory")
    return int(facts["used_memory"])


def _entities(number: int, now: int, seed: int = 1) -> Iterator[tuple[str, Entity]]:
    draw = random.Random(seed)
    for n in range(number):
        owner = str(5_000 + draw.randrange(REPS))
        at = now - draw.randrange(BACK_DAYS * DAY_MS)
        yield _deal(draw, n, owner, at, now) if n % 5 == 0 else _activity(draw, n, owner, at)


def _activity(draw: random.Random, n: int, owner: str, at: int) -> tuple[str, Entity]:
    kind = draw.choices(TYPES, WEIGHTS)[0]
    fields: dict[str, Scalar] = {"type": kind, "owner": owner, "at": at}
    if kind in ("visit", "meeting"):
        fields["new_customer"] = draw.random() < 1 / 3
    made = _patched(new("activity", CONNECTION), "activity", n, at, "create", fields)
    return entity_key("activity", CONNECTION, str(n)), made


def _deal(draw: random.Random, n: int, owner: str, at: int, now: int) -> tuple[str, Entity]:
    amount = f"{draw.randrange(500, 60_000)}.00"
    first: dict[str, Scalar] = {"owner": owner, "stage": "appointmentscheduled", "amount": amount}
    deal = _patched(new("deal", CONNECTION), "deal", n, at, "create", first)
    end = draw.choice(("closedwon", "closedlost", "closedlost"))
    for stage in ("qualifiedtobuy", "presentationscheduled", end):
        at += draw.randrange(20 * DAY_MS)
        if at >= now:
            break
        deal = _patched(deal, "deal", n, at, "set", {"stage": stage})
    return entity_key("deal", CONNECTION, str(n)), deal


def _patched(
    entity: Entity, kind: str, n: int, at: int, op: Op, fields: dict[str, Scalar]
) -> Entity:
    patch = EntityPatch(
        entity="deal" if kind == "deal" else "activity",
        id=str(n),
        op=op,
        occurred_at=at,
        received_at=at,
        fields=fields,
    )
    return apply(entity, f"{n}-{at}", patch)
