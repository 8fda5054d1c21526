"""Eviction: activities that were quiet for their tenant's retention are forgotten.

In: the instant of the control record. Out: what marks it done, as a blob for the fence. Guarantee:
what they counted stays counted; repeating an eviction changes nothing. Deals are never forgotten.
"""

from __future__ import annotations

from kpi.activity import last_change
from kpi.fold import DAY_MS
from schemas import keys
from services.aggregator.blob import Blob
from services.aggregator.owned import Owned


async def evict(owned: Owned, at: int) -> Blob:
    """Forget the quiet activities of every tenant of the partition, as of ``at`` (ms UTC)."""
    blob = Blob(owned.partition)
    if await owned.store.evicted() < at:
        for tenant in await owned.store.all_tenants():
            await forget(owned, tenant, at)
    blob.maxima.append((keys.partition_meta(owned.partition), keys.EVICTED, str(at)))
    blob.clock(at)
    return blob


async def forget(owned: Owned, tenant: str, at: int) -> None:
    """Forget the quiet activities of one tenant, in the generation that the store reads."""
    live = (await owned.store.tenants([tenant]))[tenant]
    if live is None:
        return
    cutoff = at - live.meaning.entity_retention_days * DAY_MS
    async for name, activities in owned.store.activities(tenant, live):
        quiet = [key for key, entity in activities.items() if last_change(entity) < cutoff]
        if quiet:
            await owned.write([("HDEL", name, quiet)])
            owned.store.forget([(tenant, key) for key in quiet])
