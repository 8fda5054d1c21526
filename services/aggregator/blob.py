"""A finished fold as the arguments of the fence: key names, and one compact blob.

In: a fold, the partition, the present. Out: the keys the script touches, and msgpack of what to do
with them. Guarantee: integers travel as strings, exact to 64 bits; every key shares the hash tag.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from kpi.civil import day_start, local_day
from kpi.contributions import Contributions
from kpi.entity import pack
from kpi.fold import Changes, Fold, Tenant
from kpi.panes import HOUR, MINUTE, spread
from schemas import dead, facts, keys
from schemas.facts import EventFacts, FactBatch, TenantFacts
from schemas.keys import touch
from schemas.meaning import Meaning

_encode = msgspec.msgpack.Encoder().encode


_SIGNED = frozenset(("won", "lost", "built", "disq", "slip", "ov_won", "m"))
"""Flows that may be below zero: money (a credit note), and whatever a tenant declares."""


_NEVER = 1 << 62

ROWS_A_MESSAGE = 10_000
"""A million bytes or so; brokers take four."""


class Purpose(Enum):
    """Why a fold is written."""

    LIVE = "live"
    """From the log, or from the archive in its place."""
    BUILD = "build"
    """Into a generation that nobody reads yet: only entities and panes."""


@dataclass(slots=True)
class Blob:
    """What one script call does, key by key."""

    partition: int
    generations: list[tuple[str, str] | tuple[str, str, str]] = field(default_factory=list)
    """(tenant's meta, the generation that must be live), or (hash, value, the field of it)."""
    increments: list[str] = field(default_factory=list)
    """Flat: hash, field, increment, expiry, ... with no (hash, field) twice."""
    sets: list[tuple[str, list[str]]] = field(default_factory=list)
    """(hash, [field, value, ...])."""
    maxima: list[tuple[str, str, str]] = field(default_factory=list)
    """(hash, field, value that only ever grows)."""
    changes: list[tuple[str, list[str]]] = field(default_factory=list)
    outbox: list[tuple[str, str]] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)
    """(hash, field that is taken out of it)."""
    told: list[TenantFacts] = field(default_factory=list)
    """What the ledger is told; ``tell`` makes it ready for the outbox."""
    facts: list[tuple[str, str]] = field(default_factory=list)
    touched: list[list[str]] = field(default_factory=list)
    """[hash of tenants with rules, tenant, sorted set, member, ...]: whom to look at now."""
    due: list[tuple[str, str, str]] = field(default_factory=list)
    """(sorted set, score, member): whom to look at when, unless it is earlier already."""
    done: list[tuple[str, str]] = field(default_factory=list)
    """(sorted set, member): who was looked at; before ``due``."""
    dated: set[str] = field(default_factory=set)
    """Pane hashes that have their expiry already: the caller's, kept from blob to blob."""

    def clock(self, at: int) -> None:
        """The log has spoken of this instant, ms UTC."""
        self.maxima.append((keys.partition_meta(self.partition), keys.CLOCK, str(at)))

    def tell(self, batch: FactBatch) -> None:
        """Put the facts into the outbox; ``batch`` says of which records of the log they are.

        In parts, where they are more than a message may hold; without any, it says that there were
        none, so that its reader knows how far it is.
        """
        parts = _parts(self.told)
        for number, tenants in enumerate(parts):
            part = replace(batch, tenants=tenants, part=number, last=number + 1 == len(parts))
            self.facts.append((keys.facts(self.partition), facts.encode(part).decode()))

    def encode(self) -> bytes:
        """The blob, in the order in which the script unpacks it."""
        return _encode(
            (
                self.generations,
                self.increments,
                self.sets,
                self.maxima,
                self.changes,
                self.outbox,
                self.members,
                self.facts,
                self.gone,
                self.touched,
                self.due,
                self.done,
            )
        )


def blob_of(
    fold: Fold,
    p: int,
    incarnation: str,
    now: int,
    purpose: Purpose = Purpose.LIVE,
    dated: set[str] | None = None,
    *,
    late: bool = False,
) -> Blob:
    """All that a fold changes. ``dated``: see ``Blob``; dropped by whoever doubts the store.

    ``late``: of an import, which is no news.
    """
    blob = Blob(p, dated=set() if dated is None else dated)
    _entities(blob, fold)
    for tenant, changes in fold.changes.items():
        live = fold.tenants[tenant]
        if live is not None:
            _panes(blob, tenant, live, changes, now)
        if purpose is Purpose.LIVE:
            _news(blob, tenant, live, changes, now)
            if live is not None and changes.told:
                blob.told.append(TenantFacts(tenant, live.generation, changes.told))
            if changes.versions:
                entry = _entry(tenant, changes, incarnation)
                blob.changes.append((keys.changes(p), entry))
                blob.touched.append(_touched(p, tenant, changes, late=late))
    if purpose is Purpose.LIVE:
        received = max((changes.last_seen() for changes in fold.changes.values()), default=0)
        blob.clock(min(received, now))
        for letter in fold.dead:
            blob.outbox.append((keys.dead(p), dead.encode(letter).decode()))
    return blob


def _touched(p: int, tenant: str, changes: Changes, *, late: bool) -> list[str]:
    """Everybody whose numbers changed; history is told apart from news."""
    members = (touch(tenant, owner, late=late) for owner in changes.versions)
    return [keys.watched(p), tenant, keys.due(p), *members]


def _parts(told: list[TenantFacts]) -> list[list[TenantFacts]]:
    """The same in lists of at most so many rows each; an event stays whole."""
    parts: list[list[TenantFacts]] = [[]]
    rows = 0
    for one in told:
        events: list[EventFacts] = []
        for event in one.events:
            if rows and rows + len(event.rows) > ROWS_A_MESSAGE:
                if events:
                    parts[-1].append(TenantFacts(one.tenant, one.generation, events))
                parts.append([])
                events, rows = [], 0
            events.append(event)
            rows += len(event.rows)
        parts[-1].append(TenantFacts(one.tenant, one.generation, events))
    return parts


def _entities(blob: Blob, fold: Fold) -> None:
    buckets: dict[str, list[str]] = {}
    for tenant, entity_key in fold.last:
        live = fold.tenants[tenant]
        entity = fold.entities[tenant, entity_key]
        assert live is not None and entity is not None  # noqa: S101, PT018 - kept by the fold
        bucket = keys.entity_bucket(entity_key)
        name = keys.entities(blob.partition, tenant, live.generation, bucket)
        buckets.setdefault(name, []).extend((entity_key, pack(entity)))
    blob.sets.extend(buckets.items())


def _news(blob: Blob, tenant: str, live: Tenant | None, changes: Changes, now: int) -> None:
    """What readers are told beside the numbers: receipts, counts, versions."""
    meta = keys.tenant_meta(blob.partition, tenant)
    for connection, at in changes.seen.items():
        blob.maxima.append((meta, keys.seen(connection), str(at)))
    for outcome, count in changes.counts.items():
        blob.increments.extend((meta, keys.counted(outcome), str(count), "0"))
    if live is not None:
        blob.generations.append((meta, str(live.generation)))
    if changes.versions:
        flat = [text for owner, at in changes.versions.items() for text in (owner, str(at))]
        blob.sets.append((keys.versions(blob.partition, tenant), flat))
        past = past_owners(changes.facts, live.meaning, now) if live is not None else ()
        if past:
            flat = [text for owner in past for text in (owner, str(changes.versions[owner]))]
            blob.sets.append((keys.past_versions(blob.partition, tenant), flat))


def past_owners(changed: Contributions, meaning: Meaning, now: int) -> list[str]:
    """The owners of whom a number of a closed day changes, sorted.

    A day closes an hour early: the script may run a little later than this is computed, and the
    clock of whoever reads may be ahead of ours.
    """
    minute, zones = (now + HOUR) // MINUTE, meaning.owner_zones
    earliest: dict[str, int] = {}
    for owner, _, instant in changed:
        if instant < earliest.get(owner, _NEVER):
            earliest[owner] = instant
    return sorted(
        owner
        for owner, instant in earliest.items()
        if instant < _today(minute, zones.get(owner) or ((0, meaning.zone),))
    )


@lru_cache(maxsize=4_096)
def _today(minute: int, spans: tuple[tuple[int, str], ...]) -> int:
    """An instant (ms UTC) from which on nothing is before today in any of the zones.

    Of an owner who moved, today is the day in the zone that is ahead, and what happened counts as
    closed where any of his zones would have it so.
    """
    today = max(local_day(minute * MINUTE, zone) for _, zone in spans)
    return max(day_start(today, zone) for _, zone in spans)


def _panes(blob: Blob, tenant: str, live: Tenant, changes: Changes, now: int) -> None:
    add, dated = blob.increments.extend, blob.dated
    prefix = owner_before = ""
    taken_back: set[str] = set()
    for (owner, held, field_), delta in spread(changes.facts, live.meaning, now).items():
        if owner != owner_before:
            prefix = keys.owner_panes(blob.partition, tenant, live.generation, owner)
            owner_before = owner
        name = f"{prefix}:{held.grain}:{held.span}"
        if delta > 0 and name in dated:
            add((name, field_, str(delta), "0"))
        elif delta:
            add((name, field_, str(delta), str(held.expires)))
            # A retraction may empty the hash, and with it goes the expiry. Of a level's changes,
            # and of what may be below zero, the negative ones are retracted by positive ones.
            if delta < 0:
                dated.discard(name)
                taken_back.add(name)
            elif held.grain != "gd" and field_.partition(":")[0] not in _SIGNED:
                dated.add(name)
    dated -= taken_back


def _entry(tenant: str, changes: Changes, incarnation: str) -> list[str]:
    """One entry of the change stream; see the API's stream for its readers."""
    owners = msgspec.json.encode(list(changes.versions)).decode()
    received = str(changes.last_seen())
    offset = str(max(changes.versions.values()))
    return ["t", tenant, "o", owners, "off", offset, "r", received, "i", incarnation]


def now_ms() -> int:
    """The present, ms UTC."""
    return time.time_ns() // 1_000_000
