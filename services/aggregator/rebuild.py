"""Rebuild: a tenant's numbers anew, beside the live ones.

In: generations that are to be built, the archive, the log's end. Out: their keys; then they are the
live ones. Guarantee: the build is another lane of the fence, with a place of its own, so it goes on
after a crash and counts each record once; readers see the old generation until the one script that
switches, which is refused unless the build holds exactly the records that the live numbers hold.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec
import structlog
from redis.exceptions import RedisError

from kpi.fold import Tenant
from paceline import metrics
from schemas import keys
from schemas.pending import Pending
from services.aggregator.activation import leave, switch
from services.aggregator.blob import Blob, now_ms
from services.aggregator.building import (
    Build,
    ends_of,
    opened,
    pages_of,
    pass_over,
    pieces_of,
    place_of,
    reached_by,
)
from services.aggregator.owned import FencedError, MovedError
from services.aggregator.partition import LostError, Partition, RebornError
from services.aggregator.worker import Worker

log = structlog.get_logger()

OLD_GENERATION_KEPT_MS = 15 * 60_000
"""How long a reader that began on a generation may go on reading it."""

IDLE_S = 0.25
BESIDE_S = 0.005
"""Between two scripts while live events wait: they come first."""
BESIDE_EVENTS = 100
"""How many events one script folds meanwhile."""
NEAR = 20_000
"""So many records before the live numbers a build waits for the switch, and not for the archive."""
PATIENCE_S = 2.0
"""How long the partition may wait for the ledger to archive what is counted already."""
AGAIN_S = 5.0
_POLL_S = 0.01

_AWAY = (RedisError, OSError, TimeoutError)


@dataclass(slots=True)
class Rebuilder:
    """All builds of one worker."""

    worker: Worker
    _builds: dict[tuple[int, str, int], Build] = field(default_factory=dict)

    async def look(self) -> bool:
        """Some work for every owned partition; whether there is more."""
        more = False
        waiting = 0
        for partition in list(self.worker.partitions.values()):
            try:
                pending = await partition.store.pending()
                waiting += len(pending)
                self._forget(partition, pending)
                await self._clear(partition)
                for raw, one in pending.items():
                    more |= await self._work(partition, raw, one)
            except (FencedError, MovedError, LostError, RebornError) as reason:
                log.info("rebuild begins again", partition=partition.number, reason=repr(reason))
                self._forget(partition, {})
        metrics.GENERATIONS_BUILDING.set(waiting)
        return more

    def _forget(self, partition: Partition, pending: dict[str, Pending]) -> None:
        """Drop what is not to be built any more, or was built under another claim."""
        for place, build in list(self._builds.items()):
            old = build.raw not in pending or build.owned.epoch != partition.epoch
            other = build.incarnation != partition.incarnation
            if place[0] == partition.number and (old or other):
                del self._builds[place]

    async def _work(self, partition: Partition, raw: str, one: Pending) -> bool:
        """One page of the archive, or the switch; whether there is more to do at once."""
        place = partition.number, one.tenant, one.generation
        build = self._builds.get(place)
        if build is None:
            build = self._builds[place] = await opened(partition, raw, one)
        try:
            ready = await self._forward(partition, build)
            if not ready:
                return True
            if one.held:
                return False
            return await self._switch(partition, build)
        except BaseException:
            # What Redis holds is not known any more.
            self._builds.pop(place, None)
            raise

    async def _forward(self, partition: Partition, build: Build, *, hurry: bool = False) -> bool:
        """Fold what the archive has up to where the numbers are; True: there is no more."""
        ends = ends_of(partition)
        reached = await reached_by(build, ends)
        at, folded = build.progress, 0
        here = place_of(at)
        if at.log == build.incarnation and all(here[lane] >= reached[lane] for lane in ends):
            return True
        async with aclosing(pages_of(build, ends)) as pages:
            async for page in pages:
                log_, topic = page[0].incarnation, page[0].topic
                most = partition.batch_events if hurry else self._most(partition)
                for piece in pieces_of(page, build.pending.tenant, most):
                    await build.fold(topic, log_, piece)
                    folded += 1
                    if not hurry:
                        await asyncio.sleep(BESIDE_S if self._busy(partition) else 0)
                if folded >= _PIECES_A_LOOK:
                    return False
        await pass_over(build, reached)
        return True

    def _most(self, partition: Partition) -> int:
        return BESIDE_EVENTS if self._busy(partition) else partition.batch_events

    def _busy(self, partition: Partition) -> bool:
        """Whether somebody is folding live events at this moment."""
        return self.worker.lock(partition.number).locked()

    async def _switch(self, partition: Partition, build: Build) -> bool:
        """Let it be the live one, if the archive has all that is counted; no more to do then."""
        if time.monotonic() < build.again_at or partition.position > build.progress.live + NEAR:
            return False
        if not await _archived(partition, build):
            # The ledger is late or away: nobody shall wait for it.
            build.again_at = time.monotonic() + AGAIN_S
            return False
        async with self.worker.lock(partition.number):
            if self.worker.partitions.get(partition.number) is not partition:
                return False
            if not await _archived(partition, build):
                build.again_at = time.monotonic() + AGAIN_S
                return False
            while not await self._forward(partition, build, hurry=True):
                pass
            if not build.at(partition):
                return False
            await _switched(partition, build)
        return False

    async def _clear(self, partition: Partition) -> None:
        """Let the keys of generations go that nobody can begin to read any more."""
        hash_ = keys.leaving(partition.number)
        for tenant, generation in await partition.store.leaving():
            place = keys.of_generation(tenant, generation)
            owned = partition.owned()._replace(expected=(hash_, place, "1"))
            kept = [str(OLD_GENERATION_KEPT_MS)]
            async for names in partition.store.generation_keys(tenant, generation):
                await owned.write([("PEXPIRE", name, kept) for name in names])
            await owned.write([("HDEL", hash_, [place])])


_PIECES_A_LOOK = 20


async def rebuild_for_ever(worker: Worker) -> None:
    """Build what is to be built, until cancelled; an outage is logged and waited for."""
    rebuilder = Rebuilder(worker)
    while True:
        more = False
        try:
            more = await rebuilder.look()
        except _AWAY as error:
            log.warning("rebuild", error=repr(error))
        except Exception:
            log.exception("rebuild")
        await asyncio.sleep(0 if more else IDLE_S)


async def _archived(partition: Partition, build: Build) -> bool:
    """Whether the ledger archives all that is counted within some patience; the numbers stand."""
    ends = ends_of(partition)
    deadline = time.monotonic() + PATIENCE_S
    while await reached_by(build, ends) != ends:
        if partition.given_up or time.monotonic() > deadline:
            log.info("the switch waits for the archive", partition=partition.number)
            return False
        await asyncio.sleep(_POLL_S)
    return True


async def _switched(partition: Partition, build: Build) -> None:
    """One script: the new generation is live, the old one leaves, readers are told."""
    one, p = build.pending, partition.number
    live = (await partition.store.tenants([one.tenant]))[one.tenant]
    assert live is not None  # noqa: S101 - a first generation is not built
    blob = Blob(p)
    blob.generations.append((keys.tenant_meta(p, one.tenant), str(live.generation)))
    build.check(blob)
    switch(blob, one.tenant, Tenant(one.generation, one.meaning))
    leave(blob, one.tenant, [live.generation])
    blob.gone.append((keys.pending(p), keys.of_generation(one.tenant, one.generation)))
    owners = msgspec.json.encode(await partition.store.owners(one.tenant)).decode()
    entry = ["t", one.tenant, "o", owners, "off", str(partition.position)]
    blob.changes.append((keys.changes(p), [*entry, "r", "0", "i", partition.incarnation]))
    await partition.stand(blob)
    seconds = round((now_ms() - build.progress.began) / 1000, 1)
    told = {"events": build.progress.done, "seconds": seconds}
    log.info("rebuilt", tenant=one.tenant, generation=one.generation, **told)
