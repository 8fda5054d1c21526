"""Restore: a partition's numbers put back from the archive.

In: a claimed partition whose Redis was emptied, or whose position the log no longer has. Out: the
same partition, caught up with the archive. Guarantee: exact, and resumable: a crash in the middle
goes on from the position reached, because every step is a batch through the fence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog

from kpi.fold import Tenant
from schemas import keys, topics
from schemas.envelope import decode
from schemas.pending import shall_be_live
from services.aggregator.batch import Batch
from services.aggregator.fence import Claim
from services.aggregator.owned import Archived, MovedError, Owned
from services.aggregator.partition import Partition

log = structlog.get_logger()


class _Record(NamedTuple):
    offset: int
    value: bytes


async def restore(partition: Partition, claim: Claim, incarnation: str) -> None:
    """Bring a claimed partition to the archive's end, then under ``incarnation``.

    Raises:
        FencedError: somebody else claimed it meanwhile; he goes on from where we were.
        MovedError: Redis lost its tail meanwhile; to be begun again.
    """
    owned = partition.owned()
    meta = keys.partition_meta(partition.number)
    if not claim.before:
        await _preset(partition, owned)
    await owned.write([("HSET", meta, [keys.RESTORING, "1"])])
    _under(partition, claim.before)
    await _catch_up(partition, owned, (claim.before, claim.position) if claim.before else None)
    await _adopt(partition, owned, incarnation)
    # Asked before the last pages are read: the ledger writes on, and what it writes after them
    # must be read from the log.
    end = await owned.archive.end(partition.number, incarnation)
    await _catch_up(partition, owned, (incarnation, partition.position))
    await _skip_unarchived(partition, end)
    await owned.write([("HDEL", meta, [keys.RESTORING])])
    log.info("restored", partition=partition.number, position=partition.position)


async def needed(partition: Partition, claim: Claim, incarnation: str) -> bool:
    """Whether the archive has what neither Redis nor the log may give any more."""
    if claim.restoring:
        return True
    if not claim.before:
        return await _any(partition)
    if claim.before == incarnation:
        return False
    return await partition.archive.end(partition.number, claim.before) > claim.position


async def _any(partition: Partition) -> bool:
    async for page in partition.archive.replay(partition.number):
        return bool(page)
    return False


async def _preset(partition: Partition, owned: Owned) -> None:
    """Give every tenant its last generation from the start, so that nothing is built twice."""
    told = map(decode, await owned.archive.activations(partition.number))
    for tenant, last in shall_be_live(told).items():
        live = Tenant(last.generation, last.meaning)
        await owned.write(_activation(partition.number, tenant, live))
    partition.store.drop()


def _activation(p: int, tenant: str, live: Tenant) -> list[tuple[str, str, list[str]]]:
    meaning = msgspec.json.encode(live.meaning).decode()
    fields = [keys.LIVE, str(live.generation), keys.MEANING, meaning]
    return [
        ("HSET", keys.tenant_meta(p, tenant), fields),
        ("SADD", keys.tenants(p), [tenant]),
    ]


def _by_incarnation(page: Sequence[Archived]) -> list[list[Archived]]:
    groups: list[list[Archived]] = []
    for record in page:
        if groups and _log(groups[-1][0]) == _log(record):
            groups[-1].append(record)
        else:
            groups.append([record])
    return groups


async def _catch_up(partition: Partition, owned: Owned, start: tuple[str, int] | None) -> None:
    beside = partition.beside.position if partition.beside else 0
    pages = owned.archive.replay(partition.number, start=start, backfill_from=beside)
    async for page in pages:
        for group in _by_incarnation(page):
            await _replay(partition, owned, group)


async def _replay(partition: Partition, owned: Owned, group: Sequence[Archived]) -> None:
    await _adopt(partition, owned, group[0].incarnation)
    records = [_Record(record.offset, record.payload) for record in group]
    # Ticks are not archived and records may be compacted away: the batch starts at the position.
    end = records[-1].offset + 1
    lane = _lane(partition, group[0].topic)
    await lane.process(Batch(lane.position, end, records))
    if lane.position < end:
        # Redis lost its tail meanwhile; the next page would leave a hole.
        raise MovedError(end)


async def _adopt(partition: Partition, owned: Owned, incarnation: str) -> None:
    """Follow the log to another incarnation, from its beginning."""
    if partition.incarnation == incarnation:
        return
    position = [keys.INCARNATION, incarnation, keys.next_offset(topics.EVENTS), "0"]
    position += [keys.next_offset(topics.BACKFILL), "0"]
    meta = keys.partition_meta(partition.number)
    told = [keys.facts_told(topic) for topic in (topics.EVENTS, topics.BACKFILL)]
    up_to = [await owned.store.told(topic) for topic in (topics.EVENTS, topics.BACKFILL)]
    if partition.incarnation:
        left = msgspec.json.encode([partition.incarnation, *up_to]).decode()
        position += [keys.LEFT, left]
    await owned.write([("HSET", meta, position), ("HDEL", meta, told)])
    _under(partition, incarnation)
    for lane in (partition, partition.beside):
        if lane is not None:
            lane.position, lane.unset = 0, "0"


def _under(partition: Partition, incarnation: str) -> None:
    for lane in (partition, partition.beside):
        if lane is not None:
            lane.incarnation = incarnation


def _lane(partition: Partition, topic: str) -> Partition:
    """The lane of a record; where there is none (a lane that is not worked on), the claim's own."""
    if topic == partition.topic:
        return partition
    if partition.beside is None:
        partition.with_backfill()
    assert partition.beside is not None  # noqa: S101 - just made
    return partition.beside


async def fill_backfill(partition: Partition) -> None:
    """Count from the archive what the log of the slow lane no longer has."""
    owned, here = partition.owned(), (partition.incarnation, partition.position)
    lane = _lane(partition, topics.BACKFILL)
    async for page in owned.archive.replay(
        partition.number, start=here, backfill_from=lane.position
    ):
        for group in _by_incarnation(page):
            if _log(group[0]) == (partition.incarnation, topics.BACKFILL):
                await _replay(partition, owned, group)


def _log(record: Archived) -> tuple[str, str]:
    return record.incarnation, record.topic


async def _skip_unarchived(partition: Partition, end: int) -> None:
    """Pass over ticks at the archive's end: they were seen, and are not worth archiving."""
    if end > partition.position:
        await partition.process(Batch(partition.position, end, ()))
