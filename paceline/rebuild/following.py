"""How far a rebuild is.

In: Redis, SQL, a tenant and a generation. Out: one look at it after another. Guarantee: it only
reads; the build goes on whether somebody looks or not.
"""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import archive, generations
from paceline.sql.engine import reading
from schemas import keys, pending, topics


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Where a generation is on its way."""

    live: int
    """The generation that readers see; 0: none."""
    published: bool
    """Its activation is in the log."""
    waiting: bool
    """The aggregator knows that it is to be built."""
    held: bool
    done: int
    """Events folded."""
    total: int
    """Records of the tenant that are archived."""
    whole: bool
    """It holds exactly what the live numbers held at the time of the look."""
    position: int
    """Up to where the live numbers were counted by then."""
    restoring: bool


async def total(engine: AsyncEngine, partitions: int, tenant: str) -> int:
    """How many records of the tenant are archived."""
    async with reading(engine) as session:
        return await archive.count(session, topics.partition_of(tenant, partitions), tenant)


async def look(
    redis: Redis, engine: AsyncEngine, partitions: int, tenant: str, generation: int, records: int
) -> Look:
    """One look; ``records``: see ``total``."""
    p = topics.partition_of(tenant, partitions)
    fields = [keys.INCARNATION, keys.next_offset(topics.EVENTS), keys.next_offset(topics.BACKFILL)]
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hmget(keys.partition_meta(p), [*fields, keys.RESTORING])
        pipe.hget(keys.tenant_meta(p, tenant), keys.LIVE)
        pipe.hget(keys.pending(p), keys.of_generation(tenant, generation))
        pipe.hgetall(keys.building(p, tenant, generation))
        place, live, raw, build = await pipe.execute()
    incarnation, position, slow, restoring = [_text(one or b"") for one in place]
    progress = pending.progress_of({_text(name): _text(value) for name, value in build.items()})
    async with reading(engine) as session:
        known = await generations.find(session, tenant, generation)
    here = (incarnation, int(position or 0), int(slow or 0))
    return Look(
        live=int(live or 0),
        published=known is not None and known.published_at is not None,
        waiting=raw is not None,
        held=raw is not None and pending.decode(raw).held,
        done=progress.done if progress else 0,
        total=records,
        whole=progress is not None and (progress.log, progress.live, progress.slow) == here,
        position=here[1],
        restoring=bool(restoring),
    )


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode()
