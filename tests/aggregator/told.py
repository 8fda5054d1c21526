"""What Acme's CRM told, in few words, and one worker that listens.

In: times as ``2026-03-28 10:00`` UTC. Out: events, and a worker on a real Redis whose numbers,
entities and dead letters can be looked at.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from schemas import dead, keys
from schemas.dead import DeadLetter
from schemas.envelope import (
    ACTIVATED,
    DISCARDED,
    EVICTED,
    PATCHED,
    RELEASED,
    Activate,
    Discard,
    EntityKind,
    EntityPatch,
    Event,
    Evict,
    Op,
    Release,
    Scalar,
    entity_key,
)
from schemas.meaning import ConnectionMeaning, Meaning
from tests.aggregator.broker import Broker, Hand, P, new_broker
from tests.aggregator.faults import Copy, FaultyFence
from tests.aggregator.stored import stored

ACME = "acme"
CRM = "hubspot-main"

USUAL = Meaning(
    code=1,
    zone="UTC",
    connections={
        CRM: ConnectionMeaning(currency="USD", stages={"*": {"lead": "open", "signed": "won"}})
    },
)


def ms(when: str) -> int:
    """``2026-03-28 10:00`` UTC in milliseconds."""
    return round(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000)


def told(
    event_id: str,
    kind: EntityKind,
    vendor_id: str,
    when: str,
    op: Op = "set",
    *,
    received: str = "",
    created: str = "",
    tenant: str = ACME,
    **fields: Scalar,
) -> Event:
    """One change of a deal or an activity, received when it happened unless said otherwise."""
    patch = EntityPatch(
        entity=kind,
        id=vendor_id,
        op=op,
        occurred_at=ms(when),
        received_at=ms(received or when),
        created_at=ms(created) if created else None,
        fields=fields,
    )
    return Event(
        id=event_id,
        source="/v1/webhooks",
        type=PATCHED,
        tenant=tenant,
        data=patch,
        connection=CRM,
    )


def call(event_id: str, vendor_id: str, when: str, **fields: Scalar) -> Event:
    """Ana called somebody."""
    named: dict[str, Scalar] = {"type": "call", "owner": "ana", **fields}
    return told(event_id, "activity", vendor_id, when, "create", **named)  # type: ignore[arg-type]


def activation(
    generation: int = 1, meaning: Meaning = USUAL, tenant: str = ACME, *, held: bool = False
) -> Event:
    """The tenant's numbers shall mean this."""
    data = Activate(generation=generation, meaning=meaning, issued_at=0, held=held)
    name = f"activate:{tenant}:{generation}"
    return Event(id=name, source="/v1/config", type=ACTIVATED, tenant=tenant, data=data)


def released(generation: int) -> Event:
    """It shall be the live one."""
    data = Release(generation=generation, issued_at=0)
    name = f"release:{ACME}:{generation}"
    return Event(id=name, source="/v1/config", type=RELEASED, tenant=ACME, data=data)


def discarded(generation: int) -> Event:
    """It shall never be the live one."""
    data = Discard(generation=generation, issued_at=0)
    name = f"discard:{ACME}:{generation}"
    return Event(id=name, source="/v1/config", type=DISCARDED, tenant=ACME, data=data)


def eviction(when: str) -> Event:
    """The owner forgets what was quiet."""
    data = Evict(at=ms(when))
    return Event(id=f"evict:{data.at}", source="/v1/clock", type=EVICTED, tenant="", data=data)


class Desk:
    """One worker at one log."""

    def __init__(self, redis: Redis, *, page: int = 4, batch_events: int = 100) -> None:
        self.redis = redis
        self.broker: Broker = new_broker(page=page)
        self.copy = Copy(redis)
        self.fence = FaultyFence(redis, self.copy)
        self.hand = Hand(self.broker, self.fence, redis, batch_events)

    async def hear(self, *events: Event | bytes) -> None:
        """Produce, and read to the end of the log."""
        for event in events:
            self.broker.log.produce(event)
        if self.hand.at < 0:
            await self.hand.join()
        while await self.hand.read():
            await self.hand.build()
        assert self.hand.position == self.broker.log.end

    async def calm(self) -> None:
        """Look around and read until everything is counted."""
        for _ in range(20):
            await self.hand.worker.watch()
            for task in list(self.hand.worker._restoring.values()):
                await task
            while await self.hand.read():
                pass
            await self.hand.build()
            if self.hand.position == self.broker.log.end:
                return
        raise AssertionError(f"stuck at {self.hand.position} of {self.broker.log.end}")

    async def sums(self, generation: int = 1, tenant: str = ACME) -> dict[str, int]:
        """Every measure over all owners and months."""
        sums: dict[str, int] = {}
        for (_, measure, _), amount in (
            await stored(self.redis, P, tenant, generation)
        ).months.items():
            sums[measure] = sums.get(measure, 0) + amount
        return {measure: amount for measure, amount in sums.items() if amount}

    async def letters(self) -> list[DeadLetter]:
        """What waits in the outbox of dead letters."""
        entries: list[Any] = await self.redis.xrange(keys.dead(P)) or []
        return [dead.decode(fields[b"l"]) for _, fields in entries]

    async def reasons(self) -> list[str]:
        """Why they are dead."""
        return [letter.reason for letter in await self.letters()]

    async def counted(self, outcome: str, tenant: str = ACME) -> int:
        """How many events of the tenant had an outcome."""
        raw = await self.redis.hget(keys.tenant_meta(P, tenant), keys.counted(outcome))
        return int(raw or 0)

    async def known(self, kind: EntityKind, vendor_id: str, generation: int = 1) -> bool:
        """Whether an entity is held."""
        name = entity_key(kind, CRM, vendor_id)
        bucket = keys.entities(P, ACME, generation, keys.entity_bucket(name))
        return bool(await self.redis.hexists(bucket, name))
