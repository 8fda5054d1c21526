"""A log in memory and a disk, both of which can fail at every step.

In: records. Out: what a test asks for. Guarantee: the log keeps what it took, in order, until it is
born again; what it held may be archived before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from services.ingest.log import LogAway
from services.ingest.records import Record
from services.ingest.segments import Disk

PARTITIONS: Final = 2


class MemoryLog:
    """A log that takes only what was meant for it, and can fail at every step."""

    def __init__(self) -> None:
        self.number = 0
        self.identified = -1
        self.failure = ""
        self.partitions: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self.archived: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self.confirmed = [0] * PARTITIONS

    def reborn(self) -> None:
        """It lost everything that was not archived."""
        self.number += 1
        self.partitions = [[] for _ in range(PARTITIONS)]
        self.confirmed = [0] * PARTITIONS

    def archive(self) -> None:
        """All that it holds is archived and applied."""
        for partition, values in enumerate(self.partitions):
            self.archived[partition] += values[self.confirmed[partition] :]
            self.confirmed[partition] = len(values)

    async def identify(self) -> str:
        """Which log this is."""
        if self.failure:
            raise LogAway(self.failure)
        self.identified = self.number
        return f"log {self.number}"

    async def send(self, records: Sequence[Record]) -> list[int]:
        """Take all, half or nothing."""
        if self.identified != self.number or self.failure == "before":
            raise LogAway("before")
        taken = records[: len(records) // 2] if self.failure == "half" else records
        offsets = []
        for record in taken:
            offsets.append(len(self.partitions[record.partition]))
            self.partitions[record.partition].append(record.value)
        if self.failure:
            raise LogAway(self.failure)
        return offsets

    async def next_offsets(self, incarnation: str, partitions: Collection[int]) -> dict[int, int]:
        """What is archived and applied of the present log, and of no other."""
        present = incarnation == f"log {self.number}"
        return {p: self.confirmed[p] for p in partitions} if present else {}

    async def letters(self, ids: Collection[str]) -> set[str]:
        """All of them."""
        return set(ids)


class FailingDisk(Disk):
    """A disk that can fail at one of its next calls: a file's name, or its content."""

    fails_in: int | None = None

    def sync(self, file: int) -> None:
        """Fail, or do it."""
        self._count()
        super().sync(file)

    def sync_folder(self, folder: Path) -> None:
        """Fail, or do it."""
        self._count()
        super().sync_folder(folder)

    def _count(self) -> None:
        if self.fails_in is not None:
            self.fails_in -= 1
            if self.fails_in < 0:
                self.fails_in = None
                raise OSError(5, "Input/output error")
