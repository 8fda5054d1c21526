"""A server process under a test's hand: start, stop, kill, pause, restart.

In: a command and a probe, given by a subclass. Out: a process that answers. Guarantee: it has the
same port over restarts, and does not outlive the test run. Synchronous, so that one server serves
tests of many event loops.
"""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from paceline.embedded.leash import leashed


class Server(ABC):
    """One server, its log in `<folder>/<name>.log`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder.absolute()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line, its first word an absolute path."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves; may raise OSError or ValueError for no."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def spawn(self) -> None:
        """Start the process; it may not answer yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                leashed(self.command()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                process_group=0,
            )

    def start(self, within: float = 60.0) -> Self:
        """Start the process and wait until it answers."""
        self.spawn()
        self.ready(within)
        return self

    def ready(self, within: float = 60.0) -> None:
        """Wait until it answers."""
        until(self._alive_and_answers, within, f"{self.name} to answer; see {self.folder}")

    def stop(self, grace: float = 20.0) -> None:
        """End it in order; by force after `grace` seconds."""
        deadline = time.monotonic() + grace
        while not self._ended_by(signal.SIGTERM):
            if time.monotonic() > deadline:
                self.kill()

    def _ended_by(self, number: signal.Signals) -> bool:
        # Sent again each second: Redis refuses to end while it writes its first file.
        self._send(number)
        try:
            self._reap(1.0)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL: it gets no chance to write anything."""
        self._send(signal.SIGKILL)
        self._reap(20.0)

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing is answered."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        self._send(signal.SIGCONT)

    def restart(self, within: float = 60.0) -> None:
        """Kill it and start it again on the same port and data."""
        self.kill()
        self.start(within)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _alive_and_answers(self) -> bool:
        if self.pid is None:
            code = self._process.returncode if self._process else "no start"
            raise AssertionError(f"{self.name} ended with {code}; see {self.folder}")
        try:
            return self.answers()
        except (OSError, ValueError):
            return False

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _reap(self, within: float) -> None:
        if self._process is not None:
            self._process.wait(within)


def until(condition: Callable[[], bool], within: float, what: str) -> None:
    """Wait for a condition; raises TimeoutError that names what did not come."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within:g} s for {what}")
        time.sleep(0.05)
