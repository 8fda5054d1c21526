"""What every writer of a plan leaves behind: its audit, and a new version of the plan.

In: a session that writes. Out: rows. Guarantee: in the transaction of the change itself, so there
is no change without its audit, and none that a reader could miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import insert as plain_insert
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql.keys import now_ms
from paceline.sql.models import AuditRow, PlanVersion
from paceline.sql.statements import insert

Action = Literal[
    "create",
    "change",
    "remove",
    "publish",
    "acknowledge",
    "withdraw",
    "erase",
    "lock",
    "unlock",
    "rebuild",
    "release",
    "discard",
]


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One change to one thing, as the audit keeps it."""

    action: Action
    kind: str
    subject: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


async def settle(session: AsyncSession, tenant: str, actor: str, deeds: Sequence[Deed]) -> None:
    """Write the audit, and move the plan's version; nothing at all where nothing was done."""
    if not deeds:
        return
    at = now_ms()
    rows = [
        {"tenant": tenant, "at": at, "actor": actor} | msgspec.structs.asdict(deed)
        for deed in deeds
    ]
    await session.execute(plain_insert(AuditRow), rows)
    await bump(session, tenant, at)


async def bump(session: AsyncSession, tenant: str, at: int) -> None:
    """One more change of the plan."""
    statement = insert(session, PlanVersion)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant"], set_={"version": PlanVersion.version + 1, "changed_at": at}
    )
    await session.execute(statement, {"tenant": tenant, "version": 1, "changed_at": at})


def today(zone: str) -> date:
    """The civil day that it is now in a zone."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC).astimezone(ZoneInfo(zone)).date()
