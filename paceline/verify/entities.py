"""Entities as stored, against entities as counted again.

In: what a bucket holds, and the right entities of it. Out: places that differ, field by field.
Guarantee: an entity of which nothing is known and one that is not there are the same; an activity
that is due to be forgotten may be there or not.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kpi.activity import last_change
from kpi.entity import Entity, unpack
from kpi.fold import DAY_MS
from paceline.verify.places import Place, Value
from schemas.meaning import Meaning

_SHOWN = 200
"""Characters of a long field."""


def places(
    key: str, stored: bytes | None, right: Entity | None, meaning: Meaning, now: int
) -> Iterator[Place]:
    """The differences of one entity; ``now``: Redis's clock, ms UTC."""
    if stored is None:
        if right is not None and not _blank(right) and not _due(right, meaning, now):
            yield _place(key, "", None, "there")
        return
    try:
        held = unpack(stored)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        yield _place(key, "", "unreadable", "readable")
        return
    if right is not None:
        yield from _fields(key, held, right)
    elif not _blank(held):
        yield _place(key, "", "there", None)


def _fields(key: str, held: Entity, right: Entity) -> Iterator[Place]:
    for name in Entity.__struct_fields__:
        one, other = getattr(held, name), getattr(right, name)
        if one == other:
            continue
        if isinstance(one, dict):
            yield from _inside(key, name, one, other)
        else:
            yield _place(key, name, _shown(one), _shown(other))


def _inside(
    key: str, name: str, held: dict[str, object], right: dict[str, object]
) -> Iterator[Place]:
    for part in sorted(held.keys() | right.keys(), key=str):
        one, other = held.get(part), right.get(part)
        if one != other:
            yield _place(key, f"{name}.{part}", _shown(one), _shown(other))


def _shown(value: object) -> Value:
    if value is None or isinstance(value, int):
        return value
    return msgspec.json.encode(value).decode()[:_SHOWN]


def _place(key: str, field: str, stored: Value, right: Value) -> Place:
    return Place(kind="entity", span=key, field=field, stored=stored, right=right)


def _blank(entity: Entity) -> bool:
    return entity == Entity(entity.kind, entity.connection)


def _due(entity: Entity, meaning: Meaning, now: int) -> bool:
    """Forgetting goes bucket by bucket, and is told of when it is done."""
    kept = meaning.entity_retention_days * DAY_MS
    return entity.kind == "a" and last_change(entity) < now - kept
