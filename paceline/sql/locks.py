"""Locked periods: figures that stand as they were when a period was closed.

In: a tenant, a period's label, the figures of its subjects. Out: the lock that stands, its figures.
Guarantee: one lock a period at most stands; locking and unlocking are in the audit, in the same
transaction; nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql.changes import Deed, settle
from paceline.sql.keys import now_ms
from paceline.sql.models import LockedFigures, PeriodLock

Subject = tuple[str, str]
"""(``rep``, ``team`` or ``organisation``; its id)."""
Figures = Mapping[str, int | float | None]
"""KPI -> its value as the API gives it."""


class LockedError(Exception):
    """The period is locked already, or is not; the text says which."""


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """A lock. Instants are ms UTC, both days of the period included."""

    id: int
    label: str
    first: date
    last: date
    locked_at: int
    author: str
    note: str
    generation: int
    unlocked_at: int | None = None
    unlocked_by: str | None = None


async def standing(session: AsyncSession, tenant: str, label: str) -> Lock | None:
    """The lock of a period that stands now."""
    row = await session.scalar(
        select(PeriodLock).where(
            PeriodLock.tenant == tenant,
            PeriodLock.label == label,
            PeriodLock.unlocked_at.is_(None),
        )
    )
    return None if row is None else _typed(row)


async def every(session: AsyncSession, tenant: str) -> list[Lock]:
    """All locks that ever were, newest first."""
    query = select(PeriodLock).where(PeriodLock.tenant == tenant).order_by(PeriodLock.id.desc())
    return [_typed(row) for row in await session.scalars(query)]


async def figures(session: AsyncSession, lock: int, subject: Subject) -> Figures | None:
    """The figures of one subject; None: it was not there yet."""
    row = await session.get(
        LockedFigures, {"lock": lock, "subject_kind": subject[0], "subject": subject[1]}
    )
    return None if row is None else row.figures


async def lock(
    session: AsyncSession, tenant: str, new: Lock, found: Mapping[Subject, Figures]
) -> Lock:
    """Lock a period with these figures; ``LockedError`` where it is locked already."""
    held = await standing(session, tenant, new.label)
    if held is not None:
        raise LockedError(f"{new.label} is locked since {held.locked_at} by {held.author}")
    values = msgspec.structs.asdict(new) | {"tenant": tenant}
    del values["id"]
    row = PeriodLock(**values)
    session.add(row)
    await session.flush()
    rows = [_row(row.id, subject, dict(own)) for subject, own in found.items()]
    await session.execute(insert(LockedFigures), rows)
    after = {"note": new.note, "generation": new.generation, "subjects": len(rows)}
    deed = Deed(action="lock", kind="periods", subject=new.label, after=after)
    await settle(session, tenant, new.author, [deed])
    return _typed(row)


async def unlock(session: AsyncSession, tenant: str, label: str, author: str) -> Lock:
    """Let a period move again; ``LockedError`` where it is not locked."""
    held = await standing(session, tenant, label)
    if held is None:
        raise LockedError(f"{label} is not locked")
    at = now_ms()
    await session.execute(
        update(PeriodLock)
        .where(PeriodLock.tenant == tenant, PeriodLock.id == held.id)
        .values(unlocked_at=at, unlocked_by=author)
    )
    before = {"locked_at": held.locked_at, "author": held.author}
    deed = Deed(action="unlock", kind="periods", subject=label, before=before)
    await settle(session, tenant, author, [deed])
    return msgspec.structs.replace(held, unlocked_at=at, unlocked_by=author)


def _row(lock_: int, subject: Subject, own: dict[str, Any]) -> dict[str, Any]:
    return {"lock": lock_, "subject_kind": subject[0], "subject": subject[1], "figures": own}


def _typed(row: PeriodLock) -> Lock:
    return msgspec.convert(row, Lock, from_attributes=True)
