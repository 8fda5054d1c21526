"""Facts of the ledger that are wrong, missing, or not there yet, on a real SQL database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import books, generations, models
from paceline.sql.archive import Row, append
from paceline.sql.engine import engine_for, writing
from paceline.sql.migrate import upgrade
from paceline.sql.models import FactRow
from paceline.verify.archive import SqlArchive
from paceline.verify.check import check
from paceline.verify.places import Checked
from schemas import facts, keys
from schemas.envelope import Event, encode
from services.ledger.filling import fill_all
from tests.aggregator.broker import P
from tests.aggregator.told import ACME, CRM, Desk, activation, call, told
from tests.verify.desk import USUAL

CALLS = [call(f"k{n}", f"{n}", f"2026-11-20 12:{n:02}") for n in range(9)]
DEAL = told("d", "deal", "7", "2026-10-02 09:00", "create", owner="ana", stage="lead", amount="50")


class Site:
    """A worker, its archive in SQL, and the ledger's books."""

    def __init__(self, redis: Redis, engine: AsyncEngine) -> None:
        self.redis, self.engine, self.desk, self.told = redis, engine, Desk(redis), 0

    async def hear(self, *events: Event, ledger: bool = True) -> None:
        """Counted and archived; and in the books, unless the ledger is late."""
        await self.desk.hear(*events)
        rows = [
            Row(offset=self.told + n, tenant=ACME, event_id=one.id, payload=encode(one))
            for n, one in enumerate(events)
        ]
        self.told += len(rows)
        async with writing(self.engine) as session:
            await append(session, self.desk.broker.log.incarnation, P, rows, self.told)
        if ledger:
            await self.book()

    async def book(self) -> None:
        """Everything in the outbox goes into the books."""
        entries: list[Any] = await self.redis.xrange(keys.facts(P)) or []
        async with writing(self.engine) as session:
            for _, fields in entries:
                await books.store(session, facts.decode(fields[b"l"]))
        await fill_all(self.engine, [P])

    async def verified(self) -> Checked:
        """What verification finds."""
        return await check(self.redis, SqlArchive(self.engine), P, ACME, patience_s=0.2)


@pytest.fixture
async def site(one_redis: Redis, tmp_path: Path) -> AsyncIterator[Site]:
    """Nine calls and a deal, and a ledger that has all of it."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'paceline.db'}"
    await upgrade(url)
    engine = engine_for(url)
    async with writing(engine) as session:
        session.add(models.Tenant(id=ACME, name="Acme", zone="UTC", settings={}))
        await generations.add(session, ACME, USUAL)
    made = Site(one_redis, engine)
    await made.hear(activation(1, USUAL), *CALLS, DEAL)
    yield made
    await engine.dispose()


async def test_facts_that_sum_to_the_recount_are_no_drift(site: Site) -> None:
    """Also while more is counted than the ledger has: it is as of the look, or it is not said."""
    found = await site.verified()
    assert (found.places, found.facts) == (0, True)
    await site.hear(call("late", "99", "2026-11-21 09:00"), ledger=False)
    found = await site.verified()
    assert (found.places, found.facts) == (0, False)
    await site.book()
    found = await site.verified()
    assert (found.places, found.facts) == (0, True)


async def test_a_fact_that_was_changed_by_hand_is_named(site: Site) -> None:
    """Five calls more in one row: whose, what, since when, how much."""
    async with writing(site.engine) as session:
        row = (FactRow.entity == f"a:{CRM}:3") & (FactRow.measure == "act:call")
        await session.execute(update(FactRow).where(row).values(delta=6))
    found = await site.verified()
    assert (found.kinds, found.places) == ({"fact": 1}, 1)
    [place] = found.first
    assert (place.owner, place.measure, place.stored, place.right) == (
        f"{CRM}/ana",
        "act:call",
        14,
        9,
    )
    assert found.drift[0].total == 5


async def test_facts_that_are_missing_are_named(site: Site) -> None:
    """All of the deal: what it counted, and the level that it stands in."""
    async with writing(site.engine) as session:
        await session.execute(delete(FactRow).where(FactRow.entity == f"d:{CRM}:7"))
    found = await site.verified()
    assert found.kinds.keys() == {"fact"}
    assert {"created", "open_n:-", "open:USD:-"} - {one.measure for one in found.first} == {
        "open:USD:-"
    }


async def test_a_book_that_is_begun_anew_is_compared_again_once_it_is_whole(site: Site) -> None:
    """After a rebuild the facts are those of the new generation."""
    async with writing(site.engine) as session:
        await session.execute(update(FactRow).values(delta=1_000))
        await generations.add(session, ACME, USUAL)
    assert (await site.verified()).places > 0
    await site.hear(activation(2, USUAL))
    await site.desk.hand.build()
    await site.book()
    found = await site.verified()
    assert (found.generation, found.places, found.facts) == (2, 0, True)
