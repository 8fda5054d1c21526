"""A tenant's state in the database.

In: a session, a tenant. Out: its state; rows. Guarantee: ``read_state`` gives back what
``write_state`` was given, and only rows that differ are written.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.config.state import RepState, SourceState, TeamState, TenantState
from paceline.sql import items, models
from paceline.sql.changes import today
from paceline.sql.connections import list_connections
from paceline.sql.org import terms_of
from paceline.sql.stored import TenantSettings

Rows = dict[tuple[str, ...], models.Base]


async def read_state(session: AsyncSession, tenant: str) -> TenantState | None:
    """The tenant as it is stored; None where it is not."""
    row = await session.get(models.Tenant, tenant, populate_existing=True)
    if row is None:
        return None
    versions = await items.read_versions(session, tenant)
    return TenantState(
        id=row.id,
        name=row.name,
        name_zh=row.name_zh,
        zone=row.zone,
        settings=msgspec.convert(row.settings, TenantSettings),
        teams={
            team.id: TeamState(name=team.name, name_zh=team.name_zh, parent=team.parent_id)
            for team in await session.scalars(
                select(models.Team).where(models.Team.tenant == tenant)
            )
        },
        reps=await _reps(session, tenant),
        connections={
            one.id: SourceState(kind=one.kind, enabled=one.enabled, settings=one.settings)
            for one in await list_connections(session, tenant)
        },
        **{kind: items.present(versions, kind) for kind in items.TYPES},
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
            terms=terms_of(row),
            owners=tuple(sorted(owners.get(row.id, []))),
        )
        for row in await session.scalars(select(models.Rep).where(models.Rep.tenant == tenant))
    }


async def write_state(
    session: AsyncSession, before: TenantState | None, after: TenantState, author: str = ""
) -> None:
    """Make the rows of ``before`` those of ``after``; of what is versioned, add versions."""
    await _write_rows(session, before, after)
    await _write_items(session, before, after, author)
    await session.flush()


async def _write_items(
    session: AsyncSession, before: TenantState | None, after: TenantState, author: str
) -> None:
    last = items.newest(await items.read_versions(session, after.id))
    day = today(after.zone)
    for kind in items.TYPES:
        old = {} if before is None else getattr(before, kind)
        new = getattr(after, kind)
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                found = last.get((kind, name))
                await items.add_version(
                    session,
                    after.id,
                    kind,
                    name,
                    new.get(name),
                    last=found.version if found else 0,
                    since=day,
                    author=author,
                )


async def _write_rows(
    session: AsyncSession, before: TenantState | None, after: TenantState
) -> None:
    old, new = _rows(before), _rows(after)
    for key, row in new.items():
        if key not in old or _values(old[key]) != _values(row):
            await session.merge(row)
    for key in old.keys() - new.keys():
        # The constraints are checked at commit, so the order does not matter.
        found = await session.get(type(old[key]), _identity(old[key]))
        await session.delete(found)


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
                team_id=rep.terms.teams[-1].team,
                zone=rep.terms.zones[-1].zone if rep.terms.zones else None,
                manages_team=rep.terms.manages[-1].team if rep.terms.manages else None,
                terms=msgspec.to_builtins(rep.terms),
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
