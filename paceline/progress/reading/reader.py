"""The reader: heads and panes from Redis.

In: a tenant, owners, pane hashes. Out: their state. Guarantee: one ``read`` is one transaction, so
generation, versions and panes belong together and a half-switched generation is never seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from kpi.entity import Entity, unpack
from kpi.reading import Slice
from schemas import keys
from schemas.meaning import Meaning
from schemas.topics import partition_of

Contents = Mapping[str, int]
Hash = tuple[str, str, str]
"""(owner key, grain, span)"""


class Place(msgspec.Struct, frozen=True):
    """Where a tenant's numbers are, and which connections it has."""

    tenant: str
    partition: int
    connections: tuple[str, ...]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is known without reading a pane."""

    incarnation: str
    epoch: int
    clock: int | None
    generation: int | None
    restoring: bool
    """The numbers are being put back from the archive, so they are not whole yet."""
    too_late: int
    seen: dict[str, int]
    versions: dict[str, int]
    past: dict[str, int] = {}
    """Owner key -> log offset of the last change that touched a closed day."""


class Reader:
    """Reads one Redis; remembers the meaning of each generation, which never changes."""

    def __init__(self, redis: Redis, partitions: int) -> None:
        self._redis = redis
        self._partitions = partitions
        self._meanings: dict[str, tuple[int, Meaning]] = {}

    def place(self, tenant: str, connections: Iterable[str]) -> Place:
        """Where a tenant is."""
        return Place(tenant, partition_of(tenant, self._partitions), tuple(connections))

    async def head(self, place: Place, owners: Sequence[str] | None) -> Head:
        """The head in one round trip; ``owners`` None: the versions of all."""
        pipe = self._redis.pipeline(transaction=True)
        _ask_head(pipe, place, owners)
        return _head(await pipe.execute(), place, owners)

    async def read(
        self, place: Place, owners: Sequence[str], generation: int, hashes: Iterable[Hash]
    ) -> tuple[Head, dict[Hash, Contents]]:
        """Head and panes in one round trip; they are of ``generation`` only if the head says so."""
        wanted = list(dict.fromkeys(hashes))
        pipe = self._redis.pipeline(transaction=True)
        _ask_head(pipe, place, owners)
        for owner, grain, span in wanted:
            pipe.hgetall(keys.panes(place.partition, place.tenant, generation, owner, grain, span))
        answers = await pipe.execute()
        contents = [contents_of(raw) for raw in answers[_HEAD_ANSWERS:]]
        return _head(answers, place, owners), dict(zip(wanted, contents, strict=True))

    async def entities(
        self, place: Place, generation: int, wanted: Sequence[str]
    ) -> list[tuple[str, Entity]]:
        """Entities by their keys, in that order; those that are not there are left out."""
        buckets: dict[int, list[str]] = {}
        for key in wanted:
            buckets.setdefault(keys.entity_bucket(key), []).append(key)
        found: dict[str, bytes | None] = {}
        pipe = self._redis.pipeline(transaction=False)
        for bucket, members in buckets.items():
            name = keys.entities(place.partition, place.tenant, generation, bucket)
            pipe.hmget(name, members)
        answers = await pipe.execute() if buckets else []
        for members, raws in zip(buckets.values(), answers, strict=True):
            found.update(zip(members, raws, strict=True))
        return [(key, unpack(raw)) for key in wanted if (raw := found.get(key)) is not None]

    async def meaning(self, place: Place) -> tuple[int, Meaning] | None:
        """The generation that was live when last asked, and its meaning; None before the first."""
        held = self._meanings.get(place.tenant)
        if held is not None:
            return held
        raw = await self._redis.hmget(
            keys.tenant_meta(place.partition, place.tenant), [keys.LIVE, keys.MEANING]
        )
        if raw[0] is None or raw[1] is None:
            return None
        held = (int(raw[0]), msgspec.json.decode(raw[1], type=Meaning))
        self._meanings[place.tenant] = held
        return held

    def forget(self, tenant: str) -> None:
        """Ask for the tenant's live generation again."""
        self._meanings.pop(tenant, None)

    async def clocks(self) -> list[int | None]:
        """The clock of each partition: one that stands still has no owner."""
        pipe = self._redis.pipeline(transaction=False)
        for p in range(self._partitions):
            pipe.hget(keys.partition_meta(p), keys.CLOCK)
        return [None if raw is None else int(raw) for raw in await pipe.execute()]


def hashes_of(owners: Iterable[str], slices: Iterable[Slice]) -> list[Hash]:
    """The hashes that hold some slices of some owners."""
    spans = list(dict.fromkeys((one.grain, one.span) for one in slices))
    return [(owner, grain, span) for owner in owners for grain, span in spans]


_HEAD_ANSWERS = 4


def _ask_head(pipe: Pipeline, place: Place, owners: Sequence[str] | None) -> None:
    p, tenant = place.partition, place.tenant
    pipe.hmget(keys.partition_meta(p), [keys.INCARNATION, keys.EPOCH, keys.CLOCK, keys.RESTORING])
    seen = [keys.seen(connection) for connection in place.connections]
    pipe.hmget(keys.tenant_meta(p, tenant), [keys.LIVE, keys.counted("too_late"), *seen])
    for key in (keys.versions(p, tenant), keys.past_versions(p, tenant)):
        if owners is None:
            pipe.hgetall(key)
        else:
            # HMGET refuses an empty list; no owner has the empty key.
            pipe.hmget(key, list(owners) or [""])


def _head(answers: Sequence[Any], place: Place, owners: Sequence[str] | None) -> Head:
    incarnation, epoch, clock, restoring = answers[0]
    live, too_late, *seen = answers[1]
    return Head(
        incarnation=(incarnation or b"").decode(),
        epoch=int(epoch or 0),
        clock=None if clock is None else int(clock),
        generation=None if live is None else int(live),
        restoring=restoring is not None,
        too_late=int(too_late or 0),
        seen={name: int(raw) for name, raw in zip(place.connections, seen, strict=True) if raw},
        versions=_by_owner(owners, answers[2]),
        past=_by_owner(owners, answers[3]),
    )


def _by_owner(owners: Sequence[str] | None, answer: Any) -> dict[str, int]:
    pairs = answer.items() if owners is None else zip(owners, answer, strict=False)
    return {_text(owner): int(raw) for owner, raw in pairs if raw is not None}


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode()


def contents_of(raw: Mapping[bytes, bytes]) -> Contents:
    """A hash as Redis gives it, decoded."""
    return {field.decode(): int(amount) for field, amount in raw.items()}
