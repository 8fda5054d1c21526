"""Where a child server may live: a folder that can be written and a port that is free.

In: a path, a port. Out: nothing, or one of the typed errors. Guarantee: nothing is left behind
by a check but the folder itself.
"""

import socket
import tempfile
from pathlib import Path

from paceline.embedded.errors import FolderUnwritable, PortBusy

LOOPBACK = "127.0.0.1"


def require_writable(folder: Path) -> None:
    """Make the folder with its parents; raises `FolderUnwritable`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FolderUnwritable(f"cannot write to the folder {folder}: {error.strerror}") from error


def require_free(port: int, name: str) -> None:
    """Raise `PortBusy` where another program listens on the loopback port."""
    try:
        _bind(port)
    except OSError as error:
        raise PortBusy(f"port {port} for {name} is in use; choose another or stop it") from error


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    return _bind(0)


def _bind(port: int) -> int:
    with socket.socket() as probe:
        # As servers do: a connection that lingers after its server ended keeps nobody out.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        bound: int = probe.getsockname()[1]
        return bound
