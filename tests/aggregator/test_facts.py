"""Facts on their way to the ledger, against a real Redis and a real SQL database.

Whatever happens to the workers, to Redis, to the log and to the messages of facts, in the end the
facts of the live generation sum to every number of the recount; and one event has the same facts
however the log was cut.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date, datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from kpi.contributions import Contributions
from kpi.fold import Fold, Tenant, refs_of
from paceline.sql import archive, books, facts, models
from paceline.sql.engine import reading, writing
from schemas import facts as message
from schemas import keys
from schemas.facts import EventFacts, FactBatch, TenantFacts
from schemas.meaning import Meaning
from services.aggregator.blob import Blob
from services.ledger.filling import fill_all
from services.ledger.rows import archive_row
from tests.aggregator.broker import P
from tests.aggregator.conftest import emptied
from tests.aggregator.test_laws import (
    TENANT,
    Office,
    Plot,
    Step,
    _patched,
    _tick,
    law,
    plots,
    steps,
)
from tests.aggregator.test_laws import eternal as eternal  # noqa: PLC0414 - a fixture
from tests.aggregator.test_laws import runner as runner  # noqa: PLC0414 - a fixture
from tests.kpi.laws.histories import MEANING, Told, deliveries, histories
from tests.oracle.plain import LEVELS, Recount
from tests.support.servers import RedisServer

Errand = Literal["relay", "relay twice", "lose one", "lose all", "fill"]

errands = st.lists(
    st.sampled_from(("relay", "relay", "relay twice", "lose one", "lose all", "fill")),
    min_size=25,
    max_size=25,
)


class Clerk(NamedTuple):
    """Relays the outbox and writes the books, as relay and ledger do, when he is told to."""

    office: Office
    redis: Redis
    engine: AsyncEngine

    async def run(self, errand: Errand) -> None:
        """One errand; before facts are written their records are archived."""
        waiting: list[Any] = await self.redis.xrange(keys.facts(P)) or []
        if errand in ("relay", "relay twice"):
            await self._keep([fields[b"l"] for _, fields in waiting])
        if errand == "fill":
            await self.archive()
            await fill_all(self.engine, [P])
        if errand == "lose one":
            waiting = waiting[:1]
        if waiting and errand in ("relay", "lose one", "lose all"):
            await self.redis.xdel(keys.facts(P), *(entry for entry, _ in waiting))

    async def archive(self) -> None:
        """Everything that the broker's archive has, into SQL."""
        kept = self.office.broker.archive
        kept.keep()
        async with writing(self.engine) as session:
            for incarnation in kept.incarnations:
                rows = [
                    archive_row(one.offset, one.payload)
                    for one in kept.kept
                    if one.incarnation == incarnation
                ]
                end = kept.ends[incarnation]
                await archive.append(session, incarnation, P, [row for row in rows if row], end)

    async def _keep(self, messages: list[bytes]) -> None:
        await self.archive()
        async with writing(self.engine) as session:
            for one in messages:
                await books.store(session, message.decode(one))


async def _ledger() -> AsyncEngine:
    """An empty database in memory."""
    engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
    async with engine.begin() as connection:
        await connection.run_sync(models.Base.metadata.create_all)
    return engine


async def _known(engine: AsyncEngine, plot: Plot) -> None:
    """Every generation of the plot, as a configuration would have left it in SQL."""
    async with writing(engine) as session:
        for _, event in plot.events:
            data: Any = event.data
            if event.id.startswith("activate:"):
                text = msgspec.json.encode(data.meaning).decode()
                row = {"tenant": TENANT, "generation": data.generation, "meaning": text}
                session.add(models.Generation(**row, created_at=0, published_at=0))


async def _run(redis: Redis, plot: Plot, happened: list[Step], errands_: list[Errand]) -> None:
    engine = await _ledger()
    try:
        await _known(engine, plot)
        office = Office(redis, plot)
        clerk = Clerk(office, redis, engine)
        await office.open()
        for step, errand in zip(happened, errands_, strict=False):
            if step.act == "born again":
                # What was counted of a log that is gone is in the archive, or nowhere.
                await clerk.archive()
            await office.live(step)
            await clerk.run(errand)
        await office.close()
        office.broker.log.produce(_tick(1))
        await office.close()
        await clerk.run("relay")
        await clerk.run("fill")
        await _compare(engine, plot)
    finally:
        await engine.dispose()


async def _compare(engine: AsyncEngine, plot: Plot) -> None:
    async with reading(engine) as session:
        book = await books.find(session, TENANT, plot.generation)
        assert book is not None
        assert book.whole
        owners = await facts.owners(session, book.id)
        wanted = facts.Wanted(book=book.id, owners=owners, measures=("",), end=1 << 62)
        found = await facts.sums(session, wanted)
    recount = Recount(plot.history, plot.meaning)
    assert _by_day(found, plot.meaning) == recount.by_day()
    assert _by_minute(found) == recount.by_minute()


def _by_day(found: Contributions, meaning: Meaning) -> dict[tuple[str, str, date], int]:
    days: Counter[tuple[str, str, date]] = Counter()
    for (owner, measure, at), amount in found.items():
        spans = meaning.owner_zones.get(owner) or ((0, meaning.zone),)
        zone = [name for since, name in spans if since <= at][-1]
        days[owner, measure, datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).date()] += amount
    return {key: amount for key, amount in days.items() if amount}


def _by_minute(found: Contributions) -> dict[tuple[str, str, int], int]:
    minutes: Counter[tuple[str, str, int]] = Counter()
    for (owner, measure, at), amount in found.items():
        if measure.split(":")[0] not in LEVELS:
            minutes[owner, measure, at // 60_000] += amount
    return {key: amount for key, amount in minutes.items() if amount}


@settings(law, max_examples=max(10, law.max_examples // 10))
@given(plots(), steps, errands)
def test_the_facts_sum_to_every_number_whatever_happened(
    eternal: None,
    redis_server: RedisServer,
    runner: asyncio.Runner,
    plot: Plot,
    happened: list[Step],
    errands: list[Errand],
) -> None:
    """Messages come twice, or never; workers die, Redis goes back, the log is born again."""

    async def tried() -> None:
        async with emptied(redis_server) as redis:
            await _run(redis, plot, happened, errands)

    runner.run(tried())


def _told(batches: list[list[Told]]) -> list[EventFacts]:
    """The facts of a history by event, with the offsets of its order."""
    entities: dict[tuple[str, str], Any] = {}
    found: list[EventFacts] = []
    offset = 0
    for batch in batches:
        events = [(offset + i, _patched(*one)) for i, one in enumerate(batch)]
        offset += len(batch)
        held = {ref: entities.get(ref) for ref in refs_of(events)}
        fold = Fold({TENANT: Tenant(1, MEANING)}, held)
        fold.entities.update({ref: entities.get(ref) for ref in fold.missing()})
        fold.apply_all(events)
        entities.update({ref: fold.entities[ref] for ref in fold.last})
        found += fold.changes[TENANT].told if TENANT in fold.changes else []
    return found


@settings(max_examples=100, deadline=None)
@given(st.data(), histories)
def test_an_event_has_the_same_facts_however_the_log_is_cut(
    data: st.DataObject, history: list[Told]
) -> None:
    """One by one, all at once, or in any batches: (offset, n) names the same fact."""
    batches = data.draw(deliveries(history))
    order = [one for batch in batches for one in batch]
    expected = _told([[one] for one in order])
    assert _told(batches) == expected
    assert _told([order]) == expected


def test_a_batch_too_large_for_a_message_comes_in_parts() -> None:
    """25,000 facts of two tenants: three messages, nothing lost, an event whole, one the last."""

    def events(first: int, count: int) -> list[EventFacts]:
        rows = tuple(("d:crm:1", "crm/anna", "won_n", at, 1) for at in range(500))
        return [EventFacts(offset, 0, rows) for offset in range(first, first + count)]

    told = [TenantFacts("acme", 1, events(0, 30)), TenantFacts("globex", 4, events(30, 20))]
    blob = Blob(P, told=told)
    blob.tell(
        FactBatch(
            incarnation="log-1",
            topic="crm.events",
            partition=P,
            start=0,
            end=50,
            beside=0,
            tenants=[],
        )
    )
    parts = [message.decode(text.encode()) for _, text in blob.facts]
    assert [(one.part, one.last) for one in parts] == [(0, False), (1, False), (2, True)]
    sent: Counter[tuple[str, int]] = Counter()
    for part in parts:
        for one in part.tenants:
            sent.update((one.tenant, event.offset) for event in one.events)
    expected = Counter((one.tenant, event.offset) for one in told for event in one.events)
    assert sent == expected
