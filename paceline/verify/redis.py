"""Looking at a tenant in Redis while events come in.

In: a client, a partition, a tenant. Out: entities, panes and versions, each with the number of the
look at which it was read. Guarantee: a look is one MULTI, so what it read is of exactly the
position that it read; whatever changes meanwhile is counted up to there and no further.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from paceline.verify.lanes import Look
from paceline.verify.places import RestoringError, UncheckedError
from schemas import keys, topics
from schemas.meaning import Meaning

_BUCKETS = 64
_AT_ONCE = 64

Hash = tuple[str, str, str]
"""Owner key, grain, span."""


class MovedError(Exception):
    """Another log, another generation, or an older state than before: begin again."""


class Live(NamedTuple):
    """What is live of a tenant."""

    incarnation: str
    generation: int
    meaning: Meaning
    no_generation: int
    """Events that came before there was a generation, and were not counted."""


class Held(NamedTuple):
    """One hash of panes as it is stored."""

    look: int
    expires: int
    """ms UTC; 0: never."""
    fields: dict[str, int]
    odd: dict[str, str]
    """Fields whose value is no integer."""


class Eyes:
    """One reading of one tenant; ``looks`` grows with every position at which something was."""

    def __init__(self, redis: Redis, p: int, tenant: str, live: Live) -> None:
        self.looks: list[Look] = []
        self.began = self.ended = 0
        """Redis's clock at the first look and at the last, ms UTC."""
        self.live = live
        self._redis = redis
        self._p = p
        self._tenant = tenant

    @property
    def now(self) -> int:
        """The number of the last look."""
        return len(self.looks) - 1

    async def entities(self) -> AsyncIterator[tuple[int, int, list[tuple[str, bytes]]]]:
        """(look, bucket, entity keys with what is stored) for every bucket, empty ones too."""
        generation = self.live.generation
        for first in range(0, keys.ENTITY_BUCKETS, _BUCKETS):
            some = range(first, min(first + _BUCKETS, keys.ENTITY_BUCKETS))
            names = [keys.entities(self._p, self._tenant, generation, n) for n in some]
            for bucket, found in zip(some, await self.look(_hashes(names)), strict=True):
                yield self.now, bucket, list(_content(found).items())

    async def panes(self) -> AsyncIterator[tuple[Hash, Held]]:
        """Every hash of panes of the live generation that was there all the while."""
        prefix = keys.owner_panes(self._p, self._tenant, self.live.generation, "")
        seen: set[str] = set()
        cursor = 0
        while True:
            cursor, found = await self._redis.scan(cursor, match=f"{prefix}*", count=1_000)
            names = [name for name in map(_text, found) if name not in seen]
            seen.update(names)
            for low in range(0, len(names), _AT_ONCE):
                for name, held in await self._some(names[low : low + _AT_ONCE]):
                    owner, grain, span = name.removeprefix(prefix).split(":", 2)
                    yield (unquote(owner), grain, span), held
            if not cursor:
                return

    async def versions(self) -> tuple[dict[str, str], dict[str, str]]:
        """Versions by owner key, and those of closed days."""
        names = [of(self._p, self._tenant) for of in (keys.versions, keys.past_versions)]
        held, past = [
            {owner: _text(raw) for owner, raw in _content(found).items()}
            for found in await self.look(_hashes(names))
        ]
        return held, past

    async def facts_told(self) -> Look:
        """Up to where the facts of each lane were told by now: the ledger has them or will."""
        fields = [keys.facts_told(topic) for topic in (topics.EVENTS, topics.BACKFILL)]
        live, slow = await self._redis.hmget(keys.partition_meta(self._p), fields)
        return Look(int(live or 0), int(slow or 0))

    async def look(self, ask: Callable[[Pipeline], None] = lambda _: None) -> list[Any]:
        """The answers to what is asked, all of one moment; errors among them are values.

        Raises:
            MovedError: what was read before is of another past.
        """
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.partition_meta(self._p), _PLACE)
            pipe.hget(keys.tenant_meta(self._p, self._tenant), keys.LIVE)
            pipe.time()
            ask(pipe)
            place, live, time, *found = await pipe.execute(raise_on_error=False)
        self._stand(place, live)
        self.ended = int(time[0]) * 1000 + int(time[1]) // 1000
        self.began = self.began or self.ended
        return found

    def _stand(self, place: list[bytes | None], live: bytes | None) -> None:
        incarnation, events, backfill, restoring = place
        here = Look(int(events or 0), int(backfill or 0))
        last = self.looks[-1] if self.looks else here
        same = incarnation == self.live.incarnation.encode() and live is not None
        same = same and live == str(self.live.generation).encode()
        if not same or restoring or here.events < last.events or here.backfill < last.backfill:
            raise MovedError
        if not self.looks or here != last:
            self.looks.append(here)

    async def _some(self, names: list[str]) -> list[tuple[str, Held]]:
        def ask(pipe: Pipeline) -> None:
            for name in names:
                pipe.hgetall(name)
                pipe.pttl(name)

        found = await self.look(ask)
        held = []
        for name, fields, left in zip(names, found[::2], found[1::2], strict=True):
            whole, odd = _integers(fields)
            if whole or odd:
                expires = self.ended + int(left) if int(left) >= 0 else 0
                held.append((name, Held(self.now, expires, whole, odd)))
        return held


async def live_of(redis: Redis, p: int, tenant: str) -> Live:
    """What is live of a tenant.

    Raises:
        RestoringError: it is being put back.
        UncheckedError: nothing is.
    """
    incarnation, restoring = await redis.hmget(
        keys.partition_meta(p), [keys.INCARNATION, keys.RESTORING]
    )
    live, meaning, early = await redis.hmget(
        keys.tenant_meta(p, tenant), [keys.LIVE, keys.MEANING, keys.counted("no_generation")]
    )
    if restoring:
        why = f"partition {p} is being put back from the archive"
        raise RestoringError(why, "wait for it with `paceline restore`, then verify again")
    if not incarnation or not live or not meaning:
        why = f"Redis has no numbers of the tenant in partition {p}"
        raise UncheckedError(
            why, "start `paceline aggregator`, which restores by itself; see `paceline doctor`"
        )
    try:
        known = msgspec.json.decode(meaning, type=Meaning)
        return Live(_text(incarnation), int(live), known, int(early or 0))
    except ValueError as error:
        why = f"the tenant's generation cannot be read in Redis: {error}"
        raise UncheckedError(why, "`paceline restore --empty` puts the partition back") from None


def _hashes(names: list[str]) -> Callable[[Pipeline], None]:
    def ask(pipe: Pipeline) -> None:
        for name in names:
            pipe.hgetall(name)

    return ask


def _content(found: Any) -> dict[str, bytes]:
    """A hash; nothing where the key is something else."""
    return {} if isinstance(found, Exception) else {_text(key): raw for key, raw in found.items()}


def _integers(found: Any) -> tuple[dict[str, int], dict[str, str]]:
    if isinstance(found, Exception):
        return {}, {"": "not a hash"}
    whole: dict[str, int] = {}
    odd: dict[str, str] = {}
    for key, raw in found.items():
        try:
            whole[_text(key)] = int(raw)
        except ValueError:
            odd[_text(key)] = _text(raw)
    return whole, odd


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode(errors="replace")


_PLACE = [
    keys.INCARNATION,
    keys.next_offset(topics.EVENTS),
    keys.next_offset(topics.BACKFILL),
    keys.RESTORING,
]
