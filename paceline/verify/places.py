"""What verification says: places that differ, and the drift per measure.

In: places, as they are found. Out: the first of them exactly, all of them summed. Guarantee: memory
is bounded by measures and owners, however much differs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

Kind = Literal["pane", "entity", "version", "expiry", "meaning", "fact"]

KINDS: tuple[Kind, ...] = ("pane", "entity", "version", "expiry", "meaning", "fact")

Value = int | str | None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One value that is not what the archive gives.

    ``pane``: ``field`` of the hash (owner, grain, span). ``entity``: ``field`` of the entity whose
    key is ``span``. ``version``: of an owner. ``expiry``: of a hash, ms UTC. ``meaning``: of the
    live generation. ``fact``: a sum of the ledger's facts, from the civil day ``span`` on.
    """

    kind: Kind
    measure: str = ""
    owner: str = ""
    grain: str = ""
    span: str = ""
    field: str = ""
    stored: Value = None
    right: Value = None

    @property
    def drift(self) -> int:
        """How far it is off: the difference of two integers, else 1."""
        stored, right = self.stored or 0, self.right or 0
        if isinstance(stored, int) and isinstance(right, int) and self.kind in ("pane", "fact"):
            return abs(stored - right)
        return 1


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One measure (or, in brackets, what else is stored): how much of it is off."""

    measure: str
    owners: int
    places: int
    total: int
    """Sum of the differences over all places; a wrong fact is in up to three panes."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant, compared."""

    tenant: str
    partition: int
    generation: int
    incarnation: str
    position: int
    """Of ``crm.events``: everything before it was counted again."""
    backfill: int
    """Of ``crm.backfill``."""
    records: int
    entities: int
    panes: int
    """Hashes of panes that were read."""
    seconds: float
    places: int
    """How many differ; 0: every number is right."""
    facts: bool
    """Whether the ledger's facts were compared too; they are not while a book is being filled."""
    kinds: dict[Kind, int]
    """Of the places."""
    drift: list[Drift]
    first: list[Place]
    """The first places; ``places`` may be more."""


class Unchecked(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant that could not be compared: why, and what to do."""

    tenant: str
    why: str
    fix: str


class UncheckedError(Exception):
    """``args``: why, and what to do."""


class RestoringError(UncheckedError):
    """The partition is being put back; it can be compared when that is done."""


@dataclass(slots=True)
class Tally:
    """Sums up places; keeps the first ``most``."""

    most: int
    count: int = 0
    first: list[Place] = field(default_factory=list)
    kinds: dict[Kind, int] = field(default_factory=dict)
    _owners: dict[str, set[str]] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _totals: dict[str, int] = field(default_factory=dict)

    def add(self, places: Iterable[Place]) -> None:
        """More places."""
        for place in places:
            name = place.measure or f"({place.kind})"
            self.count += 1
            self.kinds[place.kind] = self.kinds.get(place.kind, 0) + 1
            self._owners.setdefault(name, set()).add(place.owner)
            self._places[name] = self._places.get(name, 0) + 1
            self._totals[name] = self._totals.get(name, 0) + place.drift
            if len(self.first) < self.most:
                self.first.append(place)

    def drift(self) -> list[Drift]:
        """Per measure, the worst first."""
        found = [
            Drift(measure=name, owners=len(owners - {""}), places=self._places[name], total=total)
            for name, owners in self._owners.items()
            for total in (self._totals[name],)
        ]
        return sorted(found, key=lambda one: (-one.places, one.measure))
