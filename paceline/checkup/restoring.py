"""How far a restore is.

In: settings and partitions. Out: for each, how many of its archived records are in the numbers.
Guarantee: a partition is called whole only when a worker holds it, under the present log, with
everything that the archive has.
"""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.checkup import look
from paceline.checkup.facts import RedisPartition
from paceline.sql import archive
from paceline.sql.engine import reading
from paceline.sql.models import Archived, Incarnation


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: ``done`` of ``total`` archived records are in its numbers."""

    partition: int
    epoch: str | None
    restoring: bool
    done: int
    total: int
    position: int | None
    archive_end: int
    """Of the present log."""
    present: bool
    """Whether the numbers follow the present log."""

    @property
    def whole(self) -> bool:
        """Nothing is left to restore."""
        caught_up = self.position is not None and self.position >= self.archive_end
        return self.epoch is not None and self.present and not self.restoring and caught_up


async def progress(
    redis: Redis, engine: AsyncEngine, incarnation: str | None, partitions: list[int]
) -> list[Progress]:
    """All of them, now."""
    async with reading(engine) as session:
        return [
            await _one(session, await look.partition(redis, p), incarnation, p) for p in partitions
        ]


async def _one(
    session: AsyncSession, held: RedisPartition, incarnation: str | None, p: int
) -> Progress:
    total = await archive.count(session, p)
    end = await archive.end(session, p, incarnation) if incarnation else 0
    return Progress(
        partition=p,
        epoch=held.epoch,
        restoring=held.restoring,
        done=min(total, await _done(session, held, p)),
        total=total,
        position=held.next_offset,
        archive_end=end,
        present=held.incarnation is not None and held.incarnation == incarnation,
    )


async def _done(session: AsyncSession, held: RedisPartition, p: int) -> int:
    """Records of earlier logs, and of the one that is followed those before the position."""
    followed = select(Incarnation.number).where(Incarnation.incarnation == held.incarnation)
    number = await session.scalar(followed)
    if number is None:
        return 0
    before = (
        select(func.count())
        .select_from(Archived)
        .join(Incarnation, Incarnation.incarnation == Archived.incarnation)
        .where(Archived.partition == p, Incarnation.number < number)
    )
    reached = (
        select(func.count())
        .select_from(Archived)
        .where(
            Archived.partition == p,
            Archived.incarnation == held.incarnation,
            Archived.offset < (held.next_offset or 0),
        )
    )
    return (await session.scalar(before) or 0) + (await session.scalar(reached) or 0)
