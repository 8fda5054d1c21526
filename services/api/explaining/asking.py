"""Asking: which facts a figure is made of, as questions to the ledger.

In: the parts of an answer, stored measures. Out: ``facts.Wanted``, one for all owners that share
their spans. Guarantee: pure; the facts they find are those that the figure's panes hold, each once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from kpi.panes import is_gauge
from kpi.reading import LEVEL_GRAINS, Slice
from paceline.progress.reading.selection import Part
from paceline.sql.facts import Wanted
from schemas.meaning import Meaning
from services.api.explaining.counted import spans_of


class Known(msgspec.Struct, frozen=True):
    """What was known: not after ``as_of``, and not yet by ``since`` (ms UTC)."""

    as_of: int | None = None
    since: int | None = None


def wanted_of(
    book: int, parts: Iterable[Part], meaning: Meaning, measures: Sequence[str], known: Known
) -> list[Wanted]:
    """The questions. Measures as stored; one that ends in ``:`` is a prefix."""
    flows = tuple(one for one in measures if not is_gauge(one))
    levels = tuple(one for one in measures if is_gauge(one))
    owners: dict[tuple[tuple[str, ...], int, int], dict[str, None]] = {}
    for part in parts:
        for line in part.lines:
            for asked, slices in ((flows, _flows(line.slices)), (levels, _levels(line.slices))):
                for span in spans_of(slices, meaning, line.owner) if asked else ():
                    owners.setdefault((asked, span.start, span.end), {})[line.owner] = None
    return [
        Wanted(
            book=book,
            owners=list(some),
            measures=asked,
            start=start,
            end=end,
            as_of=known.as_of,
            since=known.since,
        )
        for (asked, start, end), some in owners.items()
    ]


def selected(sums: Iterable[tuple[str, int]], measures: Sequence[str]) -> dict[str, int]:
    """The sums of these measures."""
    exact = {one for one in measures if not one.endswith(":")}
    begins = tuple(one for one in measures if one.endswith(":"))
    return {name: n for name, n in sums if name in exact or name.startswith(begins)}


def _flows(slices: Iterable[Slice]) -> list[Slice]:
    return [one for one in slices if one.grain not in LEVEL_GRAINS]


def _levels(slices: Iterable[Slice]) -> list[Slice]:
    return [one for one in slices if one.grain in LEVEL_GRAINS]
