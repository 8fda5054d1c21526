"""The ledger as a reader of numbers: heads and panes as they were when less was known.

In: a book of facts, an instant. Out: what ``reading.reader`` gives, from the facts that were known
by then. Guarantee: the same code makes an answer of it as of the live numbers, so a figure as of an
instant differs from the live one by the facts in between and by nothing else. The meaning is the
live generation's: what was known then, read as it is read today. What curves and chances learn
from (the past of everybody) is read live.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.contributions import Contributions
from kpi.panes import GAUGES
from kpi.reading import Slice
from paceline.progress.reading.reader import Contents, Hash, Head, Place, Reader
from paceline.sql import facts
from paceline.sql.books import Book
from paceline.sql.engine import reading
from schemas.meaning import Meaning
from services.api.explaining.counted import Bounds, bounds_of
from services.api.explaining.known import contents_of_facts

LEVELS = tuple(sorted(f"{name}:" for name in GAUGES)) + tuple(sorted(GAUGES))
"""Measures that are levels: their families, and those that have no parts."""
_LEVEL_GRAINS = frozenset(("gd", "gM"))


class LedgerReader(Reader):
    """Reads one book, as of an instant (ms UTC)."""

    def __init__(
        self, live: Reader, engine: AsyncEngine, book: Book, meaning: Meaning, as_of: int
    ) -> None:
        self._live, self._engine = live, engine
        self._book, self._meaning, self._as_of = book, meaning, as_of

    def place(self, tenant: str, connections: Iterable[str]) -> Place:
        """Where a tenant is."""
        return self._live.place(tenant, connections)

    async def head(self, place: Place, owners: Sequence[str] | None) -> Head:  # noqa: ARG002
        """A head that says nothing of freshness: nobody was silent as far as this is concerned."""
        if owners is None:
            async with reading(self._engine) as session:
                owners = await facts.owners(session, self._book.id)
        return Head(
            incarnation=f"as of {self._as_of}",
            epoch=self._book.id,
            clock=self._as_of,
            generation=self._book.generation,
            restoring=False,
            too_late=0,
            seen={},
            versions=dict.fromkeys(owners, self._as_of),
        )

    async def read(
        self, place: Place, owners: Sequence[str], generation: int, hashes: Iterable[Hash]
    ) -> tuple[Head, dict[Hash, Contents]]:
        """Head and panes."""
        del generation  # there is one book only
        wanted = list(dict.fromkeys(hashes))
        found: Contributions = {}
        async with reading(self._engine) as session:
            for which in self._wanted(wanted):
                found.update(await facts.sums(session, which))
        contents = contents_of_facts(found, self._meaning, self._as_of, wanted)
        return await self.head(place, owners), contents

    async def meaning(self, place: Place) -> tuple[int, Meaning] | None:  # noqa: ARG002
        """The book's generation and its meaning."""
        return self._book.generation, self._meaning

    def forget(self, tenant: str) -> None:
        """There is nothing to forget."""

    def _wanted(self, hashes: Sequence[Hash]) -> list[facts.Wanted]:
        """Flows of the years that are asked for, levels from the beginning, for all owners."""
        owners = list(dict.fromkeys(owner for owner, _, _ in hashes))
        spans = {(grain, span) for _, grain, span in hashes}
        flows = bounds_of(_whole(*one) for one in spans if one[0] not in _LEVEL_GRAINS)
        wanted = [self._of(owners, ("",), flows)] if flows else []
        if any(grain in _LEVEL_GRAINS for grain, _ in spans):
            wanted.append(self._of(owners, LEVELS, Bounds(0, 1 << 62)))
        return wanted

    def _of(self, owners: Sequence[str], measures: Sequence[str], bounds: Bounds) -> facts.Wanted:
        return facts.Wanted(
            book=self._book.id,
            owners=owners,
            measures=measures,
            start=bounds.start,
            end=bounds.end,
            as_of=self._as_of,
        )


def _whole(grain: str, span: str) -> Slice:
    """All panes of a hash of flows."""
    if grain == "m":
        return Slice(grain, span, 0, 1439)
    if grain == "M":
        return Slice(grain, span, 1, 12)
    return Slice(grain, span, 1, monthrange(int(span[:4]), int(span[4:]))[1])
