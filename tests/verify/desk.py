"""A worker at a log in memory, and somebody who verifies its numbers on a real Redis."""

# ruff: noqa: ARG002 - of the port's arguments not every one matters with one partition

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from kpi import CODE
from paceline.verify.check import check
from paceline.verify.lanes import Look
from paceline.verify.ledger import Facts
from paceline.verify.places import Checked
from schemas import topics
from schemas.meaning import ConnectionMeaning, Meaning
from services.aggregator.owned import Archived
from tests.aggregator.broker import MemoryArchive, P
from tests.aggregator.told import ACME, CRM, Desk

USUAL = Meaning(
    code=CODE,
    zone="Europe/Berlin",
    connections={
        CRM: ConnectionMeaning(currency="EUR", stages={"*": {"lead": "qualified", "signed": "won"}})
    },
)


class Shelf:
    """The archive in memory, as verification reads it."""

    def __init__(self, archive: MemoryArchive) -> None:
        self._archive = archive

    def replay(
        self,
        partition: int,
        *,
        tenant: str | None = None,
        start: tuple[str, int] | None = None,
        backfill_from: int = 0,
    ) -> AsyncIterator[Sequence[Archived]]:
        """As the archive in SQL."""
        return self._archive.replay(
            partition, tenant=tenant, start=start, backfill_from=backfill_from
        )

    async def end(self, partition: int, incarnation: str, *, topic: str = topics.EVENTS) -> int:
        """Of the slow lane: after the last record that is kept."""
        if topic == topics.EVENTS:
            return await self._archive.end(partition, incarnation)
        kept = [one.offset for one in self._archive.kept if one.topic == topic]
        return max(kept, default=-1) + 1

    async def logs(self) -> list[str]:
        """All logs."""
        return list(self._archive.incarnations)

    async def activations(self, partition: int) -> list[bytes]:
        """All activations."""
        return await self._archive.activations(partition)

    async def facts(
        self, partition: int, tenant: str, generation: int, log: str, upto: Look, told: Look
    ) -> Facts | None:
        """There is no ledger."""
        return None

    async def count(self, partition: int, tenant: str) -> int:
        """All records; there is one tenant."""
        return len(self._archive.kept)


async def verified(desk: Desk, *, records_a_part: int = 5, patience_s: float = 1.0) -> Checked:
    """What verification finds; parts so small that there are several."""
    shelf = Shelf(desk.broker.archive)
    return await check(
        desk.redis, shelf, P, ACME, records_a_part=records_a_part, patience_s=patience_s
    )
