"""A dead letter once more, by what is configured today.

In: a letter of ingest and its connection. Out: the events it would have been from the first.
Guarantee: pure; received when it was received, and under the same ids, so that a replay of what
arrived in the meantime changes nothing.
"""

from __future__ import annotations

from typing import Any

from paceline.sql.connections import Connection
from schemas.dead import DeadLetter
from schemas.envelope import Event
from services.ingest import cloudevents, connections, vendors
from services.ingest.cloudevents import CloudEvent
from services.ingest.document import parse
from services.ingest.mapping import compile_mapping
from services.ingest.translation import PART, Origin, Translation


def remap(letter: DeadLetter, connection: Connection) -> list[Event]:
    """The events of a letter, at least one; ``ValueError`` that says why where it has none."""
    if connection.settings.mapping is not None:
        compile_mapping(connection.settings.mapping)  # its error names every mistake
    ready = connections.connection_of(connection, {})
    return _usable(_translated(letter, ready, parse(letter.payload)))


def _translated(letter: DeadLetter, ready: connections.Connection, value: Any) -> Translation:
    attributes = cloudevents.attributes_kept(letter.headers)
    source = attributes.get("source", "")
    origin = Origin(letter.tenant, letter.connection, ready.zone, letter.at, source)
    if PART in letter.headers:
        return vendors.translate_part(origin, ready, value)
    if attributes:
        return cloudevents.translate(origin, ready.mapping, CloudEvent(attributes, value))
    return vendors.translate(origin, ready, value)


def _usable(result: Translation) -> list[Event]:
    """All or nothing: a letter is marked when it was sent, and the rest would be forgotten."""
    if result.dead:
        whole = len(result.dead) + len(result.events) + result.ignored
        first = result.dead[0]
        why = f"{first.reason}: {first.detail}"
        raise ValueError(why if whole == 1 else f"{len(result.dead)} of {whole} events; {why}")
    if not result.events:
        raise ValueError("ignored: no rule or property of today's configuration is for it")
    return result.events
