"""KPIs, measures, calendars, roles, ramps and rules: kept in versions, of which the newest holds.

In: values. Out: the same, with since when they hold. Guarantee: a version is never changed; taking
a thing away is a version too, so that what once held can still be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kpi.alerts import Rule
from kpi.definitions import Definition
from paceline.holidays import CalendarSpec
from paceline.sql.keys import now_ms
from paceline.sql.models import PlanItem
from paceline.sql.stored import Ramp, Role
from schemas.meaning import DeclaredMeasure

ItemKind = Literal["kpis", "measures", "calendars", "roles", "ramps", "rules"]
Value = Definition | DeclaredMeasure | CalendarSpec | Role | Ramp | Rule

TYPES: Mapping[ItemKind, type[Value]] = {
    "kpis": Definition,
    "measures": DeclaredMeasure,
    "calendars": CalendarSpec,
    "roles": Role,
    "ramps": Ramp,
    "rules": Rule,
}


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one thing; ``value`` None: it was taken away."""

    kind: ItemKind
    id: str
    version: int
    since: date
    value: Value | None


async def read_versions(session: AsyncSession, tenant: str) -> list[Version]:
    """All versions of all things, by kind, id and version."""
    rows = await session.scalars(
        select(PlanItem)
        .where(PlanItem.tenant == tenant)
        .order_by(PlanItem.kind, PlanItem.id, PlanItem.version)
    )
    return [_typed(row) for row in rows]


async def tenants_with_rules(session: AsyncSession) -> list[str]:
    """The tenants that ever wrote a rule of alerts."""
    query = select(PlanItem.tenant).where(PlanItem.kind == "rules").distinct()
    return sorted(await session.scalars(query))


def newest(versions: list[Version]) -> dict[tuple[str, str], Version]:
    """(kind, id) -> the newest version, of what is gone too."""
    return {(one.kind, one.id): one for one in versions}


def present(versions: list[Version], kind: ItemKind) -> dict[str, Any]:
    """What there is of a kind, by id."""
    return {
        one.id: one.value
        for one in newest(versions).values()
        if one.kind == kind and one.value is not None
    }


async def add_version(
    session: AsyncSession,
    tenant: str,
    kind: ItemKind,
    item: str,
    value: Value | None,
    *,
    last: int,
    since: date,
    author: str,
) -> None:
    """The version after ``last``."""
    row = PlanItem(
        tenant=tenant,
        kind=kind,
        id=item,
        version=last + 1,
        since=since,
        created_at=now_ms(),
        author=author,
        gone=value is None,
        body={} if value is None else msgspec.to_builtins(value),
    )
    session.add(row)


def _typed(row: PlanItem) -> Version:
    value = None if row.gone else msgspec.convert(row.body, TYPES[_kind(row.kind)])
    return Version(
        kind=_kind(row.kind), id=row.id, version=row.version, since=row.since, value=value
    )


def _kind(text: str) -> ItemKind:
    return next(kind for kind in TYPES if kind == text)
