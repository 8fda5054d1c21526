"""The dead letter: an authentic event that could not be used, why, and what a retry needs.

In: what arrived. Out: JSON on ``crm.dead``, archived in SQL. Guarantee: ``payload`` is the bytes
as they came (base64), so that ``paceline dead replay`` loses nothing; secrets and signature
headers are never in it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Stage = Literal["ingest", "aggregate"]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One unusable event.

    ``reason`` is a short stable code such as ``too_late``, ``future_clock``, ``too_many_changes``,
    ``unmappable``, ``undecodable``, ``no_generation``; ``detail`` says what, where and how to fix
    it.
    """

    id: str
    """Deterministic: the same event dead-lettered twice has the same id."""
    stage: Stage
    tenant: str
    connection: str
    reason: str
    detail: str
    at: int
    """When it was found unusable, ms UTC."""
    payload: bytes
    """ingest: one vendor event as JSON (of the batch, or the body). aggregate: the Kafka value."""
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    """Header fields a mapping may need again (such as ``ce-*``), never credentials."""


def encode(letter: DeadLetter) -> bytes:
    """The letter as JSON."""
    return msgspec.json.encode(letter)


def decode(raw: bytes) -> DeadLetter:
    """The letter of one ``crm.dead`` value."""
    return msgspec.json.decode(raw, type=DeadLetter)
