"""Generations: the meanings that a tenant's numbers have had.

In: a meaning. Out: its number. Guarantee: a number is never used twice; a meaning equal to the one
that is wanted last makes no new generation unless it is asked for.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql import models
from paceline.sql.keys import now_ms
from schemas.meaning import Meaning, same

_decoder = msgspec.json.Decoder(Meaning)

Decision = Literal["release", "discard"]


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One meaning; ``published_at`` is None until its ``Activate`` record is in the log."""

    tenant: str
    generation: int
    meaning: Meaning
    created_at: int
    published_at: int | None
    held: bool = False
    """It is built beside the live one, and not read, until it is released."""
    decision: Decision | Literal[""] = ""
    """What became of it, where it was held."""
    decided_at: int | None = None

    @property
    def waits(self) -> bool:
        """Whether somebody has to decide."""
        return self.held and not self.decision


async def latest(session: AsyncSession, tenant: str) -> Generation | None:
    """The newest generation that was not discarded; None where nothing was applied yet."""
    row = await session.scalar(
        select(models.Generation)
        .where(models.Generation.tenant == tenant, models.Generation.decision != "discard")
        .order_by(models.Generation.generation.desc())
        .limit(1)
    )
    return None if row is None else _typed(row)


async def newest(session: AsyncSession, tenant: str) -> int:
    """The greatest number that was ever given; 0 where there is none."""
    number = await session.scalar(
        select(func.max(models.Generation.generation)).where(models.Generation.tenant == tenant)
    )
    return number or 0


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


async def undelivered(session: AsyncSession) -> list[Generation]:
    """Activated generations whose decision is not in the log yet, in the order of decisions."""
    rows = await session.scalars(
        select(models.Generation)
        .where(
            models.Generation.published_at.is_not(None),
            models.Generation.decided_at.is_not(None),
            models.Generation.decision_published_at.is_(None),
        )
        .order_by(models.Generation.tenant, models.Generation.decided_at)
    )
    return [_typed(row) for row in rows]


async def mark_delivered(session: AsyncSession, tenant: str, generation: int) -> None:
    """Note that the record of the decision is acknowledged."""
    await session.execute(
        update(models.Generation)
        .where(models.Generation.tenant == tenant, models.Generation.generation == generation)
        .values(decision_published_at=now_ms())
    )


async def add_if_new(
    session: AsyncSession, tenant: str, meaning: Meaning, *, held: bool = False
) -> int | None:
    """A new generation where the meaning differs from the latest one; None where it does not.

    Where the latest one waits with the same meaning it is released, unless ``held``.
    """
    last = await latest(session, tenant)
    if last is None or not same(last.meaning, meaning):
        return await add(session, tenant, meaning, held=held)
    if last.waits and not held:
        await decide(session, tenant, last.generation, "release")
    return None


async def add(session: AsyncSession, tenant: str, meaning: Meaning, *, held: bool = False) -> int:
    """A new generation, be its meaning new or not. One that waits is discarded by it.

    A tenant's first one is never held: there is nothing beside which it could wait.
    """
    last = await latest(session, tenant)
    if last is not None and last.waits:
        await decide(session, tenant, last.generation, "discard")
    number = await newest(session, tenant) + 1
    row = models.Generation(
        tenant=tenant,
        generation=number,
        meaning=msgspec.json.encode(meaning, order="deterministic").decode(),
        created_at=now_ms(),
        held=held and last is not None,
        decision="",
    )
    session.add(row)
    await session.flush()
    return number


async def decide(session: AsyncSession, tenant: str, generation: int, decision: Decision) -> bool:
    """Say what becomes of a generation that is held; False where that is decided already."""
    done = await session.execute(
        update(models.Generation)
        .where(
            models.Generation.tenant == tenant,
            models.Generation.generation == generation,
            models.Generation.held.is_(True),
            models.Generation.decision == "",
        )
        .values(decision=decision, decided_at=now_ms())
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _typed(row: models.Generation) -> Generation:
    return Generation(
        tenant=row.tenant,
        generation=row.generation,
        meaning=_decoder.decode(row.meaning),
        created_at=row.created_at,
        published_at=row.published_at,
        held=row.held,
        decision=row.decision,  # type: ignore[arg-type] # one of the three
        decided_at=row.decided_at,
    )
