"""One batch of events, folded: patches applied to entities, and the facts that this makes.

In: decoded events with their offsets, the tenants' meanings, and the entities as stored. Out: the
entities that changed, facts, versions, counts and dead letters. Guarantee: pure; the difference is
taken after every event, so an event has the same facts however the log is cut into batches; their
sum over the batch is what is spread over panes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kpi.activity import touched
from kpi.contributions import Contributions, contributions, diff
from kpi.entity import Entity, TooManyChangesError, apply, instant, new, touch
from schemas.dead import DeadLetter
from schemas.envelope import FUTURE_TOLERANCE_MS, EntityPatch, Event, encode, entity_key
from schemas.facts import EventFacts, FactRow
from schemas.meaning import Meaning

DAY_MS = 86_400_000
EARLIEST_MS = 946_684_800_000
"""2000-01-01 UTC: whatever says to be older has a clock that was never set."""

Ref = tuple[str, str]
"""(tenant, entity key)."""

Entities = dict[Ref, Entity | None]

Key = tuple[str, str, str, int]
"""(entity key, owner key, stored measure, instant ms UTC)."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant's live generation."""

    generation: int
    meaning: Meaning


@dataclass(slots=True)
class Changes:
    """What a batch does to one tenant."""

    facts: Contributions = field(default_factory=dict)
    """Summed over the batch: what the panes need."""
    told: list[EventFacts] = field(default_factory=list)
    """By event: what the ledger keeps."""
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
    """A batch in the making; ``apply_all`` once the deals that ``missing`` names are loaded."""

    tenants: Mapping[str, Tenant | None]
    entities: Entities
    evicted: int | None = 0
    """The instant, ms UTC, as of which quiet activities were last forgotten; 0: never. None: this
    is the lane of imports, where a record is judged by its own receipt alone, for when its lane is
    replayed against the live one is nobody's promise."""
    last: dict[Ref, int] = field(default_factory=dict)
    """Every entity the batch changed -> offset of its last change."""
    changes: dict[str, Changes] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    _counted: dict[Ref, Contributions] = field(default_factory=dict)
    """What the entities that the batch changed contribute as they are."""

    def missing(self) -> list[Ref]:
        """Deals that loaded activities name and that are not loaded."""
        named = (named_deal(ref, entity) for ref, entity in self.entities.items() if entity)
        return [deal for deal in dict.fromkeys(named) if deal and deal not in self.entities]

    def apply_all(self, events: Iterable[tuple[int, Event]]) -> None:
        """Apply the patches in their order, each with the touches and the facts that it makes."""
        for offset, event in events:
            self._apply(offset, event)

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
        if reason or tenant is None:
            self._bury(event, *(reason or ("", "")))
            return
        try:
            after = apply(before or new(patch.entity, event.connection), event.id, patch)
        except TooManyChangesError as error:
            self._bury(event, "too_many_changes", f"{ref[1]}: {error}")
            return
        rows = self._keep(ref, before, after, offset, tenant.meaning)
        if ref[1][0] == "a":
            rows += self._touch(ref, before, after, offset, tenant.meaning)
        if rows:
            self._tell(changes, EventFacts(offset, patch.received_at, tuple(sorted(rows))))

    def _keep(
        self, ref: Ref, before: Entity | None, after: Entity, offset: int, meaning: Meaning
    ) -> list[FactRow]:
        """Let the entity be ``after``; what that changes."""
        held = self._counted.get(ref)
        old = contributions(before, meaning) if held is None else held
        now = self._counted[ref] = contributions(after, meaning)
        self.entities[ref] = after
        self.last[ref] = offset
        return [
            (ref[1], owner, measure, at, delta)
            for (owner, measure, at), delta in diff(old, now).items()
        ]

    def _touch(
        self, ref: Ref, before: Entity | None, after: Entity, offset: int, meaning: Meaning
    ) -> list[FactRow]:
        """Let the deals know that an activity names, or names no more."""
        was, is_ = touched(before), touched(after)
        if was == is_:
            return []
        rows: dict[Key, int] = {}
        for entity, touch_, by in ((before, was, -1), (after, is_, 1)):
            deal = named_deal(ref, entity)
            if touch_ is not None and deal is not None:
                for key, owner, measure, at, delta in self._touched(
                    deal, touch_[1], by, offset, meaning
                ):
                    place = (key, owner, measure, at)
                    rows[place] = rows.get(place, 0) + delta
        return [(*place, delta) for place, delta in rows.items() if delta]

    def _touched(
        self, deal: Ref, minute: int, by: int, offset: int, meaning: Meaning
    ) -> list[FactRow]:
        before = self.entities.get(deal)
        after = touch(before or new("deal", deal[1].split(":", 2)[1]), minute, by)
        return self._keep(deal, before, after, offset, meaning)

    def _tell(self, changes: Changes, event: EventFacts) -> None:
        changes.told.append(event)
        facts, versions = changes.facts, changes.versions
        for _, owner, measure, at, delta in event.rows:
            key = (owner, measure, at)
            facts[key] = facts.get(key, 0) + delta
            versions[owner] = event.offset

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


def named_deal(activity: Ref, entity: Entity | None) -> Ref | None:
    """The deal that an activity names, as an entity of the same connection."""
    deal = entity.read("deal") if entity is not None and entity.kind == "a" else None
    if entity is None or deal in (None, ""):
        return None
    return activity[0], entity_key("deal", entity.connection, str(deal))


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
