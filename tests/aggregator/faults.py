"""A fence that fails when it is told to: crash sentinels around the real scripts.

In: at which script call, and how. Out: the real script's effect, or none, and then a death or a
lost answer. Guarantee: the scripts are the real ones on a real Redis; only their surroundings fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from services.aggregator.fence import Fence
from tests.aggregator.stored import names

Kind = Literal["die before", "die after", "lose before", "lose after", "copy", "roll back"]

_WRITING = ("fence", "fenced")


class Died(BaseException):
    """The process is gone; nothing of ours may catch it."""


@dataclass(slots=True)
class Copy:
    """Redis's keys as they were once; empty before the first copy."""

    redis: Redis
    dumped: dict[str, bytes] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)

    async def take(self) -> None:
        """Copy all keys."""
        found = await names(self.redis)
        async with self.redis.pipeline(transaction=False) as pipe:
            for name in found:
                pipe.dump(name)
                pipe.pexpiretime(name)
            answers = await pipe.execute()
        self.dumped = dict(zip(found, answers[::2], strict=True))
        self.expiries = dict(zip(found, answers[1::2], strict=True))

    async def put_back(self) -> None:
        """Restart from the copy: whatever was written since is lost."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.flushdb()
            for name, dumped in self.dumped.items():
                pipe.restore(name, max(0, self.expiries[name]), dumped, absttl=True)
            await pipe.execute()


class FaultyFence(Fence):
    """The real fence, with faults that wait for their moment."""

    def __init__(self, redis: Redis, copy: Copy) -> None:
        super().__init__(redis, memory_flags=True)
        self.dead = False
        self._copy = copy
        self._faults: list[tuple[Kind, int]] = []

    def arm(self, faults: Sequence[tuple[Kind, int]]) -> None:
        """Each fault waits for so many writing calls to go well, then for the next."""
        self._faults = list(faults)

    async def _run(self, name: str, keys: list[str], args: tuple[Any, ...]) -> Any:
        if self.dead:
            raise Died
        run = super()._run
        if name not in _WRITING or not self._faults:
            return await run(name, keys, args)
        kind, calls = self._faults.pop(0)
        if calls:
            self._faults.insert(0, (kind, calls - 1))
            return await run(name, keys, args)
        return await self._fail(kind, lambda: run(name, keys, args))

    async def _fail(self, kind: Kind, script: Callable[[], Awaitable[Any]]) -> Any:
        if kind == "copy":
            await self._copy.take()
        if kind == "roll back":
            await self._copy.put_back()
        answer = None if kind.endswith(" before") else await script()
        if kind.startswith("die"):
            self.dead = True
            raise Died
        if kind.startswith("lose"):
            raise RedisConnectionError("the answer never came")
        return answer
