"""Asking the servers.

In: settings. Out: facts, or an exception of the server's own client. Guarantee: every question has
a time limit.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.checkup.facts import KafkaFacts, RedisFacts, RedisPartition, SqlFacts
from paceline.kafka import read_incarnation
from paceline.redis import make_client, server_facts, shown
from paceline.settings import Settings
from paceline.sql import archive, generations
from paceline.sql.engine import engine_for, reading
from paceline.sql.migrate import SchemaError, head, require_current
from paceline.sql.models import DeadLetterRow
from paceline.sql.org import list_tenants
from schemas import keys, topics

TIMEOUT_S = 8.0
_POLL_MS = 200


async def kafka(settings: Settings) -> KafkaFacts:
    """The log's brokers, topics, identity and ends."""
    async with asyncio.timeout(TIMEOUT_S):
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=5_000)
        try:
            await admin.start()
            cluster = await admin.describe_cluster()
            found = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics()}
        finally:
            await admin.close()
        return KafkaFacts(
            brokers=[f"{b['host']}:{b['port']}" for b in cluster["brokers"]],
            topics=dict(sorted(found.items())),
            incarnation=await read_incarnation(settings.kafka),
            ends=await ends(settings.kafka, found.get(topics.EVENTS, 0)),
        )


async def ends(bootstrap: str, partitions: int) -> dict[int, int]:
    """The offset after the last record of each partition of ``crm.events``.

    By the high watermark of a fetch: the embedded broker answers ListOffsets with the beginning of
    the last batch plus one, too low by up to a batch.
    """
    if not partitions:
        return {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, fetch_max_wait_ms=50
    )
    try:
        await consumer.start()
        return await _highwaters(consumer, partitions)
    finally:
        await consumer.stop()


async def _highwaters(consumer: AIOKafkaConsumer, partitions: int) -> dict[int, int]:
    wanted = [TopicPartition(topics.EVENTS, p) for p in range(partitions)]
    consumer.assign(wanted)
    first, last = await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)
    for tp in wanted:
        consumer.seek(tp, max(first[tp], last[tp] - 1))
    while any(consumer.highwater(tp) is None for tp in wanted):
        await consumer.getmany(timeout_ms=_POLL_MS)
    return {tp.partition: int(consumer.highwater(tp)) for tp in wanted}


async def redis(settings: Settings) -> RedisFacts:
    """The server, and what it holds of each partition."""
    client = make_client(settings.redis, connections=4)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            facts = await server_facts(client)
            memory = await client.info("memory")
            return RedisFacts(
                address=shown(settings.redis),
                version=facts.version,
                policy=facts.policy,
                memory=int(memory.get("used_memory", 0)),
                maxmemory=facts.maxmemory,
                partitions={p: await partition(client, p) for p in range(settings.partitions)},
            )
    finally:
        await client.aclose()


async def partition(client: Redis, p: int) -> RedisPartition:
    """What Redis holds of one partition."""
    names = [keys.EPOCH, keys.INCARNATION, keys.next_offset(topics.EVENTS)]
    names += [keys.RESTORING, keys.CLOCK]
    found = await client.hmget(keys.partition_meta(p), names)
    epoch, incarnation, offset, restoring, clock = [_text(one) for one in found]
    return RedisPartition(
        epoch=epoch,
        incarnation=incarnation,
        next_offset=None if offset is None else int(offset),
        restoring=restoring is not None,
        clock=None if clock is None else int(clock),
        letters=await client.xlen(keys.dead(p)),
    )


def _text(raw: bytes | str | None) -> str | None:
    return raw.decode() if isinstance(raw, bytes) else raw


async def sql(settings: Settings, incarnation: str | None) -> SqlFacts:
    """The schema, and what is waiting or dead; of the archive, how far it has ``incarnation``."""
    engine = engine_for(settings.sql)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            try:
                await require_current(engine)
            except SchemaError as error:
                return _outdated(str(error))
            return await _sql(engine, settings.partitions, incarnation)
    finally:
        await engine.dispose()


def _outdated(said: str) -> SqlFacts:
    return SqlFacts(revision=said, head=head(), tenants=[], unpublished=[], dead={}, archived={})


async def _sql(engine: AsyncEngine, partitions: int, incarnation: str | None) -> SqlFacts:
    async with reading(engine) as session:
        waiting = await generations.unpublished(session)
        return SqlFacts(
            revision=head(),
            head=head(),
            tenants=await list_tenants(session),
            unpublished=[f"{one.tenant}/{one.generation}" for one in waiting],
            dead=await _dead(session),
            archived=await archived(session, partitions, incarnation),
        )


async def archived(
    session: AsyncSession, partitions: int, incarnation: str | None
) -> dict[int, int]:
    """By partition: how far the archive has a log."""
    if incarnation is None:
        return {}
    return {p: await archive.end(session, p, incarnation) for p in range(partitions)}


async def _dead(session: AsyncSession) -> dict[str, int]:
    """Of all tenants: an operator's count, without anything of a letter's content."""
    query = (
        select(DeadLetterRow.stage, DeadLetterRow.reason, func.count())
        .where(DeadLetterRow.replayed_at.is_(None))
        .group_by(DeadLetterRow.stage, DeadLetterRow.reason)
    )
    return {f"{stage}/{reason}": n for stage, reason, n in await session.execute(query)}


def journal(folder: Path) -> int:
    """Bytes in ingest's journal, where its folder is on this machine."""
    return sum(file.stat().st_size for file in (folder / "journal").glob("*.journal"))
