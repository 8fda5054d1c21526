"""The law, against a real Redis: whatever happens on the way, every number equals the recount.

A history is told in any order and with duplicates, cut into batches of any size, over holes in the
log; workers die before and after each script, answers are lost, Redis goes back to an earlier copy
or is emptied, the log is born again, its beginning is dropped, a paused owner wakes, the meaning
changes.
PACELINE_LAW_EXAMPLES sets how many histories are tried.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from kpi import panes
from schemas import keys
from schemas.envelope import (
    ACTIVATED,
    DISCARDED,
    PATCHED,
    RELEASED,
    TICKED,
    Activate,
    Discard,
    EntityPatch,
    Event,
    Release,
    Tick,
)
from schemas.meaning import ConnectionMeaning, Meaning
from services.aggregator import partition, rebuild, worker
from tests.aggregator.broker import Broker, Hand, P, new_broker
from tests.aggregator.conftest import emptied
from tests.aggregator.faults import Copy, Died, FaultyFence, Kind
from tests.aggregator.stored import by_month, stored
from tests.kpi.laws.histories import MEANING, WITHOUT_STALENESS, Told, histories
from tests.oracle.plain import Recount
from tests.support.servers import RedisServer

TENANT = "acme"
CENTURY = 36_525 * panes.DAY
EXAMPLES = int(os.environ.get("PACELINE_LAW_EXAMPLES", "300"))

law = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

OTHER_STAGES = Meaning(
    code=1,
    zone="America/New_York",
    connections={
        name: ConnectionMeaning(
            currency="EUR",
            stages={"*": {"lead": "qualified", "qualified": "won", "signed": "lost"}},
        )
        for name in MEANING.connections
    },
    stale_after_days=7,
)


Act = Literal[
    "read", "ahead", "again", "watch", "copy", "roll back", "empty", "born again", "trim", "rival",
    "wake", "archive", "build",
]  # fmt: skip


class Step(NamedTuple):
    """One thing that happens; ``n`` says how much of it."""

    act: Act
    n: int
    faults: tuple[tuple[Kind, int], ...] = ()
    """What fails meanwhile, and how many writing scripts go well before it."""


ACTS: tuple[Act, ...] = (
    *("read", "read", "read", "read", "read", "read", "read"),
    *("ahead", "again", "watch", "copy", "copy", "roll back", "roll back", "empty", "born again"),
    *("trim", "rival", "wake", "archive", "archive", "build", "build", "build"),
)
KINDS: tuple[Kind, ...] = (
    *("die before", "die after", "lose before", "lose after"),
    *("copy", "copy", "roll back", "roll back"),
)

faults = st.one_of(
    st.just(()),
    st.just(()),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 4)), min_size=1, max_size=3).map(
        tuple
    ),
)

steps = st.lists(st.builds(Step, st.sampled_from(ACTS), st.integers(1, 9), faults), max_size=25)


class Plot(NamedTuple):
    """What is told, in the order of the log, and under which meaning it ends."""

    history: list[Told]
    events: list[tuple[int, Event]]
    """(hole before the record, event)."""
    generation: int
    meaning: Meaning

    def __repr__(self) -> str:
        """One line a record."""
        return "\n".join(["", *(f"{hole} {_line(event)}" for hole, event in self.events), ""])


def _line(event: Event) -> str:
    data = event.data
    if not isinstance(data, EntityPatch):
        return event.id
    named = f"{event.id} {event.connection} {data.entity} {data.id} {data.op} {data.occurred_at}"
    return f"{named} {data.sequence} {data.created_at} {data.fields}"


@st.composite
def plots(draw: st.DrawFn) -> Plot:
    """A history as it may arrive, with a change of meaning somewhere."""
    history = draw(histories)
    again = draw(st.lists(st.sampled_from(history), max_size=4)) if history else []
    told = [_patched(*one) for one in draw(st.permutations([*history, *again]))]
    first, second, third = draw(st.permutations([MEANING, OTHER_STAGES, WITHOUT_STALENESS]))
    events = [_activation(1, first), *told]
    last, at = (1, first), 1
    if draw(st.booleans()):
        at = draw(st.integers(1, len(events)))
        events.insert(at, _activation(2, second))
        last = 2, second
    fate = draw(st.sampled_from(("never made", "never made", "held", "release", "discard")))
    if fate != "never made":
        at = draw(st.integers(at + 1 if last[0] == 2 else 1, len(events)))
        events.insert(at, _activation(3, third, held=True))
        if fate != "held":
            events.insert(draw(st.integers(at + 1, len(events))), _decided(fate, 3))
        last = (3, third) if fate == "release" else last
    for at in draw(st.lists(st.integers(1, len(events)), max_size=2)):
        events.insert(at, _tick(at))
    holes = draw(st.lists(st.integers(0, 2), min_size=len(events), max_size=len(events)))
    placed = list(zip(holes, events, strict=True))
    return Plot(history, placed, *last)


def _patched(event_id: str, connection: str, patch: EntityPatch) -> Event:
    return Event(
        id=event_id,
        source="/v1/webhooks",
        type=PATCHED,
        tenant=TENANT,
        data=patch,
        connection=connection,
    )


def _activation(generation: int, meaning: Meaning, *, held: bool = False) -> Event:
    data = Activate(generation=generation, meaning=meaning, issued_at=0, held=held)
    name = f"activate:{TENANT}:{generation}"
    return Event(id=name, source="/v1/config", type=ACTIVATED, tenant=TENANT, data=data)


def _decided(fate: str, generation: int) -> Event:
    kind = Release if fate == "release" else Discard
    type_ = RELEASED if fate == "release" else DISCARDED
    data = kind(generation=generation, issued_at=0)
    name = f"{fate}:{TENANT}:{generation}"
    return Event(id=name, source="/v1/config", type=type_, tenant=TENANT, data=data)


def _tick(at: int) -> Event:
    return Event(id=f"tick:{at}", source="/v1/clock", type=TICKED, tenant="", data=Tick(at=at))


@dataclass
class Office:
    """One partition and its workers, step by step."""

    redis: Redis
    plot: Plot
    broker: Broker = field(default_factory=new_broker)
    sleeping: tuple[Hand, FaultyFence] | None = None

    def __post_init__(self) -> None:
        """Everything that will ever be told is in the log."""
        self.copy = Copy(self.redis)
        self._tell()

    def _tell(self) -> None:
        for hole, event in self.plot.events:
            self.broker.log.produce(event, hole)

    async def open(self) -> None:
        """The first worker comes."""
        self.fence = FaultyFence(self.redis, self.copy)
        self.hand = Hand(self.broker, self.fence, self.redis)
        await self.hand.join()

    async def live(self, step: Step) -> None:
        """Let it happen; a worker that dies is followed by a new one."""
        if step.faults:
            self.fence.arm(step.faults)
        try:
            await self._act(step)
            await self.settle()
        except Died:
            await self._succeed()

    async def _succeed(self) -> None:
        for task in self.hand.worker._restoring.values():
            task.cancel()
        await self.open()
        await self.settle()

    async def settle(self) -> None:
        """Wait for a restore under way."""
        for task in list(self.hand.worker._restoring.values()):
            await asyncio.wait_for(task, 30)

    async def _act(self, step: Step) -> None:
        match step.act:
            case "read":
                await self.hand.read(step.n)
            case "ahead":
                await self.hand.read(step.n, ahead=step.n)
            case "again":
                await self.hand.read(step.n, ahead=-step.n)
            case "watch":
                await self.hand.worker.watch()
            case "archive":
                self.broker.archive.keep(step.n)
            case "build":
                await self.hand.look()
            case "copy":
                await self.copy.take()
            case "roll back":
                await self.copy.put_back()
            case _:
                await self._upset(step)

    async def _upset(self, step: Step) -> None:
        match step.act:
            case "empty":
                await self.redis.flushdb()
            case "born again":
                self.broker.born_again(f"log-{len(self.broker.log.incarnation)}-{step.n}-again")
                self._tell()
            case "trim":
                kept = self.broker.archive.ends.get(self.broker.log.incarnation, 0)
                self.broker.log.start = max(self.broker.log.start, kept - step.n)
            case "rival":
                self.sleeping = self.hand, self.fence
                await self.open()
            case _:
                await self._wake(step.n)

    async def _wake(self, most: int) -> None:
        if self.sleeping is not None and not self.sleeping[1].dead:
            await self.sleeping[0].read(most)

    async def close(self) -> None:
        """Calm: the worker looks around and reads to the end."""
        self.fence.arm([])
        for _ in range(60):
            await self.hand.worker.watch()
            await self.settle()
            if self.hand.position == self.broker.log.end:
                await self.hand.build()
                return
            while await self.hand.read():
                await self.settle()
        raise AssertionError(f"stuck at {self.hand.position} of {self.broker.log.end}")


@dataclass
class Reader:
    """Whoever keeps what he read of closed days, for as long as their past version stands."""

    redis: Redis
    kept: dict[tuple[str | None, ...], dict[tuple[str, date], int]] = field(default_factory=dict)

    async def look(self) -> None:
        """What he kept under a version is what he would read now under the same."""
        where = [keys.EPOCH, keys.INCARNATION]
        place = [_said(one) for one in await self.redis.hmget(keys.partition_meta(P), where)]
        live = _said(await self.redis.hget(keys.tenant_meta(P, TENANT), keys.LIVE))
        closed = await self._closed(int(live or 0))
        past = await self.redis.hgetall(keys.past_versions(P, TENANT))
        for owner in closed.keys() | {_said(one) for one in past}:
            version = (*place, live, owner, _said(past.get(str(owner).encode())))
            now = closed.get(str(owner), {})
            assert self.kept.setdefault(version, now) == now

    async def _closed(self, generation: int) -> dict[str, dict[tuple[str, date], int]]:
        closed: dict[str, dict[tuple[str, date], int]] = {}
        today = datetime.now(UTC).date() - timedelta(days=1)
        for (owner, measure, day), amount in (
            await stored(self.redis, P, TENANT, generation)
        ).days.items():
            if day < today:
                closed.setdefault(owner, {})[measure, day] = amount
        return closed


def _said(raw: bytes | str | None) -> str | None:
    return raw.decode() if isinstance(raw, bytes) else raw


async def _run(redis: Redis, plot: Plot, happened: list[Step]) -> None:
    await redis.flushdb()
    office, reader = Office(redis, plot), Reader(redis)
    await office.open()
    for step in happened:
        await office.live(step)
        await reader.look()
    await office.close()
    await reader.look()
    await _compare(redis, plot)


async def _compare(redis: Redis, plot: Plot) -> None:
    live = await redis.hget(keys.tenant_meta(P, TENANT), keys.LIVE)
    assert int(live or 0) == plot.generation
    held = await stored(redis, P, TENANT, plot.generation)
    recount = Recount(plot.history, plot.meaning)
    days, minutes = recount.by_day(), recount.by_minute()
    assert held.days == days
    assert held.months == by_month(days)
    assert held.minutes == minutes


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all examples of a test."""
    with asyncio.Runner() as one:
        yield one


@pytest.fixture
def eternal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing expires and nothing waits: the histories are of 2026, whenever this is run."""
    for name in ("MINUTES_KEPT", "DAYS_KEPT", "MONTHS_KEPT"):
        monkeypatch.setattr(panes, name, CENTURY)
    monkeypatch.setattr(partition, "RETRY_FIRST_S", 0.0)
    monkeypatch.setattr(partition, "SEEK_AGAIN_S", 0.0)
    monkeypatch.setattr(rebuild, "AGAIN_S", 0.0)
    monkeypatch.setattr(rebuild, "BESIDE_S", 0.0)
    monkeypatch.setattr(worker, "RESTORE_AGAIN_S", 0.0)
    _forget_panes()
    yield
    _forget_panes()


def _forget_panes() -> None:
    panes._flow_panes.cache_clear()
    panes._gauge_panes.cache_clear()


@law
@given(plots(), steps)
def test_every_number_equals_the_recount_whatever_happened(
    eternal: None,
    redis_server: RedisServer,
    runner: asyncio.Runner,
    plot: Plot,
    happened: list[Step],
) -> None:
    """All flows by minute, day and month, all gauges by day and month, per owner.

    And on the way no closed day changes while its past version stands.
    """

    async def tried() -> None:
        async with emptied(redis_server) as redis:
            await _run(redis, plot, happened)

    runner.run(tried())
