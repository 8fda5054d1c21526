"""What one request becomes, before anything is written anywhere.

In: parsed vendor events. Out: events for the log, letters for ``crm.dead``, and a count of what
is not ours. Guarantee: pure; the same request gives the same ids, so that a retry changes
nothing.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from schemas.dead import DeadLetter
from schemas.envelope import PATCHED, EntityPatch, Event, entity_key
from services.ingest.document import Unusable


class Origin(msgspec.Struct, frozen=True):
    """What every event of a request shares."""

    tenant: str
    connection: str
    zone: ZoneInfo
    received_at: int
    source: str = ""


class Translation(msgspec.Struct):
    """The sorted contents of one request."""

    events: list[Event] = []
    dead: list[DeadLetter] = []
    ignored: int = 0


def digest(parts: Iterable[object]) -> str:
    """A short stable id: base64url of BLAKE2b-128 over length-prefixed parts.

    >>> digest(["ab", "c"]) == digest(["a", "bc"])
    False
    """
    mark = blake2b(digest_size=16)
    for part in parts:
        raw = str(part).encode("utf-8", "surrogatepass")
        mark.update(b"%d:" % len(raw) + raw)
    return urlsafe_b64encode(mark.digest()).rstrip(b"=").decode()


def rfc3339(ms: int) -> str:
    """An instant as RFC 3339 in UTC, to the millisecond.

    >>> rfc3339(1_483_228_800_123)
    '2017-01-01T00:00:00.123Z'
    """
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def event_of(origin: Origin, event_id: str, patch: EntityPatch) -> Event:
    """The envelope of one patch."""
    return Event(
        id=event_id,
        source=origin.source or f"urn:paceline:connection:{origin.connection}",
        type=PATCHED,
        tenant=origin.tenant,
        connection=origin.connection,
        subject=entity_key(patch.entity, origin.connection, patch.id),
        time=rfc3339(patch.occurred_at),
        data=patch,
    )


def letter_of(
    origin: Origin, why: Unusable, payload: bytes, headers: dict[str, str] | None = None
) -> DeadLetter:
    """The dead letter of what could not be used; its id is that of its bytes and reason."""
    return DeadLetter(
        id=digest([origin.connection, why.reason, payload.hex()]),
        stage="ingest",
        tenant=origin.tenant,
        connection=origin.connection,
        reason=why.reason,
        detail=why.detail[:500],
        at=origin.received_at,
        payload=payload,
        headers=headers or {},
    )


def json_bytes(value: Any) -> bytes:
    """A parsed event as JSON again, numbers digit by digit."""
    return msgspec.json.encode(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return msgspec.Raw(str(value).encode())
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list) else value
