"""Activation: from a control record on, a tenant's numbers have another meaning.

In: the activation and its place in the log. Out: what switches the tenant to it, as a blob for the
fence. Guarantee: readers see the old generation until the one script that moves the position past
the activation; the new one was by then built from every record before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from redis.exceptions import RedisError

from kpi.fold import Fold, Tenant, refs_of
from schemas import keys, topics
from schemas.envelope import Activate, EntityPatch, Event, Evict, decode
from schemas.facts import TenantFacts
from services.aggregator.blob import Blob, Purpose, blob_of, now_ms
from services.aggregator.eviction import forget
from services.aggregator.fence import Answer, Position
from services.aggregator.owned import Archived, FencedError, Owned

log = structlog.get_logger()

OLD_GENERATION_KEPT_MS = 15 * 60_000
"""How long a reader that began on the old generation may go on reading it."""

_WAIT_S = 0.1
_OLDER = 3
"""How many generations back a crash may have left keys that were not told to go."""


async def activate(owned: Owned, control: Event, place: Position) -> Blob:
    """The blob that makes the activation's generation live; an empty one where it is live already.

    Raises:
        FencedError: the partition is another owner's.
    """
    assert isinstance(control.data, Activate)  # noqa: S101 - asked for by its kind
    target = Tenant(control.data.generation, control.data.meaning)
    live = (await owned.store.tenants([control.tenant]))[control.tenant]
    blob = Blob(owned.partition)
    if live is not None and live.generation >= target.generation:
        # Unless Redis went back since we looked: then it is not live any more.
        meta = keys.tenant_meta(owned.partition, control.tenant)
        blob.generations.append((meta, str(live.generation)))
        return blob
    if live is not None:
        build = _Build(owned, control.tenant, target, place)
        await build.run()
        build.check(blob)
    _switch(blob, control.tenant, target)
    if live is not None:
        await _announce(blob, owned, control.tenant, place)
    return blob


async def expire_older(owned: Owned, tenant: str, generation: int) -> None:
    """Let the generations before this one go, once nobody can begin to read them."""
    kept = [str(OLD_GENERATION_KEPT_MS)]
    for older in range(max(1, generation - _OLDER), generation):
        async for names in owned.store.generation_keys(tenant, older):
            await owned.write([("PEXPIRE", name, kept) for name in names])


def _switch(blob: Blob, tenant: str, target: Tenant) -> None:
    meaning = msgspec.json.encode(target.meaning).decode()
    meta = keys.tenant_meta(blob.partition, tenant)
    blob.sets.append((meta, [keys.LIVE, str(target.generation), keys.MEANING, meaning]))
    blob.members.append((keys.tenants(blob.partition), tenant))
    blob.told.append(TenantFacts(tenant, target.generation, []))


async def _announce(blob: Blob, owned: Owned, tenant: str, place: Position) -> None:
    """Tell readers that every owner's numbers may have changed."""
    owners = await owned.store.owners(tenant)
    entry = ["t", tenant, "o", msgspec.json.encode(owners).decode(), "off", str(place.start)]
    entry += ["r", "0", "i", place.incarnation]
    blob.changes.append((keys.changes(owned.partition), entry))


class _Build:
    """Folds a tenant's archive up to a place into the new generation's own keys.

    The position stands still meanwhile, so it cannot tell whether Redis lost a batch of it: a
    count of batches, kept beside them, does.
    """

    def __init__(self, owned: Owned, tenant: str, target: Tenant, place: Position) -> None:
        self._owned = owned
        self._tenant = tenant
        self._target = target
        self._place = place
        self._store = owned.store.of_generation(tenant, target)
        self._progress = keys.building(owned.partition, tenant, target.generation)
        self._batches = 0
        self._lane = topics.EVENTS

    async def run(self) -> None:
        """Build it all."""
        owned, place = self._owned, self._place
        await _archived_up_to(owned, place)
        # What a crashed attempt left would be counted twice.
        await _drop(owned, self._tenant, self._target.generation)
        async for page in owned.archive.replay(owned.partition, tenant=self._tenant):
            end = owned.backfill if page[0].topic == topics.BACKFILL else place.start
            before = [record for record in page if not _at_or_after(record, place, end)]
            self._lane = page[0].topic
            await self._fold_page(before)

    def check(self, blob: Blob) -> None:
        """Let the fence answer STALE unless Redis holds every batch."""
        blob.generations.append((self._progress, str(self._batches) if self._batches else ""))

    async def _fold_page(self, records: Sequence[Archived]) -> None:
        pending: list[tuple[int, Event]] = []
        for record in records:
            event = _event(record)
            if event is None:
                continue
            if isinstance(event.data, EntityPatch) and event.tenant == self._tenant:
                pending.append((record.offset, event))
            elif isinstance(event.data, Evict):
                await self._fold(pending)
                pending = []
                await forget(self._owned._replace(store=self._store), self._tenant, event.data.at)
                self._store.forgot(event.data.at)
        await self._fold(pending)

    async def _fold(self, events: list[tuple[int, Event]]) -> None:
        """One batch; what the domain cannot take was made a dead letter when it was live."""
        try:
            if events:
                await self._write(await self._folded(events))
        except (FencedError, RedisError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - poison must not stop a rebuild
            if len(events) == 1:
                log.warning("left out of a rebuild", offset=events[0][0], error=repr(error))
                return
            for event in events:
                await self._fold([event])

    async def _folded(self, events: list[tuple[int, Event]]) -> tuple[Fold, Blob]:
        tenants = await self._store.tenants([self._tenant])
        entities = await self._store.entities(refs_of(events), tenants)
        evicted = None if self._lane == topics.BACKFILL else await self._store.evicted()
        fold = Fold(tenants, entities, evicted)
        missing = fold.missing()
        if missing:
            fold.entities.update(await self._store.entities(missing, tenants))
        fold.apply_all(events)
        owned = self._owned
        blob = blob_of(fold, owned.partition, self._place.incarnation, now_ms(), Purpose.BUILD)
        return fold, blob

    async def _write(self, folded: tuple[Fold, Blob]) -> None:
        fold, blob = folded
        self.check(blob)
        blob.sets.append((self._progress, [keys.LIVE, str(self._batches + 1)]))
        owned = self._owned
        answer, _ = await owned.fence.apply(owned.partition, self._place, blob.encode())
        if answer is not Answer.OK:
            raise FencedError
        self._batches += 1
        self._store.keep((ref, fold.entities[ref]) for ref in fold.last)


def _at_or_after(record: Archived, place: Position, end: int) -> bool:
    return record.incarnation == place.incarnation and record.offset >= end


async def _archived(owned: Owned, place: Position) -> bool:
    """Whether both lanes are archived as far as they are counted."""
    p, log_ = owned.partition, place.incarnation
    if await owned.archive.end(p, log_) < place.start:
        return False
    wanted = owned.backfill
    return not wanted or await owned.archive.end(p, log_, topic=topics.BACKFILL) >= wanted


async def _archived_up_to(owned: Owned, place: Position) -> None:
    waited = 0
    while not await _archived(owned, place):
        if owned.given_up():
            # The log may have been born again: nobody will ever archive the rest of this one.
            raise FencedError
        if waited % 100 == 0:
            log.info("waiting for the archive", partition=owned.partition, offset=place.start)
        waited += 1
        await asyncio.sleep(_WAIT_S)


def _event(record: Archived) -> Event | None:
    try:
        return decode(record.payload)
    except ValueError:
        return None  # it is a dead letter, and was never in the numbers


async def _drop(owned: Owned, tenant: str, generation: int) -> None:
    async for names in owned.store.generation_keys(tenant, generation):
        await owned.write([("UNLINK", name, []) for name in names])
