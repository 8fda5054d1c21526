"""The audit, newest first.

In: a tenant. Out: who changed what, when, and from what to what. Guarantee: only this tenant's.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql.models import AuditRow


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. ``at``: ms UTC."""

    id: int
    at: int
    actor: str
    action: str
    kind: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Page(msgspec.Struct, frozen=True):
    """Some entries; ``next`` is the ``before`` of the following page."""

    entries: list[Entry]
    next: int | None


async def read_audit(
    session: AsyncSession,
    tenant: str,
    *,
    kind: str | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page:
    """A page of the tenant's audit, of one kind and subject where named."""
    query = select(AuditRow).where(AuditRow.tenant == tenant)
    if kind is not None:
        query = query.where(AuditRow.kind == kind)
    if subject is not None:
        query = query.where(AuditRow.subject == subject)
    if before is not None:
        query = query.where(AuditRow.id < before)
    rows = list(await session.scalars(query.order_by(AuditRow.id.desc()).limit(limit + 1)))
    found = [msgspec.convert(row, Entry, from_attributes=True) for row in rows[:limit]]
    return Page(found, found[-1].id if len(rows) > limit else None)
