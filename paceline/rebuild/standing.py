"""How a generation stands beside the live one, in one transaction.

In: Redis, a partition, a tenant, a generation. Out: both places in the log. Guarantee: of one
moment, so that ``whole`` is the truth of that moment.
"""

from __future__ import annotations

from typing import NamedTuple

from redis.asyncio import Redis

from schemas import keys, pending, topics
from schemas.pending import Pending, Progress


class Standing(NamedTuple):
    """One look."""

    live: int
    """The generation that readers see; 0: none."""
    position: int
    """Up to where ``crm.events`` is in the live numbers."""
    slow: int
    """Up to where ``crm.backfill`` is."""
    restoring: bool
    pending: Pending | None
    """What is to be built; None: not this generation, or no more."""
    progress: Progress | None
    whole: bool
    """It holds exactly what the live numbers hold."""


async def standing(redis: Redis, p: int, tenant: str, generation: int) -> Standing:
    """Look."""
    lanes = [keys.next_offset(topic) for topic in (topics.EVENTS, topics.BACKFILL)]
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hmget(keys.partition_meta(p), [keys.INCARNATION, *lanes, keys.RESTORING])
        pipe.hget(keys.tenant_meta(p, tenant), keys.LIVE)
        pipe.hget(keys.pending(p), keys.of_generation(tenant, generation))
        pipe.hgetall(keys.building(p, tenant, generation))
        place, live, raw, build = await pipe.execute()
    log, position, slow = text(place[0] or b""), int(place[1] or 0), int(place[2] or 0)
    at = pending.progress_of({text(name): text(value) for name, value in build.items()})
    return Standing(
        live=int(live or 0),
        position=position,
        slow=slow,
        restoring=bool(place[3]),
        pending=pending.decode(raw) if raw is not None else None,
        progress=at,
        whole=at is not None and (at.log, at.live, at.slow) == (log, position, slow),
    )


def text(raw: bytes | str) -> str:
    """What Redis answers, as text."""
    return raw if isinstance(raw, str) else raw.decode()
