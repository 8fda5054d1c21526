"""A finished fold as the arguments of the fence: key names, and one compact blob.

In: a fold, the partition, the present. Out: the keys the script touches, and msgpack of what to do
with them. Guarantee: integers travel as strings, exact to 64 bits; every key shares the hash tag.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from kpi.entity import Entity, pack
from kpi.panes import spread
from schemas import dead, keys
from services.aggregator.fold import Changes, Fold, Tenant

_encode = msgspec.msgpack.Encoder().encode


class Purpose(Enum):
    """Why a fold is written."""

    LIVE = "live"
    """From the log, or from the archive in its place."""
    BUILD = "build"
    """Into a generation that nobody reads yet: only entities and panes."""


@dataclass(slots=True)
class Blob:
    """What one script call does. Indexes are Lua's: the first key is 1, the partition's meta."""

    partition: int
    names: list[str] = field(default_factory=list)
    _index: dict[str, int] = field(default_factory=dict)
    generations: list[tuple[int, str]] = field(default_factory=list)
    increments: list[tuple[int, str, list[str], list[str]]] = field(default_factory=list)
    sets: list[tuple[int, list[str]]] = field(default_factory=list)
    drops: list[tuple[int, list[str]]] = field(default_factory=list)
    maxima: list[tuple[int, str, str]] = field(default_factory=list)
    changes: list[tuple[int, list[str]]] = field(default_factory=list)
    outbox: list[tuple[int, str]] = field(default_factory=list)
    members: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the partition's meta the first key, as the script expects it."""
        self.key(keys.partition_meta(self.partition))

    def key(self, name: str) -> int:
        """The index of a key, which the script is told of once."""
        index = self._index.get(name)
        if index is None:
            self.names.append(name)
            index = self._index[name] = len(self.names)
        return index

    def encode(self) -> bytes:
        """The blob, in the order in which the script unpacks it."""
        return _encode(
            (
                self.generations,
                self.increments,
                self.sets,
                self.drops,
                self.maxima,
                self.changes,
                self.outbox,
                self.members,
            )
        )


def blob_of(
    fold: Fold, p: int, incarnation: str, now: int, purpose: Purpose = Purpose.LIVE
) -> Blob:
    """All that a fold changes."""
    blob = Blob(p)
    _entities(blob, fold)
    for tenant, changes in fold.changes.items():
        live = fold.tenants[tenant]
        if live is not None:
            _panes(blob, tenant, live, changes, now)
        if purpose is Purpose.LIVE:
            _news(blob, tenant, live, changes, now)
            if changes.versions:
                entry = _entry(tenant, changes, incarnation)
                blob.changes.append((blob.key(keys.changes(p)), entry))
    if purpose is Purpose.LIVE:
        for letter in fold.dead:
            blob.outbox.append((blob.key(keys.dead(p)), dead.encode(letter).decode()))
    return blob


def _entities(blob: Blob, fold: Fold) -> None:
    buckets: dict[int, list[str]] = {}
    for tenant, entity_key in fold.last:
        live = fold.tenants[tenant]
        entity = fold.entities[tenant, entity_key]
        assert live is not None and isinstance(entity, Entity)  # noqa: S101, PT018 - kept by the fold
        bucket = keys.entity_bucket(entity_key)
        index = blob.key(keys.entities(blob.partition, tenant, live.generation, bucket))
        buckets.setdefault(index, []).extend((entity_key, pack(entity)))
    blob.sets.extend(buckets.items())


def _news(blob: Blob, tenant: str, live: Tenant | None, changes: Changes, now: int) -> None:
    """What readers are told beside the numbers: receipts, counts, versions, the clock."""
    meta = blob.key(keys.tenant_meta(blob.partition, tenant))
    blob.maxima.extend(
        (meta, keys.seen(connection), str(at)) for connection, at in changes.seen.items()
    )
    latest = max(changes.seen.values(), default=0)
    blob.maxima.append((1, keys.CLOCK, str(min(latest, now))))
    if changes.counts:
        names = [keys.counted(outcome) for outcome in changes.counts]
        blob.increments.append((meta, "0", names, [str(n) for n in changes.counts.values()]))
    if live is not None:
        blob.generations.append((meta, str(live.generation)))
    if changes.versions:
        flat = [text for owner, at in changes.versions.items() for text in (owner, str(at))]
        blob.sets.append((blob.key(keys.versions(blob.partition, tenant)), flat))


def _panes(blob: Blob, tenant: str, live: Tenant, changes: Changes, now: int) -> None:
    for owner, hashes in spread(changes.facts, live.meaning, now).items():
        prefix = keys.owner_panes(blob.partition, tenant, live.generation, owner)
        for held, fields in hashes.items():
            kept = {field: delta for field, delta in fields.items() if delta}
            if kept:
                index = blob.key(f"{prefix}:{held.grain}:{held.span}")
                deltas = [str(delta) for delta in kept.values()]
                blob.increments.append((index, str(held.expires), list(kept), deltas))


def _entry(tenant: str, changes: Changes, incarnation: str) -> list[str]:
    """One entry of the change stream; see the API's stream for its readers."""
    owners = msgspec.json.encode(list(changes.versions)).decode()
    received = str(max(changes.seen.values(), default=0))
    offset = str(max(changes.versions.values()))
    return ["t", tenant, "o", owners, "off", offset, "r", received, "i", incarnation]


def now_ms() -> int:
    """The present, ms UTC."""
    return time.time_ns() // 1_000_000
