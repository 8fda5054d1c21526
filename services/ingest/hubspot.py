"""HubSpot's webhook events as entity patches.

In: the parsed body of a webhook, a list of events. Out: a ``Translation``. Guarantee: pure; one
event gives the same ids over all its retries, for neither ``eventId`` (not unique) nor
``attemptNumber`` (changes) is part of them. ``objectId`` is the deal's or the activity's vendor
id.

A call, an email or a meeting gets its ``type`` from its creation; a property that says more (a
visit, a demo) comes later in the order of changes and wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from schemas.envelope import EntityKind, EntityPatch, Event, Op, Scalar
from services.ingest import patches
from services.ingest.document import Unusable
from services.ingest.translation import (
    Origin,
    Translation,
    digest,
    event_of,
    json_bytes,
    letter_of,
)

DEAL: Final = "0-3"
OBJECTS: Final[dict[str, tuple[EntityKind, str]]] = {
    DEAL: ("deal", ""),
    "0-48": ("activity", "call"),
    "0-49": ("activity", "email"),
    "0-47": ("activity", "meeting"),
}
_NAMES: Final = {
    "deal": DEAL,
    "call": "0-48",
    "email": "0-49",
    "meeting": "0-47",
    "meeting_event": "0-47",
}
_OPS: Final[dict[str, Op]] = {
    "creation": "create",
    "deletion": "delete",
    "privacyDeletion": "delete",
    "restore": "restore",
}
DEAL_PROPERTIES: Final = {
    "dealstage": "stage",
    "amount": "amount",
    "deal_currency_code": "currency",
    "hubspot_owner_id": "owner",
    "pipeline": "pipeline",
    "dealname": "name",
    "closedate": "close_on",
}
ACTIVITY_PROPERTIES: Final = {
    "hubspot_owner_id": "owner",
    "hs_timestamp": "at",
    "hs_call_status": "status",
    "hs_meeting_outcome": "status",
    "hs_activity_type": "type",
    "hs_call_duration": "minutes",
    "hs_call_title": "name",
    "hs_meeting_title": "name",
    "hs_email_subject": "name",
}
_IN_MS: Final = "hs_call_duration"
# A custom property of such a name must not write the field of that name by accident.
_RESERVED: Final = frozenset(
    {"stage", "owner", "close_on", "currency", "at", "status", "deal", "name", "deleted"}
)
_LENIENT: Final = frozenset({"type", "name"})
"""Fields whose unknown or long values say nothing about the numbers: left out, not dead."""


class Names(msgspec.Struct, frozen=True):
    """Which property tells which field. ``reserved``: fields that no other property may tell."""

    deal: dict[str, str]
    activity: dict[str, str]
    reserved: frozenset[str]


def names_of(properties: Mapping[str, str]) -> Names:
    """HubSpot's own properties, but for the fields that the configuration has told otherwise."""
    told = frozenset(properties.values())

    def with_own(defaults: Mapping[str, str]) -> dict[str, str]:
        kept = {name: field for name, field in defaults.items() if field not in told}
        return kept | dict(properties)

    return Names(with_own(DEAL_PROPERTIES), with_own(ACTIVITY_PROPERTIES), _RESERVED | told)


HUBSPOTS_OWN: Final = names_of({})


def translate(
    origin: Origin, body: Any, portal: str | None = None, names: Names = HUBSPOTS_OWN
) -> Translation:
    """All events of a webhook; a single event need not be wrapped in a list."""
    result = Translation()
    for event in body if isinstance(body, list) else [body]:
        try:
            found = list(_events(origin, event, portal, names))
        except Unusable as why:
            result.dead.append(letter_of(origin, why, json_bytes(event), part=True))
            continue
        result.events += found
        result.ignored += not found
    return result


def _events(origin: Origin, event: Any, portal: str | None, names: Names) -> Iterator[Event]:
    if not isinstance(event, dict):
        raise Unusable("unmappable", f"an event is an object, not {type(event).__name__}")
    family, _, what = _subscription(event).partition(".")
    type_id = event.get("objectTypeId") if family == "object" else _NAMES.get(family)
    if what == "associationChange":
        yield from _association(origin, event)
        return
    if not isinstance(type_id, str) or type_id not in OBJECTS:
        return
    if portal is not None and str(event.get("portalId")) != portal:
        raise Unusable("wrong_portal", f"the event is of portal {str(event.get('portalId'))[:32]}")
    if what == "merge":
        yield from _merge(origin, event, type_id)
    elif what == "propertyChange":
        yield from _property(origin, event, type_id, names)
    elif what in _OPS:
        yield from _lifecycle(origin, event, type_id, _OPS[what])
    else:
        raise Unusable("unmappable", f"unknown subscription {family}.{what[:64]}")


def _subscription(event: dict[str, Any]) -> str:
    named = event.get("subscriptionType") or event.get("eventType")
    if not isinstance(named, str):
        raise Unusable("unmappable", "neither subscriptionType nor eventType is a text")
    return named


def _occurred(origin: Origin, event: dict[str, Any]) -> int:
    at = event.get("occurredAt")
    if at is None:
        raise patches.unmappable("occurredAt", "is missing")
    occurred_at = patches.instant("occurredAt", at, origin.zone)
    patches.check_clock(occurred_at, origin.received_at)
    return occurred_at


def _event_id(event: dict[str, Any], *more: str) -> str:
    names = ("portalId", "subscriptionId", "objectId", "propertyName", "occurredAt")
    return digest([*(event.get(name) for name in names), event.get("propertyValue"), *more])


def _patch(
    origin: Origin,
    event: dict[str, Any],
    target: tuple[EntityKind, str],
    op: Op,
    fields: dict[str, Scalar],
    merged_into: str | None = None,
) -> EntityPatch:
    kind, vendor_id = target
    return EntityPatch(
        entity=kind,
        id=vendor_id,
        op=op,
        occurred_at=_occurred(origin, event),
        received_at=origin.received_at,
        merged_into=merged_into,
        fields=fields,
    )


def _lifecycle(origin: Origin, event: dict[str, Any], type_id: str, op: Op) -> Iterator[Event]:
    kind, activity = OBJECTS[type_id]
    fields: dict[str, Scalar] = {"type": activity} if op == "create" and activity else {}
    target = (kind, patches.identity("objectId", event.get("objectId")))
    # Two subscriptions may share an id and an instant: the op keeps their events apart.
    yield event_of(origin, _event_id(event, op), _patch(origin, event, target, op, fields))


def _property(origin: Origin, event: dict[str, Any], type_id: str, names: Names) -> Iterator[Event]:
    kind, _ = OBJECTS[type_id]
    name = event.get("propertyName")
    if not isinstance(name, str) or not name:
        raise patches.unmappable("propertyName", "is missing")
    target = (kind, patches.identity("objectId", event.get("objectId")))
    field = _field_of(kind, name, names)
    value = event.get("propertyValue")
    if name == _IN_MS and field == "minutes":
        value = patches.minutes_of_ms(value)
    if field is None or (field not in patches.FIELDS and not _short(value)):
        return
    fields = _fields(origin, field, value)
    if fields:
        yield event_of(origin, _event_id(event), _patch(origin, event, target, "set", fields))


def _field_of(kind: EntityKind, name: str, names: Names) -> str | None:
    known = names.deal if kind == "deal" else names.activity
    if name in known:
        return known[name]
    return name if name not in names.reserved and patches.is_name(name) else None


def _short(value: Any) -> bool:
    """Notes and mail texts are no registers: what is long changes no number."""
    return not isinstance(value, str) or (len(value) <= patches.MAX_TEXT and "\x00" not in value)


def _fields(origin: Origin, field: str, value: Any) -> dict[str, Scalar]:
    try:
        return {field: patches.field(field, value, origin.zone)}
    except Unusable:
        if field not in _LENIENT:
            raise
        return {}


def _merge(origin: Origin, event: dict[str, Any], type_id: str) -> Iterator[Event]:
    """A patch per loser. Where HubSpot made a new record, the primary one is a loser too."""
    kind, _ = OBJECTS[type_id]
    primary = event.get("primaryObjectId", event.get("objectId"))
    winner = patches.identity("primaryObjectId", event.get("newObjectId") or primary)
    merged = event.get("mergedObjectIds")
    if not isinstance(merged, list) or not merged:
        raise patches.unmappable("mergedObjectIds", "names no merged object")
    losers = {patches.identity("mergedObjectIds", one) for one in [*merged, primary]} - {winner}
    for loser in sorted(losers):
        patch = _patch(origin, event, (kind, loser), "merge", {}, winner)
        yield event_of(origin, _event_id(event, "merge", loser, winner), patch)


def _association(origin: Origin, event: dict[str, Any]) -> Iterator[Event]:
    """An activity that names a deal, told from either side; other associations are not ours."""
    sides = dict(zip(_ends(event), ("from", "to"), strict=True))
    activity = next((t for t in sides if t in OBJECTS and t != DEAL), None)
    if activity is None or DEAL not in sides:
        return
    ids = {
        side: patches.identity(f"{side}ObjectId", event.get(f"{side}ObjectId"))
        for side in sides.values()
    }
    caller, deal = ids[sides[activity]], ids[sides[DEAL]]
    removed = event.get("associationRemoved") is True
    fields: dict[str, Scalar] = {"deal": None if removed else deal}
    patch = _patch(origin, event, ("activity", caller), "set", fields)
    yield event_of(origin, _event_id(event, "association", caller, deal, str(removed)), patch)


def _ends(event: dict[str, Any]) -> tuple[str, str]:
    """Object type ids of both ends: said apart, or in a name such as ``CALL_TO_DEAL``."""
    ends = (event.get("fromObjectTypeId"), event.get("toObjectTypeId"))
    if all(isinstance(end, str) for end in ends):
        return str(ends[0]), str(ends[1])
    first, _, second = str(event.get("associationType", "")).lower().partition("_to_")
    return _NAMES.get(first, f"?{first}"), _NAMES.get(second, second)
