"""Generations: the meanings that a tenant's numbers have had.

In: a meaning. Out: its number. Guarantee: a number is never used twice, and a meaning equal to the
latest one makes no new generation.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql import models
from paceline.sql.keys import now_ms
from schemas.meaning import Meaning, same

_decoder = msgspec.json.Decoder(Meaning)


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One meaning; ``published_at`` is None until its ``Activate`` record is in the log."""

    tenant: str
    generation: int
    meaning: Meaning
    created_at: int
    published_at: int | None


async def latest(session: AsyncSession, tenant: str) -> Generation | None:
    """The tenant's newest generation; None where nothing was applied yet."""
    row = await session.scalar(
        select(models.Generation)
        .where(models.Generation.tenant == tenant)
        .order_by(models.Generation.generation.desc())
        .limit(1)
    )
    return None if row is None else _typed(row)


async def find(session: AsyncSession, tenant: str, generation: int) -> Generation | None:
    """One generation of the tenant."""
    row = await session.get(
        models.Generation, {"tenant": tenant, "generation": generation}, populate_existing=True
    )
    return None if row is None else _typed(row)


async def unpublished(session: AsyncSession) -> list[Generation]:
    """What has to be activated yet, of all tenants, in the order in which it was made."""
    rows = await session.scalars(
        select(models.Generation)
        .where(models.Generation.published_at.is_(None))
        .order_by(models.Generation.tenant, models.Generation.generation)
    )
    return [_typed(row) for row in rows]


async def mark_published(session: AsyncSession, tenant: str, generation: int) -> None:
    """Note that the ``Activate`` record is acknowledged; the first time counts."""
    await session.execute(
        update(models.Generation)
        .where(
            models.Generation.tenant == tenant,
            models.Generation.generation == generation,
            models.Generation.published_at.is_(None),
        )
        .values(published_at=now_ms())
    )


async def add_if_new(session: AsyncSession, tenant: str, meaning: Meaning) -> int | None:
    """A new generation where the meaning differs from the latest one; None where it does not."""
    last = await latest(session, tenant)
    if last is not None and same(last.meaning, meaning):
        return None
    number = 1 if last is None else last.generation + 1
    row = models.Generation(
        tenant=tenant,
        generation=number,
        meaning=msgspec.json.encode(meaning, order="deterministic").decode(),
        created_at=now_ms(),
    )
    session.add(row)
    await session.flush()
    return number


def _typed(row: models.Generation) -> Generation:
    return Generation(
        tenant=row.tenant,
        generation=row.generation,
        meaning=_decoder.decode(row.meaning),
        created_at=row.created_at,
        published_at=row.published_at,
    )
