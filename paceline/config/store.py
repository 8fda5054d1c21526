"""A tenant's state in the database.

In: a session, a tenant. Out: its state; rows. Guarantee: ``read_state`` gives back what
``write_state`` was given, and only rows that differ are written.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.config.state import RepState, SourceState, TeamState, TenantSettings, TenantState
from paceline.sql import models
from paceline.sql.connections import list_connections
from paceline.sql.org import load_org

Rows = dict[tuple[str, ...], models.Base]


async def read_state(session: AsyncSession, tenant: str) -> TenantState | None:
    """The tenant as it is stored; None where it is not."""
    row = await session.get(models.Tenant, tenant)
    org = await load_org(session, tenant)
    if row is None or org is None:
        return None
    return TenantState(
        id=row.id,
        name=row.name,
        name_zh=row.name_zh,
        zone=row.zone,
        settings=msgspec.convert(row.settings, TenantSettings),
        teams={
            team.id: TeamState(name=team.name, name_zh=team.name_zh, parent=team.parent)
            for team in org.teams.values()
        },
        reps=await _reps(session, tenant),
        connections={
            one.id: SourceState(kind=one.kind, enabled=one.enabled, settings=one.settings)
            for one in await list_connections(session, tenant)
        },
    )


async def _reps(session: AsyncSession, tenant: str) -> dict[str, RepState]:
    owners: dict[str, list[tuple[str, str]]] = {}
    for own in await session.scalars(
        select(models.RepOwner).where(models.RepOwner.tenant == tenant)
    ):
        owners.setdefault(own.rep_id, []).append((own.connection, own.owner_id))
    return {
        row.id: RepState(
            name=row.name,
            name_zh=row.name_zh,
            team=row.team_id,
            zone=row.zone,
            manages=row.manages_team,
            owners=tuple(sorted(owners.get(row.id, []))),
        )
        for row in await session.scalars(select(models.Rep).where(models.Rep.tenant == tenant))
    }


async def write_state(
    session: AsyncSession, before: TenantState | None, after: TenantState
) -> None:
    """Make the rows of ``before`` those of ``after``."""
    old, new = _rows(before), _rows(after)
    for key, row in new.items():
        if key not in old or _values(old[key]) != _values(row):
            await session.merge(row)
    for key in old.keys() - new.keys():
        # The constraints are checked at commit, so the order does not matter.
        found = await session.get(type(old[key]), _identity(old[key]))
        await session.delete(found)
    await session.flush()


def _rows(state: TenantState | None) -> Rows:
    if state is None:
        return {}
    rows = [_tenant(state), *_teams(state), *_connections(state), *_rep_rows(state)]
    return {(type(row).__name__, *map(str, _identity(row))): row for row in rows}


def _tenant(state: TenantState) -> models.Tenant:
    return models.Tenant(
        id=state.id,
        name=state.name,
        name_zh=state.name_zh,
        zone=state.zone,
        settings=msgspec.to_builtins(state.settings),
    )


def _teams(state: TenantState) -> list[models.Base]:
    return [
        models.Team(
            tenant=state.id, id=name, name=team.name, name_zh=team.name_zh, parent_id=team.parent
        )
        for name, team in state.teams.items()
    ]


def _connections(state: TenantState) -> list[models.Base]:
    return [
        models.Connection(
            id=name,
            tenant=state.id,
            kind=one.kind,
            enabled=one.enabled,
            settings=msgspec.to_builtins(one.settings),
        )
        for name, one in state.connections.items()
    ]


def _rep_rows(state: TenantState) -> list[models.Base]:
    rows: list[models.Base] = []
    for name, rep in state.reps.items():
        rows.append(
            models.Rep(
                tenant=state.id,
                id=name,
                name=rep.name,
                name_zh=rep.name_zh,
                team_id=rep.team,
                zone=rep.zone,
                manages_team=rep.manages,
            )
        )
        rows += [
            models.RepOwner(tenant=state.id, connection=source, owner_id=owner, rep_id=name)
            for source, owner in rep.owners
        ]
    return rows


def _identity(row: models.Base) -> tuple[Any, ...]:
    return tuple(getattr(row, column.name) for column in row.__mapper__.primary_key)


def _values(row: models.Base) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
