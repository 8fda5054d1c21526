"""The kinds of items: how each is checked, kept and shown.

In: a body, a tenant's state. Out: the state with it. Guarantee: bodies go through the shapes of the
file, so what the file refuses is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kpi.alerts.shipped import SHIPPED
from kpi.definitions import SELLING
from paceline.admin.values import Kind
from paceline.config import document as doc
from paceline.config import plan_shapes as shape
from paceline.config import plan_state, rules, written
from paceline.config.shape import Shape
from paceline.config.source import Source
from paceline.config.state import TeamState, TenantState, rep_of
from paceline.sql.definitions import shipped
from paceline.sql.stored import TenantSettings

GROUPS: tuple[Kind, ...] = (
    "kpis",
    "measures",
    "calendars",
    "roles",
    "ramps",
    "rules",
    "reps",
    "teams",
)
"""Kinds that are lists of a tenant in the file."""

SHAPES: Mapping[str, type[Shape]] = {
    "kpis": shape.Kpi,
    "measures": shape.Measure,
    "calendars": shape.Calendar,
    "roles": shape.Role,
    "ramps": shape.Ramp,
    "rules": shape.Rule,
    "reps": doc.Rep,
    "teams": doc.Team,
}

SETTINGS = frozenset(doc.Settings.model_fields)

Keep = Callable[[Any, TenantState], Any]

_KEPT: Mapping[str, Keep] = {
    "kpis": lambda said, state: plan_state.definition_of(said, _shipped(state).get(said.id)),
    "measures": lambda said, state: plan_state.measure_of(said, state.settings.currency),
    "calendars": lambda said, _: plan_state.calendar_of(said),
    "roles": lambda said, _: plan_state.role_of(said),
    "ramps": lambda said, _: plan_state.ramp_of(said),
    "rules": lambda said, _: rules.rule_of(said),
    "reps": lambda said, _: rep_of(said),
    "teams": lambda said, _: TeamState(name=said.name, name_zh=said.name_zh, parent=said.parent),
}

_SET: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "fiscal": lambda said: {"fiscal": plan_state.fiscal_of(said)},
    "credit": lambda said: {"credit": said},
    "interpolate_today": lambda said: {"interpolate_today": said},
    "qualification": lambda said: {"criteria": plan_state.criteria_of(said)},
    "disqualification": lambda said: {"disqualification": plan_state.disqualification_of(said)},
    "activities": lambda said: {"selling": tuple(said.selling) if said else SELLING},
    "weights": lambda said: {"weights": dict(said)},
    "calendar": lambda said: {"calendar": said},
    "sources": lambda said: {"quiet_after": dict(sorted(said.quiet_after.items()))},
    "alerting": lambda said: {"alerting": plan_state.alerting_of(said)},
    "stale_after_days": lambda said: {"stale_after_days": said},
    "entity_retention_days": lambda said: {"entity_retention_days": said},
}


def checked(kind: str, item: str, body: Any, source: Source) -> Any:
    """The body in its shape; ``ValidationError`` where it has another one."""
    if kind != "settings":
        return SHAPES[kind].model_validate(body, context=source)
    return getattr(doc.Settings.model_validate({item: body}, context=source), item)


def kept(state: TenantState, kind: str, item: str, said: Any) -> TenantState:
    """The state with an item as it was said."""
    if kind == "settings":
        return _with_settings(state, msgspec.structs.replace(state.settings, **_SET[item](said)))
    group = {**getattr(state, kind), item: _KEPT[kind](said, state)}
    if kind == "kpis" and group[item] == _shipped(state).get(item):
        del group[item]  # It says what the shipped one says.
    if kind == "rules" and group[item] == SHIPPED.get(item):
        del group[item]
    return msgspec.structs.replace(state, **{kind: group})


def without(state: TenantState, kind: str, item: str) -> TenantState:
    """The state without an item; a setting has its default again."""
    if kind == "settings":
        return kept(state, kind, item, getattr(doc.Settings(), item))
    group = {name: one for name, one in getattr(state, kind).items() if name != item}
    return msgspec.structs.replace(state, **{kind: group})


def shown(state: TenantState, kind: str, item: str) -> dict[str, Any] | None:
    """The body of an item; None where there is none."""
    if kind == "settings":
        return {"value": written.settings_of(state.settings)[item]} if item in SETTINGS else None
    if kind == "kpis":
        found = (_shipped(state) | state.kpis).get(item)
        return None if found is None else written.kpi_of(found)
    if kind == "rules":
        rule = state.rules.get(item) or SHIPPED.get(item)
        return None if rule is None else rules.written(item, rule)
    one = getattr(state, kind).get(item)
    return None if one is None else _SHOWN[kind](item, one, state.settings.currency)


def names(state: TenantState, kind: str) -> list[str]:
    """The ids of a kind, in their order."""
    if kind == "settings":
        return sorted(SETTINGS)
    if kind == "kpis":
        return sorted(_shipped(state) | state.kpis)
    if kind == "rules":
        return sorted({*SHIPPED, *state.rules})
    return sorted(getattr(state, kind))


def is_shipped(state: TenantState, kind: str, item: str) -> bool:
    """Whether it is a KPI or rule that the tenant has not changed."""
    if kind == "rules":
        return item not in state.rules
    return kind == "kpis" and item not in state.kpis


_SHOWN: Mapping[str, Callable[[str, Any, str], dict[str, Any]]] = {
    "measures": written.measure_of,
    "calendars": lambda _, one, __: written.calendar_of(one),
    "roles": lambda item, one, _: written.role_of(item, one),
    "ramps": lambda item, one, _: written.ramp_of(item, one),
    "reps": lambda item, one, _: written.rep_of(item, one),
    "teams": lambda item, one, _: written.team_of(item, one),
}


def _shipped(state: TenantState) -> dict[str, Any]:
    connections = (one.settings for one in state.connections.values())
    return {one.id: one for one in shipped(connections)}


def _with_settings(state: TenantState, settings: TenantSettings) -> TenantState:
    kpis = {
        name: one
        for name, one in state.kpis.items()
        if not (name == "composite" and state.settings.weights)
    }
    composite = plan_state.kpis_of([], settings.weights, _shipped(state))
    return msgspec.structs.replace(state, settings=settings, kpis=kpis | composite)
