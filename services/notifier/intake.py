"""Intake: what comes on ``kpi.alerts``, kept and planned.

In: records of the log. Out: rows: alerts, inboxes, deliveries, and the position, in one
transaction. Guarantee: read again, nothing changes; what cannot be read is logged and passed over,
for the aggregator writes nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline import metrics
from paceline.following import Chunk
from paceline.logs import get_logger
from paceline.progress.reading.directory import SqlDirectory
from paceline.sql import alerts as sql
from paceline.sql import archive
from paceline.sql.engine import reading, writing
from paceline.sql.models import Tenant
from paceline.sql.patience import patiently
from paceline.sql.stored import TenantSettings
from schemas import alerts
from schemas.alerts import Alert
from services.notifier.planning import Taker, plan

log = get_logger(__name__)


class Intake:
    """Writes alerts down."""

    def __init__(self, engine: AsyncEngine, directory: SqlDirectory) -> None:
        self._engine = engine
        self._directory = directory

    async def position(self, incarnation: str, topic: str, partition: int) -> int:
        """Where to read on; 0 in a log that was never seen."""

        async def ask() -> int:
            async with reading(self._engine) as session:
                known = await archive.progress(session, incarnation, partition, topic=topic)
            return known or 0

        return await patiently(ask)

    async def write(self, incarnation: str, chunks: Sequence[Chunk]) -> None:
        """Keep the chunks, all or none."""

        async def store() -> None:
            async with writing(self._engine) as session:
                for chunk in chunks:
                    for record in chunk.records:
                        await self._record(session, record.value or b"")
                    await archive.advance(
                        session, chunk.topic, incarnation, chunk.partition, chunk.next_offset
                    )

        await patiently(store)

    async def _record(self, session: AsyncSession, raw: bytes) -> None:
        try:
            alert = alerts.decode(raw)
        except ValueError as error:
            log.warning("no_alert", error=str(error))
            return
        known = await self._directory.org(alert.tenant)
        row = await session.get(Tenant, alert.tenant)
        if known is None or row is None:
            log.warning("alert_of_no_tenant", tenant=alert.tenant)
            return
        if not await self._keep(session, alert):
            return
        settings = msgspec.convert(row.settings, TenantSettings).alerting
        numbered = known.plan.rules.get(alert.rule.id)
        takers = [
            Taker(one.id, one.kind, msgspec.convert(one.filters, sql.Filters))
            for one in await sql.subscriptions(session, alert.tenant)
            if one.enabled
        ]
        planned = plan(alert, numbered.rule if numbered else None, known, takers, settings)
        await sql.recipients(session, alert.tenant, alert.id, planned.inboxes)
        now = time.time_ns() // 1_000_000
        made = await sql.plan(session, alert, planned.deliveries, now)
        metrics.DELIVERIES_PLANNED.inc(made)

    async def _keep(self, session: AsyncSession, alert: Alert) -> bool:
        """Whether it is news: it is not where it was kept already."""
        if alert.what == "fired":
            new = await sql.store_fired(session, alert, alert.rule.version)
        else:
            new = await sql.store_resolved(session, alert)
            await sql.take_back(session, alert.tenant, alert.id)
        await sql.remember(session, alert)
        return new
