"""One batch of events, folded: patches applied to entities, and the facts that this makes.

In: decoded events with their offsets, the tenants' meanings, and the entities as stored. Out: the
entities that changed, facts, versions, counts and dead letters. Guarantee: pure; the difference is
taken once per entity and batch, before it is spread over panes, so cutting the log into other
batches gives the same sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kpi.activity import touched
from kpi.contributions import Contributions, contributions, diff
from kpi.entity import Entity, TooManyChangesError, apply, instant, new, touch
from schemas.dead import DeadLetter
from schemas.envelope import FUTURE_TOLERANCE_MS, EntityPatch, Event, encode, entity_key
from schemas.meaning import Meaning

DAY_MS = 86_400_000
EARLIEST_MS = 946_684_800_000
"""2000-01-01 UTC: whatever says to be older has a clock that was never set."""

Ref = tuple[str, str]
"""(tenant, entity key)."""

Entities = dict[Ref, Entity | None]


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant's live generation."""

    generation: int
    meaning: Meaning


@dataclass(slots=True)
class Changes:
    """What a batch does to one tenant."""

    facts: Contributions = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    """owner key -> offset of its last change."""
    seen: dict[str, int] = field(default_factory=dict)
    """connection -> greatest receipt, ms UTC."""
    counts: dict[str, int] = field(default_factory=dict)
    """outcome -> events."""

    def last_seen(self) -> int:
        """Receipt of the latest event, ms UTC; 0 where there was none."""
        return max(self.seen.values(), default=0)


@dataclass(slots=True)
class Fold:
    """A batch in the making; ``apply_all``, then ``finish`` once the missing deals are loaded."""

    tenants: Mapping[str, Tenant | None]
    entities: Entities
    evicted: int | None = 0
    """The instant, ms UTC, as of which quiet activities were last forgotten; 0: never. None: this
    is the lane of imports, where a record is judged by its own receipt alone, for when its lane is
    replayed against the live one is nobody's promise."""
    originals: Entities = field(default_factory=dict)
    """Every entity the batch changed, as it was before."""
    last: dict[Ref, int] = field(default_factory=dict)
    """Every entity the batch changed -> offset of its last change."""
    changes: dict[str, Changes] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)

    def apply_all(self, events: Iterable[tuple[int, Event]]) -> list[Ref]:
        """Apply the patches; returns deals that activities touch and that are not loaded yet."""
        for offset, event in events:
            self._apply(offset, event)
        return [ref for ref in self._touched_deals() if ref not in self.entities]

    def finish(self) -> None:
        """Let activities touch their deals, and take the differences."""
        self._touch()
        for ref, offset in self.last.items():
            self._difference(ref, offset)

    def _apply(self, offset: int, event: Event) -> None:
        patch = event.data
        assert isinstance(patch, EntityPatch)  # noqa: S101 - control records are cut out before
        tenant = self.tenants.get(event.tenant)
        changes = self._changes(event.tenant)
        if changes.seen.get(event.connection, 0) < patch.received_at:
            changes.seen[event.connection] = patch.received_at
        ref = (event.tenant, entity_key(patch.entity, event.connection, patch.id))
        before = self.entities.get(ref)
        reason = refusal(patch, tenant, self.evicted, known=before is not None)
        if reason:
            self._bury(event, *reason)
            return
        try:
            after = apply(before or new(patch.entity, event.connection), event.id, patch)
        except TooManyChangesError as error:
            self._bury(event, "too_many_changes", f"{ref[1]}: {error}")
            return
        self._keep(ref, before, after, offset)

    def _keep(self, ref: Ref, before: Entity | None, after: Entity, offset: int) -> None:
        self.originals.setdefault(ref, before)
        self.entities[ref] = after
        self.last[ref] = offset

    def _touched_deals(self) -> list[Ref]:
        refs = []
        for ref, original in self.originals.items():
            if ref[1][0] == "a":
                for entity in (original, self.entities[ref]):
                    deal = deal_ref(ref, entity)
                    if deal:
                        refs.append(deal)
        return refs

    def _touch(self) -> None:
        for ref, original in list(self.originals.items()):
            if ref[1][0] != "a":
                continue
            current = self.entities[ref]
            was, now = touched(original), touched(current)
            if was != now:
                self._touch_one(deal_ref(ref, original), was, -1, self.last[ref])
                self._touch_one(deal_ref(ref, current), now, 1, self.last[ref])

    def _touch_one(
        self, deal: Ref | None, touch_: tuple[str, int] | None, by: int, offset: int
    ) -> None:
        if deal is None or touch_ is None:
            return
        before = self.entities.get(deal)
        after = touch(before or new("deal", deal[1].split(":", 2)[1]), touch_[1], by)
        self._keep(deal, before, after, max(offset, self.last.get(deal, 0)))

    def _difference(self, ref: Ref, offset: int) -> None:
        tenant = self.tenants[ref[0]]
        assert tenant is not None  # noqa: S101 - events without one were buried
        old = contributions(self.originals[ref], tenant.meaning)
        facts = diff(old, contributions(self.entities[ref], tenant.meaning))
        changes = self._changes(ref[0])
        for key, delta in facts.items():
            changes.facts[key] = changes.facts.get(key, 0) + delta
            if changes.versions.get(key[0], -1) < offset:
                changes.versions[key[0]] = offset

    def _changes(self, tenant: str) -> Changes:
        changes = self.changes.get(tenant)
        if changes is None:
            changes = self.changes[tenant] = Changes()
        return changes

    def _bury(self, event: Event, reason: str, detail: str) -> None:
        counts = self._changes(event.tenant).counts
        counts[reason] = counts.get(reason, 0) + 1
        self.dead.append(letter(event, reason, detail))


def refusal(
    patch: EntityPatch, tenant: Tenant | None, evicted: int | None = 0, *, known: bool = False
) -> tuple[str, str] | None:
    """(reason, detail) where a patch must not be applied.

    Looks at the record, and at what was forgotten by ``evicted``, which the log says too: what
    may have been counted and forgotten is never counted as new. ``known``: the entity is held.
    ``evicted`` None: as if all that is too old at the record's receipt were forgotten by then.
    """
    if tenant is None:
        return "no_generation", "the tenant has no active configuration; apply one, then replay"
    if patch.occurred_at > patch.received_at + FUTURE_TOLERANCE_MS:
        return "future_clock", f"occurred_at {patch.occurred_at} is after its receipt"
    if patch.occurred_at < EARLIEST_MS:
        return "ancient_clock", f"occurred_at {patch.occurred_at} is before the year 2000"
    if patch.entity != "activity":
        return None
    forgotten = patch.received_at if evicted is None else evicted
    return _lateness(patch, tenant.meaning.entity_retention_days, forgotten, known=known)


def _lateness(
    patch: EntityPatch, kept: int, evicted: int, *, known: bool
) -> tuple[str, str] | None:
    if patch.occurred_at < max(patch.received_at, evicted) - kept * DAY_MS:
        return "too_late", f"activity {patch.id} changed over {kept} days before it was told"
    created = instant(patch.created_at)
    if created is not None and created < evicted - kept * DAY_MS and not known:
        return "too_late", f"activity {patch.id} is over {kept} days old and may be forgotten"
    return None


def letter(event: Event, reason: str, detail: str) -> DeadLetter:
    """The dead letter of an event; the same event gives the same id."""
    received = event.data.received_at if isinstance(event.data, EntityPatch) else 0
    return DeadLetter(
        id=f"aggregate:{event.tenant}:{event.connection}:{event.id}",
        stage="aggregate",
        tenant=event.tenant,
        connection=event.connection,
        reason=reason,
        detail=detail,
        at=received,
        payload=encode(event),
    )


def deal_ref(activity: Ref, entity: Entity | None) -> Ref | None:
    """The deal that an activity touches, as an entity of the same connection."""
    named = touched(entity)
    if named is None or entity is None:
        return None
    return activity[0], entity_key("deal", entity.connection, named[0])


def refs_of(events: Iterable[tuple[int, Event]]) -> set[Ref]:
    """The entities that a batch will surely need: those patched, and the deals activities name."""
    refs: set[Ref] = set()
    for _, event in events:
        patch = event.data
        if isinstance(patch, EntityPatch):
            refs.add((event.tenant, entity_key(patch.entity, event.connection, patch.id)))
            deal = patch.fields.get("deal") if patch.entity == "activity" else None
            if deal:
                refs.add((event.tenant, entity_key("deal", event.connection, str(deal))))
    return refs
