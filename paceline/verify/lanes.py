"""The archive of one tenant as one stream: all logs, both lanes, in the order of time.

In: the archive, the looks that were taken at Redis. Out: records, steps ascending. Guarantee:
of the present log nothing at or after the last look; a record is at the step of the first look
whose position is after it. Two lanes of a log are merged by receipt, each in its own order: only
what is forgotten between them depends on that order, once a day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import NamedTuple, Protocol

from paceline.verify.ledger import Facts
from schemas import topics
from schemas.envelope import EntityPatch, Event, Evict, Tick, decode
from schemas.envelope import Look as Looked

_BEYOND = 1 << 62
"""After every record of a lane."""


class Look(NamedTuple):
    """Where the numbers stood when they were looked at: a position in each lane."""

    events: int
    backfill: int


class BehindError(Exception):
    """The ledger has not got all facts yet."""


class Archived(Protocol):
    """One archived record."""

    @property
    def incarnation(self) -> str:
        """The log it is from."""

    @property
    def topic(self) -> str:
        """The lane it is from."""

    @property
    def offset(self) -> int:
        """Its position in that lane."""

    @property
    def payload(self) -> bytes:
        """The Kafka value."""


class Archive(Protocol):
    """The archive, as verification reads it."""

    def replay(
        self,
        partition: int,
        *,
        tenant: str | None = None,
        start: tuple[str, int] | None = None,
        backfill_from: int = 0,
    ) -> AsyncIterator[Sequence[Archived]]:
        """Records from (incarnation, offset) on: log by log, live lane first."""

    async def end(self, partition: int, incarnation: str, *, topic: str = topics.EVENTS) -> int:
        """The first offset of a lane of a log that is not archived yet."""

    async def logs(self) -> list[str]:
        """All logs that were seen, oldest first."""

    async def activations(self, partition: int) -> list[bytes]:
        """Every archived activation of a partition."""

    async def count(self, partition: int, tenant: str) -> int:
        """How many records of the tenant are archived."""

    async def facts(
        self, partition: int, tenant: str, generation: int, log: str, upto: Look, told: Look
    ) -> Facts | None:
        """The sums of the ledger's facts up to a look at a log; None: there is no whole book.

        ``told``: how far the ledger must be to have them.

        Raises:
            BehindError: it is not yet.
        """


class Record(NamedTuple):
    """One record of the tenant's; sorts by step, then by time."""

    step: int
    at: int
    """The latest instant (ms UTC) that its lane has spoken of so far."""
    imported: bool
    """It is from the slow lane."""
    event: Event


async def merged(
    archive: Archive, p: int, tenant: str, logs: Sequence[str], looks: Sequence[Look]
) -> AsyncIterator[Record]:
    """Every record of the tenant, and of the whole partition, of these logs; the last is present.

    ``looks``: ascending. What is no event is left out: it is a dead letter, and in no number.
    """
    for log in logs:
        present = looks if log == logs[-1] else None
        lanes = [_lane(archive, p, tenant, (log, topic), present) for topic in _LANES]
        async for record in _by_time(lanes[0], lanes[1]):
            yield record


_LANES = (topics.EVENTS, topics.BACKFILL)


async def _lane(
    archive: Archive,
    p: int,
    tenant: str,
    lane: tuple[str, str],
    looks: Sequence[Look] | None,
) -> AsyncIterator[Record]:
    log, topic = lane
    live = topic == topics.EVENTS
    ends = [one.events if live else one.backfill for one in looks] if looks else []
    start, beside = (0, _BEYOND) if live else (_BEYOND, 0)
    at = 0
    pages = archive.replay(p, tenant=tenant, start=(log, start), backfill_from=beside)
    async with aclosing(pages) as found:  # type: ignore[type-var]
        async for page in found:
            for record in page:
                step = bisect_right(ends, record.offset)
                if (record.incarnation, record.topic) != lane or (ends and step == len(ends)):
                    return
                event = _event(record.payload)
                if event is not None:
                    at = max(at, _said(event))
                    yield Record(step, at, not live, event)


async def _by_time(
    live: AsyncIterator[Record], slow: AsyncIterator[Record]
) -> AsyncIterator[Record]:
    one, other = await anext(live, None), await anext(slow, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[:2] <= other[:2]):
            assert one is not None  # noqa: S101 - else both were
            yield one
            one = await anext(live, None)
        else:
            yield other
            other = await anext(slow, None)


def _event(payload: bytes) -> Event | None:
    try:
        return decode(payload)
    except ValueError:
        return None


def _said(event: Event) -> int:
    """The instant that a record speaks of, ms UTC; 0 where it has none."""
    data = event.data
    if isinstance(data, EntityPatch):
        return data.received_at
    if isinstance(data, Tick | Looked | Evict):
        return data.at
    # What else there will be is not known yet.
    return int(getattr(data, "issued_at", 0))
