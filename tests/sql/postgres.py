"""PostgreSQL for tests: Debian's, on a loopback port, with a fresh database for each test.

In: the machine. Out: SQLAlchemy URLs. Guarantee: never runs as root, which PostgreSQL refuses, and
does not outlive the test run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

from paceline.embedded.place import LOOPBACK, free_port
from tests.support.need import skip_or_fail
from tests.support.process import Server

_INSTALLED = Path("/usr/lib/postgresql")
_UNPRIVILEGED = "nobody"


class PostgreSQL(Server):
    """One server in a folder of its own below the system's temporary folder."""

    def __init__(self) -> None:
        # pytest's folders are closed to other users, and root has to be another one here.
        super().__init__("postgres", Path(tempfile.mkdtemp(prefix="paceline-postgres-")))
        self.port = free_port()
        self._data = self.folder / "data"
        self._bin = _programs()
        self._prepare()

    def command(self) -> list[str]:
        """A server without sockets in the file system; it trusts whoever is on this machine."""
        settings = ["-p", str(self.port), "-h", LOOPBACK, "-k", "", "-c", "fsync=off"]
        return self._as_user("postgres", "-D", str(self._data), *settings)

    def answers(self) -> bool:
        """Whether it accepts connections."""
        asked = [str(self._bin / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def new_database(self) -> str:
        """The URL of a database that nobody has used."""
        name = f"test_{uuid4().hex}"
        to = ("-h", LOOPBACK, "-p", str(self.port), "-U", "paceline")
        self._run("createdb", *to, name)
        return f"postgresql+asyncpg://paceline@{LOOPBACK}:{self.port}/{name}"

    def remove(self) -> None:
        """Delete its folder, once it is stopped."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, _UNPRIVILEGED)
        self._run("initdb", "-D", str(self._data), "-U", "paceline", "-A", "trust", "-E", "UTF8")

    def _run(self, program: str, *arguments: str) -> None:
        command = self._as_user(program, *arguments)
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        setpriv = shutil.which("setpriv")
        drop = ["--reuid", _UNPRIVILEGED, "--clear-groups", "--"]
        prefix = [setpriv, *drop] if os.geteuid() == 0 and setpriv else []
        return [*prefix, str(self._bin / program), *arguments]


def _programs() -> Path:
    found = sorted(_INSTALLED.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if not found or not (found[-1] / "initdb").exists():
        skip_or_fail("no PostgreSQL server (Debian's package: postgresql)")
    return found[-1]
