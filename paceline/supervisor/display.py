"""What the person at the terminal sees.

In: what happens to which part. Out: a calm table on a terminal, plain lines elsewhere. Guarantee:
standard output is left to the caller whenever it is not a terminal to be looked at: with `--json`
everything here goes to standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_TITLES = {
    "broker": "Broker (Kafka protocol)",
    "redis": "Redis",
    "database": "Database (SQLite)",
    "log": "Topics",
    "ledger": "Ledger",
    "aggregator": "Aggregator",
    "ingest": "Ingest",
    "api": "API and page",
    "notifier": "Notifier",
    "demo": "Simulated CRM",
}


class Display(Protocol):
    """Told by the supervisor."""

    def started(self, part: str) -> None:
        """A part begins to start."""

    def ready(self, part: str) -> None:
        """A part answers."""

    def note(self, line: str) -> None:
        """Something that a person should know."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Plain:
    """A line for each event, for logs and pipes."""

    def __init__(self, *, errors: bool) -> None:
        self._stream = sys.stderr if errors else sys.stdout
        self._since: dict[str, float] = {}

    def started(self, part: str) -> None:
        """Only the time is noted: a line comes when it is ready."""
        self._since[part] = time.monotonic()

    def ready(self, part: str) -> None:
        """One line with the seconds it took."""
        took = time.monotonic() - self._since.get(part, time.monotonic())
        self.note(f"{part}: ready in {took:.1f} s")

    def note(self, line: str) -> None:
        """The line, at once."""
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Terminal:
    """A table that fills while the parts start; after that, lines."""

    def __init__(self, parts: Iterable[str]) -> None:
        self._console = Console()
        self._since: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._parts = list(parts)
        self._live = Live(console=self._console, get_renderable=self._table, refresh_per_second=8)
        self._open = False

    def started(self, part: str) -> None:
        """The part's row begins to turn."""
        self._since[part] = time.monotonic()
        self._took.pop(part, None)

    def ready(self, part: str) -> None:
        """The part's row is done."""
        self._took[part] = time.monotonic() - self._since.get(part, time.monotonic())
        if not self._open:
            self.note(f"{_TITLES.get(part, part)}: ready in {self._took[part]:.1f} s")

    def note(self, line: str) -> None:
        """Above the table, or at the end."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        self._live.start()
        self._open = True
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        self._open = False

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for part in self._parts:
            table.add_row(self._mark(part), _TITLES.get(part, part), self._state(part))
        return table

    def _mark(self, part: str) -> Text | Spinner:
        if part in self._took:
            return Text("✓", style="green")
        return Spinner("dots", style="cyan") if part in self._since else Text("·", style="dim")

    def _state(self, part: str) -> Text:
        if part in self._took:
            return Text(f"{self._took[part]:.1f} s", style="dim")
        if part in self._since:
            return Text(f"{time.monotonic() - self._since[part]:.1f} s", style="cyan")
        return Text("waits", style="dim")
