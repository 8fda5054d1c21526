"""The ledger is away while the team sells: numbers go on, Redis does not grow, the facts follow."""

from __future__ import annotations

from collections import Counter

import msgspec
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.redis import make_client
from paceline.sql import books, facts
from paceline.sql.engine import engine_for, reading, writing
from paceline.sql.models import Generation, Tenant
from schemas import keys
from tests.faults.site import MEANING, TENANTS, Site, eventually

LEDGER = "services.ledger.main"


async def test_facts_follow_a_ledger_that_was_away_and_one_that_was_killed(
    embedded: Site,
) -> None:
    """3,000 events without a ledger, then one that is killed, and another: every sum is there."""
    site = embedded
    engine = engine_for(f"sqlite+aiosqlite:///{site.folder / 'paceline.db'}")
    redis = make_client(site.redis.url)
    try:
        await _known(engine)
        site.start()
        await site.crm.send(3_000)
        await site.exact()
        await eventually(lambda: _relayed(redis), 20, "an empty outbox in Redis")
        first = site.start(LEDGER)
        await eventually(lambda: _some(engine), 30, "the first facts in SQL")
        first.kill()
        site.start(LEDGER)
        await site.crm.send(1_000)
        await site.exact()
        await eventually(lambda: _same(engine, site), 60, "the facts of every tenant in SQL")
    finally:
        await redis.aclose()
        await engine.dispose()


async def _known(engine: AsyncEngine) -> None:
    """What `paceline apply` would have left in SQL."""
    text = msgspec.json.encode(MEANING).decode()
    async with writing(engine) as session:
        for tenant in TENANTS:
            session.add(
                Tenant(id=tenant, name=tenant, name_zh=None, zone="Europe/Berlin", settings={})
            )
            row = {"tenant": tenant, "generation": 1, "meaning": text}
            session.add(Generation(**row, created_at=0, published_at=0))


async def _relayed(redis: Redis) -> bool:
    waiting = [await redis.xlen(keys.facts(p)) for p in range(len(TENANTS))]
    return sum(waiting) == 0


async def _some(engine: AsyncEngine) -> bool:
    return any([await _sums(engine, tenant) for tenant in TENANTS])


async def _same(engine: AsyncEngine, site: Site) -> bool:
    return {tenant: await _sums(engine, tenant) for tenant in TENANTS} == site.crm.sums


async def _sums(engine: AsyncEngine, tenant: str) -> Counter[str]:
    """As the CRM counts: activities by kind, deals created, won and won amount."""
    async with reading(engine) as session:
        book = await books.find(session, tenant, 1)
        if book is None or not book.whole:
            return Counter()
        owners = await facts.owners(session, book.id)
        measures = ("act:", "created", "won_n", "won:")
        wanted = facts.Wanted(book=book.id, owners=owners, measures=measures, end=1 << 62)
        return Counter(await facts.totals(session, wanted))
