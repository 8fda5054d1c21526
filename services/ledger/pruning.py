"""Pruning: facts that are older than the retention, and books that a later one has replaced.

In: the retention in days. Out: fewer rows. Guarantee: a level is still the sum of its facts: of
levels only what has come to nothing goes; the book says from which instant on flows are whole.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.fold import DAY_MS
from paceline.logs import get_logger
from paceline.sql import books, facts
from paceline.sql.engine import reading, writing
from paceline.sql.keys import now_ms

log = get_logger(__name__)

EVERY_S = 600.0
REPLACED_KEPT_MS = 15 * 60_000
"""As long as the numbers of an old generation may be read."""
_BREATH_S = 0.05


async def prune_for_ever(engine: AsyncEngine, kept_days: int) -> None:
    """Look again and again; SQL that is away is waited for."""
    while True:
        try:
            await prune(engine, kept_days, now_ms())
        except (SQLAlchemyError, OSError) as error:
            log.warning("pruning", error=repr(error)[:300])
        await asyncio.sleep(EVERY_S)


async def prune(engine: AsyncEngine, kept_days: int, now: int) -> None:
    """One pass; many small transactions, so that nobody waits long for the write lock."""
    async with reading(engine) as session:
        replaced = await books.superseded(session, now - REPLACED_KEPT_MS)
    for book in replaced:
        await _all(engine, book)
    before = now - kept_days * DAY_MS
    async with reading(engine) as session:
        due = await books.unpruned(session, before - DAY_MS)
    for book in due:
        await _old(engine, book, before)


async def _all(engine: AsyncEngine, book: int) -> None:
    gone = False
    while not gone:
        async with writing(engine) as session:
            gone = await books.shred(session, book)
        await asyncio.sleep(_BREATH_S)
    log.info("replaced_book_deleted", book=book)


async def _old(engine: AsyncEngine, book: int, before: int) -> None:
    async with reading(engine) as session:
        owners = await facts.owners(session, book)
    async with writing(engine) as session:
        # Said first: whoever reads meanwhile is told that something may be missing.
        await books.pruned(session, book, before)
    for owner in owners:
        async with writing(engine) as session:
            await facts.prune(session, book, owner, before)
        await asyncio.sleep(_BREATH_S)
