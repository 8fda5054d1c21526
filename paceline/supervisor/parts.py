"""The parts that `paceline up` starts, each with its own sign of life.

In: settings as environment variables. Out: children to start, ask and end. Guarantee: a part that
is called ready does its work: HTTP answers, the partitions are claimed, the group has its member.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from paceline.embedded import Child, RedisServer
from paceline.embedded.place import LOOPBACK
from schemas import keys

_OK = 200
_SECOND = 1.0
_NO_PORT = 0


class Storage(RedisServer):
    """The embedded Redis, its output beside that of the other parts."""

    def __init__(self, folder: Path, logs: Path, port: int) -> None:
        super().__init__(folder, port)
        self._logs = logs

    @property
    def log(self) -> Path:
        """With the others'."""
        return self._logs / f"{self.name}.log"


class Program(Child):
    """A Python program of ours."""

    def __init__(
        self,
        name: str,
        logs: Path,
        words: Sequence[str],
        environment: Mapping[str, str],
        port: int = _NO_PORT,
    ) -> None:
        super().__init__(name, logs, port)
        self._words = list(words)
        self._environment = dict(environment)

    def command(self) -> list[str]:
        """This Python, without looking for modules in the current folder."""
        return [sys.executable, "-P", *self._words]

    def probe(self) -> None:
        """Nothing to ask: to be alive is all."""

    async def _spawn(self, command: list[str]) -> Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                cwd=self.folder,
                env={**os.environ, **self._environment},
                process_group=0,
            )


def service(name: str) -> list[str]:
    """The words that start a service, without the command line's own imports."""
    return ["-c", f"import sys; from services.{name}.main import main; sys.exit(main([]))"]


class Web(Program):
    """A service that answers HTTP; ready once ``path`` is answered 200."""

    def __init__(
        self, name: str, logs: Path, environment: Mapping[str, str], port: int, path: str
    ) -> None:
        super().__init__(name, logs, service(name), environment, port)
        self._path = path

    def probe(self) -> None:
        """A GET."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=_SECOND)
        try:
            connection.request("GET", self._path)
            status = connection.getresponse().status
        except HTTPException as error:
            raise ValueError(repr(error)) from error
        finally:
            connection.close()
        if status != _OK:
            raise ValueError(f"{self._path} answers {status}")


class Aggregator(Program):
    """Ready once it has claimed every partition: each has a newer epoch than before the start."""

    def __init__(
        self, logs: Path, environment: Mapping[str, str], redis: RedisServer, partitions: int
    ) -> None:
        super().__init__("aggregator", logs, service("aggregator"), environment)
        self._redis = redis
        self._partitions = partitions
        self._before: list[int] = []

    async def start(self) -> None:
        """Note the epochs, then start."""
        self._before = await asyncio.to_thread(self._epochs)
        await super().start()

    def probe(self) -> None:
        """Compare the epochs."""
        now = self._epochs()
        behind = sum(new <= old for new, old in zip(now, self._before, strict=True))
        if behind:
            raise ValueError(f"{behind} of {len(now)} partitions are not claimed")

    def _epochs(self) -> list[int]:
        with Redis(host=LOOPBACK, port=self._redis.port, socket_timeout=_SECOND) as redis:
            try:
                held = [
                    redis.hget(keys.partition_meta(p), keys.EPOCH) for p in range(self._partitions)
                ]
            except RedisError as error:
                raise OSError(repr(error)) from error
        return [int(epoch) if isinstance(epoch, bytes) else 0 for epoch in held]
