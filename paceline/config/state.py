"""What a tenant's configuration comes to: the same value from a file and from the database.

In: a checked document. Out: one state per tenant, with every default filled in. Guarantee: two
files that mean the same give equal states, so applying the second changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from paceline.config import document as doc
from paceline.sql.connections import (
    ConnectionKind,
    ConnectionSettings,
    Mapping,
    Rule,
    Signature,
    UriForm,
)


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers of all connections share."""

    currency: str
    stale_after_days: int | None
    entity_retention_days: int


class TeamState(msgspec.Struct, frozen=True, kw_only=True):
    """A team and the one above it."""

    name: str
    name_zh: str | None
    parent: str | None


class RepState(msgspec.Struct, frozen=True, kw_only=True):
    """A rep; ``owners`` are (connection, owner id), sorted."""

    name: str
    name_zh: str | None
    team: str
    zone: str | None
    manages: str | None
    owners: tuple[tuple[str, str], ...]


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """A connection."""

    kind: ConnectionKind
    enabled: bool
    settings: ConnectionSettings


class TenantState(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant with all that belongs to it, by id."""

    id: str
    name: str
    name_zh: str | None
    zone: str
    settings: TenantSettings
    teams: dict[str, TeamState]
    reps: dict[str, RepState]
    connections: dict[str, SourceState]


def states_of(document: doc.Document) -> list[TenantState]:
    """The states that a document asks for, in its order."""
    return [_tenant(tenant) for tenant in document.tenants]


def merged(stored: TenantState | None, wanted: TenantState, *, prune: bool) -> TenantState:
    """What is there after an apply: the file's, and what the file does not speak of unless pruned.

    An owner id that the file gives to a rep leaves the rep that had it.
    """
    if stored is None or prune:
        return wanted
    taken = {owner for rep in wanted.reps.values() for owner in rep.owners}
    kept = {name: _without(rep, taken) for name, rep in stored.reps.items()}
    return msgspec.structs.replace(
        wanted,
        teams=stored.teams | wanted.teams,
        reps=kept | wanted.reps,
        connections=stored.connections | wanted.connections,
    )


def _without(rep: RepState, taken: set[tuple[str, str]]) -> RepState:
    left = tuple(owner for owner in rep.owners if owner not in taken)
    return msgspec.structs.replace(rep, owners=left)


def _tenant(tenant: doc.Tenant) -> TenantState:
    return TenantState(
        id=tenant.id,
        name=tenant.name,
        name_zh=tenant.name_zh,
        zone=tenant.zone,
        settings=TenantSettings(
            currency=tenant.currency,
            stale_after_days=tenant.stale_after_days,
            entity_retention_days=tenant.entity_retention_days,
        ),
        teams=dict(_teams(tenant.teams, None)),
        reps={rep.id: _rep(rep) for rep in tenant.reps},
        connections={one.id: _source(one, tenant) for one in tenant.connections},
    )


def _teams(teams: list[doc.Team], above: str | None) -> Iterator[tuple[str, TeamState]]:
    for team in teams:
        parent = above or team.parent
        yield team.id, TeamState(name=team.name, name_zh=team.name_zh, parent=parent)
        yield from _teams(team.teams, team.id)


def _rep(rep: doc.Rep) -> RepState:
    owners = [(connection, owner) for connection, ids in rep.owners.items() for owner in ids]
    return RepState(
        name=rep.name,
        name_zh=rep.name_zh,
        team=rep.team,
        zone=rep.zone,
        manages=rep.manages,
        owners=tuple(sorted(owners)),
    )


def _source(source: doc.HubSpot | doc.Json | doc.CloudEvents, tenant: doc.Tenant) -> SourceState:
    settings = ConnectionSettings(
        currency=source.currency or tenant.currency,
        zone=source.zone or tenant.zone,
        signatures=_signatures(source),
        stages=source.stages,
        mapping=None if isinstance(source, doc.HubSpot) else _mapping(source.mapping),
        portal=source.portal if isinstance(source, doc.HubSpot) else None,
        properties=source.properties if isinstance(source, doc.HubSpot) else {},
        uri_forms=_uri_forms(source),
        link=source.link,
    )
    return SourceState(kind=source.kind, enabled=source.enabled, settings=settings)


def _uri_forms(source: doc.HubSpot | doc.Json | doc.CloudEvents) -> tuple[UriForm, ...]:
    """Sorted, for their order says nothing."""
    return tuple(sorted(set(source.uri_forms))) if isinstance(source, doc.HubSpot) else ("decoded",)


def _signatures(source: doc.HubSpot | doc.Json | doc.CloudEvents) -> tuple[Signature, ...]:
    if isinstance(source, doc.CloudEvents):
        return ()
    return tuple(
        Signature(scheme=scheme, secret_env=secret.env)
        for scheme in source.signatures
        for secret in source.secret
    )


def _mapping(mapping: doc.Mapping | None) -> Mapping | None:
    if mapping is None:
        return None
    rules = tuple(msgspec.convert(_given(rule), Rule) for rule in mapping.rules)
    return Mapping(events=mapping.events, rules=rules)


def _given(rule: doc.Rule) -> dict[str, Any]:
    return rule.model_dump(exclude_none=True)
