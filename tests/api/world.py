"""A small sales organisation in a real SQLite and a real Redis, and the API in front of them.

In: what happened, told deal by deal. Out: panes as the aggregator would write them, and an API that
listens on loopback. Guarantee: numbers go through ``contributions``, ``diff`` and ``spread`` only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.civil import local_day, zone_of
from kpi.contributions import contributions, diff
from kpi.entity import Entity, apply, new, pack
from kpi.panes import Hash, is_gauge, spread
from paceline.alerting.links import Links
from paceline.progress.reading.changes import Feed
from paceline.progress.reading.directory import SqlDirectory
from paceline.progress.reading.reader import Reader
from paceline.progress.teller import Teller
from paceline.redis import make_client
from paceline.sql import books, models
from paceline.sql.engine import engine_for, writing
from paceline.sql.keys import create_key
from schemas import keys, topics
from schemas.envelope import EntityKind, EntityPatch, Op, Scalar, entity_key
from schemas.facts import EventFacts, FactBatch, TenantFacts
from schemas.meaning import Category, ConnectionMeaning, Meaning
from schemas.topics import partition_of
from services.api.app import create_app
from services.api.context import Services

PARTITIONS = 8
INCARNATION = "log-of-november"
NOW = "2026-11-20T15:00:00Z"

ZONES = {
    "grace": "America/New_York",
    "maria": "America/New_York",
    "chen": "Asia/Shanghai",
    "lena": "Europe/Berlin",
    "omar": "America/Los_Angeles",
}
OWNERS = {"grace": "10", "maria": "11", "chen": "12", "lena": "21", "omar": "22"}
TEAMS = {"grace": "east", "maria": "east", "chen": "east", "lena": "west", "omar": "west"}
NAMES = {
    "grace": ("Grace Okafor", None),
    "maria": ("Maria Lopez", "玛丽亚"),
    "chen": ("Chen Wei", "陈伟"),
    "lena": ("Lena Vogt", None),
    "omar": ("Omar Haddad", None),
}
STAGES: dict[str, dict[str, Category]] = {
    "*": {"lead": "open", "proposal": "qualified", "won": "won", "lost": "lost"}
}


def ms(instant: str) -> int:
    """An RFC 3339 instant in ms UTC."""
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


def meaning() -> Meaning:
    """What generation 1 means."""
    return Meaning(
        code=1,
        zone="America/New_York",
        owner_zones={f"hub/{OWNERS[rep]}": ((0, zone),) for rep, zone in ZONES.items()},
        connections={"hub": ConnectionMeaning(currency="USD", stages=STAGES)},
    )


@dataclass
class World:
    """One tenant. ``now`` is the API's clock; ``tell`` does what the aggregator does."""

    redis: Redis
    engine: AsyncEngine
    tenant: str = "acme"
    now: int = ms(NOW)
    generation: int = 1
    url: str = ""
    entities: dict[str, Entity] = field(default_factory=dict)
    offset: int = 0
    links: Links = field(default_factory=lambda: Links("only for tests"))
    ledger: bool = False
    """Whether the facts go into SQL too."""

    @property
    def partition(self) -> int:
        """Where the tenant is."""
        return partition_of(self.tenant, PARTITIONS)

    async def found(self) -> None:
        """The organisation in SQL, generation 1 in Redis, and an owner for every partition."""
        async with writing(self.engine) as session:
            session.add_all(_organisation(self.tenant))
        for p in range(PARTITIONS):
            await self.redis.hset(
                keys.partition_meta(p),
                mapping={"incarnation": INCARNATION, "epoch": 1, "clock": self.now},
            )
        await self.switch(1)

    async def switch(self, generation: int) -> None:
        """Make a generation live."""
        raw = msgspec.json.encode(meaning())
        self.generation = generation
        await self.redis.hset(
            keys.tenant_meta(self.partition, self.tenant),
            mapping={keys.LIVE: generation, keys.MEANING: raw},
        )

    async def key(self, rep: str | None = None, team: str | None = None, **more: Any) -> str:
        """A key that may read, of the whole tenant unless bound."""
        scopes = more.pop("scopes", ["read"])
        async with writing(self.engine) as session:
            return await create_key(
                session, self.tenant, label="test", scopes=scopes, rep_id=rep, team_id=team, **more
            )

    async def deal(self, deal: str, at: str, op: Op = "set", **fields: Scalar) -> None:
        """Something about a deal became true."""
        await self.tell("deal", deal, at, op, fields)

    async def activity(self, activity: str, at: str, owner: str, kind: str, **more: Scalar) -> None:
        """An activity took place."""
        fields: dict[str, Scalar] = {"owner": owner, "type": kind, "at": ms(at), **more}
        await self.tell("activity", activity, at, "create", fields)

    async def tell(
        self, kind: EntityKind, name: str, at: str, op: Op, fields: dict[str, Scalar]
    ) -> None:
        """One patch: apply, contribute, diff, spread, add."""
        patch = EntityPatch(
            entity=kind, id=name, op=op, occurred_at=ms(at), received_at=self.now, fields=fields
        )
        self.offset += 1
        key = entity_key(kind, "hub", name)
        before = self.entities.get(key)
        after = apply(before or new(kind, "hub"), f"event-{self.offset}", patch)
        self.entities[key] = after
        facts = diff(contributions(before, meaning()), contributions(after, meaning()))
        increments = spread(facts, meaning(), self.now)
        owners = sorted({owner for owner, _, _ in facts})
        past = sorted({owner for owner, measure, at in facts if self._closed(owner, measure, at)})
        pipe = self.redis.pipeline(transaction=True)
        bucket = keys.entity_bucket(key)
        name = keys.entities(self.partition, self.tenant, self.generation, bucket)
        pipe.hset(name, key, pack(after))
        for (owner, held, measure), by in increments.items():
            pipe.hincrby(self._panes(owner, held), measure, by)
        for owner in owners:
            pipe.hset(keys.versions(self.partition, self.tenant), owner, str(self.offset))
        for owner in past:
            pipe.hset(keys.past_versions(self.partition, self.tenant), owner, str(self.offset))
        pipe.hset(keys.partition_meta(self.partition), keys.CLOCK, str(self.now))
        meta = keys.tenant_meta(self.partition, self.tenant)
        pipe.hset(meta, keys.seen("hub"), str(self.now))
        if owners:
            pipe.xadd(keys.changes(self.partition), self._entry(owners))
        await pipe.execute()
        if self.ledger and facts:
            rows = ((key, *place, delta) for place, delta in facts.items())
            await self._book(EventFacts(self.offset, self.now, tuple(sorted(rows))))

    async def _book(self, event: EventFacts) -> None:
        batch = FactBatch(
            incarnation=INCARNATION,
            topic=topics.EVENTS,
            partition=self.partition,
            start=event.offset,
            end=event.offset + 1,
            beside=0,
            since=0,
            tenants=[TenantFacts(self.tenant, self.generation, [event])],
        )
        async with writing(self.engine) as session:
            await books.store(session, batch)
            book = await books.find(session, self.tenant, self.generation)
            assert book is not None
            await books.filled(session, book)

    def _closed(self, owner: str, measure: str, instant: int) -> bool:
        """Whether a fact is a flow of a civil day that is over."""
        zone = zone_of(meaning(), owner, instant)
        return not is_gauge(measure) and local_day(instant, zone) < local_day(self.now, zone)

    def _panes(self, owner: str, held: Hash) -> str:
        p, tenant = self.partition, self.tenant
        return keys.panes(p, tenant, self.generation, owner, held.grain, held.span)

    def _entry(self, owners: list[str]) -> dict[Any, Any]:
        return {
            "t": self.tenant,
            "o": json.dumps(owners),
            "off": self.offset,
            "r": self.now,
            "i": INCARNATION,
        }

    def client(self, key: str, **headers: str) -> httpx.AsyncClient:
        """An HTTP client with a key."""
        return httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {key}", **headers}, timeout=20
        )


def _organisation(tenant: str) -> list[models.Base]:
    rows: list[models.Base] = [
        models.Tenant(
            id=tenant,
            name="Acme Instruments",
            name_zh="艾克美仪器",
            zone="America/New_York",
            settings={"currency": "USD", "stale_after_days": 30, "entity_retention_days": 90},
        ),
        models.Connection(
            id="hub" if tenant == "acme" else f"hub-{tenant}",
            tenant=tenant,
            kind="hubspot",
            enabled=True,
            settings={"currency": "USD", "zone": "America/New_York", "stages": STAGES},
        ),
        models.Team(tenant=tenant, id="sales", name="Sales", name_zh="销售部", parent_id=None),
        models.Team(tenant=tenant, id="east", name="East", name_zh="东区", parent_id="sales"),
        models.Team(tenant=tenant, id="west", name="West", name_zh="西区", parent_id="sales"),
    ]
    for rep, (name, name_zh) in NAMES.items():
        rows.append(
            models.Rep(
                tenant=tenant,
                id=rep,
                name=name,
                name_zh=name_zh,
                team_id=TEAMS[rep],
                zone=ZONES[rep],
                manages_team="east" if rep == "grace" else None,
            )
        )
        connection = "hub" if tenant == "acme" else f"hub-{tenant}"
        rows.append(
            models.RepOwner(tenant=tenant, connection=connection, owner_id=OWNERS[rep], rep_id=rep)
        )
    return rows


@asynccontextmanager
async def founded(redis_url: str, folder: Path) -> AsyncIterator[World]:
    """The world in an empty database of the server, and a folder."""
    redis = make_client(redis_url)
    await redis.flushdb()
    engine = engine_for(f"sqlite+aiosqlite:///{folder / 'paceline.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(models.Base.metadata.create_all)
    world = World(redis, engine)
    try:
        await world.found()
        yield world
    finally:
        await redis.aclose()
        await engine.dispose()


@asynccontextmanager
async def serving(
    world: World, redis_url: str, *, ttl_s: float = 0.0, port: int = 0
) -> AsyncIterator[Services]:
    """The API on a port, by default a free one, its address in ``world.url``."""
    redis, blocking = make_client(redis_url, retries=2), make_client(redis_url, blocking_s=5)
    reader = Reader(redis, PARTITIONS)
    services = Services(
        redis=redis,
        engine=world.engine,
        directory=SqlDirectory(world.engine, ttl_s, lambda: world.now),
        reader=reader,
        teller=Teller(reader),
        feed=Feed(blocking),
        links=world.links,
        clock=lambda: world.now,
    )
    config = uvicorn.Config(
        create_app(services),
        port=port,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        world.url = f"http://127.0.0.1:{port}"
        yield services
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await task
        await redis.aclose()
        await blocking.aclose()
