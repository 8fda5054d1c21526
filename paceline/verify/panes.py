"""Panes as stored, against panes as counted again.

In: hashes of panes, each of a look, and facts, each of a step. Out: places that differ. Guarantee:
a hash is compared with the facts up to the very look at which it was read; one that was not found
must have been empty at some look. Memory: every stored field and every right one, about 250 bytes
each; what Redis itself holds, three or four times.
"""

from __future__ import annotations

from collections.abc import Iterator

from kpi.contributions import Contributions
from kpi.panes import spread
from paceline.verify.places import Place
from paceline.verify.redis import Hash, Held
from schemas.meaning import Meaning

EDGE_MS = 60_000
"""Around the expiry of a hash nobody can say whether it is still there."""
CLOCK_MS = 2_000
"""Between two readings of Redis's clock within one look."""


class Books:
    """All panes of a tenant: ``stored`` first, then every fact, then ``places``."""

    def __init__(self, meaning: Meaning, began: int) -> None:
        """``began``: Redis's clock at the first look, ms UTC; older panes are gone."""
        self.meaning = meaning
        self._began = began
        self._stored: dict[Hash, Held] = {}
        self._right: dict[Hash, dict[str, int]] = {}
        self._unseen: dict[Hash, list[tuple[int, str, int]]] = {}
        self._expires: dict[Hash, int] = {}

    def store(self, name: Hash, held: Held) -> None:
        """A hash as it was read."""
        self._stored[name] = held

    @property
    def hashes(self) -> int:
        """How many were read."""
        return len(self._stored)

    def owners(self) -> set[str]:
        """Owner keys with a number that is right."""
        return {name[0] for name, fields in self._right.items() if any(fields.values())}

    def count(self, step: int, facts: Contributions) -> None:
        """Facts of a step."""
        increments = spread(facts, self.meaning, self._began - EDGE_MS)
        for (owner, one, field), delta in increments.items():
            name = (owner, one.grain, one.span)
            self._expires[name] = one.expires
            held = self._stored.get(name)
            if held is None:
                self._unseen.setdefault(name, []).append((step, field, delta))
            elif step <= held.look:
                fields = self._right.setdefault(name, {})
                fields[field] = fields.get(field, 0) + delta

    def places(self, ended: int) -> Iterator[Place]:
        """Every difference, in the order of the owners. ``ended``: Redis's clock, ms UTC."""
        for name in sorted(self._stored.keys() | self._unseen.keys()):
            expires = self._expires.get(name, 0)
            if expires and expires <= ended + EDGE_MS:
                continue
            held = self._stored.get(name)
            if held is None:
                yield from _missing(name, self._unseen[name])
            else:
                right = self._right.get(name, {})
                yield from _different(name, held, right)
                if any(right.values()) and abs(held.expires - expires) > CLOCK_MS:
                    yield _expiry(name, held.expires, expires)


def _different(name: Hash, held: Held, right: dict[str, int]) -> Iterator[Place]:
    for field in sorted(held.fields.keys() | held.odd.keys() | right.keys()):
        stored: int | str | None = held.odd.get(field, held.fields.get(field))
        wanted = right.get(field, 0)
        if (stored or 0) != wanted:
            yield _pane(name, field, stored, wanted or None)


def _missing(name: Hash, facts: list[tuple[int, str, int]]) -> Iterator[Place]:
    """A hash that a scan did not find was empty at some look, or is missing."""
    sums: dict[str, int] = {}
    last: int | None = None
    for step, field, delta in sorted(facts):
        if last is not None and step > last and not any(sums.values()):
            return
        # Before its first fact a hash is empty too.
        if last is None and step:
            return
        sums[field] = sums.get(field, 0) + delta
        last = step
    for field, wanted in sorted(sums.items()):
        if wanted:
            yield _pane(name, field, None, wanted)


def _pane(name: Hash, field: str, stored: int | str | None, right: int | None) -> Place:
    owner, grain, span = name
    measure = field.rpartition(":")[0]
    return Place(
        kind="pane",
        measure=measure,
        owner=owner,
        grain=grain,
        span=span,
        field=field,
        stored=stored,
        right=right,
    )


def _expiry(name: Hash, stored: int, right: int) -> Place:
    owner, grain, span = name
    return Place(kind="expiry", owner=owner, grain=grain, span=span, stored=stored, right=right)
