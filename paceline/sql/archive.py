"""The archive: every accepted record of every log, byte for byte.

In: records by (incarnation, topic, partition, offset). Out: the same in the order of the logs.
Guarantee: writing a record again changes nothing, and the position is stored with the records it
speaks of. A log has two lanes, ``crm.events`` and ``crm.backfill``, each with its own offsets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.sql.engine import reading
from paceline.sql.keys import now_ms
from paceline.sql.models import Archived, ArchiveProgress, Incarnation
from paceline.sql.statements import insert, insert_or_ignore, storable
from schemas import topics


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A record to archive."""

    offset: int
    tenant: str
    event_id: str
    payload: bytes


class ArchivedRecord(msgspec.Struct, frozen=True):
    """A record of the archive; ``payload`` is the Kafka value."""

    incarnation: str
    offset: int
    payload: bytes
    topic: str = topics.EVENTS


async def see(session: AsyncSession, incarnation: str) -> None:
    """Give a log its number, if it has none: later logs are replayed after earlier ones."""
    known = await session.scalar(
        select(Incarnation.number).where(Incarnation.incarnation == incarnation)
    )
    if known is None:
        values = {"incarnation": incarnation, "first_seen": now_ms()}
        await session.execute(insert_or_ignore(session, Incarnation).values(values))


async def append(
    session: AsyncSession,
    incarnation: str,
    partition: int,
    rows: Sequence[Row],
    next_offset: int,
    *,
    topic: str = topics.EVENTS,
) -> None:
    """Archive records of a lane, and move the position to ``next_offset`` in the same transaction.

    ``next_offset`` may lie beyond the last row: what is not worth keeping was still seen.
    """
    await see(session, incarnation)
    if rows:
        key = {"incarnation": incarnation, "topic": topic, "partition": partition}
        values = [key | _values(row) for row in rows]
        await session.execute(insert_or_ignore(session, Archived), values)
    await advance(session, topic, incarnation, partition, next_offset)


def _values(row: Row) -> dict[str, object]:
    texts = {"tenant": storable(row.tenant), "event_id": storable(row.event_id)}
    return {"offset": row.offset, "payload": row.payload} | texts


async def advance(
    session: AsyncSession, topic: str, incarnation: str, partition: int, next_offset: int
) -> None:
    """Note how far a topic was read, in the transaction of what was read; never backwards."""
    statement = insert(session, ArchiveProgress)
    new = statement.excluded.next_offset
    statement = statement.on_conflict_do_update(
        index_elements=["topic", "incarnation", "partition"],
        set_={"next_offset": new},
        # A second ledger that is behind must not pull the position back.
        where=new > ArchiveProgress.next_offset,
    )
    key = {"topic": topic, "incarnation": incarnation, "partition": partition}
    values = key | {"next_offset": next_offset}
    await session.execute(statement, values)


async def progress(
    session: AsyncSession, incarnation: str, partition: int, *, topic: str = topics.EVENTS
) -> int | None:
    """The first offset of the partition's log that is not in SQL; None: nothing is yet."""
    return await session.scalar(
        select(ArchiveProgress.next_offset).where(
            ArchiveProgress.topic == topic,
            ArchiveProgress.incarnation == incarnation,
            ArchiveProgress.partition == partition,
        )
    )


async def end(
    session: AsyncSession, partition: int, incarnation: str, *, topic: str = topics.EVENTS
) -> int:
    """The offset from which a lane has to be read after a replay: 0 where nothing is archived."""
    return await progress(session, incarnation, partition, topic=topic) or 0


async def incarnations(session: AsyncSession) -> list[str]:
    """All logs that were seen, oldest first."""
    return list(await session.scalars(select(Incarnation.incarnation).order_by(Incarnation.number)))


async def tenants(session: AsyncSession, partition: int) -> list[str]:
    """The tenants that have records in a partition, in all logs."""
    found = await session.scalars(
        select(Archived.tenant)
        .where(Archived.partition == partition, Archived.tenant != "")
        .distinct()
        .order_by(Archived.tenant)
    )
    return list(found)


_OF_GENERATIONS = or_(
    *(Archived.event_id.startswith(f"{word}:") for word in ("activate", "release", "discard"))
)


async def activations(session: AsyncSession, partition: int) -> list[bytes]:
    """Every record of a generation (activated, released, discarded) of a partition, in no order."""
    found = await session.scalars(
        select(Archived.payload).where(Archived.partition == partition, _OF_GENERATIONS)
    )
    return list(found)


async def activations_before(
    session: AsyncSession, partition: int, incarnation: str, offset: int
) -> list[bytes]:
    """The records of generations that lie before a place of the live lane, in no order."""
    logs = await incarnations(session)
    earlier = logs[: logs.index(incarnation)] if incarnation in logs else logs
    found = await session.scalars(
        select(Archived.payload).where(
            Archived.partition == partition,
            _OF_GENERATIONS,
            Archived.incarnation.in_(earlier)
            | ((Archived.incarnation == incarnation) & (Archived.offset < offset)),
        )
    )
    return list(found)


async def count(session: AsyncSession, partition: int, tenant: str | None = None) -> int:
    """How many records of a partition are archived, in all logs; of one tenant where given."""
    query = select(func.count()).select_from(Archived).where(Archived.partition == partition)
    if tenant is not None:
        query = query.where(Archived.tenant == tenant)
    return await session.scalar(query) or 0


async def replay(
    engine: AsyncEngine,
    partition: int,
    *,
    tenant: str | None = None,
    start: tuple[str, int] | None = None,
    backfill_from: int = 0,
    batch: int = 500,
) -> AsyncIterator[list[ArchivedRecord]]:
    """All records of a partition, in lists of up to ``batch`` of one log and one lane each.

    Oldest log first; within a log the live lane by offset, then the backfill lane by offset. With
    ``tenant``: only that tenant's records and those that concern the whole partition. With
    ``start`` (incarnation, offset): from there on, and in that log from ``backfill_from`` on in
    the backfill lane; an incarnation that was never seen: nothing. Each list is a transaction of
    its own; what is added meanwhile may be among the last ones of its lane.
    """
    async with reading(engine) as session:
        logs = await incarnations(session)
    if start is not None:
        logs = logs[logs.index(start[0]) :] if start[0] in logs else []
    for incarnation in logs:
        first = start is not None and incarnation == start[0]
        for topic, at in (
            (topics.EVENTS, start[1] if start else 0),
            (topics.BACKFILL, backfill_from),
        ):
            after, lane = (at - 1 if first else -1), (incarnation, topic, partition)
            while page := await _page(engine, lane, after, tenant, batch):
                yield page
                after = page[-1].offset


async def _page(
    engine: AsyncEngine, lane: tuple[str, str, int], offset: int, tenant: str | None, limit: int
) -> list[ArchivedRecord]:
    incarnation, topic, partition = lane
    query = select(Archived.offset, Archived.payload).where(
        Archived.incarnation == incarnation,
        Archived.topic == topic,
        Archived.partition == partition,
        Archived.offset > offset,
    )
    if tenant is not None:
        query = query.where(Archived.tenant.in_((tenant, "")))
    async with reading(engine) as session:
        found = await session.execute(query.order_by(Archived.offset).limit(limit))
        return [ArchivedRecord(incarnation, row.offset, row.payload, topic) for row in found]
