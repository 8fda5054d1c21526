"""The event stream: snapshot, changes, resume, conflation."""

from __future__ import annotations

import asyncio

import pytest

from paceline import metrics
from paceline.progress.reading.changes import Entry, Subscription
from paceline.sql.engine import writing
from paceline.sql.keys import revoke
from services.api.stream import Token
from tests.api import planning
from tests.api.streaming import listening
from tests.api.world import World


async def call(world: World, number: int, owner: str = "11") -> None:
    """A call this afternoon."""
    await world.activity(f"call-{number}", "2026-11-20T14:10:00Z", owner, "call")


async def test_a_stream_begins_with_a_snapshot_and_tells_changes(world: World) -> None:
    """Maria calls: her row comes alone, with the team's new whole."""
    await call(world, 0)
    async with listening(world, await world.key(), team="east") as stream:
        first = await stream.event()
        assert first.name == "snapshot"
        assert first.data["measures"]["activities"] == {"call": 1}
        assert len(first.data["rows"]) == 3
        await call(world, 1)
        second = await stream.event()
    assert second.name == "change"
    assert second.data["progress"]["measures"]["activities"] == {"call": 2}
    assert second.data["progress"]["rows"] == []
    assert [row["subject"]["id"] for row in second.data["rows"]] == ["maria"]
    assert second.data["rows"][0]["measures"]["activities"] == {"call": 2}


async def test_changes_of_others_are_not_told(world: World) -> None:
    """Lena of the west calls, then Chen of the east: the east hears only Chen."""
    async with listening(world, await world.key(team="east"), team="east") as stream:
        await stream.event()
        await call(world, 1, owner="21")
        await call(world, 2, owner="12")
        told = await stream.event()
    assert [row["subject"]["id"] for row in told.data["rows"]] == ["chen"]


async def test_a_client_that_comes_back_resumes_with_what_it_missed(world: World) -> None:
    """Two calls while it was away: one change, no snapshot."""
    key = await world.key()
    async with listening(world, key, team="east") as stream:
        await stream.event()
        await call(world, 1)
        last = (await stream.event()).id
    await call(world, 2)
    await call(world, 3, owner="12")
    async with listening(world, key, last, team="east") as stream:
        told = await stream.event()
        assert told.name == "change"
        assert {row["subject"]["id"] for row in told.data["rows"]} == {"maria", "chen"}
        await call(world, 4)
        assert (await stream.event()).data["rows"][0]["measures"]["activities"] == {"call": 3}


async def test_a_client_that_missed_nothing_is_told_nothing(world: World) -> None:
    """The next thing it hears is the next change."""
    key = await world.key()
    await call(world, 1)
    async with listening(world, key, team="east") as stream:
        last = (await stream.event()).id
    async with listening(world, key, last, team="east") as stream:
        await call(world, 2)
        told = await stream.event()
    assert told.name == "change"
    assert told.data["progress"]["measures"]["activities"] == {"call": 2}


@pytest.mark.parametrize(
    "stale",
    [
        "log-of-november:{p}:1-0:{frame}",
        "log-of-october:{p}:{entry}:{frame}",
        "log-of-november:7:{entry}:{frame}",
        "log-of-november:{p}:{entry}:of-another-day",
        "not a token",
        "a:b:c:d",
        ":::",
    ],
)
async def test_a_token_that_is_not_ours_any_more_gives_a_snapshot(world: World, stale: str) -> None:
    """Trimmed away, of another log, partition or frame, or nonsense."""
    key = await world.key()
    await call(world, 1)
    async with listening(world, key, team="east") as stream:
        token = Token.parse((await stream.event()).id)
    assert token is not None
    wrong = stale.format(p=token.partition, entry=token.entry, frame=token.frame)
    async with listening(world, key, wrong, team="east") as stream:
        assert (await stream.event()).name == "snapshot"


async def test_midnight_gives_a_new_snapshot_though_nothing_happened(world: World) -> None:
    """The day begins anew in New York."""
    await call(world, 1)
    async with listening(world, await world.key(), rep="maria", period="day") as stream:
        assert (await stream.event()).data["measures"]["activities"] == {"call": 1}
        world.now += 24 * 3_600_000
        told = await stream.event()
    assert told.name == "snapshot"
    assert told.data["measures"]["activities"] == {}


async def test_a_switched_generation_gives_a_new_snapshot(world: World) -> None:
    """The numbers mean something else from now on."""
    async with listening(world, await world.key(), team="east") as stream:
        assert (await stream.event()).data["generation"] == 1
        await world.switch(2)
        told = await stream.event()
    assert (told.name, told.data["generation"]) == ("snapshot", 2)


async def test_a_target_gives_a_new_snapshot(world: World) -> None:
    """Nobody did anything, and every row is to be judged anew."""
    async with listening(world, await world.key(), team="east", kpis="calls") as stream:
        first = await stream.event()
        assert first.data["kpis"][0]["status"] == "no_target"
        await planning.targets(world, "calls,maria,,,2026-11,40")
        told = await stream.event()
    assert told.name == "snapshot"
    assert told.data["kpis"][0]["target"]["base"] == 40


async def test_a_source_that_falls_silent_gives_a_new_snapshot(world: World) -> None:
    """The page must stop saying "behind" though nothing comes any more."""
    await planning.setting(world, "sources", {"quiet_after": {"hub": "1h"}})
    await planning.targets(world, "calls,maria,,,2026-11,40")
    await call(world, 1)
    async with listening(world, await world.key(), rep="maria", kpis="calls") as stream:
        assert (await stream.event()).data["kpis"][0]["status"] == "at_risk"
        world.now += 2 * 3_600_000
        told = await stream.event()
    assert (told.name, told.data["kpis"][0]["status"]) == ("snapshot", "incomplete")


async def test_where_today_is_interpolated_every_minute_is_a_snapshot(world: World) -> None:
    """Pace moves with the clock: half past ten in New York is an hour and a half of nine."""
    await planning.setting(world, "interpolate_today", value=True)
    await planning.targets(world, "calls,maria,,,2026-11,42")
    world.now += 30 * 60_000
    async with listening(world, await world.key(), rep="maria", kpis="calls") as stream:
        first = (await stream.event()).data["kpis"][0]["pace"]
        world.now += 60_000
        second = (await stream.event()).data["kpis"][0]["pace"]
    assert first["elapsed_workdays"] == pytest.approx(14 + 1.5 / 9)
    assert second["expected"] > first["expected"]


async def test_a_revoked_key_ends_its_stream(world: World) -> None:
    """Within seconds, without anything having to change."""
    key = await world.key()
    async with listening(world, key, team="east") as stream:
        await stream.event()
        async with writing(world.engine) as session:
            await revoke(session, world.tenant, key.split("_")[1])
        with pytest.raises(EOFError):
            await stream.event()


async def test_the_whole_organisation_hears_of_unknown_owners(world: World) -> None:
    """Owner 77 appears for the first time."""
    async with listening(world, await world.key()) as stream:
        await stream.event()
        await call(world, 1, owner="77")
        told = await stream.event()
    assert [row["subject"]["id"] for row in told.data["rows"]] == ["hub/77"]
    assert told.data["progress"]["incomplete"] == {"unmapped_owners": 1}


async def test_a_burst_is_told_as_few_changes_and_ends_in_the_last_state(world: World) -> None:
    """Two hundred calls at once: far fewer events, and the last one says two hundred."""
    async with listening(world, await world.key(), rep="maria") as stream:
        await stream.event()
        burst = asyncio.create_task(_calls(world, 200))
        told, count = 0, 0
        while count < 200:
            count = (await stream.event()).data["progress"]["measures"]["activities"]["call"]
            told += 1
        await burst
    assert told < 50


async def _calls(world: World, many: int) -> None:
    for number in range(many):
        await call(world, number)


def test_a_reader_that_takes_nothing_keeps_one_entry_per_owner() -> None:
    """A hundred thousand changes of two owners are two owners to tell, and are counted."""
    before = metrics.SSE_CONFLATED._value.get()
    news = Subscription(3, "acme", lambda: "1-0")
    for number in range(50_000):
        news.add(Entry(f"{number}-0", "acme", ("hub/11", "hub/12"), 0))
    assert news.take() == (frozenset({"hub/11", "hub/12"}), False)
    assert metrics.SSE_CONFLATED._value.get() - before == 99_998
    assert news.take() == (frozenset(), False)
