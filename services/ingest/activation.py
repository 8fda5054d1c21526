"""Activations: before a tenant's webhooks are accepted, the log says what its numbers mean.

In: generations of SQL that are not published, and decisions on held ones. Out: their records on the
tenant's partition. Guarantee: that a record is published is noted only after it is durable where no
later event of the tenant can overtake it; published twice it is the same event.
"""

from __future__ import annotations

import asyncio
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline import logs
from paceline.sql.engine import reading, writing
from paceline.sql.generations import (
    Generation,
    mark_delivered,
    mark_published,
    undelivered,
    unpublished,
)
from schemas import envelope, topics
from services.ingest.connections import ConnectionBook
from services.ingest.publisher import Publisher
from services.ingest.records import NotDurable, Record
from services.ingest.translation import rfc3339

_PERIOD_S: Final = 0.5
_log = logs.get_logger(__name__)


def activation_of(generation: Generation) -> envelope.Event:
    """The control record of a generation."""
    return envelope.Event(
        id=f"activate:{generation.tenant}:{generation.generation}",
        source="urn:paceline:configuration",
        type=envelope.ACTIVATED,
        tenant=generation.tenant,
        time=rfc3339(generation.created_at),
        data=envelope.Activate(
            generation=generation.generation,
            meaning=generation.meaning,
            issued_at=generation.created_at,
            held=generation.held,
        ),
    )


def decision_of(generation: Generation) -> envelope.Event:
    """The control record that says what becomes of a held generation."""
    at, released = generation.decided_at or 0, generation.decision == "release"
    record = envelope.Release if released else envelope.Discard
    return envelope.Event(
        id=f"{generation.decision}:{generation.tenant}:{generation.generation}",
        source="urn:paceline:configuration",
        type=envelope.RELEASED if released else envelope.DISCARDED,
        tenant=generation.tenant,
        time=rfc3339(at),
        data=record(generation=generation.generation, issued_at=at),
    )


class Activator:
    """Publishes what SQL says is not published yet."""

    def __init__(
        self, engine: AsyncEngine, publisher: Publisher, book: ConnectionBook, partitions: int
    ) -> None:
        self._engine = engine
        self._publisher = publisher
        self._book = book
        self._partitions = partitions

    async def run(self) -> None:
        """Twice a second, until cancelled; whatever fails is tried again."""
        while True:
            try:
                await self.publish_all()
            except NotDurable:
                pass
            except Exception as e:  # noqa: BLE001 - SQL is away: the tenant stays inactive
                _log.warning("not_activated", why=repr(e))
            await asyncio.sleep(_PERIOD_S)

    async def publish_all(self) -> None:
        """Publish in the order in which the generations were made."""
        async with reading(self._engine) as session:
            found = await unpublished(session)
        for generation in found:
            await self._publish(generation)
        if found:
            await self._book.refresh()
        async with reading(self._engine) as session:
            decided = await undelivered(session)
        for generation in decided:
            await self._deliver(generation)

    async def _publish(self, generation: Generation) -> None:
        await self._into_the_log(activation_of(generation))
        async with writing(self._engine) as session:
            await mark_published(session, generation.tenant, generation.generation)
        _log.info("activated", tenant=generation.tenant, generation=generation.generation)

    async def _deliver(self, generation: Generation) -> None:
        await self._into_the_log(decision_of(generation))
        async with writing(self._engine) as session:
            await mark_delivered(session, generation.tenant, generation.generation)
        place = {"tenant": generation.tenant, "generation": generation.generation}
        _log.info("decided", decision=generation.decision, **place)

    async def _into_the_log(self, event: envelope.Event) -> None:
        partition = topics.partition_of(event.tenant, self._partitions)
        record = Record(topics.EVENTS, partition, event.tenant.encode(), envelope.encode(event))
        await self._publisher.publish_to_log([record])
