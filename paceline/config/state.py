"""What a tenant's configuration comes to: the same value from a file and from the database.

In: a checked document. Out: one state per tenant, with every default filled in. Guarantee: two
files that mean the same give equal states, so applying the second changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from kpi.alerts import Rule as AlertRule
from kpi.definitions import Definition
from paceline.config import document as doc
from paceline.config import plan_state
from paceline.config.rules import rule_of
from paceline.config.targets import Scope, target_of
from paceline.holidays import CalendarSpec
from paceline.sql.connections import (
    ConnectionKind,
    ConnectionSettings,
    Mapping,
    Rule,
    Signature,
    UriForm,
)
from paceline.sql.definitions import in_force, shipped
from paceline.sql.stored import Ramp, Role, TenantSettings, Terms
from paceline.sql.targets import Target
from schemas.meaning import DeclaredMeasure


class TeamState(msgspec.Struct, frozen=True, kw_only=True):
    """A team and the one above it."""

    name: str
    name_zh: str | None
    parent: str | None


class RepState(msgspec.Struct, frozen=True, kw_only=True):
    """A rep; ``owners`` are (connection, owner id), sorted."""

    name: str
    name_zh: str | None
    terms: Terms
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
    measures: dict[str, DeclaredMeasure] = {}
    kpis: dict[str, Definition] = {}
    """The tenant's own, all of version 1 here; the weights' composite is among them."""
    calendars: dict[str, CalendarSpec] = {}
    roles: dict[str, Role] = {}
    ramps: dict[str, Ramp] = {}
    rules: dict[str, AlertRule] = {}
    """The tenant's own, and the shipped ones that it changed."""


GROUPS = (
    "teams",
    "reps",
    "connections",
    "measures",
    "kpis",
    "calendars",
    "roles",
    "ramps",
    "rules",
)
"""What of a tenant is kept where a file does not speak of it."""


def states_of(document: doc.Document) -> list[TenantState]:
    """The states that a document asks for, in its order."""
    return [_tenant(tenant) for tenant in document.tenants]


def targets_of(tenant: doc.Tenant, state: TenantState) -> list[Target]:
    """The targets of a checked file, in its order."""
    scope = scope_of(state)
    found = (target_of(one, scope)[0] for one in tenant.targets)
    return [one for one in found if one is not None]


def scope_of(state: TenantState) -> Scope:
    """What targets of the tenant may speak of."""
    definitions = in_force(state.kpis, (one.settings for one in state.connections.values()))
    return Scope(
        tenant=state.id,
        currency=state.settings.currency,
        fiscal=state.settings.fiscal,
        units={one.id: one.unit for one in definitions},
        reps=state.reps.keys(),
        teams=state.teams.keys(),
    )


def merged(stored: TenantState | None, wanted: TenantState, *, prune: bool) -> TenantState:
    """What is there after an apply: the file's, and what the file does not speak of unless pruned.

    An owner id that the file gives to a rep leaves the rep that had it.
    """
    if stored is None or prune:
        return wanted
    taken = {owner for rep in wanted.reps.values() for owner in rep.owners}
    held: dict[str, dict[str, Any]] = {name: getattr(stored, name) for name in GROUPS}
    held["reps"] = {name: _without(rep, taken) for name, rep in stored.reps.items()}
    held["kpis"] = {name: one for name, one in stored.kpis.items() if not _weighed(stored, name)}
    both = {name: kept | getattr(wanted, name) for name, kept in held.items()}
    return msgspec.structs.replace(wanted, **both)


def _weighed(state: TenantState, kpi: str) -> bool:
    """The composite is the weights', so it goes where they go."""
    return kpi == "composite" and bool(state.settings.weights)


def _without(rep: RepState, taken: set[tuple[str, str]]) -> RepState:
    left = tuple(owner for owner in rep.owners if owner not in taken)
    return msgspec.structs.replace(rep, owners=left)


def _tenant(tenant: doc.Tenant) -> TenantState:
    connections = {one.id: _source(one, tenant) for one in tenant.connections}
    known = {one.id: one for one in shipped(one.settings for one in connections.values())}
    return TenantState(
        id=tenant.id,
        name=tenant.name,
        name_zh=tenant.name_zh,
        zone=tenant.zone,
        settings=plan_state.settings_of(tenant),
        teams=dict(_teams(tenant.teams, None)),
        reps={rep.id: rep_of(rep) for rep in tenant.reps},
        connections=connections,
        measures={one.id: plan_state.measure_of(one, tenant.currency) for one in tenant.measures},
        kpis=plan_state.kpis_of(tenant.kpis, tenant.weights, known),
        calendars={one.id: plan_state.calendar_of(one) for one in tenant.calendars},
        roles={one.id: plan_state.role_of(one) for one in tenant.roles},
        ramps={one.id: plan_state.ramp_of(one) for one in tenant.ramps},
        rules={one.id: rule_of(one) for one in tenant.rules},
    )


def _teams(teams: list[doc.Team], above: str | None) -> Iterator[tuple[str, TeamState]]:
    for team in teams:
        parent = above or team.parent
        yield team.id, TeamState(name=team.name, name_zh=team.name_zh, parent=parent)
        yield from _teams(team.teams, team.id)


def rep_of(rep: doc.Rep) -> RepState:
    """A rep as it is kept."""
    owners = [(connection, owner) for connection, ids in rep.owners.items() for owner in ids]
    return RepState(
        name=rep.name,
        name_zh=rep.name_zh,
        terms=plan_state.terms_of(rep),
        owners=tuple(sorted(owners)),
    )


def _source(source: doc.HubSpot | doc.Json | doc.CloudEvents, tenant: doc.Tenant) -> SourceState:
    settings = ConnectionSettings(
        currency=source.currency or tenant.currency,
        zone=source.zone or tenant.zone,
        signatures=_signatures(source),
        stages=source.stages,
        steps={pipeline: tuple(stages) for pipeline, stages in source.stages.items()},
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
