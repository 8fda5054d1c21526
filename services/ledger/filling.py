"""Filling: facts of a book that lie before its base, from the archive.

In: a book that is ``filling``, the archive, the meaning of its generation. Out: its facts, and the
book is ``whole``. Guarantee: folded by ``kpi.fold`` as the numbers are, so from the base on the
facts that come live go on from where these end; repeated after a crash, it writes the same again.

Memory: the tenant's entities (about 1 kB each) while it is filled; one book at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.fold import Tenant
from kpi.refold import Refold
from paceline import metrics
from paceline.logs import get_logger
from paceline.sql import archive, books, generations
from paceline.sql.archive import ArchivedRecord
from paceline.sql.books import Book
from paceline.sql.engine import reading, writing
from schemas import envelope, topics
from schemas.envelope import Event

log = get_logger(__name__)

LOOK_S = 1.0


async def fill_for_ever(engine: AsyncEngine, partitions: Callable[[], Sequence[int]]) -> None:
    """Fill what is to be filled of the partitions that are ours, until cancelled."""
    while True:
        try:
            done = await fill_all(engine, partitions())
        except (SQLAlchemyError, OSError) as error:
            log.warning("filling", error=repr(error)[:300])
            done = 0
        await asyncio.sleep(0 if done else LOOK_S)


async def fill_all(engine: AsyncEngine, partitions: Sequence[int]) -> int:
    """One look: fill every book whose past the archive has; how many are whole now."""
    async with reading(engine) as session:
        waiting = await books.filling(session, partitions)
    metrics.BOOKS_FILLING.set(len(waiting))
    done = 0
    for book in waiting:
        done += await fill(engine, book)
    return done


async def fill(engine: AsyncEngine, book: Book) -> bool:
    """Fill one book; False where it must wait for the archive, or was damaged meanwhile."""
    async with reading(engine) as session:
        known = await generations.find(session, book.tenant, book.generation)
        archived = await _archived(engine, book)
    if known is None or not archived:
        await _elsewhere(engine, book)
        return False
    one = Refold(book.tenant, Tenant(book.generation, known.meaning), left_out=_left_out)
    async for lane, page in _before(engine, book):
        events = one.fold(lane[1], _events(page))
        if events:
            async with writing(engine) as session:
                await books.fill(session, book, lane, events)
        await asyncio.sleep(0)
    async with writing(engine) as session:
        done = await books.filled(session, book)
    log.info("filled", tenant=book.tenant, generation=book.generation, edition=book.edition)
    return done


async def _elsewhere(engine: AsyncEngine, book: Book) -> None:
    """A log that is gone will never be archived any further: begin in the newest one instead."""
    async with writing(engine) as session:
        frontier = await books.frontier(session, book.partition)
        if await books.later(session, frontier.incarnation, book.base.incarnation):
            await books.replace(session, book, frontier)


async def _archived(engine: AsyncEngine, book: Book) -> bool:
    base, p = book.base, book.partition
    async with reading(engine) as session:
        live = await archive.end(session, p, base.incarnation)
        if live < base.live:
            return False
        slow = await archive.end(session, p, base.incarnation, topic=topics.BACKFILL)
        return slow >= base.backfill


async def _before(
    engine: AsyncEngine, book: Book
) -> AsyncIterator[tuple[tuple[str, str], list[ArchivedRecord]]]:
    """(incarnation, topic) and records of the tenant before the base, in the order of a replay."""
    base = book.base
    ends = {topics.EVENTS: base.live, topics.BACKFILL: base.backfill}
    async with reading(engine) as session:
        logs = await archive.incarnations(session)
    until = set(logs[: logs.index(base.incarnation) + 1])
    async for page in archive.replay(engine, book.partition, tenant=book.tenant):
        lane = (page[0].incarnation, page[0].topic)
        if lane[0] not in until:
            return
        end = ends[lane[1]] if lane[0] == base.incarnation else page[-1].offset + 1
        before = [record for record in page if record.offset < end]
        if before:
            yield lane, before


def _left_out(offset: int, error: Exception) -> None:
    log.warning("left_out", offset=offset, error=repr(error))


def _events(page: Sequence[ArchivedRecord]) -> list[tuple[int, Event]]:
    return [(one.offset, event) for one in page if (event := _event(one)) is not None]


def _event(record: ArchivedRecord) -> Event | None:
    try:
        return envelope.decode(record.payload)
    except ValueError:
        return None  # it is a dead letter, and was never in the numbers
