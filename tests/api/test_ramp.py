"""A new rep: the staircase from the first day, goals, gates, the first deal."""

from __future__ import annotations

import httpx

from tests.api import planning
from tests.api.test_progress import read
from tests.api.world import World

PLAN = {
    "id": "ae-ramp",
    "name": "Account executive",
    "name_zh": "客户经理",
    "by": "tenure_days",
    "kpis": {"calls": {"percent": [50, 75, 100]}, "won_amount": {"percent": [0, 25, 50, 100]}},
    "gates": [{"month": 3, "kpi": "pipeline_built", "at_least": 1000}],
}


async def hire_chen(world: World, day: str = "2026-11-02") -> None:
    """Chen begins on a plan; the full targets are 42 calls and 50,000 dollars a month."""
    await planning.put(world, "ramps", "ae-ramp", **PLAN)
    await planning.rep(world, "chen", hired=day, ramp="ae-ramp")
    await planning.targets(
        world,
        "won_amount,chen,,,2026-11,50000",
        "calls,chen,,,2026-11,42",
    )


async def test_the_first_day_shows_this_months_goals_and_the_whole_staircase(
    world: World, api: httpx.AsyncClient
) -> None:
    """Nothing has happened yet, and everything is there: goals, steps, gates, when it is full."""
    await hire_chen(world)
    ramp = (await read(api, "reps/chen", at="2026-11-02"))["ramp"]
    assert (ramp["plan"], ramp["month"], ramp["hired"]) == ("ae-ramp", 1, "2026-11-02")
    assert [step["percent"]["won_amount"] for step in ramp["steps"]] == [0, 25, 50, 100]
    assert [step["current"] for step in ramp["steps"]] == [True, False, False, False]
    assert ramp["steps"][0]["first"] == "2026-11-02"
    assert ramp["steps"][-1]["last"] is None
    assert ramp["full_from"] == "2027-02-02"
    assert ramp["goals"]["calls"] == 21
    (gate,) = ramp["gates"]
    assert (gate["by"], gate["state"], gate["at_least"]) == ("2027-02-01", "ahead", 100_000)


async def test_the_target_of_a_month_is_that_of_the_step(
    world: World, api: httpx.AsyncClient
) -> None:
    """Half of 42 calls in the first month, no revenue yet."""
    await hire_chen(world)
    kpis = {one["id"]: one for one in (await read(api, "reps/chen"))["kpis"]}
    assert (kpis["calls"]["target"]["base"], kpis["calls"]["target"]["full"]) == (21, 42)
    assert "ramp 50 %" in kpis["calls"]["target"]["reasons"]
    assert kpis["won_amount"]["target"]["base"] == 0
    assert kpis["won_amount"]["status"] == "covered"


async def test_a_gate_is_reached_by_what_was_done_since_the_hire(
    world: World, api: httpx.AsyncClient
) -> None:
    """A proposal over 1,500 dollars reaches the gate of 1,000."""
    await hire_chen(world)
    deal = {"owner": "12", "stage": "proposal", "amount": "1500"}
    await world.deal("1", "2026-11-12T03:00:00Z", "create", **deal)
    answer = await api.get("/v1/reps/chen/ramp")
    assert answer.status_code == 200, answer.text
    (gate,) = answer.json()["gates"]
    assert (gate["state"], gate["actual"]) == ("reached", 150_000)


async def test_the_time_to_the_first_deal_is_in_days_since_the_hire(
    world: World, api: httpx.AsyncClient
) -> None:
    """Hired on 2 October, first win on 12 November: 41 days, though October was quiet."""
    await hire_chen(world, "2026-10-02")
    before = {one["id"]: one for one in (await read(api, "reps/chen"))["kpis"]}
    assert before["time_to_first_deal"]["actual"] is None
    won = {"owner": "12", "stage": "won", "amount": "1"}
    await world.deal("1", "2026-11-12T03:00:00Z", "create", **won)
    await world.deal("2", "2026-11-17T03:00:00Z", "create", **won)
    after = {one["id"]: one for one in (await read(api, "reps/chen"))["kpis"]}
    assert after["time_to_first_deal"]["actual"] == 41 * 86_400


async def test_somebody_without_a_plan_has_no_ramp(world: World, api: httpx.AsyncClient) -> None:
    """Maria has been here for years."""
    assert (await read(api, "reps/maria"))["ramp"] is None
    assert (await api.get("/v1/reps/maria/ramp")).status_code == 404


async def test_a_ramp_that_is_over_leaves_the_page_and_stays_readable(
    world: World, api: httpx.AsyncClient
) -> None:
    """Hired in January, full from April, the gate in April: the page has no staircase any more."""
    await hire_chen(world, "2026-01-05")
    assert (await read(api, "reps/chen"))["ramp"] is None
    ramp = (await api.get("/v1/reps/chen/ramp")).json()
    assert ramp["full_from"] == "2026-04-05"
    assert ramp["gates"][0]["state"] == "missed"
