"""The journal: append-only files that hold records until the log can be trusted with them.

In: records. Out: the same records, in the order in which they were appended, until let go.
Guarantee: what ``append`` returned for survives SIGKILL and a power cut; records of one
``append`` are kept together or not at all by their caller's answer; one process at a time. A torn
end is cut off at the start (``services.ingest.segments``), so that a file which cannot be read
later is damaged, and says so: nothing that was acknowledged is ever passed over.

Files are named by their number and are only ever appended to; a start begins a new one. Concurrent
appends share one write and one fsync (group commit), on a thread of their own.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from paceline import metrics
from services.ingest import segments
from services.ingest.records import NotDurable, Record, frame, unframe
from services.ingest.segments import Disk, JournalDamaged, JournalError, Segment

__all__ = ["Journal", "JournalDamaged", "JournalError", "Segment"]

SEGMENT_BYTES: Final = 4 << 20
FULL_RETRY_S: Final = 30

_Waiting = tuple[bytes, int, asyncio.Future[None]]
_DISK: Final = Disk()


class Journal:
    """An open journal; ``start`` it within a running loop."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        disk: Disk = _DISK,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._disk = disk
        self._lock = segments.lock(folder)
        self._segments = segments.found(folder)
        self._number = self._segments[-1].number if self._segments else 0
        self._open: tuple[int, Segment] | None = None
        self._closed = False
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._commits: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "journal")
        self._written = asyncio.Event()
        self._show()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The files that hold something, oldest first."""
        return tuple(self._segments)

    @property
    def current(self) -> int | None:
        """The number of the file that is being written to; None when the last one is sealed."""
        opened = self._open
        return None if opened is None else opened[1].number

    @property
    def idle(self) -> bool:
        """Whether nothing is just being written."""
        return not self._waiting_bytes

    @property
    def bytes_kept(self) -> int:
        """How much is kept, what is just being written included."""
        return sum(s.size for s in self._segments) + self._waiting_bytes

    def _show(self) -> None:
        metrics.JOURNAL_BYTES.set(self.bytes_kept)
        metrics.JOURNAL_RECORDS.set(sum(s.records for s in self.segments))

    async def append(self, records: list[Record]) -> None:
        """Return once the records are on disk; ``NotDurable`` where they cannot be."""
        data = frame(records)
        if self._closed:
            raise NotDurable("ingest is ending", 1)
        if self.bytes_kept + len(data) > self._max_bytes:
            raise NotDurable("the local journal is full", FULL_RETRY_S)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((data, len(records), done))
        self._waiting_bytes += len(data)
        if self._commits is None or self._commits.done():
            self._commits = asyncio.create_task(self._commit_all())
        await done

    async def _commit_all(self) -> None:
        """Group commit: all that waits goes with one fsync; meanwhile the next group gathers."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            data = b"".join(part for part, _, _ in group)
            records = sum(number for _, number, _ in group)
            error: Exception | None = None
            try:
                with metrics.JOURNAL_SYNC_SECONDS.time():
                    await loop.run_in_executor(self._thread, self._write, data, records)
            except Exception as e:  # noqa: BLE001 - whatever it is, somebody waits for an answer
                error = e
            self._waiting_bytes -= len(data)
            self._answer(group, error)

    def _answer(self, group: list[_Waiting], error: Exception | None) -> None:
        self._show()
        self._written.set()
        why = getattr(error, "strerror", None) or repr(error)
        for _, _, done in group:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(NotDurable(f"the journal: {why}", FULL_RETRY_S))

    def _write(self, data: bytes, records: int) -> None:
        """On the journal's thread: write, fsync, and only then let readers see it."""
        file, segment = self._open_segment()
        try:
            _put(file, data, segment.size)
            self._disk.sync(file)
        except OSError:
            self._spoilt(file, segment)
            raise
        segment.records += records
        segment.size += len(data)

    def _open_segment(self) -> tuple[int, Segment]:
        if self._open is not None and self._open[1].size >= self._segment_bytes:
            self._seal()
        if self._open is None:
            self._open = self._begin()
        return self._open

    def _begin(self) -> tuple[int, Segment]:
        """The next file. Nothing is remembered of one whose name may not be on disk."""
        # Never a number again that was let go: readers remember places by number.
        number = self._number = self._number + 1
        path = segments.path_of(self._folder, number)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            self._disk.sync_folder(self._folder)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        segment = Segment(number, path, 0)
        self._segments.append(segment)
        return file, segment

    def _spoilt(self, file: int, segment: Segment) -> None:
        """What a write that failed left on disk is unknown: never write after it."""
        with suppress(OSError):
            os.ftruncate(file, segment.size)
        self._seal()
        if not segment.size:
            # A file without records would never be produced, and so hold up all behind it.
            self._segments.remove(segment)
            with suppress(OSError):
                segment.path.unlink()

    def _seal(self) -> None:
        if self._open is not None:
            (file, _), self._open = self._open, None
            os.close(file)

    async def seal(self) -> None:
        """End the current file, so that it can be let go; the next append begins another."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._seal)

    async def release(self, up_to: int) -> None:
        """Delete the sealed files numbered up to ``up_to``."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._release, up_to)
        self._show()

    def _release(self, up_to: int) -> None:
        """On the journal's thread, which alone changes the list."""
        current = self.current
        gone = [s for s in self._segments if s.number <= up_to and s.number != current]
        for segment in gone:
            segment.path.unlink(missing_ok=True)
            self._segments.remove(segment)

    def read(self, segment: Segment, at: int, limit: int) -> list[tuple[Record, int]]:
        """Up to about ``limit`` bytes of records of a segment from a position on.

        Raises:
            JournalDamaged: there must be a whole record at that position, and there is none.
            OSError: the file cannot be read.
        """
        end = segment.size
        with segment.path.open("rb") as file:
            file.seek(at)
            raw = file.read(min(end - at, limit))
        found = [(record, at + after) for record, after in unframe(raw)]
        if found or at >= end:
            return found
        if limit < end - at:
            return self.read(segment, at, limit * 4)
        raise JournalDamaged(f"{segment.path} cannot be read from byte {at} to {end}")

    async def wait_written(self, timeout_s: float) -> None:
        """Until something was appended since the last call, or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._written.wait()
        except TimeoutError:
            return
        self._written.clear()

    async def close(self) -> None:
        """Write what waits, and let another process have the folder."""
        self._closed = True
        if self._commits is not None:
            await self._commits
        await asyncio.get_running_loop().run_in_executor(self._thread, self._seal)
        self._thread.shutdown()
        os.close(self._lock)


def _put(file: int, data: bytes, at: int) -> None:
    """All of it, however many writes that takes."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written
