"""What an owner does by the clock: ticks into the log, dead letters out of Redis.

In: the partitions owned. Out: ``Tick`` and ``Evict`` records in the partition's own log, and the
outboxes ``{p}:dead`` and ``{p}:facts`` on Kafka. Guarantee: a message leaves Redis only once Kafka
has acknowledged it; its id is deterministic, so sending one twice is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kpi.fold import DAY_MS
from paceline import metrics
from schemas import keys, topics
from schemas.envelope import EVICTED, LOOKED, TICKED, Event, Evict, Look, Tick, encode
from services.aggregator.blob import now_ms
from services.aggregator.worker import Worker

log = structlog.get_logger()

_LETTERS = 200
_ALERTS = 200
_FACTS = 50
"""Messages at once; one is the facts of a whole script."""
_CLOCK_S = 0.5


@dataclass(slots=True)
class Relay:
    """The clockwork of one worker."""

    worker: Worker
    redis: Redis
    producer: AIOKafkaProducer
    _ticked: dict[int, int] = field(default_factory=dict)
    _looked: dict[int, int] = field(default_factory=dict)
    """Partition -> the offset of the last look that was written into it."""

    async def letters_for_ever(self, every_s: float) -> None:
        """Send the outboxes of the partitions owned, again and again."""
        while True:
            await _calmly(self.letters())
            await asyncio.sleep(every_s)

    async def ticks_for_ever(self, every_s: float) -> None:
        """Write the clock into the partitions owned, into a new one at once."""
        while True:
            await _calmly(self.tick(now_ms(), round(every_s * 1000)))
            await asyncio.sleep(_CLOCK_S)

    async def letters(self) -> int:
        """Send what waits in the outboxes; how many letters that were."""
        return sum([await self._outbox(p) for p in list(self.worker.partitions)])

    async def facts_for_ever(self, every_s: float) -> None:
        """Send the facts of the partitions owned; where many wait, without a pause."""
        while True:
            sent = await _calmly(self.facts())
            await asyncio.sleep(0 if sent else every_s)

    async def facts(self) -> int:
        """Send what waits in the outboxes of facts; how many messages that were."""
        owned = self.worker.held()
        async with self.redis.pipeline(transaction=False) as pipe:
            for p in owned:
                pipe.xrange(keys.facts(p), count=_FACTS)
            found = await pipe.execute() if owned else []
        sent = 0
        for p, entries in zip(owned, found, strict=True):
            metrics.FACTS_OUTBOX_RECORDS.labels(str(p)).set(len(entries or ()))
            sent += await self._relay(keys.facts(p), entries, topics.FACTS, p)
        return sent

    async def alerts_for_ever(self, every_s: float) -> None:
        """Write looks where somebody is due, and send what was found."""
        while True:
            await _calmly(self.looks(now_ms()))
            await _calmly(self.alerts())
            await asyncio.sleep(every_s)

    async def looks(self, now: int) -> int:
        """A look for each partition in which somebody is due and none is under way."""
        owned = self.worker.partitions
        ready = [p for p, one in owned.items() if one.position > self._looked.get(p, -1)]
        async with self.redis.pipeline(transaction=False) as pipe:
            for p in ready:
                pipe.zrange(keys.due(p), 0, 0, withscores=True)
            first = await pipe.execute() if ready else []
        due = [p for p, found in zip(ready, first, strict=True) if found and found[0][1] <= now]
        look = encode(
            Event(id=f"look:{now}", source="/v1/alerts", type=LOOKED, tenant="", data=Look(at=now))
        )
        sent = [await self.producer.send(topics.EVENTS, look, partition=p) for p in due]
        for p, record in zip(due, await asyncio.gather(*sent), strict=True):
            self._looked[p] = record.offset
        return len(due)

    async def alerts(self) -> int:
        """Send what waits in the outboxes of alerts; how many messages that were.

        They stay for a day: a log that is born again has lost those that the notifier had not read,
        and is sent all of them once more.
        """
        owned = self.worker.held()
        if not owned:
            return 0
        async with self.redis.pipeline(transaction=False) as pipe:
            for p in owned:
                pipe.hmget(keys.alerts_sent(p), ["log", "id"])
            places: Any = await pipe.execute()
        log_id = self.worker.incarnation.encode()
        async with self.redis.pipeline(transaction=False) as pipe:
            for p, (told, last) in zip(owned, places, strict=True):
                after = f"({last.decode()}" if told == log_id and last else "-"
                pipe.xrange(keys.alerts(p), min=after, count=_ALERTS)
            found: Any = await pipe.execute()
        sent = 0
        for p, entries in zip(owned, found, strict=True):
            metrics.ALERTS_OUTBOX_RECORDS.labels(str(p)).set(len(entries or ()))
            sent += await self._send_alerts(p, entries or ())
        return sent

    async def _send_alerts(self, p: int, entries: Any) -> int:
        if not entries:
            return 0
        raws = [fields[b"l"] for _, fields in entries]
        sent = [await self.producer.send(topics.ALERTS, raw, partition=p) for raw in raws]
        await asyncio.gather(*sent)
        place: dict[Any, Any] = {"log": self.worker.incarnation, "id": entries[-1][0]}
        await self.redis.hset(keys.alerts_sent(p), mapping=place)
        kept_from = f"{now_ms() - DAY_MS}-0"
        await self.redis.xtrim(keys.alerts(p), minid=kept_from, approximate=True)
        return len(raws)

    async def _outbox(self, p: int) -> int:
        entries = await self.redis.xrange(keys.dead(p), count=_LETTERS)
        metrics.OUTBOX_RECORDS.labels(str(p)).set(len(entries or ()))
        return await self._relay(keys.dead(p), entries, topics.DEAD, 0)

    async def _relay(self, stream: str, entries: Any, topic: str, partition: int) -> int:
        waiting = [(entry, fields[b"l"]) for entry, fields in entries or () if entry and fields]
        if not waiting:
            return 0
        sent = [await self.producer.send(topic, raw, partition=partition) for _, raw in waiting]
        await asyncio.gather(*sent)
        await self.redis.xdel(stream, *(entry for entry, _ in waiting))
        return len(waiting)

    async def tick(self, now: int, every_ms: int) -> None:
        """A tick for each partition whose last one is so long ago; once a day an eviction too."""
        owned = set(self.worker.partitions)
        self._ticked = {p: at for p, at in self._ticked.items() if p in owned}
        due = [p for p in owned if now - self._ticked.get(p, 0) >= every_ms]
        await _send(self.producer, [(p, event) for p in due for event in await self._due(p, now)])
        self._ticked.update(dict.fromkeys(due, now))

    async def _due(self, p: int, now: int) -> list[Event]:
        due = [
            Event(id=f"tick:{now}", source=_source(p), type=TICKED, tenant="", data=Tick(at=now))
        ]
        last = int(await self.redis.hget(keys.partition_meta(p), keys.EVICTED) or 0)
        if now // DAY_MS > last // DAY_MS:
            evict = Event(
                id=f"evict:{now}", source=_source(p), type=EVICTED, tenant="", data=Evict(at=now)
            )
            due.append(evict)
        return due


def _source(p: int) -> str:
    return f"/v1/partitions/{p}"


async def _send(producer: AIOKafkaProducer, records: Iterable[tuple[int, Event]]) -> None:
    sent = [await producer.send(topics.EVENTS, encode(event), partition=p) for p, event in records]
    await asyncio.gather(*sent)


async def _calmly(work: Awaitable[int | None]) -> int:
    try:
        return await work or 0
    except (KafkaError, RedisError, OSError, TimeoutError) as error:
        log.warning("relay", error=repr(error))
        return 0
