"""Writing what was read, with the position, in one transaction.

In: records by topic and partition, all of one log. Out: rows in SQL: archive, letters, facts.
Guarantee: a position never runs ahead of its rows; writing the same again changes nothing; while
SQL is away it waits and tries again, and drops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline import metrics
from paceline.following import Chunk
from paceline.logs import get_logger
from paceline.sql import archive, books, dead
from paceline.sql.engine import reading, writing
from paceline.sql.patience import patiently
from schemas import facts, topics
from services.ledger.rows import archive_row, letter

log = get_logger(__name__)


class Writer:
    """The ledger's hand."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

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
            with metrics.LEDGER_COMMIT_SECONDS.time():
                async with writing(self._engine) as session:
                    # Records before the facts that they made: a book may be filled from them.
                    for chunk in sorted(chunks, key=lambda one: one.topic == topics.FACTS):
                        await _store(session, incarnation, chunk)

        await patiently(store)


async def _store(session: AsyncSession, incarnation: str, chunk: Chunk) -> None:
    if chunk.topic == topics.DEAD:
        await _store_letters(session, incarnation, chunk)
        return
    if chunk.topic == topics.FACTS:
        await _store_facts(session, incarnation, chunk)
        return
    found = [archive_row(record.offset, record.value) for record in chunk.records]
    rows = [row for row in found if row is not None]
    await archive.append(
        session, incarnation, chunk.partition, rows, chunk.next_offset, topic=chunk.topic
    )
    metrics.LEDGER_ROWS.labels("archived").inc(len(rows))


async def _store_letters(session: AsyncSession, incarnation: str, chunk: Chunk) -> None:
    letters = [
        letter(f"{incarnation}:{chunk.partition}:{record.offset}", record.value, record.at)
        for record in chunk.records
    ]
    await dead.store(session, letters)
    await archive.advance(session, chunk.topic, incarnation, chunk.partition, chunk.next_offset)
    metrics.LEDGER_ROWS.labels("dead").inc(len(letters))


async def _store_facts(session: AsyncSession, incarnation: str, chunk: Chunk) -> None:
    """What is no batch of facts leaves a hole, which the next one shows, and the archive fills."""
    written = 0
    for record in chunk.records:
        try:
            batch = facts.decode(record.value or b"")
        except ValueError as error:
            place = {"partition": chunk.partition, "offset": record.offset}
            log.warning("no_facts", **place, error=str(error))
            continue
        written += await books.store(session, batch)
    await archive.advance(session, chunk.topic, incarnation, chunk.partition, chunk.next_offset)
    metrics.LEDGER_ROWS.labels("facts").inc(written)
