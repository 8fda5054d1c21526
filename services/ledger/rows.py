"""What is kept of the log's records.

In: values of ``crm.events`` and ``crm.dead``. Out: rows. Guarantee: pure, and total: whatever the
bytes are, they are kept, except for ticks, which say nothing that a replay needs.
"""

from __future__ import annotations

import msgspec

from paceline.sql.archive import Row
from schemas import dead, envelope
from schemas.dead import DeadLetter

UNREADABLE = ""
"""The tenant of bytes that are no event: they belong to nobody, but they are not lost."""


def archive_row(offset: int, value: bytes | None) -> Row | None:
    """The row of one record of ``crm.events`` or ``crm.backfill``; None for a tick."""
    payload = value or b""
    try:
        event = envelope.decode(payload)
    except msgspec.MsgspecError:
        return Row(offset=offset, tenant=UNREADABLE, event_id="", payload=payload)
    if isinstance(event.data, envelope.Tick | envelope.Look):
        return None
    return Row(offset=offset, tenant=event.tenant, event_id=event.id, payload=payload)


def letter(place: str, value: bytes | None, at: int) -> DeadLetter:
    """The letter of one record of ``crm.dead``; ``place`` names the record, ``at`` is its time."""
    payload = value or b""
    try:
        return dead.decode(payload)
    except msgspec.MsgspecError as error:
        return DeadLetter(
            id=f"unreadable:{place}",
            stage="aggregate",
            tenant=UNREADABLE,
            connection="",
            reason="undecodable",
            detail=f"this record of crm.dead is no dead letter: {error}",
            at=at,
            payload=payload,
        )
