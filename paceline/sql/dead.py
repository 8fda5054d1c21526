"""Dead letters in SQL: kept, listed, replayed.

In: ``schemas.dead.DeadLetter``. Out: the same, with when and how often it was replayed. Guarantee:
a letter is stored once, however often it arrives; every question names its tenant.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql.keys import now_ms
from paceline.sql.models import DeadLetterRow
from paceline.sql.statements import insert_or_ignore, storable
from schemas.dead import DeadLetter


class StoredLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter and what became of it."""

    letter: DeadLetter
    replayed_at: int | None
    replays: int


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters of a tenant; None: any."""

    connection: str | None = None
    stage: str | None = None
    reason: str | None = None
    replayed: bool | None = None


class Page(msgspec.Struct, frozen=True):
    """Some letters, newest first, and where the next page starts; None: there is none."""

    letters: list[StoredLetter]
    next: tuple[int, str] | None


async def store(session: AsyncSession, letters: Sequence[DeadLetter]) -> None:
    """Keep letters; one that is there already stays as it is."""
    if letters:
        values = [_values(letter) for letter in letters]
        await session.execute(insert_or_ignore(session, DeadLetterRow), values)


def _values(letter: DeadLetter) -> dict[str, object]:
    values = msgspec.structs.asdict(letter) | {"replays": 0}
    values["headers"] = {storable(k): storable(v) for k, v in letter.headers.items()}
    return {k: storable(v) if isinstance(v, str) else v for k, v in values.items()}


async def find(session: AsyncSession, tenant: str, letter: str) -> StoredLetter | None:
    """One letter of the tenant."""
    row = await session.scalar(
        select(DeadLetterRow).where(DeadLetterRow.tenant == tenant, DeadLetterRow.id == letter)
    )
    return None if row is None else _typed(row)


async def page(
    session: AsyncSession,
    tenant: str,
    which: Filter | None = None,
    *,
    after: tuple[int, str] | None = None,
    limit: int = 50,
) -> Page:
    """The tenant's letters, newest first; ``after`` is the ``next`` of the page before."""
    query = select(DeadLetterRow).where(DeadLetterRow.tenant == tenant)
    for condition in _conditions(which or Filter()):
        query = query.where(condition)
    if after is not None:
        at, letter = after
        older = DeadLetterRow.at < at
        same = (DeadLetterRow.at == at) & (DeadLetterRow.id < letter)
        query = query.where(older | same)
    order = (DeadLetterRow.at.desc(), DeadLetterRow.id.desc())
    rows = list(await session.scalars(query.order_by(*order).limit(limit + 1)))
    more = len(rows) > limit
    last = (rows[limit - 1].at, rows[limit - 1].id) if more else None
    return Page([_typed(row) for row in rows[:limit]], last)


async def mark_replayed(session: AsyncSession, tenant: str, letter: str) -> None:
    """Note that a letter's event was sent again."""
    await session.execute(
        update(DeadLetterRow)
        .where(DeadLetterRow.tenant == tenant, DeadLetterRow.id == letter)
        .values(replayed_at=now_ms(), replays=DeadLetterRow.replays + 1)
    )


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    equal = [
        column == wanted
        for column, wanted in (
            (DeadLetterRow.connection, which.connection),
            (DeadLetterRow.stage, which.stage),
            (DeadLetterRow.reason, which.reason),
        )
        if wanted is not None
    ]
    if which.replayed is not None:
        equal.append(DeadLetterRow.replayed_at.is_not(None) == which.replayed)
    return equal


def _typed(row: DeadLetterRow) -> StoredLetter:
    fields = {name: getattr(row, name) for name in DeadLetter.__struct_fields__}
    return StoredLetter(
        letter=msgspec.convert(fields, DeadLetter),
        replayed_at=row.replayed_at,
        replays=row.replays,
    )


async def reasons(session: AsyncSession, tenant: str, connections: Sequence[str]) -> dict[str, int]:
    """How many letters of some connections wait to be replayed, by reason."""
    found = await session.execute(
        select(DeadLetterRow.reason, func.count())
        .where(
            DeadLetterRow.tenant == tenant,
            DeadLetterRow.connection.in_(connections),
            DeadLetterRow.replayed_at.is_(None),
        )
        .group_by(DeadLetterRow.reason)
    )
    return {row[0]: row[1] for row in found}
