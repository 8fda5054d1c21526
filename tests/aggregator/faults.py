"""A fence that fails when it is told to: crash sentinels around the real scripts.

In: at which script call, and how. Out: the real script's effect, or none, and then a death or a lost
answer. Guarantee: the scripts are the real ones on a real Redis; only their surroundings fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from services.aggregator.fence import Fence

Kind = Literal["die before", "die after", "lose before", "lose after", "copy", "roll back"]

_WRITING = ("fence", "fenced")


class Died(BaseException):
    """The process is gone; nothing of ours may catch it."""


@dataclass(slots=True)
class Copy:
    """Redis's keys as they were once; empty before the first copy."""

    redis: Redis
    dumped: dict[bytes, bytes] = field(default_factory=dict)
    expiries: dict[bytes, int] = field(default_factory=dict)

    async def take(self) -> None:
        """Copy all keys."""
        names = [bytes(name) for name in await self.redis.keys("*")]
        async with self.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.dump(name)
                pipe.pexpiretime(name)
            answers = await pipe.execute()
        self.dumped = dict(zip(names, answers[::2], strict=True))
        self.expiries = dict(zip(names, answers[1::2], strict=True))

    async def put_back(self) -> None:
        """Restart from the copy: whatever was written since is lost."""
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.flushdb()
            for name, dumped in self.dumped.items():
                pipe.restore(name, max(0, self.expiries[name]), dumped, absttl=True)
            await pipe.execute()


class FaultyFence(Fence):
    """The real fence, with one fault waiting for its moment."""

    def __init__(self, redis: Redis, copy: Copy) -> None:
        super().__init__(redis, memory_flags=True)
        self.dead = False
        self._copy = copy
        self._kind: Kind | None = None
        self._calls_left = 0

    def arm(self, kind: Kind, calls: int) -> None:
        """Let the writing call after so many others fail."""
        self._kind, self._calls_left = kind, calls

    async def _run(self, name: str, names: list[str], args: tuple[Any, ...]) -> Any:
        if self.dead:
            raise Died
        run = super()._run
        if name not in _WRITING or self._kind is None:
            return await run(name, names, args)
        if self._calls_left:
            self._calls_left -= 1
            return await run(name, names, args)
        kind, self._kind = self._kind, None
        return await self._fail(kind, lambda: run(name, names, args))

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
