"""Facts on their way from the numbers to the ledger: what travels on ``kpi.facts``.

In: nothing. Out: one message per script of the fence. Guarantee: a fact is named by (incarnation,
topic, partition, offset of its event, n), whatever batches the log was cut into, so writing one
twice is harmless; ``since`` says from where on the message speaks, so a missing one is noticed.
"""

from __future__ import annotations

import msgspec

FactRow = tuple[str, str, str, int, int]
"""Entity key, owner key, stored measure, instant (ms UTC), delta (never 0)."""


class EventFacts(msgspec.Struct, array_like=True, frozen=True):
    """What one event changed; a fact's ``n`` is its place in ``rows``, from 0."""

    offset: int
    known_at: int
    """Receipt of the event, ms UTC: when it was known."""
    rows: tuple[FactRow, ...]
    """In the order of entity, owner, measure and instant."""


class TenantFacts(msgspec.Struct, array_like=True, frozen=True):
    """The facts of one tenant, as its generation reads its events."""

    tenant: str
    generation: int
    events: list[EventFacts]
    """In the order of the log; none where a generation has just become the live one."""


class FactBatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of one script of the fence: of the records from ``start`` up to ``end``.

    Between ``since`` and ``start`` there are none: ``since`` is where the batch before it ended,
    and is put in by the script itself, as the first field.
    """

    incarnation: str
    topic: str
    partition: int
    start: int
    end: int
    beside: int
    """How far the partition's other lane was counted by then."""
    tenants: list[TenantFacts]
    since: int = -1
    left: tuple[str, str, str] | None = None
    """The first batch of another log: the log before it, and up to where the facts of its live lane
    and of its backfill lane had been told (empty: not at all)."""
    part: int = 0
    last: bool = True
    """A batch that is too large for one message comes in parts, of which this is one."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(FactBatch)


def encode(batch: FactBatch) -> bytes:
    """The batch as UTF-8 JSON, as it stands in the outbox and is written to Kafka."""
    return _encoder.encode(batch)


def decode(raw: bytes) -> FactBatch:
    """The batch of one Kafka value; ``msgspec.DecodeError`` (a ``ValueError``) where it is none."""
    return _decoder.decode(raw)
