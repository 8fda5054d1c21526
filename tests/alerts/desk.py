"""A desk beside the tests' world: rules, looks as the partition's owner makes them, and what came.

In: a world. Out: alerts. Guarantee: plans, looks and the fence are production code; only the clock
and the log's offsets are the test's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paceline.alerting.keeping import Kept
from paceline.alerting.looking import Looker
from paceline.progress.reading.directory import SqlDirectory
from paceline.progress.reading.reader import Reader
from paceline.progress.teller import Teller
from paceline.sql.engine import reading
from paceline.sql.items import tenants_with_rules
from schemas import alerts, keys, topics
from schemas.alerts import Alert
from services.aggregator.alerts import Alerts, Planner
from services.aggregator.fence import Answer, Fence, Place, Position
from tests.api.world import INCARNATION, PARTITIONS, World, ms


class Desk:
    """The owner of the world's partition."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.offset = 100
        world.now = ms("2026-11-16T14:59:00Z")
        self._fence = Fence(world.redis, memory_flags=False)
        self.restart()

    def restart(self) -> None:
        """Another worker takes over: it knows nothing but what Redis and SQL hold."""
        directory = SqlDirectory(self.world.engine, ttl_s=0)
        reader = Reader(self.world.redis, PARTITIONS)
        self.alerts = Alerts(self.world.redis, directory, Looker(Teller(reader), reader))
        self.planner = Planner(self.world.redis, directory, self.world.engine, PARTITIONS)

    async def plan(self) -> None:
        """What the owner does every second: notice new rules and targets."""
        world = self.world
        async with reading(world.engine) as session:
            tenants = await tenants_with_rules(session)
        commands = await self.planner.commands(world.partition, tenants, world.now)
        await self._fence.write(world.partition, "1", commands)

    async def touch(self, *owners: str, late: bool = False) -> None:
        """Owners whose numbers changed, as the fence marks them."""
        for owner in owners:
            member = keys.touch(self.world.tenant, f"hub/{owner}", late=late)
            await self.world.redis.zadd(keys.due(self.world.partition), {member: 0})

    async def look(self, at: str | None = None) -> list[Alert]:
        """One look record; what it told."""
        world, p = self.world, self.world.partition
        if at is not None:
            world.now = ms(at)
            await world.redis.hset(keys.partition_meta(p), keys.CLOCK, str(world.now))
            await world.redis.hset(
                keys.tenant_meta(p, world.tenant), keys.seen("hub"), str(world.now)
            )
        place = Place(INCARNATION, self.offset)
        blob = await self.alerts.look(p, world.now, place)
        await world.redis.hset(
            keys.partition_meta(p), keys.next_offset(topics.EVENTS), str(self.offset)
        )
        position = Position("1", INCARNATION, topics.EVENTS, self.offset, self.offset + 1, 0)
        answer, _ = await self._fence.apply(p, position, blob.encode())
        assert answer is Answer.OK
        self.offset += 1
        return await self.told()

    async def told(self) -> list[Alert]:
        """What waits in the outbox; it is taken out."""
        stream = keys.alerts(self.world.partition)
        entries: Any = await self.world.redis.xrange(stream)
        for entry, _ in entries:
            await self.world.redis.xdel(stream, entry)
        return [alerts.decode(fields[b"l"]) for _, fields in entries]

    async def kept(self, field: str) -> Kept:
        """The states of a rule and subject."""
        raw = await self.world.redis.hget(
            keys.alert_states(self.world.partition, self.world.tenant), field
        )
        assert raw is not None
        return msgspec.json.decode(raw, type=Kept)

    async def due(self) -> dict[str, float]:
        """Who is to be looked at when."""
        found: Any = await self.world.redis.zrange(
            keys.due(self.world.partition), 0, -1, withscores=True
        )
        return {"/".join(keys.parts_of_due(raw.decode())): score for raw, score in found}
