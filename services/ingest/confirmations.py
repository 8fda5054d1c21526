"""Who has the records by now: the archive and the dead letters in SQL, the numbers in Redis.

In: an incarnation and partitions. Out: offsets that are archived and applied both. Guarantee: an
answer is never ahead of the truth; another incarnation in Redis counts as nothing applied.
"""

from __future__ import annotations

from collections.abc import Collection

from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql.engine import reading
from paceline.sql.models import ArchiveProgress, DeadLetterRow
from schemas import keys, topics


class StoredConfirmations:
    """Asks SQL and Redis; either being away is an exception, and nothing is let go."""

    def __init__(self, engine: AsyncEngine, redis: Redis) -> None:
        self._engine = engine
        self._redis = redis

    async def next_offsets(self, incarnation: str, partitions: Collection[int]) -> dict[int, int]:
        """By partition: below it everything is archived and applied."""
        archived = await self._archived(incarnation, partitions)
        applied = {p: await self._applied(incarnation, p) for p in archived}
        return {p: min(offset, applied[p]) for p, offset in archived.items()}

    async def _archived(self, incarnation: str, partitions: Collection[int]) -> dict[int, int]:
        query = select(ArchiveProgress.partition, ArchiveProgress.next_offset).where(
            ArchiveProgress.topic == topics.EVENTS,
            ArchiveProgress.incarnation == incarnation,
            ArchiveProgress.partition.in_(partitions),
        )
        async with reading(self._engine) as session:
            return {row.partition: row.next_offset for row in await session.execute(query)}

    async def _applied(self, incarnation: str, partition: int) -> int:
        names = [keys.INCARNATION, keys.next_offset(topics.EVENTS)]
        found, offset = await self._redis.hmget(keys.partition_meta(partition), names)
        same = found == incarnation.encode()
        return int(offset) if same and offset is not None else 0

    async def letters(self, ids: Collection[str]) -> set[str]:
        """Which of these dead letters are stored."""
        if not ids:
            return set()
        query = select(DeadLetterRow.id).where(DeadLetterRow.id.in_(ids))
        async with reading(self._engine) as session:
            return set(await session.scalars(query))
