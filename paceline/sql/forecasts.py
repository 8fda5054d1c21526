"""What people stand for: submitted forecasts with their history, and calls for help.

In: a tenant, whose, of which period. Out: submissions, oldest first; calls. Guarantee: nothing is
changed or deleted; what was put over somebody else's says whose; every question names its tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql.keys import now_ms
from paceline.sql.models import ForecastRow, HelpCall

Role = Literal["rep", "manager"]


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said a period ends at; money in minor units of the tenant's currency."""

    id: int = 0
    subject_kind: str
    subject: str
    label: str
    commit: int
    best_case: int
    note: str
    role: Role
    author: str
    overrode: int | None = None
    submitted_at: int = 0


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call for help with a deal; instants are ms UTC."""

    id: int
    deal: str
    rep: str
    text: str
    author: str
    asked_at: int
    answer: str | None
    answered_by: str | None
    answered_at: int | None


async def submissions(
    session: AsyncSession, tenant: str, kind: str, subject: str, labels: Sequence[str]
) -> list[Submission]:
    """All of a subject in some periods, oldest first."""
    rows = await session.scalars(
        select(ForecastRow)
        .where(
            ForecastRow.tenant == tenant,
            ForecastRow.subject_kind == kind,
            ForecastRow.subject == subject,
            ForecastRow.label.in_(labels),
        )
        .order_by(ForecastRow.id)
    )
    return [msgspec.convert(row, Submission, from_attributes=True) for row in rows]


async def submit(session: AsyncSession, tenant: str, new: Submission) -> Submission:
    """Add one; over somebody else's it says whose it overrode."""
    held = await submissions(session, tenant, new.subject_kind, new.subject, [new.label])
    last = held[-1] if held else None
    over = last.id if last is not None and last.author != new.author else None
    values = msgspec.structs.asdict(new) | {"overrode": over, "submitted_at": now_ms()}
    del values["id"]
    row = ForecastRow(tenant=tenant, **values)
    session.add(row)
    await session.flush()
    return msgspec.convert(row, Submission, from_attributes=True)


async def calls(session: AsyncSession, tenant: str, reps: Sequence[str]) -> list[Call]:
    """The calls of some reps, open ones first, then the newest; at most 200."""
    rows = await session.scalars(
        select(HelpCall)
        .where(HelpCall.tenant == tenant, HelpCall.rep.in_(reps))
        .order_by(HelpCall.answered_at.is_not(None), HelpCall.id.desc())
        .limit(200)
    )
    return [msgspec.convert(row, Call, from_attributes=True) for row in rows]


async def call(session: AsyncSession, tenant: str, deal: str, rep: str, text: str, by: str) -> Call:
    """Ask for help with a deal."""
    row = HelpCall(tenant=tenant, deal=deal, rep=rep, text=text, author=by, asked_at=now_ms())
    session.add(row)
    await session.flush()
    return msgspec.convert(row, Call, from_attributes=True)


async def answer(
    session: AsyncSession, tenant: str, call_: int, reps: Sequence[str], text: str, by: str
) -> Call | None:
    """Answer a call of one of these reps; None where there is no open one."""
    done = await session.execute(
        update(HelpCall)
        .where(
            HelpCall.tenant == tenant,
            HelpCall.id == call_,
            HelpCall.rep.in_(reps),
            HelpCall.answered_at.is_(None),
        )
        .values(answer=text, answered_by=by, answered_at=now_ms())
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        return None
    row = await session.get(HelpCall, call_, populate_existing=True)
    return msgspec.convert(row, Call, from_attributes=True)
