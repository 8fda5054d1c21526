"""The four services as real processes, against a broker and a Redis that a test gives.

In: a bootstrap address, a Redis URL, a folder, the environment's secrets. Out: HTTP addresses and
the command line of this stack. Guarantee: production commands only; ports are free ones; nothing
outlives the test.
"""

import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from paceline.embedded.place import free_port
from tests.support.process import Server

PARTITIONS = 8


class Service(Server):
    """One `paceline <service>` process; ready when its address answers, if it has one."""

    def __init__(self, name: str, folder: Path, environ: dict[str, str], address: str = "") -> None:
        super().__init__(name, folder)
        self.environ = environ
        self.address = address

    def command(self) -> list[str]:
        """The production command, its environment in front."""
        pairs = [f"{key}={value}" for key, value in self.environ.items()]
        paceline = "from paceline.cli import main; main()"
        return ["/usr/bin/env", *pairs, sys.executable, "-c", paceline, self.name]

    def answers(self) -> bool:
        """Whether `/readyz` says so; a service without HTTP need only run."""
        if not self.address:
            return True
        with urllib.request.urlopen(f"{self.address}/readyz", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)


@dataclass
class Stack:
    """All services on one broker, one Redis and one SQLite file."""

    folder: Path
    bootstrap: str
    redis: str
    secrets: dict[str, str] = field(default_factory=dict)
    journal: str = "fallback"
    idempotent: bool = True

    def __post_init__(self) -> None:
        """Choose ports."""
        ingest, api = free_port(), free_port()
        self.ingest, self.api = f"http://127.0.0.1:{ingest}", f"http://127.0.0.1:{api}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environ = self._environ(ingest, api) | self.secrets
        self.services = {
            name: Service(name, self.folder, self.environ, address)
            for name, address in {
                "ledger": "",
                "aggregator": "",
                "ingest": self.ingest,
                "api": self.api,
            }.items()
        }

    def _environ(self, ingest: int, api: int) -> dict[str, str]:
        return {
            "PACELINE_KAFKA": self.bootstrap,
            "PACELINE_REDIS": self.redis,
            "PACELINE_SQL": f"sqlite+aiosqlite:///{self.folder / 'paceline.db'}",
            "PACELINE_PARTITIONS": str(PARTITIONS),
            "PACELINE_REPLICATION": "1",
            "PACELINE_DATA_DIR": str(self.folder / "data"),
            "PACELINE_INGEST_PORT": str(ingest),
            "PACELINE_API_PORT": str(api),
            "PACELINE_JOURNAL": self.journal,
            "PACELINE_IDEMPOTENT_PRODUCER": str(self.idempotent).lower(),
        }

    def paceline(self, *arguments: str, within: float = 60) -> str:
        """Run one command of the command line; its standard output."""
        paceline = "from paceline.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", paceline, *arguments],
            env=os.environ | self.environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=within,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, document: str) -> str:
        """Make the configuration what this YAML document says."""
        file = self.folder / "paceline.yaml"
        file.write_text(document, encoding="utf-8")
        return self.paceline("apply", "-f", str(file))

    def key(self, tenant: str, *options: str) -> str:
        """A new API key."""
        printed = self.paceline("keys", "create", "--tenant", tenant, "--label", "test", *options)
        return next(word for word in printed.split() if word.startswith("pl_"))

    def __enter__(self) -> Self:
        """Create the schema and start everything."""
        self.paceline("migrate")
        try:
            for service in self.services.values():
                service.spawn()
            for service in self.services.values():
                service.ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything, the last started first."""
        for service in reversed(self.services.values()):
            service.stop()
