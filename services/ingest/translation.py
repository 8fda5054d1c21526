"""What one request becomes, before anything is written anywhere.

In: parsed vendor events. Out: events for the log, letters for ``crm.dead``, and a count of what
is not ours. Guarantee: pure; the same request gives the same ids, so that a retry changes
nothing.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from schemas.dead import DeadLetter
from schemas.envelope import PATCHED, EntityPatch, Event, entity_key
from services.ingest.document import Unusable

PART: Final = "paceline-part"
"""Header of a letter whose payload is one event of a body; others hold the whole body."""
_EPOCH: Final = date(1970, 1, 1)
_DAY_S: Final = 86_400
_INTEGERS: Final = range(-(1 << 63), 1 << 64)
"""What fits into 64 bits; JSON knows no such limit."""


class Origin(msgspec.Struct, frozen=True):
    """What every event of a request shares. ``headers``: what its letters keep for a replay."""

    tenant: str
    connection: str
    zone: ZoneInfo
    received_at: int
    source: str = ""
    headers: dict[str, str] = {}


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
    raws = [str(part).encode("utf-8", "surrogatepass") for part in parts]
    marked = b"".join([b"%d:%b" % (len(raw), raw) for raw in raws])
    return urlsafe_b64encode(blake2b(marked, digest_size=16).digest())[:22].decode()


def rfc3339(ms: int) -> str:
    """An instant as RFC 3339 in UTC, to the millisecond.

    >>> rfc3339(1_483_228_800_123)
    '2017-01-01T00:00:00.123Z'
    """
    seconds, rest = divmod(ms, 1000)
    day, second = divmod(seconds, _DAY_S)
    minute, s = divmod(second, 60)
    return f"{_civil(day)}T{minute // 60:02d}:{minute % 60:02d}:{s:02d}.{rest:03d}Z"


@lru_cache(4096)
def _civil(day: int) -> str:
    """The n-th day since 1970, written out; the events of a day share it."""
    return (_EPOCH + timedelta(day)).isoformat()


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


def letter_of(origin: Origin, why: Unusable, payload: bytes, *, part: bool = False) -> DeadLetter:
    """The dead letter of what could not be used; its id is that of its bytes and reason.

    ``part``: the payload is one event of a body, so a replay must not look for events in it.
    """
    return DeadLetter(
        id=digest([origin.connection, why.reason, payload.hex()]),
        stage="ingest",
        tenant=origin.tenant,
        connection=origin.connection,
        reason=why.reason,
        detail=why.detail[:500],
        at=origin.received_at,
        payload=payload,
        headers=origin.headers | {PART: "event"} if part else origin.headers,
    )


def json_bytes(value: Any) -> bytes:
    """A parsed event as JSON again, numbers digit by digit."""
    return msgspec.json.encode(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal) or (isinstance(value, int) and value not in _INTEGERS):
        return msgspec.Raw(str(value).encode())
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list) else value
