"""Intake: what comes on ``kpi.alerts``, kept and planned.

In: records of the log. Out: rows: alerts, inboxes, deliveries, and the position, in one
transaction; webhooks that are due and whose endpoint has room are leased by it to the sender beside
it, who so need not look for them. Guarantee: read again, nothing changes; what cannot be read is
logged and passed over, for the aggregator writes nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline import metrics
from paceline.following import Chunk, Record
from paceline.logs import get_logger
from paceline.progress.reading.directory import Known, SqlDirectory
from paceline.sql import alerts as sql
from paceline.sql import archive
from paceline.sql.engine import reading, writing
from paceline.sql.models import Delivery, Tenant
from paceline.sql.patience import patiently
from paceline.sql.stored import Alerting, TenantSettings
from schemas import alerts
from schemas.alerts import Alert
from services.notifier.planning import Taker, plan
from services.notifier.sending import LEASE_S, Sender

log = get_logger(__name__)


class Intake:
    """Writes alerts down."""

    def __init__(self, engine: AsyncEngine, directory: SqlDirectory, sender: Sender) -> None:
        self._engine = engine
        self._directory = directory
        self._sender = sender

    async def position(self, incarnation: str, topic: str, partition: int) -> int:
        """Where to read on; 0 in a log that was never seen."""

        async def ask() -> int:
            async with reading(self._engine) as session:
                known = await archive.progress(session, incarnation, partition, topic=topic)
            return known or 0

        return await patiently(ask)

    async def write(self, incarnation: str, chunks: Sequence[Chunk]) -> None:
        """Keep the chunks, all or none."""
        told = [one for chunk in chunks for record in chunk.records for one in _decoded(record)]
        takers_of = {tenant: await self._known(tenant) for tenant in {one.tenant for one in told}}

        async def store() -> list[Delivery]:
            async with writing(self._engine) as session:
                leased = await self._store(session, told, takers_of)
                for chunk in chunks:
                    await archive.advance(
                        session, chunk.topic, incarnation, chunk.partition, chunk.next_offset
                    )

            return leased

        self._sender.begin(await patiently(store))

    async def _store(
        self, session: AsyncSession, told: Sequence[Alert], known: Mapping[str, Known | None]
    ) -> list[Delivery]:
        """Everything that they give rise to; returns what is leased to the sender."""
        told = [one for one in told if known[one.tenant] is not None]
        fired = await sql.store_fired(session, [one for one in told if one.what == "fired"])
        news: list[Alert] = []
        for one in told:
            if one.what == "fired":
                new = (one.tenant, one.id) in fired
                fired.discard((one.tenant, one.id))
            else:
                new = await sql.store_resolved(session, one)
                await sql.take_back(session, one.tenant, one.id)
            if new:
                news.append(one)
        inboxes: list[tuple[str, str, str, int]] = []
        deliveries: list[tuple[Alert, sql.Planned]] = []
        places = {tenant: await _places(session, tenant) for tenant in {one.tenant for one in news}}
        for one in news:
            org = known[one.tenant]
            assert org is not None  # noqa: S101 - left out above
            takers, settings = places[one.tenant]
            numbered = org.plan.rules.get(one.rule.id)
            planned = plan(one, numbered.rule if numbered else None, org, takers, settings)
            inboxes += [(one.tenant, one.id, person, at) for person, at in planned.inboxes]
            deliveries += [(one, each) for each in planned.deliveries]
        await sql.recipients(session, inboxes)
        now = time.time_ns() // 1_000_000
        webhooks = {
            (tenant, one.id)
            for tenant, (takers, _) in places.items()
            for one in takers
            if one.kind == "webhook"
        }
        room = self._sender.room()

        def leased(one: sql.Planned, tenant: str) -> int:
            place = (tenant, one.subscription or "")
            at_once = place in webhooks and one.due_at <= now and room(place)
            return now + LEASE_S * 1000 if at_once else 0

        rows = await sql.plan(session, deliveries, now, leased)
        metrics.DELIVERIES_PLANNED.inc(len(rows))
        return [one for one in rows if one.leased_until]

    async def _known(self, tenant: str) -> Known | None:
        known = await patiently(lambda: self._directory.org(tenant))
        if known is None:
            log.warning("alert_of_no_tenant", tenant=tenant)
        return known


async def _places(session: AsyncSession, tenant: str) -> tuple[list[Taker], Alerting]:
    row = await session.get(Tenant, tenant)
    settings = msgspec.convert(row.settings, TenantSettings) if row else None
    takers = [
        Taker(one.id, one.kind, msgspec.convert(one.filters, sql.Filters))
        for one in await sql.subscriptions(session, tenant)
        if one.enabled
    ]
    return takers, settings.alerting if settings else Alerting()


def _decoded(record: Record) -> list[Alert]:
    try:
        return [alerts.decode(record.value or b"")]
    except ValueError as error:
        log.warning("no_alert", error=str(error))
        return []
