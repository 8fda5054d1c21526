"""Books: which facts of which generation the ledger holds, and up to where.

In: batches of facts in the order in which the numbers changed. Out: rows of ``facts``. Guarantee:
writing a batch again changes nothing; a batch that is missing is noticed, and the books that it
belongs to are begun anew; a book is ``whole`` only once all that lies before its base is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql import archive
from paceline.sql.keys import now_ms
from paceline.sql.models import FactBook, FactProgress, FactRow, Incarnation
from paceline.sql.statements import insert, storable
from schemas import envelope, topics
from schemas.facts import EventFacts, FactBatch
from schemas.pending import shall_be_live

LANES = {topics.EVENTS: 0, topics.BACKFILL: 1}

FILLING, WHOLE, DAMAGED = "filling", "whole", "damaged"

_ROWS = 5_000
Row = tuple[int, int, int, int, int, str, str, str, int, int, int]
"""Book, log number, lane, offset, n, entity, owner, measure, instant, delta, known at."""


class Base(msgspec.Struct, frozen=True):
    """A place in the log: its incarnation, and how far each lane was counted."""

    incarnation: str
    live: int
    backfill: int


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A book, without its facts."""

    id: int
    tenant: str
    generation: int
    edition: int
    partition: int
    state: str
    base: Base
    filled_at: int | None = None
    pruned_before: int = 0

    @property
    def whole(self) -> bool:
        """Whether every fact up to the ledger's position is in it."""
        return self.state == WHOLE


async def store(session: AsyncSession, batch: FactBatch) -> int:
    """Write one batch; how many facts that were.

    To be called in the order of the outbox. What is covered already is passed over.
    """
    covered = await _covered(session, batch.incarnation, batch.topic, batch.partition)
    base = await _base(session, batch, max(batch.start, covered))
    if batch.end <= covered:
        await _open(session, batch, base)
        return 0
    if not batch.part and await _lost(session, batch, covered):
        await damage(session, batch.partition, base)
        await _advance(session, batch, max(batch.start, covered))
    log, lane = await _number(session, batch.incarnation), LANES[batch.topic]
    open_ = await _open(session, batch, base)
    rows: list[Row] = []
    for book, one in zip(open_, batch.tenants, strict=True):
        first = await _first(session, book, batch, covered)
        rows += _rows(book.id, log, lane, one.events, first)
    await insert_rows(session, rows)
    if batch.last:
        await _advance(session, batch, batch.end)
    return len(rows)


async def damage(session: AsyncSession, partition: int, base: Base) -> None:
    """Facts of a partition went missing: begin a new edition of each tenant's newest book."""
    found = await _live(session, partition, base)
    await session.execute(
        update(FactBook).where(FactBook.partition == partition).values(state=DAMAGED)
    )
    for tenant, generation in sorted(found.items()):
        await begin(session, tenant, generation, partition, base)


async def begin(
    session: AsyncSession, tenant: str, generation: int, partition: int, base: Base
) -> Book:
    """A new edition of a book, to be filled with what lies before its base."""
    last = await session.scalar(
        select(func.max(FactBook.edition)).where(
            FactBook.tenant == tenant, FactBook.generation == generation
        )
    )
    row = FactBook(
        tenant=tenant,
        generation=generation,
        edition=(last or 0) + 1,
        partition=partition,
        state=FILLING,
        base_log=base.incarnation,
        base_live=base.live,
        base_backfill=base.backfill,
        created_at=now_ms(),
    )
    session.add(row)
    await session.flush()
    return _typed(row)


async def find(session: AsyncSession, tenant: str, generation: int) -> Book | None:
    """The newest edition of a book; None where the ledger was told nothing of the generation."""
    rows = await session.scalars(
        select(FactBook)
        .where(FactBook.tenant == tenant, FactBook.generation == generation)
        .order_by(FactBook.edition.desc())
        .limit(1)
    )
    row = rows.first()
    return None if row is None else _typed(row)


async def last_begun(session: AsyncSession, tenant: str) -> Book | None:
    """The tenant's book that is written to; None where the ledger was told nothing."""
    return (await _last_begun(session, [tenant])).get(tenant)


async def filling(session: AsyncSession, partitions: Sequence[int]) -> list[Book]:
    """What has to be filled of some partitions, oldest first."""
    rows = await session.scalars(
        select(FactBook)
        .where(FactBook.state == FILLING, FactBook.partition.in_(partitions))
        .order_by(FactBook.id)
    )
    return [_typed(row) for row in rows]


async def replace(session: AsyncSession, book: Book, base: Base) -> None:
    """Begin a book anew elsewhere."""
    await session.execute(update(FactBook).where(FactBook.id == book.id).values(state=DAMAGED))
    await begin(session, book.tenant, book.generation, book.partition, base)


async def later(session: AsyncSession, one: str, other: str) -> bool:
    """Whether a log came after another one."""
    if not one or one == other:
        return False
    return await _number(session, one) > await _number(session, other)


async def filled(session: AsyncSession, book: Book) -> bool:
    """Note that all is in; False where the book was damaged meanwhile."""
    done = await session.execute(
        update(FactBook)
        .where(FactBook.id == book.id, FactBook.state == FILLING)
        .values(state=WHOLE, filled_at=now_ms())
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


async def fill(
    session: AsyncSession, book: Book, lane: tuple[str, str], events: Sequence[EventFacts]
) -> int:
    """Facts of the archive into a book; ``lane``: (incarnation, topic)."""
    log = await _number(session, lane[0])
    rows = list(_rows(book.id, log, LANES[lane[1]], events, 0))
    await insert_rows(session, rows)
    return len(rows)


async def insert_rows(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Write rows; one that is there already stays as it is."""
    connection = await session.connection()
    for low in range(0, len(rows), _ROWS):
        some = rows[low : low + _ROWS]
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql(_SQLITE, list(some))
        else:
            columns = tuple(list(column) for column in zip(*some, strict=True))
            await connection.exec_driver_sql(_POSTGRESQL, columns)


_NAMES = '"book","log","lane","offset","n","entity","owner","measure","at","delta","known_at"'
_SQLITE = f"INSERT OR IGNORE INTO facts ({_NAMES}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
# One array a column: a statement per row would cost four times as much.
_KINDS = ("bigint",) * 5 + ("text",) * 3 + ("bigint",) * 3
_ARRAYS = ",".join(f"${i}::{kind}[]" for i, kind in enumerate(_KINDS, 1))
_POSTGRESQL = f"INSERT INTO facts ({_NAMES}) SELECT * FROM unnest({_ARRAYS}) ON CONFLICT DO NOTHING"  # noqa: S608


async def superseded(session: AsyncSession, before: int) -> list[int]:
    """Books that nobody needs: a later one of their tenant is whole since before an instant."""
    later = FactBook.__table__.alias("later")
    found = await session.scalars(
        select(FactBook.id).where(
            select(later.c.id)
            .where(
                later.c.tenant == FactBook.tenant,
                later.c.state == WHOLE,
                later.c.filled_at < before,
                (later.c.generation > FactBook.generation)
                | (
                    (later.c.generation == FactBook.generation)
                    & (later.c.edition > FactBook.edition)
                ),
            )
            .exists()
        )
    )
    return list(found)


async def shred(session: AsyncSession, book: int, most: int = 20_000) -> bool:
    """Delete some facts of a book, and with the last one the book; whether it is gone."""
    places = (
        select(FactRow.log, FactRow.lane, FactRow.offset)
        .where(FactRow.book == book)
        .order_by(FactRow.log, FactRow.lane, FactRow.offset)
        .limit(1)
        .offset(most)
    )
    edge = (await session.execute(places)).first()
    if edge is None:
        await session.execute(delete(FactRow).where(FactRow.book == book))
        await session.execute(delete(FactBook).where(FactBook.id == book))
        return True
    log, lane, offset = edge
    await session.execute(
        delete(FactRow).where(
            FactRow.book == book,
            (FactRow.log < log)
            | ((FactRow.log == log) & (FactRow.lane < lane))
            | ((FactRow.log == log) & (FactRow.lane == lane) & (FactRow.offset <= offset)),
        )
    )
    return False


async def unpruned(session: AsyncSession, before: int) -> list[int]:
    """Whole books whose flows were last pruned up to an earlier instant."""
    found = await session.scalars(
        select(FactBook.id).where(FactBook.state == WHOLE, FactBook.pruned_before < before)
    )
    return list(found)


async def pruned(session: AsyncSession, book: int, before: int) -> None:
    """Note that flows before an instant are being deleted."""
    await session.execute(update(FactBook).where(FactBook.id == book).values(pruned_before=before))


async def position(session: AsyncSession, incarnation: str, topic: str, partition: int) -> int:
    """Up to where the facts of a lane are in the books."""
    return await _covered(session, incarnation, topic, partition)


async def _covered(session: AsyncSession, incarnation: str, topic: str, partition: int) -> int:
    key = {"incarnation": incarnation, "topic": topic, "partition": partition}
    row = await session.get(FactProgress, key, populate_existing=True)
    return 0 if row is None else row.next_offset


async def _advance(session: AsyncSession, batch: FactBatch, position: int) -> None:
    statement = insert(session, FactProgress)
    statement = statement.on_conflict_do_update(
        index_elements=["incarnation", "topic", "partition"],
        set_={"next_offset": statement.excluded.next_offset},
    )
    values = {
        "incarnation": batch.incarnation,
        "topic": batch.topic,
        "partition": batch.partition,
        "next_offset": position,
    }
    await session.execute(statement, values)


async def _went_back(session: AsyncSession, batch: FactBatch, covered: int) -> bool:
    """Whether Redis lost its tail and counted it again, perhaps with its lanes in another order.

    An event's facts depend on what was counted before it: with one lane that is the same again.
    """
    if not batch.start < covered:
        return False
    other = next(topic for topic in LANES if topic != batch.topic)
    return await _covered(session, batch.incarnation, other, batch.partition) > 0


async def _live(session: AsyncSession, partition: int, base: Base) -> dict[str, int]:
    """Tenant -> the generation that is live at a place, by the books and by the archive."""
    told = await session.execute(
        select(FactBook.tenant, func.max(FactBook.generation).label("generation"))
        .where(FactBook.partition == partition)
        .group_by(FactBook.tenant)
    )
    found = {row.tenant: row.generation for row in told}
    before = await archive.activations_before(session, partition, base.incarnation, base.live)
    for tenant, last in shall_be_live(map(envelope.decode, before)).items():
        # Some of them may still be built; their books begin anew once they are live.
        found[tenant] = max(last.generation, found.get(tenant, 0))
    return found


async def _open(session: AsyncSession, batch: FactBatch, base: Base) -> list[Book]:
    """The book of each tenant to write to, which is the one that was begun last.

    Another one is begun where another generation is told of, be it that it has just become live,
    or that Redis went back to it, and where a generation became live at another place.
    """
    held = await _last_begun(session, [one.tenant for one in batch.tenants])
    place = Base(batch.incarnation, batch.start, batch.beside)
    found: list[Book] = []
    for one in batch.tenants:
        book = held.get(one.tenant)
        other = book is None or book.generation != one.generation or book.state == DAMAGED
        if book is None or other or (not one.events and book.base != place):
            book = await begin(session, one.tenant, one.generation, batch.partition, base)
        found.append(book)
    return found


async def _first(session: AsyncSession, book: Book, batch: FactBatch, covered: int) -> int:
    """The first offset of a batch's lane whose facts a book takes; before its base it is filled."""
    if book.base.incarnation == batch.incarnation:
        live = batch.topic == topics.EVENTS
        return max(covered, book.base.live if live else book.base.backfill)
    older = await later(session, book.base.incarnation, batch.incarnation)
    return batch.end if older else covered


async def _lost(session: AsyncSession, batch: FactBatch, covered: int) -> bool:
    """Whether facts before a batch never came, or may have come in another order of the lanes."""
    if batch.since > covered or await _went_back(session, batch, covered):
        return True
    if batch.left is None:
        return False
    log, *told = batch.left
    for topic, up_to in zip(LANES, told, strict=True):
        if up_to and await _covered(session, log, topic, batch.partition) < int(up_to):
            return True
    return False


async def _last_begun(session: AsyncSession, tenants: Sequence[str]) -> dict[str, Book]:
    """Tenant -> the book that was begun last."""
    query = select(FactBook).where(FactBook.tenant.in_(tenants)).order_by(FactBook.id)
    rows = await session.scalars(query.execution_options(populate_existing=True))
    return {row.tenant: _typed(row) for row in rows}


async def _number(session: AsyncSession, incarnation: str) -> int:
    await archive.see(session, incarnation)
    found = await session.scalar(
        select(Incarnation.number).where(Incarnation.incarnation == incarnation)
    )
    assert found is not None  # noqa: S101 - just seen
    return found


async def _base(session: AsyncSession, batch: FactBatch, start: int) -> Base:
    """Where a book begins that begins with a batch: nothing after it may be passed over."""
    newest = await frontier(session, batch.partition)
    if await later(session, newest.incarnation, batch.incarnation):
        return newest  # told anew, of a log before the newest one
    other = next(topic for topic in LANES if topic != batch.topic)
    told = await _covered(session, batch.incarnation, other, batch.partition)
    beside = max(batch.beside, told)
    if batch.topic == topics.EVENTS:
        return Base(batch.incarnation, start, beside)
    return Base(batch.incarnation, beside, start)


async def frontier(session: AsyncSession, partition: int) -> Base:
    """Up to where all facts of a partition are here: in its newest log."""
    newest = await session.scalar(
        select(FactProgress.incarnation)
        .join(Incarnation, Incarnation.incarnation == FactProgress.incarnation)
        .where(FactProgress.partition == partition)
        .order_by(Incarnation.number.desc())
        .limit(1)
    )
    log = newest or ""
    lanes = [await _covered(session, log, topic, partition) for topic in LANES]
    return Base(log, *lanes)


def _rows(
    book: int, log: int, lane: int, events: Iterable[EventFacts], covered: int
) -> Iterator[Row]:
    for event in events:
        if event.offset >= covered:
            for n, (entity, owner, measure, at, delta) in enumerate(event.rows):
                place: Any = (book, log, lane, event.offset, n)
                texts = storable(entity), storable(owner), storable(measure)
                yield (*place, *texts, at, delta, event.known_at)


def _typed(row: FactBook) -> Book:
    return Book(
        id=row.id,
        tenant=row.tenant,
        generation=row.generation,
        edition=row.edition,
        partition=row.partition,
        state=row.state,
        base=Base(row.base_log, row.base_live, row.base_backfill),
        filled_at=row.filled_at,
        pruned_before=row.pruned_before,
    )
