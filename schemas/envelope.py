"""The event envelope: what travels on Kafka between ingest, aggregator and ledger.

In: nothing. Out: CloudEvents 1.0 in JSON whose ``data`` is one record: an entity patch, or a
control record. Guarantee: ``decode(encode(event)) == event``, and a reader of version 1 reads
every version-1 event.

Instants are integer milliseconds UTC. Civil dates are ``YYYY-MM-DD`` strings and are never
converted.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.meaning import Meaning

PATCHED = "paceline.entity.patched.v1"
ACTIVATED = "paceline.generation.activated.v1"
TICKED = "paceline.clock.ticked.v1"
EVICTED = "paceline.entities.evicted.v1"
RELEASED = "paceline.generation.released.v1"
LOOKED = "paceline.alerts.looked.v1"
DISCARDED = "paceline.generation.discarded.v1"

Scalar = str | int | bool | None
EntityKind = Literal["deal", "activity"]
Op = Literal["create", "set", "merge", "delete", "restore"]

RANK: dict[str, int] = {"create": 0, "set": 1, "merge": 2, "delete": 3, "restore": 4}
"""Semantic rank: which of two changes of one instant comes first when the vendor does not say."""

TIMELINES = ("stage", "owner", "amount", "close_on", "pipeline", "split", "overlay")
"""Fields whose whole history is kept. Another timeline, ``deleted``, is written by the ops."""

MAX_CHANGES = 256
"""Changes kept per timeline set of one entity; the next one is a dead letter."""

FUTURE_TOLERANCE_MS = 5 * 60_000
"""``occurred_at`` later than ``received_at`` by more is a wrong clock, and a dead letter."""


class EntityPatch(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="record", tag="patch"
):
    """Some fields of one entity, and when they became true.

    ``fields`` holds only what changed. Timelines: ``stage``, ``owner``, ``pipeline`` (vendor ids
    as strings), ``amount`` (decimal string in major units, such as ``"1200.50"``), ``close_on``
    (civil date), ``split`` (who shares the credit, per cent by owner id: ``"101=60;102=40"``),
    ``overlay`` (owner ids who get the credit besides: ``"201;202"``); ``None`` clears. Registers:
    ``currency`` (ISO 4217), ``name``, ``type`` (activity: call, email, meeting, visit, demo,
    proposal, one_on_one, custom), ``at`` (activity: the instant it took place), ``minutes``
    (activity: how long it took, 0 to 1440), ``status`` (activity: done, planned, cancelled,
    no_show; absent = done), ``deal`` (activity: vendor id of the deal it names), ``new_customer``
    (bool), ``account``, ``product``, ``source``, the reason of a disqualification under the name
    that the configuration gives, and others named ``[a-z][a-z0-9_]*``.
    """

    entity: EntityKind
    id: str
    """The vendor's id of the entity, unique within connection and kind."""
    op: Op
    occurred_at: int
    received_at: int
    sequence: int = 0
    """The vendor's own sequence where it has one: decides between changes of one instant."""
    created_at: int | None = None
    """The entity's creation, where the vendor says it apart from ``occurred_at``."""
    merged_into: str | None = None
    """With op ``merge``: the winner's vendor id. The entity of this patch is the loser."""
    fields: dict[str, Scalar] = {}


class Activate(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="activate"):
    """The tenant's numbers shall mean ``meaning``; generations only ever grow.

    They do as soon as the generation is built, or, while it is ``held``, once it is released.
    """

    generation: int
    meaning: Meaning
    issued_at: int
    held: bool = False


class Release(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="release"):
    """A generation that was held shall be the live one."""

    generation: int
    issued_at: int


class Discard(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="discard"):
    """A generation that was held shall never be the live one."""

    generation: int
    issued_at: int


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="tick"):
    """The partition's clock, written once a minute by its owner."""

    at: int


class Look(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="look"):
    """Hold the numbers against the rules of alerts, as of ``at``; by the owner, when it is due.

    A record of the log, so that whoever reads it again finds the same.
    """

    at: int


class Evict(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="evict"):
    """Forget activities quiet for their tenant's retention at ``at``; once a day by the owner."""

    at: int


Record = EntityPatch | Activate | Release | Discard | Tick | Look | Evict


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A CloudEvent. ``tenant`` and ``connection`` are extensions; ``""``: the whole partition."""

    id: str
    """Unique and the same over the vendor's retries; part of the order of changes."""
    source: str
    type: str
    tenant: str
    data: Record
    connection: str = ""
    subject: str = ""
    """The entity key, for patches."""
    time: str = ""
    """``occurred_at`` as RFC 3339."""
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    dataschema: str = "urn:paceline:event:1"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event as UTF-8 JSON, as it is written to Kafka."""
    return _encoder.encode(event)


def decode(raw: bytes) -> Event:
    """The event of one Kafka value; ``msgspec.DecodeError`` (a ``ValueError``) where it is none."""
    return _decoder.decode(raw)


def entity_key(kind: EntityKind, connection: str, vendor_id: str) -> str:
    """The id of an entity within its tenant: ``d:hubspot-main:9001`` or ``a:hubspot-main:77``."""
    return f"{kind[0]}:{connection}:{vendor_id}"


def owner_key(connection: str, owner: str) -> str:
    """Under what a number is kept: the CRM's owner id in its connection; ``""`` while unknown."""
    return f"{connection}/{owner}"


def json_schema() -> dict[str, object]:
    """JSON Schema (2020-12) of the event envelope, for readers in other languages."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(Event),
    }
    # Through JSON, for empty tuples among the defaults are lists there.
    plain: dict[str, object] = msgspec.json.decode(msgspec.json.encode(schema))
    return plain
