"""The aggregator with nothing but memory: the domain folded batch by batch into panes.

In: batches of (event id, connection, patch) of one tenant. Out: packed entities and panes, as
Redis would hold them, and reads through ``kpi.reading``. Unlike ``plain`` this uses the domain: it
is what is tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from kpi import entity as entities
from kpi import panes, reading
from kpi.activity import touched
from kpi.contributions import Contributions, contributions, diff
from kpi.entity import Entity
from schemas.envelope import EntityPatch, entity_key
from schemas.meaning import Meaning

Told = tuple[str, str, EntityPatch]


class PaneKey(NamedTuple):
    """One hash of one owner."""

    owner: str
    grain: str
    span: str


ALWAYS = 0
"""A present so early that no pane is past its retention."""


class Folding:
    """One tenant's state. ``now`` (ms UTC) decides which panes are still kept."""

    def __init__(self, meaning: Meaning, now: int = ALWAYS) -> None:
        self.meaning = meaning
        self.now = now
        self.packed: dict[str, str] = {}
        self.panes: dict[PaneKey, Counter[str]] = {}
        self.facts: Counter[tuple[str, str, int]] = Counter()
        self.refused: list[str] = []

    def fold(self, told: Iterable[Told]) -> Contributions:
        """One batch: apply, let activities touch their deals, take the difference, spread it."""
        old: dict[str, Entity | None] = {}
        new: dict[str, Entity] = {}
        for event, connection, patch in told:
            self._apply(old, new, event, connection, patch)
        for key in list(new):
            self._touch(old, new, key)
        return self._store(self._facts(old, new), new)

    def entity(self, key: str) -> Entity | None:
        """An entity as it is stored."""
        return entities.unpack(self.packed[key]) if key in self.packed else None

    def value(self, owner: str, measure: str, first: date, last: date) -> int:
        """A flow from one civil day to another, both included."""
        return self._read(owner, measure, reading.civil_slices(first, last))

    def level(self, owner: str, measure: str, day: date) -> int:
        """A gauge at the end of a civil day."""
        return self._read(owner, measure, reading.gauge_slices(day))

    def state(self) -> tuple[dict[str, str], dict[PaneKey, dict[str, int]]]:
        """All that is stored."""
        return dict(self.packed), {key: dict(hash_) for key, hash_ in self.panes.items()}

    def contributions(self) -> Contributions:
        """What all stored entities contribute, without zeros."""
        total: Counter[tuple[str, str, int]] = Counter()
        for packed in self.packed.values():
            total.update(contributions(entities.unpack(packed), self.meaning))
        return {key: amount for key, amount in total.items() if amount}

    def _apply(
        self,
        old: dict[str, Entity | None],
        new: dict[str, Entity],
        event: str,
        connection: str,
        patch: EntityPatch,
    ) -> None:
        key = entity_key(patch.entity, connection, patch.id)
        before = self._load(old, new, key, Entity(patch.entity[0], connection))
        try:
            new[key] = entities.apply(before, event, patch)
        except entities.TooManyChangesError:
            self.refused.append(event)

    def _load(
        self, old: dict[str, Entity | None], new: dict[str, Entity], key: str, unknown: Entity
    ) -> Entity:
        if key not in old:
            old[key] = self.entity(key)
        return new.get(key) or old[key] or unknown

    def _touch(self, old: dict[str, Entity | None], new: dict[str, Entity], key: str) -> None:
        """The difference of what an activity touched before the batch and after it."""
        after = new[key]
        if after.kind != "a":
            return
        was, becomes = touched(old[key]), touched(after)
        if was == becomes:
            return
        for touch, by in ((was, -1), (becomes, 1)):
            if touch is not None:
                deal = entity_key("deal", after.connection, touch[0])
                before = self._load(old, new, deal, Entity("d", after.connection))
                new[deal] = entities.touch(before, touch[1], by)

    def _facts(self, old: dict[str, Entity | None], new: dict[str, Entity]) -> Contributions:
        total: Counter[tuple[str, str, int]] = Counter()
        for key, after in new.items():
            before = contributions(old[key], self.meaning)
            total.update(diff(before, contributions(after, self.meaning)))
        return {key: amount for key, amount in total.items() if amount}

    def _store(self, facts: Contributions, new: dict[str, Entity]) -> Contributions:
        increments = panes.spread(facts, self.meaning, self.now)
        for (owner, held, field), by in increments.items():
            self._increment(PaneKey(owner, held.grain, held.span), field, by)
        self.packed.update({key: entities.pack(entity) for key, entity in new.items()})
        self.facts.update(facts)
        return facts

    def _increment(self, key: PaneKey, field: str, by: int) -> None:
        held = self.panes.setdefault(key, Counter())
        held[field] += by
        if not held[field]:
            del held[field]
        if not held:
            del self.panes[key]

    def _read(self, owner: str, measure: str, slices: Sequence[reading.Slice]) -> int:
        return sum(
            reading.fold(self.panes.get(PaneKey(owner, one.grain, one.span), {}), one).get(
                measure, 0
            )
            for one in slices
        )


def folded(told: Iterable[Told], meaning: Meaning) -> Folding:
    """Everything in one batch."""
    folding = Folding(meaning)
    folding.fold(told)
    return folding
