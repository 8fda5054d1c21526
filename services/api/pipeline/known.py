"""Deals as they were known at an earlier moment, folded anew from the archive.

In: a tenant, the live meaning, an instant. Out: entities by key. Guarantee: exactly what was
received by then, read as it is read today; a tenant with more history than may be folded for one
answer is refused rather than kept waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.entity import Entity
from kpi.fold import Tenant
from kpi.refold import Refold
from paceline.sql import archive
from paceline.sql.archive import ArchivedRecord
from paceline.sql.engine import reading
from schemas.envelope import Event, decode
from services.api.problems import unprocessable

MOST = 100_000
"""Archived records of one answer: some ten seconds of one core."""


async def known_by(
    engine: AsyncEngine, partition: int, tenant: str, live: Tenant, as_of: int
) -> dict[str, Entity]:
    """Every entity of the tenant as of ``as_of`` (ms UTC); 422 where the history is too long."""
    async with reading(engine) as session:
        count = await archive.count(session, partition, tenant)
    if count > MOST:
        detail = f"{count} archived records are too many to be folded anew for one answer"
        raise unprocessable("too-much-history", detail, "the same with at=, or progress as_of=")
    one = Refold(tenant, live, until=as_of)
    async for page in archive.replay(engine, partition, tenant=tenant):
        # Apart from the loop: other answers go on.
        await asyncio.to_thread(one.fold, page[0].topic, _events(page))
    return one.entities()


def _events(page: Sequence[ArchivedRecord]) -> list[tuple[int, Event]]:
    return [(one.offset, event) for one in page if (event := _event(one.payload)) is not None]


def _event(payload: bytes) -> Event | None:
    try:
        return decode(payload)
    except ValueError:
        return None  # it is a dead letter, and was never in the numbers
