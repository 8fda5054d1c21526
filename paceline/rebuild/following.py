"""How far a rebuild is.

In: Redis, SQL, a tenant and a generation. Out: one look at it after another. Guarantee: it only
reads; the build goes on whether somebody looks or not.
"""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.rebuild.standing import standing
from paceline.sql import archive, generations
from paceline.sql.engine import reading
from schemas import topics


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
    here = await standing(redis, topics.partition_of(tenant, partitions), tenant, generation)
    async with reading(engine) as session:
        known = await generations.find(session, tenant, generation)
    return Look(
        live=here.live,
        published=known is not None and known.published_at is not None,
        waiting=here.pending is not None,
        held=here.pending is not None and here.pending.held,
        done=here.progress.done if here.progress else 0,
        total=records,
        whole=here.whole,
        position=here.position,
        restoring=here.restoring,
    )
