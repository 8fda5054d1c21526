"""Everything is emptied, and comes back: history of the slow lane and evictions included."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from schemas import topics
from schemas.envelope import Event, encode
from services.aggregator import worker
from services.aggregator.batch import Batch
from tests.aggregator.broker import Kept, P, Record
from tests.aggregator.told import Desk, activation, call, eviction, told
from tests.verify.desk import USUAL, verified


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that failed is tried again without a pause."""
    monkeypatch.setattr(worker, "RESTORE_AGAIN_S", 0.0)


HISTORY = [
    told("h0", "deal", "1", "2026-10-01 09:00", "create", received="2026-11-01 12:00", owner="ana"),
    *(
        call(f"h{n}", f"h{n}", f"2026-10-0{n} 10:00", received="2026-11-01 12:00", deal="1")
        for n in range(1, 7)
    ),
]


async def imported(desk: Desk, events: list[Event]) -> None:
    """Counted by the slow lane, and archived."""
    lane = desk.hand.worker.partitions[P].beside
    assert lane is not None
    start = lane.position
    records = [Record(start + n, encode(event)) for n, event in enumerate(events)]
    await lane.process(Batch(start, start + len(events), records))
    archive = desk.broker.archive
    archive.kept += [
        Kept(desk.broker.log.incarnation, one.offset, one.value, topics.BACKFILL) for one in records
    ]


async def test_imported_history_has_no_drift_before_and_after_its_eviction(
    one_redis: Redis,
) -> None:
    """Six calls of October, imported in November, forgotten in February: the sums stay."""
    desk = Desk(one_redis)
    await desk.hear(activation(1, USUAL), call("k", "k", "2026-11-01 08:00"))
    await imported(desk, HISTORY)
    assert (await verified(desk)).places == 0
    await desk.hear(eviction("2027-02-15 00:00"), call("n", "n", "2027-02-16 08:00"))
    found = await verified(desk)
    assert (found.places, found.first) == (0, [])
    assert (await desk.sums())["act:call"] == 8


async def test_a_restore_brings_back_what_was_imported_before_an_eviction(
    one_redis: Redis,
) -> None:
    """FLUSHALL after the eviction: all eight calls are there again, and no drift."""
    desk = Desk(one_redis)
    await desk.hear(activation(1, USUAL), call("k", "k", "2026-11-01 08:00"))
    await imported(desk, HISTORY)
    await desk.hear(eviction("2027-02-15 00:00"), call("n", "n", "2027-02-16 08:00"))
    desk.broker.archive.keep()
    desk.broker.log.start = desk.broker.log.end
    await one_redis.flushdb()
    await desk.calm()
    assert (await desk.sums())["act:call"] == 8
    assert (await verified(desk)).places == 0
