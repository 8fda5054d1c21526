"""Progress reads: what a rep, a team and the organisation see of told histories."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from paceline.progress.answers.progress import Progress
from tests.api.world import World, ms


async def read(api: httpx.AsyncClient, path: str, **query: str) -> Any:
    """The JSON of a progress read, which must fit the documented shape."""
    answer = await api.get(f"/v1/{path}/progress", params=query)
    assert answer.status_code == 200, answer.text
    msgspec.json.decode(answer.content, type=Progress)
    return answer.json()


async def tell_november(world: World) -> None:
    """Maria's autumn: a deal won today, one open since Monday, calls, a visit, an old win."""
    await world.deal(
        "9001",
        "2026-11-02T14:00:00Z",
        "create",
        owner="11",
        stage="lead",
        amount="12000.00",
        close_on="2026-12-15",
    )
    await world.deal("9001", "2026-11-10T14:00:00Z", stage="proposal", amount="12500.00")
    await world.deal("9001", "2026-11-20T14:30:00Z", stage="won")
    await world.deal(
        "9002",
        "2026-11-16T15:00:00Z",
        "create",
        owner="11",
        stage="proposal",
        amount="8000",
        close_on="2027-01-31",
    )
    await world.deal(
        "9003", "2026-10-05T15:00:00Z", "create", owner="11", stage="won", amount="700"
    )
    await world.activity("1", "2026-11-20T14:10:00Z", "11", "call")
    await world.activity("2", "2026-11-19T14:10:00Z", "11", "call")
    await world.activity("3", "2026-11-18T14:10:00Z", "11", "visit", new_customer=True)


EXPECTED: dict[str, dict[str, Any]] = {
    "day": {"calls": 1, "visits": 0, "created": 0, "built": 0, "won": 1_250_000},
    "week": {"calls": 2, "visits": 1, "created": 1, "built": 800_000, "won": 1_250_000},
    "month": {"calls": 2, "visits": 1, "created": 2, "built": 2_050_000, "won": 1_250_000},
    "quarter": {"calls": 2, "visits": 1, "created": 3, "built": 2_120_000, "won": 1_320_000},
    "year": {"calls": 2, "visits": 1, "created": 3, "built": 2_120_000, "won": 1_320_000},
    "rolling:60m": {"calls": 1, "visits": 0, "created": 0, "built": 0, "won": 1_250_000},
    "rolling:24h": {"calls": 1, "visits": 0, "created": 0, "built": 0, "won": 1_250_000},
    "rolling:2d": {"calls": 2, "visits": 0, "created": 0, "built": 0, "won": 1_250_000},
    "rolling:30d": {"calls": 2, "visits": 1, "created": 2, "built": 2_050_000, "won": 1_250_000},
    "rolling:60d": {"calls": 2, "visits": 1, "created": 3, "built": 2_120_000, "won": 1_320_000},
}


@pytest.mark.parametrize("period", EXPECTED)
async def test_a_reps_numbers_are_those_of_the_period(
    world: World, api: httpx.AsyncClient, period: str
) -> None:
    """One autumn, read by every kind of period."""
    await tell_november(world)
    said = (await read(api, "reps/maria", period=period))["measures"]
    assert {
        "calls": said["activities"].get("call", 0),
        "visits": said["new_customer_visits"],
        "created": said["deals_created"],
        "built": said["pipeline_built"]["amounts"].get("USD", 0),
        "won": said["won"]["amounts"].get("USD", 0),
    } == EXPECTED[period]


async def test_levels_are_read_by_expected_close_month(
    world: World, api: httpx.AsyncClient
) -> None:
    """The won deal has left the pipeline; the other is expected in January."""
    await tell_november(world)
    said = (await read(api, "reps/maria"))["measures"]
    january = {"count": 1, "amounts": {"USD": 800_000}, "without_amount": 0}
    assert said["open_qualified_pipeline"] == {**january, "by_close_month": {"2027-01": january}}
    assert said["open_pipeline"] == said["open_qualified_pipeline"]


async def test_a_level_can_be_read_at_an_earlier_day(world: World, api: httpx.AsyncClient) -> None:
    """On 12 November the first deal was still open, as it was amounted then."""
    await tell_november(world)
    said = (await read(api, "reps/maria", at="2026-11-12"))["measures"]
    assert said["open_qualified_pipeline"]["amounts"] == {"USD": 1_250_000}
    assert said["won"]["count"] == 0


async def test_cycle_time_is_from_creation_to_win(world: World, api: httpx.AsyncClient) -> None:
    """2 to 20 November is 18 days and half an hour, within the sketch's one percent."""
    await tell_november(world)
    cycle = (await read(api, "reps/maria"))["measures"]["cycle_time"]
    true = 18 * 86_400 + 1_800
    assert cycle["count"] == 1
    assert abs(cycle["median_s"] - true) <= true / 100


async def test_an_answer_says_what_it_rests_on(world: World, api: httpx.AsyncClient) -> None:
    """Watermark, version, generation, sources, bounds, currencies."""
    await tell_november(world)
    said = await read(api, "reps/maria")
    assert said["watermark"] == world.now
    assert said["generation"] == 1
    assert said["version"] == {"incarnation": "log-of-november", "owners": {"hub/11": 8}}
    assert said["freshness"] == [
        {"connection": "hub", "kind": "hubspot", "last_event_at": world.now}
    ]
    assert said["currencies"] == {"USD": {"exponent": 2}}
    assert said["bounds"] == {
        "zone": "America/New_York",
        "start": "2026-11-01T04:00:00.000Z",
        "end": "2026-11-21T05:00:00.000Z",
        "first_day": "2026-11-01",
        "last_day": "2026-11-30",
        "through_day": "2026-11-20",
        "resolution": "day",
    }


async def test_rolling_bounds_are_the_true_ones(world: World, api: httpx.AsyncClient) -> None:
    """Ninety minutes up to 15:00:30 are read by whole minutes."""
    world.now = ms("2026-11-20T15:00:30Z")
    said = (await read(api, "reps/maria", period="rolling:90m"))["bounds"]
    assert (said["start"], said["end"]) == ("2026-11-20T13:31:00.000Z", "2026-11-20T15:01:00.000Z")
    assert said["resolution"] == "minute"


@pytest.mark.parametrize(("day", "hours", "calls"), [("2026-03-08", 23, 2), ("2026-11-01", 25, 2)])
async def test_a_day_that_changes_the_clock_is_one_local_day(
    world: World, api: httpx.AsyncClient, day: str, hours: int, calls: int
) -> None:
    """New York's days of 23 and 25 hours hold the calls of their first and last minute."""
    offsets = {"2026-03-08": ("-05:00", "-04:00"), "2026-11-01": ("-04:00", "-05:00")}[day]
    await world.activity("1", f"{day}T00:00:30{offsets[0]}", "11", "call")
    await world.activity("2", f"{day}T23:59:30{offsets[1]}", "11", "call")
    said = await read(api, "reps/maria", period="day", at=day)
    bounds = said["bounds"]
    assert ms(bounds["end"]) - ms(bounds["start"]) == hours * 3_600_000
    assert said["measures"]["activities"] == {"call": calls}


async def test_a_month_of_2017_is_still_read_exactly(world: World, api: httpx.AsyncClient) -> None:
    """Nine years later months and month-end levels are kept; single days are not."""
    await world.deal(
        "5",
        "2017-03-02T15:00:00Z",
        "create",
        owner="11",
        stage="proposal",
        amount="100.00",
        close_on="2017-04-20",
    )
    await world.deal("6", "2017-03-30T15:00:00Z", "create", owner="11", stage="won", amount="41.50")
    said = (await read(api, "reps/maria", at="2017-03-31"))["measures"]
    assert said["won"]["amounts"] == {"USD": 4_150}
    assert said["open_qualified_pipeline"]["by_close_month"]["2017-04"]["amounts"] == {
        "USD": 10_000
    }
    year = (await read(api, "reps/maria", period="year", at="2017-12-31"))["measures"]
    assert year["won"]["amounts"] == {"USD": 4_150}
    assert year["open_qualified_pipeline"]["count"] == 0  # quiet for more than thirty days


async def test_a_team_adds_its_tree_by_each_reps_own_day(
    world: World, api: httpx.AsyncClient
) -> None:
    """One instant is Friday in Shanghai and Thursday in New York: each call is on its own day."""
    await world.activity("1", "2026-11-19T20:00:00Z", "12", "call")
    await world.activity("2", "2026-11-19T20:00:00Z", "11", "call")
    friday = await read(api, "teams/east", period="day", at="2026-11-20")
    rows = {row["subject"]["id"]: row["measures"]["activities"] for row in friday["rows"]}
    assert rows == {"chen": {"call": 1}, "grace": {}, "maria": {}}
    assert friday["measures"]["activities"] == {"call": 1}
    assert friday["bounds"]["zone"] == "several"
    both = await read(api, "teams/sales", period="month")
    assert both["measures"]["activities"] == {"call": 2}
    assert len(both["rows"]) == 5


async def test_a_team_is_the_sum_of_its_reps(world: World, api: httpx.AsyncClient) -> None:
    """Counts and amounts add up; the median is that of all wins together."""
    await tell_november(world)
    for n, owner in enumerate(["10", "12", "12"]):
        await world.deal(f"7{n}", "2026-11-13T15:00:00Z", "create", owner=owner, stage="lead")
        await world.deal(f"7{n}", "2026-11-14T15:00:00Z", stage="won", amount="10")
    said = await read(api, "teams/east")
    assert said["measures"]["won"]["amounts"] == {"USD": 1_253_000}
    assert said["measures"]["won"]["count"] == 4
    day = 86_400
    assert abs(said["measures"]["cycle_time"]["median_s"] - day) <= day / 100


async def test_the_organisation_shows_owners_that_nobody_knows(
    world: World, api: httpx.AsyncClient
) -> None:
    """A win of owner 77, and one without any owner, are in the whole and named as gaps."""
    await tell_november(world)
    await world.deal("8", "2026-11-12T15:00:00Z", "create", owner="77", stage="won", amount="1")
    await world.deal("9", "2026-11-12T15:00:00Z", "create", stage="won")
    said = await read(api, "organisation")
    assert said["measures"]["won"]["count"] == 3
    assert said["measures"]["won"]["without_amount"] == 1
    assert [row["subject"]["id"] for row in said["unmapped_owners"]] == ["hub/", "hub/77"]
    assert said["incomplete"] == {
        "built_no_amount": 1,
        "won_no_amount": 1,
        "unmapped_owners": 1,
        "without_owner": 1,
    }


async def test_currencies_are_never_added_together(world: World, api: httpx.AsyncClient) -> None:
    """Yen have no minor units; both stand side by side."""
    await world.deal("1", "2026-11-12T15:00:00Z", "create", owner="11", stage="won", amount="10.50")
    await world.deal(
        "2",
        "2026-11-12T15:00:00Z",
        "create",
        owner="11",
        stage="won",
        amount="9000",
        currency="JPY",
    )
    said = await read(api, "reps/maria")
    assert said["measures"]["won"]["amounts"] == {"JPY": 9000, "USD": 1050}
    assert said["currencies"] == {"JPY": {"exponent": 0}, "USD": {"exponent": 2}}


async def test_a_tenant_without_a_generation_reads_as_zero(
    world: World, api: httpx.AsyncClient
) -> None:
    """Configured a moment ago, nothing is active yet: zeros, and it says so."""
    await world.redis.flushdb()
    said = await read(api, "teams/east")
    assert said["generation"] is None
    assert said["watermark"] is None
    assert said["measures"]["won"] == {"count": 0, "amounts": {}, "without_amount": 0}


async def test_a_new_generation_is_read_whole(world: World, api: httpx.AsyncClient) -> None:
    """After the switch nothing of the old generation is left in an answer."""
    await tell_november(world)
    before = await read(api, "reps/maria")
    await world.switch(2)
    await world.activity("50", "2026-11-20T14:50:00Z", "11", "demo")
    after = await read(api, "reps/maria")
    assert (before["generation"], after["generation"]) == (1, 2)
    assert after["measures"]["activities"] == {"demo": 1}
    assert after["measures"]["won"]["count"] == 0


async def test_numbers_that_are_being_restored_say_so(world: World, api: httpx.AsyncClient) -> None:
    """While the archive is replayed the answer is marked incomplete."""
    await world.redis.hset(f"{{{world.partition}}}:meta", "restoring", "1")
    assert (await read(api, "reps/maria"))["incomplete"] == {"restoring": 1}
