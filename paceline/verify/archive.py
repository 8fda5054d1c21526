"""The archive in SQL, as verification reads it.

In: an engine. Out: pages of records. Guarantee: it only reads, each page in a transaction of its
own, so that a long verification holds nothing back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import archive, books, facts
from paceline.sql.archive import ArchivedRecord
from paceline.sql.engine import reading
from paceline.verify.lanes import BehindError, Look
from paceline.verify.ledger import BUCKET_MS, Facts
from schemas import topics

_PAGE = 2_000


class SqlArchive:
    """See ``paceline.verify.lanes.Archive``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def replay(
        self,
        partition: int,
        *,
        tenant: str | None = None,
        start: tuple[str, int] | None = None,
        backfill_from: int = 0,
    ) -> AsyncIterator[list[ArchivedRecord]]:
        """Records from (incarnation, offset) on."""
        return archive.replay(
            self._engine,
            partition,
            tenant=tenant,
            start=start,
            backfill_from=backfill_from,
            batch=_PAGE,
        )

    async def end(self, partition: int, incarnation: str, *, topic: str = topics.EVENTS) -> int:
        """The first offset of a lane of a log that is not archived yet."""
        async with reading(self._engine) as session:
            return await archive.end(session, partition, incarnation, topic=topic)

    async def logs(self) -> list[str]:
        """All logs that were seen, oldest first."""
        async with reading(self._engine) as session:
            return await archive.incarnations(session)

    async def activations(self, partition: int) -> list[bytes]:
        """Every archived activation of a partition."""
        async with reading(self._engine) as session:
            return await archive.activations(session, partition)

    async def facts(
        self, partition: int, tenant: str, generation: int, log: str, upto: Look, told: Look
    ) -> Facts | None:
        """The sums of the ledger's facts up to a look at a log."""
        async with reading(self._engine) as session:
            book = await books.find(session, tenant, generation)
            if book is None or not book.whole:
                return None
            for topic, wanted in zip(books.LANES, told, strict=True):
                if await books.position(session, log, topic, partition) < wanted:
                    raise BehindError
            base = book.base
            if base.incarnation == log and (
                base.live > upto.events or base.backfill > upto.backfill
            ):
                return None  # it was begun anew after the look
            sums = await facts.sums_before(session, book.id, log, upto, BUCKET_MS)
        return Facts(sums, book.pruned_before)

    async def count(self, partition: int, tenant: str) -> int:
        """How many records of the tenant are archived."""
        async with reading(self._engine) as session:
            return await archive.count(session, partition, tenant)
