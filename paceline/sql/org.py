"""The organisation as the API reads it.

In: a tenant. Out: names, zones, teams, reps with their owner ids, connections. Guarantee: one
moment's view (within ``reading``), only this tenant's rows, and no secret.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kpi.organisation import Membership, ZoneSpan, team_on, zone_on
from paceline.sql import models
from paceline.sql.changes import today
from paceline.sql.connections import list_connections
from paceline.sql.stored import Terms


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the tree; roots have no parent."""

    id: str
    name: str
    name_zh: str | None
    parent: str | None


class Owner(msgspec.Struct, frozen=True, order=True):
    """Who a rep is in one CRM."""

    connection: str
    owner: str


class Rep(msgspec.Struct, frozen=True, kw_only=True):
    """A person who sells; ``manages`` is the root of the teams that this person leads.

    ``team``, ``zone`` and ``manages`` are as of the day on which the organisation was read;
    ``terms`` has them with their days.
    """

    id: str
    name: str
    name_zh: str | None
    team: str
    """Between two memberships the one before; before the first one, the first."""
    zone: str
    """IANA zone, the tenant's where the rep has none."""
    manages: str | None
    owners: tuple[Owner, ...]
    terms: Terms = Terms()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A connection, by what may be shown of it."""

    id: str
    kind: str
    enabled: bool
    currency: str
    link: str | None


class Org(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's organisation. Teams, reps and connections by id."""

    tenant: str
    name: str
    name_zh: str | None
    zone: str
    currency: str
    teams: dict[str, Team]
    reps: dict[str, Rep]
    connections: dict[str, Source]

    def subtree(self, team: str) -> frozenset[str]:
        """The team and all below it; empty where there is no such team."""
        below: set[str] = set()
        todo = [team] if team in self.teams else []
        children = self._children()
        while todo:
            here = todo.pop()
            below.add(here)
            todo += children[here]
        return frozenset(below)

    def members(self, team: str) -> list[Rep]:
        """The reps of the team and of all below it, by id."""
        tree = self.subtree(team)
        return [rep for rep in self.reps.values() if rep.team in tree]

    def rep_of(self, connection: str, owner: str) -> Rep | None:
        """The rep that an owner id belongs to; None while it is unknown."""
        wanted = Owner(connection, owner)
        return next((rep for rep in self.reps.values() if wanted in rep.owners), None)

    def _children(self) -> defaultdict[str, list[str]]:
        children: defaultdict[str, list[str]] = defaultdict(list)
        for team in self.teams.values():
            if team.parent is not None:
                children[team.parent].append(team.id)
        return children


async def list_tenants(session: AsyncSession) -> list[str]:
    """All tenants' ids, for processes that serve them all."""
    return list(await session.scalars(select(models.Tenant.id).order_by(models.Tenant.id)))


def terms_of(row: models.Rep) -> Terms:
    """What is dated of a person; a row that was never dated says it in its columns."""
    if row.terms:
        return msgspec.convert(row.terms, Terms)
    return Terms(
        teams=(Membership(row.team_id),),
        zones=(ZoneSpan(row.zone),) if row.zone else (),
        manages=(Membership(row.manages_team),) if row.manages_team else (),
    )


async def load_org(session: AsyncSession, tenant: str, *, day: date | None = None) -> Org | None:
    """The tenant's organisation on a civil day, None: today where each person is.

    None where there is no such tenant.
    """
    row = await session.get(models.Tenant, tenant, populate_existing=True)
    if row is None:
        return None
    return Org(
        tenant=row.id,
        name=row.name,
        name_zh=row.name_zh,
        zone=row.zone,
        currency=row.settings["currency"],
        teams=await _teams(session, tenant),
        reps=await _reps(session, row, day),
        connections=await _sources(session, tenant),
    )


async def _teams(session: AsyncSession, tenant: str) -> dict[str, Team]:
    found = await session.scalars(
        select(models.Team).where(models.Team.tenant == tenant).order_by(models.Team.id)
    )
    return {
        row.id: Team(id=row.id, name=row.name, name_zh=row.name_zh, parent=row.parent_id)
        for row in found
    }


async def _reps(session: AsyncSession, tenant: models.Tenant, day: date | None) -> dict[str, Rep]:
    owners = await _owners(session, tenant.id)
    found = await session.scalars(
        select(models.Rep).where(models.Rep.tenant == tenant.id).order_by(models.Rep.id)
    )
    now = day or today(tenant.zone)
    return {row.id: _rep(row, tenant.zone, day, now, owners[row.id]) for row in found}


def _rep(
    row: models.Rep, ordinary: str, day: date | None, now: date, owners: Sequence[Owner]
) -> Rep:
    terms = terms_of(row)
    zone = zone_on(terms.zones, now, ordinary)
    here = day or (now if zone == ordinary else today(zone))
    return Rep(
        id=row.id,
        name=row.name,
        name_zh=row.name_zh,
        team=_team(terms, here),
        zone=zone_on(terms.zones, here, ordinary),
        manages=team_on(terms.manages, here),
        owners=tuple(sorted(owners)),
        terms=terms,
    )


def _team(terms: Terms, day: date) -> str:
    begun = [one for one in terms.teams if one.span.first <= day]
    return (begun[-1] if begun else terms.teams[0]).team


async def _owners(session: AsyncSession, tenant: str) -> defaultdict[str, list[Owner]]:
    owners: defaultdict[str, list[Owner]] = defaultdict(list)
    for row in await session.scalars(
        select(models.RepOwner).where(models.RepOwner.tenant == tenant)
    ):
        owners[row.rep_id].append(Owner(row.connection, row.owner_id))
    return owners


async def _sources(session: AsyncSession, tenant: str) -> dict[str, Source]:
    return {
        found.id: Source(
            id=found.id,
            kind=found.kind,
            enabled=found.enabled,
            currency=found.settings.currency,
            link=found.settings.link,
        )
        for found in await list_connections(session, tenant)
    }
