"""Ports that people choose: free, or held by whom.

In: a port, what it is for, the option that sets it. Out: nothing, or `PortBusy` as one line that
says which port, by whom where the machine tells, and what to type instead.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from paceline.embedded import PortBusy
from paceline.embedded.place import free_port, require_free

_LISTENING = "0A"
_SOCKETS = ("/proc/net/tcp", "/proc/net/tcp6")


def require_port(port: int, name: str, option: str) -> None:
    """Raise `PortBusy` where another program listens on the loopback port."""
    try:
        require_free(port, name)
    except PortBusy:
        whom = holder(port)
        held = f" by {whom}" if whom else ""
        raise PortBusy(
            f"port {port} for {name} is in use{held}: "
            f"stop that, or choose another such as {option} {free_port()}"
        ) from None


def holder(port: int) -> str:
    """Who listens, as ``python3 (pid 4711)``; ``""`` where the machine does not tell."""
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    if not inodes:
        return ""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, inodes):
            with suppress(OSError):
                name = (process / "comm").read_text().strip()
                return f"{name} (pid {process.name})"
    return ""


def _listening(port: int) -> list[str]:
    """The inodes of the sockets that listen on a port; Linux's own list of them."""
    found = []
    for table in _SOCKETS:
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                    found.append(words[9])
    return found


def _holds(process: Path, inodes: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in inodes for link in (process / "fd").iterdir())
    except OSError:
        return False  # another user's, or gone meanwhile
