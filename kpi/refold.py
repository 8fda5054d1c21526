"""One tenant's entities folded anew in memory, record by record.

In: events in the order of a replay, the tenant's meaning. Out: the entities, and the facts that
each event makes. Guarantee: pure, and by ``kpi.fold``, as the numbers are; what was received after
``until`` is as if it had never come.

Memory: every entity of the tenant, about 1 kB each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kpi.activity import last_change
from kpi.entity import Entity
from kpi.fold import DAY_MS, Entities, Fold, Tenant, refs_of
from schemas import topics
from schemas.envelope import EntityPatch, Event, Evict
from schemas.facts import EventFacts

_EVER = 1 << 62


class Refold:
    """The state of one tenant."""

    def __init__(
        self,
        name: str,
        tenant: Tenant,
        *,
        until: int = _EVER,
        left_out: Callable[[int, Exception], None] | None = None,
    ) -> None:
        """``until``: the last receipt, ms UTC, that counts. ``left_out``: is told of poison."""
        self._name = name
        self._tenants = {name: tenant}
        self._until = until
        self._left_out = left_out
        self._entities: Entities = {}
        self._evicted = 0

    def entities(self) -> dict[str, Entity]:
        """Entity key -> entity, of all that are held by now."""
        held = self._entities.items()
        return {key: entity for (_, key), entity in held if entity is not None}

    def fold(self, topic: str, records: Iterable[tuple[int, Event]]) -> list[EventFacts]:
        """The facts of some records (offset, event) of one lane."""
        told: list[EventFacts] = []
        pending: list[tuple[int, Event]] = []
        for offset, event in records:
            data = event.data
            if isinstance(data, EntityPatch):
                if event.tenant == self._name and data.received_at <= self._until:
                    pending.append((offset, event))
            elif isinstance(data, Evict) and data.at <= self._until:
                told += self._patches(topic, pending)
                pending = []
                self._evict(data.at)
        return told + self._patches(topic, pending)

    def _patches(self, topic: str, events: list[tuple[int, Event]]) -> list[EventFacts]:
        if not events:
            return []
        held = self._entities
        evicted = None if topic == topics.BACKFILL else self._evicted
        fold = Fold(self._tenants, {ref: held.get(ref) for ref in refs_of(events)}, evicted)
        fold.entities.update({ref: held.get(ref) for ref in fold.missing()})
        try:
            fold.apply_all(events)
        except Exception as error:  # noqa: BLE001 - poison was a dead letter when it was live
            if len(events) == 1:
                if self._left_out is not None:
                    self._left_out(events[0][0], error)
                return []
            return [one for event in events for one in self._patches(topic, [event])]
        held.update({ref: fold.entities[ref] for ref in fold.last})
        changes = fold.changes.get(self._name)
        return changes.told if changes else []

    def _evict(self, at: int) -> None:
        if at <= self._evicted:
            return
        self._evicted = at
        kept = self._tenants[self._name].meaning.entity_retention_days * DAY_MS
        forgotten = [
            ref
            for ref, entity in self._entities.items()
            if entity is not None and entity.kind == "a" and last_change(entity) < at - kept
        ]
        for ref in forgotten:
            del self._entities[ref]
