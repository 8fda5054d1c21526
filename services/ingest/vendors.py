"""How a webhook's body becomes events, by the kind of its connection.

In: a connection and parsed JSON. Out: a ``Translation``. Guarantee: pure; a letter that this makes
says whether a replay has to look for events in it (``translate``) or has one (``translate_part``).
"""

from __future__ import annotations

from typing import Any

from services.ingest import hubspot, mapping
from services.ingest.connections import Connection
from services.ingest.document import Unusable
from services.ingest.translation import Origin, Translation, json_bytes, letter_of


def translate(origin: Origin, connection: Connection, body: Any) -> Translation:
    """All events of a body."""
    if connection.kind == "hubspot":
        return hubspot.translate(origin, body, connection.portal, connection.names)
    if connection.mapping is None:
        missing = Unusable("unmappable", "the connection has no mapping")
        return Translation(dead=[letter_of(origin, missing, json_bytes(body))])
    return mapping.translate(origin, connection.mapping, body)


def translate_part(origin: Origin, connection: Connection, event: Any) -> Translation:
    """What becomes of one event that was found in a body before."""
    if connection.mapping is None:
        return translate(origin, connection, [event])
    return mapping.translate_part(origin, connection.mapping, event)
