"""One child process: start it, wait until it answers, end it.

In: a command and a probe, given by a subclass. Out: a process in a group of its own whose output
goes to `<folder>/<name>.log`. Guarantee: the terminal's Ctrl-C does not reach it (the parent ends
its children in its own order), and on Linux it does not outlive its parent.
"""

import asyncio
import contextlib
import os
import signal
import time
from abc import ABC, abstractmethod
from asyncio.subprocess import DEVNULL, STDOUT, Process
from pathlib import Path

from paceline.embedded.errors import NotReady
from paceline.embedded.leash import leashed
from paceline.embedded.place import require_free, require_writable

_PROBE_EVERY = 0.05
_LOG_TAIL = 4096


class Child(ABC):
    """A server on a loopback port, its data and its log in a folder.

    `start` may be called again once the process has ended; it raises an `EmbeddedError` where
    the folder, the port or the program is not to be had.
    """

    def __init__(self, name: str, folder: Path, port: int) -> None:
        self.name = name
        self.folder = folder.absolute()
        self.port = port
        self._process: Process | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line, its first word an absolute path; raises `BinaryMissing`."""

    @abstractmethod
    def probe(self) -> None:
        """Ask for a sign of life; blocks up to a second, raises OSError or ValueError."""

    @property
    def log(self) -> Path:
        """The file that takes the process's output; appended to, over restarts."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process id once started."""
        return self._process.pid if self._process else None

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs or before it started."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start the process; it may not answer yet."""
        require_writable(self.folder)
        require_free(self.port, self.name)
        self._process = await self._spawn(leashed(self.command()))

    async def ready(self, within: float = 20.0) -> None:
        """Return when the server answers; raises `NotReady` when it ends first or takes longer."""
        deadline = time.monotonic() + within
        while not await self._answers():
            if self.pid is None or self.returncode is not None:
                raise NotReady(f"{self.name} ended with {self.returncode}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} did not answer in {within:g} s: {self.last_words()}")
            await asyncio.sleep(_PROBE_EVERY)

    async def wait(self) -> int:
        """Return the exit status once the process has ended."""
        if self._process is None:
            raise NotReady(f"{self.name} was never started")
        return await self._process.wait()

    async def stop(self, grace: float = 10.0) -> int | None:
        """End the process: SIGTERM, after `grace` seconds SIGKILL; returns its exit status."""
        if self._process is None:
            return None
        self._signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            return await self._process.wait()

    def last_words(self) -> str:
        """The last line of the log that says something."""
        try:
            text = self.log.read_bytes()[-_LOG_TAIL:].decode(errors="replace")
        except FileNotFoundError:
            return "no log"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else f"nothing in {self.log}"

    async def _spawn(self, command: list[str]) -> Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                cwd=self.folder,
                process_group=0,
            )

    async def _answers(self) -> bool:
        # Somebody else's server on our port must not pass for ours: the dead never answer.
        if self.pid is None or self.returncode is not None:
            return False
        try:
            await asyncio.to_thread(self.probe)
        except (OSError, ValueError):
            return False
        return self.returncode is None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
