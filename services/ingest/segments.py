"""The journal's files: found, locked, and made whole again after a crash.

In: a folder. Out: the files of earlier processes, each whole up to its size. Guarantee: only the
file that was written to last can be torn, and only at its end; what is cut off there was promised
to nobody, and is kept beside it all the same.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

import msgspec

from paceline import logs
from services.ingest.records import count, unframe

SUFFIX: Final = ".journal"
_TORN: Final = ".torn"
_log = logs.get_logger(__name__)

# macOS has no fdatasync.
_sync_data = getattr(os, "fdatasync", os.fsync)


class JournalError(RuntimeError):
    """The folder cannot be used; the text says why."""


class JournalDamaged(RuntimeError):
    """Records that were acknowledged cannot be read; the text says which. Their file is kept."""


class Segment(msgspec.Struct):
    """One file. ``size``: bytes known to be on disk, and so the limit of reading."""

    number: int
    path: Path
    size: int
    records: int = 0


class Disk:
    """What makes writes survive a power cut; tests have one that fails."""

    def sync(self, file: int) -> None:
        """Return once the file's content is on disk; ``OSError``."""
        _sync_data(file)

    def sync_folder(self, folder: Path) -> None:
        """Return once the names in a folder are on disk; ``OSError``."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def path_of(folder: Path, number: int) -> Path:
    """The file of a number; names sort as numbers do."""
    return folder / f"{number:016d}{SUFFIX}"


def lock(folder: Path) -> int:
    """The open lock of a folder, made where it is not there; ``JournalError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise JournalError(f"the journal folder {folder} cannot be used: {e.strerror}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise JournalError(
            f"the journal folder {folder} is in use by another process: give each its own data_dir"
        ) from None
    return held


def found(folder: Path) -> list[Segment]:
    """The files of earlier processes, oldest first; the last one's torn end is cut off."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    try:
        for path in paths[-1:]:
            _cut_torn(path)
        return [s for s in map(_segment, paths) if s is not None]
    except OSError as e:
        raise JournalError(f"the journal folder {folder} cannot be used: {e.strerror}") from None


def _cut_torn(path: Path) -> None:
    """A crash while a group was written: the end of the file is not whole."""
    raw = path.read_bytes()
    whole = max((after for _, after in unframe(raw)), default=0)
    if whole == len(raw):
        return
    _log.warning("journal_torn", file=path.name, whole=whole, cut=len(raw) - whole)
    path.with_suffix(_TORN).write_bytes(raw[whole:])
    with path.open("r+b") as file:
        file.truncate(whole)
        os.fsync(file.fileno())


def _segment(path: Path) -> Segment | None:
    raw = path.read_bytes()
    if not raw:
        path.unlink()
        return None
    return Segment(int(path.name.removesuffix(SUFFIX)), path, len(raw), count(raw))
