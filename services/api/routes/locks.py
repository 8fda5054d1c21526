"""Locked periods: closing one, seeing which are, and opening one again.

In: requests; writing needs an administrator's key. Out: JSON by the shapes of ``answers.locks``.
Guarantee: only the key's own tenant; each is in the audit.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from paceline.admin.session import transaction
from paceline.sql import locks as locks_sql
from paceline.sql.engine import reading
from paceline.sql.locks import LockedError
from services.api.access import Caller
from services.api.answers import docs_locks
from services.api.answers.locks import LockEntry, Locks
from services.api.context import Asking, Services, Serving
from services.api.locking.taking import take
from services.api.problems import conflict, not_found
from services.api.routes.admin import administrator
from services.api.routes.progress import around_of, json, question_of

router = APIRouter(prefix="/v1")

Admin = Annotated[Caller, Depends(administrator)]


class Closing(BaseModel):
    """Which period is closed, and why."""

    period: Annotated[str, Field(max_length=40)]
    note: Annotated[str, Field(max_length=2_000)] = ""


@router.get("/locks", **docs_locks.LOCKS)
async def every(caller: Asking, services: Serving) -> Response:
    """All locks that ever were, newest first."""
    async with reading(services.engine) as session:
        found = await locks_sql.every(session, caller.org.tenant)
    return json(Locks(items=[_entry(one) for one in found]))


@router.post("/locks", **docs_locks.LOCK)
async def close(closing: Closing, caller: Admin, services: Serving) -> Response:
    """Lock a period that is over: its figures stand, adjustments show beside them."""
    done = await lock_period(services, caller, closing.period, _author(caller), closing.note)
    return json(_entry(done))


@router.delete("/locks/{period}", **docs_locks.UNLOCK)
async def open_again(period: str, caller: Admin, services: Serving) -> Response:
    """Open a locked period again."""
    try:
        async with transaction(services.engine, dry_run=False) as session:
            done = await locks_sql.unlock(session, caller.org.tenant, period, _author(caller))
    except LockedError:
        raise not_found("locked period") from None
    return json(_entry(done))


async def lock_period(
    services: Services, caller: Caller, period: str, author: str, note: str
) -> locks_sql.Lock:
    """Take the figures and write them down; 409 where the period is locked already."""
    question = question_of(services, caller, period, None)
    around = await around_of(services, caller, question)
    taken = await take(around.known, services.teller, question, author, note)
    try:
        async with transaction(services.engine, dry_run=False) as session:
            return await locks_sql.lock(session, caller.org.tenant, taken.lock, taken.figures)
    except LockedError as error:
        raise conflict("already-locked", str(error)) from None


def _author(caller: Caller) -> str:
    return f"key:{caller.key.id} {caller.key.label}"


def _entry(one: locks_sql.Lock) -> LockEntry:
    return LockEntry(
        period=one.label,
        first=one.first.isoformat(),
        last=one.last.isoformat(),
        locked_at=one.locked_at,
        author=one.author,
        note=one.note,
        generation=one.generation,
        unlocked_at=one.unlocked_at,
        unlocked_by=one.unlocked_by,
    )
