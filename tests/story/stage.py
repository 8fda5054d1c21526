"""The stage: real services whose clock stands at the ninth of January after the story.

In: a broker, a Redis, a folder. Out: addresses that answer. Guarantee: production commands; only
`time.time` and `time.time_ns` of each process are moved, by the same amount, and they go on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.story.telling import SECRET
from tests.support.stack import Service, Stack

NOW_MS = 1_767_963_600_000
"""2026-01-09 21:00 in Shanghai."""

_MOVED = (
    "import time; by = {by}; now, now_ns = time.time, time.time_ns; "
    "time.time = lambda: now() + by / 1000; "
    "time.time_ns = lambda: now_ns() + by * 1_000_000; "
    "from paceline.cli import main; main()"
)


class MovedService(Service):
    """A service that believes that it is January 2026."""

    by = 0

    def command(self) -> list[str]:
        """The production command after its clock was moved."""
        pairs = [f"{key}={value}" for key, value in self.environ.items()]
        moved = _MOVED.format(by=self.by)
        return ["/usr/bin/env", *pairs, sys.executable, "-c", moved, self.name]


class MovedStack(Stack):
    """The embedded stack in January 2026."""

    def __init__(self, folder: Path, bootstrap: str, redis: str) -> None:
        secrets = {"JADE_SECRET": SECRET}
        super().__init__(folder, bootstrap, redis, secrets, journal="always", idempotent=False)
        self.by = NOW_MS - time.time_ns() // 1_000_000
        for name, service in list(self.services.items()):
            moved = MovedService(name, service.folder, service.environ, service.address)
            moved.by = self.by
            self.services[name] = moved

    def now_ms(self) -> int:
        """What the services take for now."""
        return time.time_ns() // 1_000_000 + self.by
