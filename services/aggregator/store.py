"""What the aggregator reads: tenants' live generations and entities, with a cache in front.

In: a partition and references. Out: entities. Guarantee: the cache holds only what the fence has
acknowledged; whoever is answered anything but OK drops it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import msgspec
import structlog
from redis.asyncio import Redis

from kpi import CODE
from kpi.entity import Entity, unpack
from kpi.fold import Entities, Ref, Tenant
from schemas import keys, pending, topics
from schemas.meaning import Meaning
from schemas.pending import Pending, Progress
from services.aggregator.fence import Fence, Place

log = structlog.get_logger()

CACHED_ENTITIES = 100_000
DATED_HASHES = 500_000
_BUCKETS_AT_ONCE = 512

_meaning = msgspec.json.Decoder(Meaning)


class ElsewhereError(Exception):
    """What was read is of another state than the batch is for: ``args[0]`` is its place."""


class Store:
    """One partition's reader."""

    def __init__(self, redis: Redis, fence: Fence, partition: int) -> None:
        self._redis = redis
        self._fence = fence
        self._p = partition
        self._tenants: dict[str, Tenant | None] = {}
        self._entities: Entities = {}
        self._evicted: int | None = None
        self.dated: set[str] = set()
        """Pane hashes that were given their expiry under this claim."""

    def drop(self) -> None:
        """Forget everything: another owner, or another past, may have come between."""
        self._tenants.clear()
        self._entities.clear()
        self._evicted = None
        self.dated.clear()

    async def tenants(self, names: Iterable[str]) -> dict[str, Tenant | None]:
        """The live generation of each tenant, None where nothing is active."""
        wanted = list(names)
        for name in wanted:
            if self._tenants.get(name) is None:
                self._tenants[name] = await self._tenant(name)
        return {name: self._tenants[name] for name in wanted}

    async def entities(
        self,
        refs: Iterable[Ref],
        tenants: dict[str, Tenant | None],
        at: Place | None = None,
        topic: str = topics.EVENTS,
    ) -> Entities:
        """The entities named, None where there is none; those of inactive tenants are left out.

        Raises:
            ElsewhereError: Redis is not at the place ``at``: they are of another state.
        """
        wanted = [ref for ref in refs if tenants.get(ref[0]) is not None]
        missing = [ref for ref in wanted if ref not in self._entities]
        if missing:
            await self._load(missing, tenants, at, topic)
        return {ref: self._entities[ref] for ref in wanted}

    def keep(self, changed: Iterable[tuple[Ref, Entity | None]]) -> None:
        """Remember what the fence has just written."""
        self._entities.update(changed)
        if len(self.dated) > DATED_HASHES:
            self.dated.clear()
        if len(self._entities) > CACHED_ENTITIES:
            # Oldest first: a dict keeps the order in which entities came in.
            for ref in list(self._entities)[: CACHED_ENTITIES // 2]:
                del self._entities[ref]

    def of_generation(self, tenant: str, target: Tenant, evicted: int) -> Store:
        """A reader of a generation that is being built, with a cache of its own.

        ``evicted``: as of which instant activities were last forgotten in it.
        """
        store = Store(self._redis, self._fence, self._p)
        store._tenants[tenant] = target
        store._evicted = evicted
        return store

    def forget(self, refs: Iterable[Ref]) -> None:
        """Take entities out of the cache."""
        for ref in refs:
            self._entities.pop(ref, None)

    async def owners(self, tenant: str) -> list[str]:
        """Every owner key of a tenant that ever had a number."""
        owners = await self._redis.hkeys(keys.versions(self._p, tenant))
        return [_text(owner) for owner in owners]

    async def all_tenants(self) -> list[str]:
        """The tenants of the partition, sorted."""
        members = await self._redis.smembers(keys.tenants(self._p))
        return sorted(_text(member) for member in members)

    async def position(self, topic: str) -> str | None:
        """The first offset of a lane that is not in the numbers yet; None: it never was written."""
        raw = await self._redis.hget(keys.partition_meta(self._p), keys.next_offset(topic))
        return None if raw is None else _text(raw)

    async def told(self, topic: str) -> str:
        """Up to where the facts of a lane were told; empty where none were."""
        raw = await self._redis.hget(keys.partition_meta(self._p), keys.facts_told(topic))
        return "" if raw is None else _text(raw)

    async def pending(self, tenant: str | None = None) -> dict[str, Pending]:
        """What is to be built, of one tenant or of all: text as it is stored -> what it says."""
        found = await self._redis.hvals(keys.pending(self._p))
        said = {_text(raw): pending.decode(raw) for raw in found}
        return {raw: one for raw, one in said.items() if tenant in (None, one.tenant)}

    async def leaving(self) -> list[tuple[str, int]]:
        """(tenant, generation) whose keys are to go."""
        fields = [_text(raw) for raw in await self._redis.hkeys(keys.leaving(self._p))]
        split = [field.split(":", 1) for field in fields]
        return [(tenant, int(number)) for number, tenant in split]

    async def progress(self, tenant: str, generation: int) -> Progress | None:
        """How far a build is; None where it was not begun."""
        raw = await self._redis.hgetall(keys.building(self._p, tenant, generation))
        return pending.progress_of({_text(name): _text(value) for name, value in raw.items()})

    async def evicted(self) -> int:
        """The instant of the last eviction, ms UTC; 0 before the first."""
        if self._evicted is None:
            raw = await self._redis.hget(keys.partition_meta(self._p), keys.EVICTED)
            self._evicted = int(raw or 0)
        return self._evicted

    def forgot(self, at: int) -> None:
        """In a generation that is being built, an eviction took place."""
        self._evicted = max(self._evicted or 0, at)

    async def generation_keys(self, tenant: str, generation: int) -> AsyncIterator[list[str]]:
        """Every key of one generation, in lists."""
        pattern = keys.generation(self._p, tenant, generation)
        cursor = 0
        while True:
            cursor, found = await self._redis.scan(cursor, match=pattern, count=1_000)
            if found:
                yield [_text(name) for name in found]
            if not cursor:
                return

    async def activities(
        self, tenant: str, live: Tenant
    ) -> AsyncIterator[tuple[str, dict[str, Entity]]]:
        """(hash, activities in it) for every bucket that holds any."""
        for first in range(0, keys.ENTITY_BUCKETS, _BUCKETS_AT_ONCE):
            names = [
                keys.entities(self._p, tenant, live.generation, first + i)
                for i in range(_BUCKETS_AT_ONCE)
            ]
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hkeys(name)
                found = await pipe.execute()
            for name, members in zip(names, found, strict=True):
                ids = [_text(key) for key in members if _text(key).startswith("a:")]
                if ids:
                    yield name, await self._unpacked(name, ids)

    async def _unpacked(self, name: str, ids: list[str]) -> dict[str, Entity]:
        packed = await self._redis.hmget(name, ids)
        pairs = zip(ids, packed, strict=True)
        return {key: unpack(raw) for key, raw in pairs if raw is not None}

    @property
    def cached(self) -> int:
        """How many entities are held."""
        return len(self._entities)

    async def _tenant(self, name: str) -> Tenant | None:
        fields = [keys.LIVE, keys.MEANING]
        live, meaning = await self._redis.hmget(keys.tenant_meta(self._p, name), fields)
        if not live or not meaning:
            return None
        tenant = Tenant(int(live), _meaning.decode(meaning))
        if tenant.meaning.code != CODE:
            # Its entities were read by other rules: right again with the next generation.
            told = {"tenant": name, "counted_by": tenant.meaning.code, "this_is": CODE}
            log.warning("numbers of another version: run `paceline apply`", **told)
        return tenant

    async def _load(
        self, refs: list[Ref], tenants: dict[str, Tenant | None], at: Place | None, topic: str
    ) -> None:
        buckets: dict[str, list[str]] = {}
        order: dict[str, list[Ref]] = {}
        for ref in refs:
            tenant = tenants[ref[0]]
            assert tenant is not None  # noqa: S101 - the caller left the others out
            bucket = keys.entity_bucket(ref[1])
            name = keys.entities(self._p, ref[0], tenant.generation, bucket)
            buckets.setdefault(name, []).append(ref[1])
            order.setdefault(name, []).append(ref)
        held, answers = await self._fence.load(self._p, topic, buckets)
        if at is not None and held != at:
            raise ElsewhereError(held)
        wanted = (ref for members in order.values() for ref in members)
        for ref, raw in zip(wanted, answers, strict=True):
            self._entities[ref] = unpack(raw) if raw is not None else None


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode()
