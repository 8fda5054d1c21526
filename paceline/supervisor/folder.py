"""The data folder: whose it is, what is where in it, and its small secrets.

In: a path. Out: paths and values. Guarantee: one `up` at a time; a secret's file is readable by its
owner alone from its first byte on, and a value once written is found again at the next start.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

from paceline.embedded import EmbeddedError
from paceline.embedded.place import require_writable

_OWNER_ONLY = 0o600
_SECRET_BYTES = 32


class FolderInUse(EmbeddedError):
    """Another `paceline up` works on the same data."""


class Folder:
    """A data folder, made when missing; raises `FolderUnwritable`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        require_writable(self.path)
        self._lock: int | None = None

    @property
    def logs(self) -> Path:
        """Where the parts write what they say."""
        return self.path / "logs"

    @property
    def sql(self) -> str:
        """The database's URL."""
        return f"sqlite+aiosqlite:///{self.path / 'paceline.db'}"

    def lock(self) -> None:
        """Keep every other `up` out until `unlock` or our death; raises `FolderInUse`."""
        descriptor = os.open(self.path / "up.lock", os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise FolderInUse(
                f"{self.path} is in use by another paceline up (pid {holder or 'unknown'}): "
                "stop it, or choose another folder with --data-dir"
            ) from None
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._lock = descriptor

    def unlock(self) -> None:
        """Let others in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def found(self, name: str) -> str | None:
        """A value kept in the folder; None where there is none."""
        try:
            return (self.path / name).read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None

    def keep(self, name: str, value: str) -> None:
        """Keep a value for the next start, readable by the owner alone."""
        new = self.path / f"{name}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value + "\n")
        new.replace(self.path / name)

    def secret(self, name: str) -> str:
        """A random value, made at the first start."""
        value = self.found(name)
        if value is None:
            value = secrets.token_hex(_SECRET_BYTES)
            self.keep(name, value)
        return value
