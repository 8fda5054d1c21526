"""CloudEvents 1.0 over HTTP: binary, structured, batch.

In: headers and a body. Out: events with their attributes, and what they become. Guarantee: an
event that breaks the specification refuses the whole request, so that its sender learns of it;
one that keeps it but cannot be used is a dead letter.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from schemas.envelope import PATCHED, EntityPatch, Event
from services.ingest import mapping as mappings
from services.ingest import patches
from services.ingest.document import Unusable, parse
from services.ingest.mapping import CompiledMapping
from services.ingest.problems import Problem
from services.ingest.translation import (
    Origin,
    Translation,
    digest,
    event_of,
    json_bytes,
    letter_of,
)

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
HEADER: Final = "ce-"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_REQUIRED: Final = ("id", "source", "type")
_ATTRIBUTE: Final = re.compile(r"[a-z0-9]{1,64}")


class CloudEvent(msgspec.Struct, frozen=True):
    """One event as it came; ``data`` is parsed JSON."""

    attributes: dict[str, str]
    data: Any

    @property
    def connection(self) -> str:
        """The extension ``connection``, else the last part of ``source``."""
        named = self.attributes.get("connection")
        return named or re.split(r"[/:]", self.attributes["source"].rstrip("/"))[-1]


def read(headers: Mapping[str, str], media_type: str, body: bytes) -> list[CloudEvent]:
    """The events of a request, in any of the three modes; ``Problem`` where they are none."""
    try:
        value = parse(body)
    except Unusable as why:
        raise _malformed("body", why.detail) from None
    if media_type == BATCH:
        if not isinstance(value, list):
            raise _malformed("body", "a batch is a JSON array")
        return [_structured(f"event {n}", one) for n, one in enumerate(value)]
    if media_type == STRUCTURED:
        return [_structured("event", value)]
    return [_binary(headers, value)]


def _binary(headers: Mapping[str, str], data: Any) -> CloudEvent:
    attributes = {k: unquote(v) for k, v in attributes_kept(headers).items()}
    return CloudEvent(_checked("headers ce-*", attributes), data)


def attributes_kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes among headers, as they stand there."""
    return {k[len(HEADER) :]: v for k, v in headers.items() if k.startswith(HEADER)}


def _structured(where: str, value: Any) -> CloudEvent:
    if not isinstance(value, dict):
        raise _malformed(where, "is not a JSON object")
    attributes = {k: v for k, v in value.items() if k not in ("data", "data_base64")}
    texts = {k: str(v) if isinstance(v, int) else v for k, v in attributes.items()}
    return CloudEvent(_checked(where, texts), _data(where, value))


def _data(where: str, value: dict[str, Any]) -> Any:
    if "data_base64" not in value:
        return value.get("data")
    try:
        return parse(b64decode(str(value["data_base64"]), validate=True))
    except (binascii.Error, ValueError):
        raise _malformed(where, "data_base64 is not base64 of JSON") from None


def _checked(where: str, attributes: dict[str, Any]) -> dict[str, str]:
    if attributes.get("specversion") != "1.0":
        raise _malformed(where, 'specversion must be "1.0"')
    for name in _REQUIRED:
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise _malformed(where, f"the attribute {name} is missing or not a text")
    for name, value in attributes.items():
        plain = isinstance(value, str) and not _CONTROL.search(value)
        if not (plain and _ATTRIBUTE.fullmatch(name)):
            raise _malformed(where, f"the attribute {name[:32]!r} is not a CloudEvents attribute")
    return attributes


def _malformed(where: str, what: str) -> Problem:
    return Problem(400, "malformed_request", f"{where}: {what}")


def translate(origin: Origin, mapping: CompiledMapping | None, event: CloudEvent) -> Translation:
    """A patch as it is, or what the connection's mapping makes of the data."""
    headers = {f"{HEADER}{k}": v for k, v in event.attributes.items()}
    source = event.attributes["source"]
    origin = msgspec.structs.replace(origin, source=source, headers=headers)
    try:
        if event.attributes["type"] == PATCHED:
            return Translation(events=[_patched(origin, event)])
    except Unusable as why:
        return Translation(dead=[letter_of(origin, why, json_bytes(event.data))])
    if mapping is not None:
        return mappings.translate(origin, mapping, event.data)
    kind = event.attributes["type"][:64]
    missing = Unusable("unmappable", f"type {kind}: the connection has no mapping for it")
    return Translation(dead=[letter_of(origin, missing, json_bytes(event.data))])


def _patched(origin: Origin, event: CloudEvent) -> Event:
    """Our own patch, every value made canonical; id, source and time are those of the event."""
    if not isinstance(event.data, dict):
        raise Unusable("unmappable", "data is an entity patch, a JSON object")
    time = event.attributes.get("time", origin.received_at)
    given = {"occurred_at": time, **event.data, "received_at": origin.received_at}
    for name in ("occurred_at", "created_at"):
        if given.get(name) is not None:
            given[name] = patches.instant(name, given[name], origin.zone)
    fields = given.get("fields", {})
    if not isinstance(fields, dict):
        raise patches.unmappable("fields", "is an object")
    given["fields"] = {k: patches.field(k, v, origin.zone) for k, v in fields.items()}
    patch = _converted(given)
    patches.check_clock(patch.occurred_at, origin.received_at)
    own = digest([origin.connection, event.attributes["source"], event.attributes["id"]])
    return event_of(origin, own, patch)


def _converted(given: dict[str, Any]) -> EntityPatch:
    try:
        patch = msgspec.convert(given, EntityPatch)
    except msgspec.ValidationError as e:
        raise Unusable("unmappable", f"data: {str(e)[:200]}") from None
    patches.identity("id", patch.id)
    if (patch.op == "merge") != (patch.merged_into is not None):
        raise patches.unmappable("merged_into", "belongs to op merge, and to no other")
    if not 0 <= patch.sequence < 1 << 62:
        raise patches.unmappable("sequence", "is a whole number below 2^62")
    return patch
