"""Processes under measurement: how to start them, and what they cost.

In: a command line, a pid. Out: a running process, CPU seconds. Guarantee: whatever was started ends
with the block that started it. CPU seconds are user and system of all threads of a process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from redis import Redis

from paceline.embedded.leash import leashed
from tests.support.process import Server

_MICRO = 1e-6


class Cost(NamedTuple):
    """What had been used up by a moment, seconds."""

    wall: float
    cpu: float


def cost_of(pid: int) -> Cost:
    """The present moment, and the CPU time of another process up to it."""
    # The clock of a process as Linux numbers it: to the nanosecond, where /proc counts in 10 ms.
    return Cost(time.perf_counter(), time.clock_gettime((~pid << 3) | 2))


class Service(Server):
    """One `paceline <service>` process. It answers when it lives; wait for more yourself."""

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str]) -> None:
        super().__init__(name, folder)
        self._environ = environ

    def command(self) -> list[str]:
        """The production command, its settings in front."""
        settings = [f"{name}={value}" for name, value in self._environ.items()]
        paceline = "from paceline.cli import main; main()"
        return ["/usr/bin/env", *settings, sys.executable, "-c", paceline, self.name]

    def answers(self) -> bool:
        """Whether it runs."""
        return self.pid is not None


@contextmanager
def program(module: str, *arguments: str, errors: Path) -> Iterator[subprocess.Popen[str]]:
    """A module of ours as a process whose lines can be read."""
    command = leashed([sys.executable, "-m", module, *arguments])
    with errors.open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class RedisCost(NamedTuple):
    """What Redis spent."""

    cpu: float
    scripts: int
    script_s: float

    def since(self, before: RedisCost) -> RedisCost:
        """The difference of two moments."""
        return RedisCost(
            self.cpu - before.cpu, self.scripts - before.scripts, self.script_s - before.script_s
        )


def redis_cost(client: Redis) -> RedisCost:
    """CPU of all its threads, and its own account of our scripts."""
    cpu, commands = client.info("cpu"), client.info("commandstats")
    scripts = commands.get("cmdstat_evalsha", {"calls": 0, "usec": 0})
    spent = float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])
    return RedisCost(spent, scripts["calls"], scripts["usec"] * _MICRO)
