"""Ties a program to the process that starts it; run as a script, imported only for its path.

In: the starter's pid and a command. Out: this process becomes the command. Guarantee, on Linux:
when the starter dies, even by SIGKILL, the kernel sends the command SIGTERM, so no server stays
behind to hold a port. Elsewhere only the command is run. The kernel counts the death of the
starting *thread*, so start children from a thread that lives as long as they should.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def leashed(command: list[str]) -> list[str]:
    """The command line that runs `command` (its first word an absolute path) tied to us."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(starter: str, *command: str) -> None:
    """Become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(starter):
        sys.exit("the starter ended first")
    os.execv(command[0], command)  # noqa: S606 (to become the command is its purpose)


if __name__ == "__main__":
    main(*sys.argv[1:])
