"""The difference between two configurations, for people to read.

In: what is, and what will be. Out: a list of changes and its lines. Guarantee: empty exactly where
nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from kpi.definitions import Unit
from paceline.config.state import TenantState
from paceline.sql.amounts import written
from paceline.sql.changes import Action, Deed
from paceline.sql.targets import Step, Target, plain

Sign = Literal["+", "-", "~"]

_GROUPS = (
    ("team", "teams"),
    ("rep", "reps"),
    ("connection", "connections"),
    ("measure", "measures"),
    ("kpi", "kpis"),
    ("calendar", "calendars"),
    ("role", "roles"),
    ("ramp", "ramps"),
    ("rule", "rules"),
)
_OUTER = ("settings.", "terms.")
"""Words of the stored form that the file does not know."""


class Change(msgspec.Struct, frozen=True):
    """One thing that is new (+), gone (-) or different (~), with the fields that changed."""

    sign: Sign
    kind: str
    id: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{self.sign} {self.kind} {self.id}"
        return f"{head}: {', '.join(self.details)}" if self.details else head


def difference(before: TenantState | None, after: TenantState) -> list[Change]:
    """What changes from ``before`` (None: nothing was there) to ``after``."""
    changes = _compare("tenant", after.id, _plain(before, own=True), _plain(after, own=True))
    for kind, group in _GROUPS:
        changes += _group(kind, _members(before, group), _members(after, group))
    return changes


def deeds_of(before: TenantState | None, after: TenantState) -> list[Deed]:
    """The same changes as the audit keeps them: each thing whole, before and after."""
    pairs = [("tenants", after.id, _plain(before, own=True), _plain(after, own=True))]
    for _, group in _GROUPS:
        old, new = _members(before, group), _members(after, group)
        names = sorted(old.keys() | new.keys())
        pairs += [(group, name, old.get(name), new.get(name)) for name in names]
    return [
        Deed(action=_action(old, new), kind=kind, subject=name, before=_json(old), after=_json(new))
        for kind, name, old, new in pairs
        if old != new
    ]


def change_of(step: Step, units: Mapping[str, Unit], currency: str) -> Change:
    """A step of a target as a line, with amounts as people write them."""
    sign: Sign = "+" if step.action == "create" else "-" if step.action == "withdraw" else "~"
    if step.before is None:
        named = ("base", "stretch", "commit", "effective", "state")
        said = _spoken(step.target, units, currency)
        details = tuple(f"{key} {said[key]}" for key in named if key in said)
    else:
        details = fields_that_differ(
            _spoken(step.before, units, currency), _spoken(step.target, units, currency)
        )
    return Change(sign, "target", step.target.id, details)


def _spoken(target: Target, units: Mapping[str, Unit], currency: str) -> dict[str, Any]:
    unit = units.get(target.kpi, "count")
    tiers = {
        name: written(tier, unit, currency)
        for name in ("base", "stretch", "commit")
        if (tier := getattr(target, name)) is not None
    }
    return plain(target) | tiers


def missing(wanted: TenantState, after: TenantState) -> list[str]:
    """What stays although the file does not speak of it."""
    return [
        f"{kind} {name}"
        for kind, group in _GROUPS
        for name in sorted(getattr(after, group).keys() - getattr(wanted, group).keys())
    ]


def fields_that_differ(before: Any, after: Any) -> tuple[str, ...]:
    """``field: old -> new`` for every leaf of two structs that is not the same."""
    old, new = _leaves(before), _leaves(after)
    paths = sorted(old.keys() | new.keys())
    return tuple(
        f"{path}: {_shown(old.get(path))} -> {_shown(new.get(path))}"
        for path in paths
        if old.get(path) != new.get(path)
    )


def _group(kind: str, before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    changes: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        changes += _compare(kind, name, before.get(name), after.get(name))
    return changes


def _compare(kind: str, name: str, before: Any, after: Any) -> list[Change]:
    if before == after:
        return []
    if before is None:
        return [Change("+", kind, name, _names(after))]
    if after is None:
        return [Change("-", kind, name, _names(before))]
    return [Change("~", kind, name, fields_that_differ(before, after))]


def _action(before: Any, after: Any) -> Action:
    return "create" if before is None else "remove" if after is None else "change"


def _json(thing: Any) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if thing is None else msgspec.to_builtins(thing)
    return found


def _names(thing: Any) -> tuple[str, ...]:
    leaves = _leaves(thing)
    return tuple(str(leaves[key]) for key in ("name", "name_zh", "kind") if leaves.get(key))


def _plain(state: TenantState | None, *, own: bool) -> dict[str, Any] | None:
    if state is None:
        return None
    skipped = {group for _, group in _GROUPS} if own else set()
    plain = msgspec.to_builtins(state)
    return {key: value for key, value in plain.items() if key not in skipped}


def _members(state: TenantState | None, group: str) -> dict[str, Any]:
    return {} if state is None else getattr(state, group)


def _leaves(thing: Any) -> dict[str, Any]:
    return dict(_walk("", msgspec.to_builtins(thing)))


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(f"{path}.{key}" if path else str(key), inner)
    else:
        for outer in _OUTER:
            path = path.removeprefix(outer)
        yield path, value


def _shown(value: Any) -> str:
    if value is None or value in ([], ()):
        return "(none)"
    if isinstance(value, list | tuple):
        return ", ".join(_item(item) for item in value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _item(value: Any) -> str:
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list | tuple):
        return _shown(value)
    # What is not said, such as the open end of a membership, is not shown.
    return " ".join(_shown(one) for one in inner if one not in (None, False, [], ()))
