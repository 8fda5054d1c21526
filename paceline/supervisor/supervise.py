"""The supervisor: starts the parts in order, watches them, ends them in the reverse order.

In: a stack. Out: nothing; it runs until it is told to end, or ends with a reason. Guarantee: what
is independent starts at the same time; a part that died is started again unless it dies too often;
a broker that died is another log, so its topics are made and its consumers started anew with it;
no child is left behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from paceline.embedded import Child, EmbeddedError, NotReady
from paceline.kafka import ensure_topics
from paceline.supervisor.display import Display
from paceline.supervisor.ports import require_port
from paceline.supervisor.restarts import MOST, WITHIN_S, Restarts
from paceline.supervisor.stack import (
    AGGREGATOR,
    API,
    BROKER,
    DEMO,
    INGEST,
    LEDGER,
    NOTIFIER,
    PARTITIONS,
    REDIS,
    Stack,
)

READY_WITHIN_S = 60.0
GRACE_S = 8.0
_NO_GRACE_S = 0.5
"""For consumers of a log that is gone: whatever they would still say, nobody hears."""
_CONSUMERS = (LEDGER, AGGREGATOR, NOTIFIER)
_TIERS = ((BROKER, REDIS), (LEDGER, AGGREGATOR), (INGEST, API, NOTIFIER), (DEMO,))
"""Started from left to right, ended from right to left."""

Prepare = Callable[[], Awaitable[None]]


class GaveUp(EmbeddedError):
    """A part cannot live."""


class Supervisor:
    """The parts of one stack."""

    def __init__(self, stack: Stack, display: Display, prepare: Prepare) -> None:
        """``prepare`` sees to the database before any service asks it."""
        self._stack = stack
        self._display = display
        self._prepare = prepare
        self._restarts = Restarts()
        self._running: set[str] = set()

    def pids(self) -> dict[str, int]:
        """The processes by name."""
        pids = {name: self._stack.parts[name].pid for name in self._running}
        return {name: pid for name, pid in sorted(pids.items()) if pid is not None}

    async def start(self) -> None:
        """Start everything; raises an `EmbeddedError` of one line."""
        check_ports(self._stack)
        database = self._shown("database", self._prepare)
        await _together(self._broker(), self._start(REDIS), database)
        # The aggregator waits for seconds until its group has formed. The others start in that
        # time, one after another: together they would only take its processor away.
        await _together(
            self._start(AGGREGATOR), self._one_by_one((INGEST, API, LEDGER, NOTIFIER, DEMO))
        )

    async def watch(self) -> None:
        """Start again whatever dies; raises `GaveUp` when that does not help."""
        while True:
            for name in await self._deaths():
                await self._revive(name)

    async def stop(self) -> None:
        """End every part, the last started first."""
        for tier in reversed(_TIERS):
            names = [name for name in tier if name in self._running]
            await asyncio.gather(*(self._stop(name) for name in names))

    async def _broker(self) -> None:
        await self._start(BROKER)
        await self._shown("log", self._topics)

    async def _one_by_one(self, names: Sequence[str]) -> None:
        for name in names:
            if name in self._stack.parts:
                await self._start(name)

    async def _topics(self) -> None:
        await ensure_topics(self._stack.broker.bootstrap, partitions=PARTITIONS, replication=1)

    async def _start(self, name: str) -> None:
        part = self._part(name)

        async def begin() -> None:
            await part.start()
            self._running.add(name)
            await part.ready(READY_WITHIN_S)

        await self._shown(name, begin)

    async def _shown(self, name: str, work: Prepare) -> None:
        self._display.started(name)
        await work()
        self._display.ready(name)

    async def _stop(self, name: str, grace: float = GRACE_S) -> None:
        await self._part(name).stop(grace)
        self._running.discard(name)

    async def _deaths(self) -> list[str]:
        waits = {asyncio.create_task(self._part(name).wait()): name for name in self._running}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return sorted(waits[wait] for wait in done)

    async def _revive(self, name: str) -> None:
        part = self._part(name)
        if part.returncode is None:
            return
        pause = self._restarts.pause(name, time.monotonic())
        if pause is None:
            raise GaveUp(
                f"{name} ended {MOST + 1} times within {WITHIN_S:g} s, the last time with "
                f"{part.returncode}: {part.last_words()}; see {part.log}"
            )
        self._display.note(f"{name} ended with {part.returncode}; it is started again")
        await asyncio.sleep(pause)
        try:
            await self._again(name)
        except NotReady as error:
            # If it ended, that is seen at once and counted; if it hangs, it is ended here.
            self._display.note(str(error))
            await part.stop(GRACE_S)

    async def _again(self, name: str) -> None:
        if name != BROKER:
            await self._start(name)
            return
        # Offsets begin anew: consumers of the log that is gone would wait in it for ever.
        await asyncio.gather(*(self._stop(consumer, _NO_GRACE_S) for consumer in _CONSUMERS))
        await self._broker()
        await _together(*(self._start(consumer) for consumer in _CONSUMERS))

    def _part(self, name: str) -> Child:
        return self._stack.parts[name]


def check_ports(stack: Stack) -> None:
    """Raise `PortBusy` for a port that a person chose and somebody has."""
    require_port(stack.choices.api_port, API, "--api-port")
    require_port(stack.choices.ingest_port, INGEST, "--ingest-port")


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Do all at once; the first that fails ends the others, and its error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for work in works:
                tasks.create_task(work)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
