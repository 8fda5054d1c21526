"""The tally: the folded sums of many owners over one window each, read as rarely as possible.

In: lines (an owner's window). Out: sums per line and the head they belong to. Guarantee: every
line's sums are exactly those of the version that is reported for its owner. Sums are remembered by
version for ``REMEMBER_S``, so a team's numbers cost only the panes of the owners who changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import date

import msgspec

from kpi.currency import Rates
from kpi.measures import Measures, present
from kpi.reading import LEVEL_GRAINS, Slice, add, by_day, fold, last_day
from paceline.progress.reading.reader import Contents, Hash, Head, Place, Reader, hashes_of

REMEMBER_S = 30
"""A bound for the case that numbers are restored under the versions that they had before."""
FIRST_WIN = "first_win"
_LIMIT = 50_000
NO_RATES = Rates("")


class Folded(msgspec.Struct):
    """The sums of one line, and how they are said, worked out once."""

    sums: dict[str, int]
    reported: dict[str, int]
    """The same with money in the reporting currency, as far as there are rates."""
    _said: Measures | None = None

    @property
    def said(self) -> Measures:
        """The sums as measures; shared, so not to be changed."""
        if self._said is None:
            self._said = present(self.sums)
        return self._said


class Line(msgspec.Struct, frozen=True):
    """An owner and the slices wanted of it.

    Their sums, or with ``first_win`` only the first day with a won deal, as the ordinal of the
    civil day under ``FIRST_WIN``.
    """

    owner: str
    slices: tuple[Slice, ...]
    first_win: bool = False


class Tallied(msgspec.Struct, frozen=True):
    """Folds in the order of the lines; the head's versions are those of these very sums.

    ``fresh`` is the head of the transaction in which ``contents`` were read.
    """

    head: Head
    folded: list[Folded]
    fresh: Head
    contents: dict[Hash, Contents]


class Tally:
    """Folds panes for one process."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._held: OrderedDict[tuple[object, ...], tuple[int, int, Folded]] = OrderedDict()

    async def read(
        self,
        place: Place,
        generation: int,
        lines: Sequence[Line],
        now: int,
        head: Head | None,
        more: Sequence[Hash] = (),
        rates: Rates = NO_RATES,
    ) -> Tallied | None:
        """The sums of all lines, and more hashes of the same round trip.

        None where another generation or log is live by now.
        """
        worth = str(rates.steps) if rates else ""
        held = [self._recall(place, generation, line, now, head, worth) for line in lines]
        missing = [line for line, one in zip(lines, held, strict=True) if one is None]
        if head is not None and not missing and not more:
            return Tallied(head, [one for one in held if one is not None], head, {})
        owners = dict.fromkeys([*(line.owner for line in lines), *(one[0] for one in more)])
        wanted = [h for line in missing for h in hashes_of([line.owner], line.slices)]
        fresh, contents = await self._reader.read(place, list(owners), generation, [*wanted, *more])
        if fresh.generation != generation or not _same_log(fresh, head):
            return None
        read = {line: _fold(line, contents, rates) for line in missing}
        for line, one in read.items():
            self._remember(place, generation, line, now, fresh, one, worth)
        used = _as_used(fresh, head, {line.owner for line in missing}, lines)
        found = [read[line] if one is None else one for line, one in zip(lines, held, strict=True)]
        return Tallied(used, found, fresh, contents)

    def _recall(
        self,
        place: Place,
        generation: int,
        line: Line,
        now: int,
        head: Head | None,
        worth: str,
    ) -> Folded | None:
        if head is None or line.owner not in head.versions:
            return None
        held = self._held.get(_key(place, generation, line, head, worth))
        if held is None or held[0] != head.versions[line.owner] or now >= held[1]:
            return None
        return held[2]

    def _remember(
        self,
        place: Place,
        generation: int,
        line: Line,
        now: int,
        head: Head,
        folded: Folded,
        worth: str,
    ) -> None:
        if line.owner not in head.versions or head.restoring:
            return
        key = _key(place, generation, line, head, worth)
        self._held[key] = (head.versions[line.owner], now + REMEMBER_S * 1000, folded)
        self._held.move_to_end(key)
        if len(self._held) > _LIMIT:
            self._held.popitem(last=False)


def _key(place: Place, generation: int, line: Line, head: Head, worth: str) -> tuple[object, ...]:
    return (place.tenant, head.incarnation, head.epoch, generation, line, worth)


def _fold(line: Line, contents: dict[Hash, Contents], rates: Rates) -> Folded:
    if line.first_win:
        first = _first_win(line, contents)
        return Folded(first, first)
    pieces = [(one, fold(contents[line.owner, one.grain, one.span], one)) for one in line.slices]
    sums = add(piece for _, piece in pieces)
    return Folded(sums, _reported(line, contents, pieces, rates) if rates else sums)


def _reported(
    line: Line,
    contents: dict[Hash, Contents],
    pieces: Sequence[tuple[Slice, dict[str, int]]],
    rates: Rates,
) -> dict[str, int]:
    """Flows by the rate of their own day, levels by that of the day they are asked of."""
    total: dict[str, int] = {}
    levels: dict[str, int] = {}
    asked = max((last_day(one) for one, _ in pieces if one.grain in LEVEL_GRAINS), default=None)
    for one, piece in pieces:
        if one.grain in LEVEL_GRAINS:
            levels = add((levels, piece))
            continue
        held = contents[line.owner, one.grain, one.span]
        for measure, day, amount in by_day(held, one):
            name, worth = rates.reported(measure, amount, day)
            total[name] = total.get(name, 0) + worth
    for measure, amount in levels.items():
        assert asked is not None  # noqa: S101 - there is a level
        name, worth = rates.reported(measure, amount, asked)
        total[name] = total.get(name, 0) + worth
    return {measure: amount for measure, amount in total.items() if amount}


def _first_win(line: Line, contents: dict[Hash, Contents]) -> dict[str, int]:
    for one in line.slices:
        held = contents[line.owner, one.grain, one.span]
        for day in range(one.low, one.high + 1):
            if held.get(f"won_n:{day}", 0) > 0:
                found = date(int(one.span[:4]), int(one.span[4:]), day)
                return {FIRST_WIN: found.toordinal()}
    return {}


def _same_log(fresh: Head, head: Head | None) -> bool:
    return head is None or (fresh.incarnation, fresh.epoch) == (head.incarnation, head.epoch)


def _as_used(fresh: Head, head: Head | None, read: set[str], lines: Sequence[Line]) -> Head:
    """The fresh head, but with the older versions of owners whose sums were not read again."""
    if head is None:
        own = {line.owner for line in lines}
        return msgspec.structs.replace(
            fresh, versions=_only(fresh.versions, own), past=_only(fresh.past, own)
        )
    kept = {owner: v for owner, v in head.versions.items() if owner not in read}
    past = {owner: v for owner, v in head.past.items() if owner not in read}
    return msgspec.structs.replace(
        fresh,
        versions=kept | _only(fresh.versions, read),
        past=past | _only(fresh.past, read),
    )


def _only(versions: dict[str, int], owners: set[str]) -> dict[str, int]:
    return {owner: version for owner, version in versions.items() if owner in owners}
