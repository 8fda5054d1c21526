"""Changes: one reader per partition of interest, fanned out to all who listen in this process.

In: the partition's capped stream of changes. Out: per subscription the owners that changed.
Guarantee: a subscription's memory is bounded by its tenant's owners, however slow its reader is;
where something may have been missed the subscription is told to start afresh.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from paceline import metrics
from paceline.logs import get_logger
from schemas import keys

BLOCK_MS = 5_000
_AT_ONCE = 500
_RETRY_S = 0.5
NOTHING_YET = "0-0"

log = get_logger(__name__)


class Entry(msgspec.Struct, frozen=True):
    """One batch's change: whose numbers, and when its newest event was received (ms UTC)."""

    id: str
    tenant: str
    owners: tuple[str, ...]
    received_at: int


class Subscription:
    """What one client has not been told yet: owners, never single changes."""

    def __init__(self, partition: int, tenant: str, position: Callable[[], str]) -> None:
        self.partition, self.tenant = partition, tenant
        self._position = position
        self.afresh = False
        self._owners: dict[str, None] = {}
        self._news = asyncio.Event()

    def add(self, entry: Entry) -> None:
        """Note a change; an owner that is waiting already is not noted twice."""
        waiting = sum(1 for owner in entry.owners if owner in self._owners)
        metrics.SSE_CONFLATED.inc(waiting)
        self._owners.update(dict.fromkeys(entry.owners))
        self._news.set()

    @property
    def last_id(self) -> str:
        """The newest entry that the partition's follower has seen."""
        return self._position()

    def start_afresh(self) -> None:
        """Changes may be missing."""
        self.afresh = True
        self._news.set()

    def take(self) -> tuple[frozenset[str], bool]:
        """(owners that changed, whether to start afresh) since the last ``take``."""
        taken = frozenset(self._owners), self.afresh
        self._owners.clear()
        self.afresh = False
        self._news.clear()
        return taken

    async def news(self, timeout_s: float) -> None:
        """Wait until there is something to take, at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)


class Feed:
    """The changes of all partitions that anybody listens to. ``redis`` is used for nothing else."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._followers: dict[int, _Follower] = {}

    @asynccontextmanager
    async def subscribed(self, partition: int, tenant: str) -> AsyncIterator[Subscription]:
        """A subscription from now on; what changes after this block began is not missed."""
        follower = self._followers.get(partition)
        if follower is None:
            follower = self._followers[partition] = _Follower(self._redis, partition)
        subscription = follower.join(tenant)
        try:
            await follower.following()
            yield subscription
        finally:
            if follower.leave(subscription) and self._followers.get(partition) is follower:
                del self._followers[partition]
                await follower.stop()

    async def since(self, partition: int, last_id: str, tenant: str) -> set[str] | None:
        """The tenant's owners that changed after an entry; None where that is no longer known."""
        stream = keys.changes(partition)
        if last_id == NOTHING_YET:
            return set() if await self._redis.xlen(stream) == 0 else None
        if not await self._redis.xrange(stream, last_id, last_id, count=1):
            return None
        entries = _entries(await self._redis.xrange(stream, f"({last_id}", "+"))
        return {owner for entry in entries if entry.tenant == tenant for owner in entry.owners}


class _Follower:
    """Follows one partition's stream, through outages too."""

    def __init__(self, redis: Redis, partition: int) -> None:
        self._redis = redis
        self._partition, self._stream = partition, keys.changes(partition)
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._ready = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        self.last_id = NOTHING_YET

    def join(self, tenant: str) -> Subscription:
        subscription = Subscription(self._partition, tenant, lambda: self.last_id)
        self._subscriptions.setdefault(tenant, set()).add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> bool:
        """Whether nobody is left."""
        of_tenant = self._subscriptions[subscription.tenant]
        of_tenant.discard(subscription)
        if not of_tenant:
            del self._subscriptions[subscription.tenant]
        return not self._subscriptions

    async def following(self) -> None:
        """Wait until the stream's end is known."""
        await self._ready.wait()

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def start_afresh(self) -> None:
        for of_tenant in self._subscriptions.values():
            for subscription in of_tenant:
                subscription.start_afresh()

    async def _run(self) -> None:
        while True:
            try:
                await self._find_end()
                while True:
                    await self._read()
            except (RedisError, OSError) as error:
                log.warning("changes cannot be read", stream=self._stream, reason=str(error))
                await asyncio.sleep(_RETRY_S)

    async def _find_end(self) -> None:
        newest: Any = await self._redis.xrevrange(self._stream, "+", "-", count=1)
        self.last_id = newest[0][0].decode() if newest else NOTHING_YET
        if self._ready.is_set():
            # The connection was away: what happened meanwhile is in the numbers, nobody was told.
            self.start_afresh()
        self._ready.set()

    async def _read(self) -> None:
        answer: Any = await self._redis.xread({self._stream: self.last_id}, _AT_ONCE, BLOCK_MS)
        now = time.time_ns() // 1_000_000
        for _, raw in answer or ():
            for entry in _entries(raw):
                self._deliver(entry, now)

    def _deliver(self, entry: Entry, now: int) -> None:
        self.last_id = entry.id
        if entry.received_at:
            metrics.END_TO_END_SECONDS.observe(max(0, now - entry.received_at) / 1000)
        for subscription in self._subscriptions.get(entry.tenant, ()):
            subscription.add(entry)


def _entries(raw: Any) -> Iterable[Entry]:
    for entry_id, fields in raw:
        owners = msgspec.json.decode(fields.get(b"o", b"[]"), type=tuple[str, ...])
        tenant = fields.get(b"t", b"").decode()
        yield Entry(entry_id.decode(), tenant, owners, int(fields.get(b"r", b"0")))
