"""The journal: append-only files that hold records until the log can be trusted with them.

In: records. Out: the same records, in the order in which they were appended, until let go.
Guarantee: what ``append`` returned for survives SIGKILL and a power cut; records of one
``append`` are kept together or not at all by their caller's answer; a torn tail is ignored; one
process at a time.

Files are named by their number and are only ever appended to; a start begins a new one. Concurrent
appends share one write and one fsync (group commit), on a thread of their own.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

import msgspec

from paceline import metrics
from services.ingest.records import NotDurable, Record, frame, unframe

SEGMENT_BYTES: Final = 4 << 20
FULL_RETRY_S: Final = 30
_SUFFIX: Final = ".journal"


class JournalError(RuntimeError):
    """The folder cannot be used; the text says why."""


class Segment(msgspec.Struct):
    """One file. ``size``: bytes known to be on disk, and so the limit of reading."""

    number: int
    path: Path
    size: int


class Journal:
    """An open journal; ``start`` it within a running loop."""

    def __init__(self, folder: Path, *, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._lock = _lock(folder)
        self._segments = _found(folder)
        self._number = self._segments[-1].number if self._segments else 0
        self._file: int | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._waiting_bytes = 0
        self._commits: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "journal")
        self._written = asyncio.Event()
        metrics.JOURNAL_BYTES.set(self.bytes_kept)

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
        return None if self._file is None else self._segments[-1].number

    @property
    def bytes_kept(self) -> int:
        """How much is kept, what is just being written included."""
        return sum(s.size for s in self._segments) + self._waiting_bytes

    async def append(self, records: list[Record]) -> None:
        """Return once the records are on disk; ``NotDurable`` where they cannot be."""
        data = frame(records)
        if self.bytes_kept + len(data) > self._max_bytes:
            raise NotDurable("the local journal is full", FULL_RETRY_S)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((data, done))
        self._waiting_bytes += len(data)
        if self._commits is None or self._commits.done():
            self._commits = asyncio.create_task(self._commit_all())
        await done

    async def _commit_all(self) -> None:
        """Group commit: all that waits goes with one fsync; meanwhile the next group gathers."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            data = b"".join(part for part, _ in group)
            error: OSError | None = None
            try:
                with metrics.JOURNAL_SYNC_SECONDS.time():
                    await loop.run_in_executor(self._thread, self._write, data)
            except OSError as e:
                error = e
            self._waiting_bytes -= len(data)
            self._answer(group, error)

    def _answer(
        self, group: list[tuple[bytes, asyncio.Future[None]]], error: OSError | None
    ) -> None:
        metrics.JOURNAL_BYTES.set(self.bytes_kept)
        self._written.set()
        for _, done in group:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(NotDurable(f"the journal: {error.strerror}", FULL_RETRY_S))

    def _write(self, data: bytes) -> None:
        """On the journal's thread: write, fsync, and only then let readers see it."""
        segment = self._open_segment()
        file = self._file
        assert file is not None  # noqa: S101 - _open_segment opened it
        try:
            at = segment.size
            view = memoryview(data)
            while view:
                count = os.pwrite(file, view, at)
                view, at = view[count:], at + count
            os.fdatasync(file)
        except OSError:
            # What an fsync that failed left on disk is unknown: never write after it.
            self._seal()
            raise
        segment.size = at

    def _open_segment(self) -> Segment:
        if self._file is not None and self._segments[-1].size >= self._segment_bytes:
            self._seal()
        if self._file is None:
            # Never a number again that was let go: readers remember places by number.
            number = self._number = self._number + 1
            path = self._folder / f"{number:016d}{_SUFFIX}"
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            _sync_folder(self._folder)
            self._segments.append(Segment(number, path, 0))
        return self._segments[-1]

    def _seal(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def seal(self) -> None:
        """End the current file, so that it can be let go; the next append begins another."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._seal)

    async def release(self, up_to: int) -> None:
        """Delete the sealed files numbered up to ``up_to``."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._release, up_to)
        metrics.JOURNAL_BYTES.set(self.bytes_kept)

    def _release(self, up_to: int) -> None:
        """On the journal's thread, which alone changes the list."""
        current = self.current
        gone = [s for s in self._segments if s.number <= up_to and s.number != current]
        for segment in gone:
            segment.path.unlink(missing_ok=True)
            self._segments.remove(segment)

    def read(self, segment: Segment, at: int, limit: int) -> list[tuple[Record, int]]:
        """Up to about ``limit`` bytes of records of a segment from a position on."""
        end = segment.size
        with segment.path.open("rb") as file:
            file.seek(at)
            raw = file.read(min(end - at, limit))
        found = [(record, at + after) for record, after in unframe(raw)]
        if not found and len(raw) == limit:
            return self.read(segment, at, limit * 4)
        return found

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
        if self._commits is not None:
            await self._commits
        await asyncio.get_running_loop().run_in_executor(self._thread, self._seal)
        self._thread.shutdown()
        os.close(self._lock)


def _lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise JournalError(f"the journal folder {folder} cannot be used: {e.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise JournalError(
            f"the journal folder {folder} is in use by another process: give each its own data_dir"
        ) from None
    return lock


def _found(folder: Path) -> list[Segment]:
    """The files of earlier processes; what is torn at the end of one stays unread."""
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    segments = [Segment(int(p.name.removesuffix(_SUFFIX)), p, p.stat().st_size) for p in paths]
    for segment in (s for s in segments if not s.size):
        segment.path.unlink()
    return [s for s in segments if s.size]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
