"""Activations: before a tenant's webhooks are accepted, the log says what its numbers mean.

In: generations of SQL that are not published. Out: ``Activate`` records on the tenant's partition.
Guarantee: ``published_at`` is written only after the record is durable where no later event of the
tenant can overtake it; published twice it is the same event.
"""

from __future__ import annotations

import asyncio
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline import logs
from paceline.sql.engine import reading, writing
from paceline.sql.generations import Generation, mark_published, unpublished
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
        ),
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

    async def _publish(self, generation: Generation) -> None:
        tenant = generation.tenant
        value = envelope.encode(activation_of(generation))
        partition = topics.partition_of(tenant, self._partitions)
        record = Record(topics.EVENTS, partition, tenant.encode(), value)
        await self._publisher.publish_to_log([record])
        async with writing(self._engine) as session:
            await mark_published(session, tenant, generation.generation)
        _log.info("activated", tenant=tenant, generation=generation.generation)
