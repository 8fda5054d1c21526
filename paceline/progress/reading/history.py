"""Histories: what people did on past days, read from Redis once and kept until their past changes.

In: owners and month hashes. Out: series per owner. Guarantee: a kept series is used only under the
incarnation, epoch, generation and past version that it was read under; memory is bounded. The past
of a person changes when an event of an earlier day arrives, so almost every read finds it here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kpi.reading import Slice
from kpi.targets.model import ALWAYS
from paceline.progress.reading.directory import Kpis
from paceline.progress.reading.likes import Series, series_of, within
from paceline.progress.reading.reader import Contents, Hash, Head, Place

MOST_AT_ONCE = 400
"""Month hashes of one round trip; a hash holds about 400 numbers, Redis serves others meanwhile."""
_LIMIT = 8_000
_NEVER = -1
"""A version that no owner has."""

_NOTHING = Series()
_ALWAYS = (ALWAYS,)
_Merged = tuple[tuple[Series, ...], Series]

Wanted = tuple[str, tuple[Slice, ...]]
"""An owner, and its months."""


class _Held(msgspec.Struct, frozen=True):
    incarnation: str
    epoch: int
    version: int | None
    series: Series


class Histories:
    """The series of one process."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[object, ...], _Held] = OrderedDict()
        self._merged: OrderedDict[tuple[object, ...], _Merged] = OrderedDict()

    def missing(
        self, place: Place, generation: int, kpis: Kpis, wanted: Iterable[Wanted], head: Head | None
    ) -> list[Wanted]:
        """Those that must be read; without a head what is held is trusted until there is one."""
        return [
            one
            for one in dict.fromkeys(wanted)
            if one[1] and self._find(place, generation, kpis, one, head) is None
        ]

    def take(
        self,
        place: Place,
        generation: int,
        kpis: Kpis,
        wanted: Iterable[Wanted],
        contents: Mapping[Hash, Contents],
        head: Head,
    ) -> None:
        """Keep what was read in the same transaction as the head.

        While the numbers are being restored it is good for this answer only.
        """
        for one in wanted:
            owner, months = one
            hashes = [(slice_, contents[owner, slice_.grain, slice_.span]) for slice_ in months]
            series = series_of(kpis.weights, hashes, Series())
            version = _NEVER if head.restoring else head.past.get(owner)
            held = _Held(head.incarnation, head.epoch, version, series)
            self._held[_key(place, generation, kpis, one)] = held
            self._held.move_to_end(_key(place, generation, kpis, one))
        while len(self._held) > _LIMIT:
            self._held.popitem(last=False)

    def of(
        self,
        place: Place,
        generation: int,
        kpis: Kpis,
        owners: Sequence[str],
        months: tuple[Slice, ...],
    ) -> Series:
        """What is held of a person's owners together; the same object while nothing changed."""
        found = tuple(
            held.series
            for owner in owners
            if (held := self._held.get(_key(place, generation, kpis, (owner, months))))
        )
        if len(found) <= 1:
            return found[0] if found else _NOTHING
        key = (place.tenant, tuple(owners), months)
        merged = self._merged.get(key)
        if merged is None or merged[0] != found:
            merged = self._merged[key] = (found, within((one, _ALWAYS) for one in found))
            if len(self._merged) > _LIMIT:
                self._merged.popitem(last=False)
        return merged[1]

    def _find(
        self, place: Place, generation: int, kpis: Kpis, one: Wanted, head: Head | None
    ) -> _Held | None:
        held = self._held.get(_key(place, generation, kpis, one))
        if held is None or head is None:
            return held
        now = (head.incarnation, head.epoch, head.past.get(one[0]))
        return held if (held.incarnation, held.epoch, held.version) == now else None


def hashes_of(wanted: Iterable[Wanted]) -> list[Hash]:
    """The month hashes of some owners."""
    return [(owner, one.grain, one.span) for owner, months in wanted for one in months]


def chunks(wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """The same in order, so many owners at once that no round trip reads too much."""
    found: list[list[Wanted]] = [[]]
    size = 0
    for one in wanted:
        if found[-1] and size + len(one[1]) > MOST_AT_ONCE:
            found.append([])
            size = 0
        found[-1].append(one)
        size += len(one[1])
    return found


def _key(place: Place, generation: int, kpis: Kpis, one: Wanted) -> tuple[object, ...]:
    return (place.tenant, generation, kpis.digest, one)
