"""Pipeline, funnel, waterfall and forecast over HTTP, against a list of deals kept by hand."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from paceline.sql.engine import writing
from tests.api.test_explain import november_of
from tests.api.world import World, ms

MARIA, CHEN, LENA = "11", "12", "21"
NOVEMBER = {"period": "month", "at": "2026-11-20"}


@pytest.fixture
async def told(world: World) -> World:
    """Maria: one won, one closable, one overdue and quiet, one for December; Chen: one, slipped."""
    world.ledger = True
    for deal, at, stage, amount, close in (
        ("w", "2026-11-02T15:00:00Z", "lead", "1000", "2026-11-10"),
        ("c", "2026-11-12T15:00:00Z", "proposal", "400", "2026-11-27"),
        ("o", "2026-10-01T15:00:00Z", "lead", "300", "2026-11-05"),
        ("l", "2026-11-18T15:00:00Z", "proposal", "5000", "2026-12-20"),
    ):
        await world.deal(
            deal, at, "create", owner=MARIA, stage=stage, amount=amount, close_on=close,
            name=f"Deal {deal}",
        )  # fmt: skip
    await world.deal("w", "2026-11-03T15:00:00Z", stage="proposal")
    await world.deal("w", "2026-11-09T15:00:00Z", stage="won")
    await world.deal(
        "s", "2026-10-20T15:00:00Z", "create", owner=CHEN, stage="proposal", amount="700",
        close_on="2026-11-25",
    )  # fmt: skip
    await world.deal("s", "2026-11-16T15:00:00Z", close_on="2026-12-15")
    await world.deal("c", "2026-11-15T15:00:00Z", amount="600")
    async with writing(world.engine) as session:
        session.add(november_of("maria", 300_000, ms("2026-10-30T09:00:00Z")))
    return world


async def got(api: httpx.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    """An answer."""
    answer = await api.get(f"/v1/{path}", params=NOVEMBER | query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_each_open_deal_is_in_its_list_with_what_it_needs(
    told: World, api: httpx.AsyncClient
) -> None:
    """Closable, overdue and later; the quiet lead needs a touch, to be qualified, a new date."""
    found = await got(api, "pipeline", rep="maria")
    records = {name: [one["record"] for one in found[name]["items"]] for name in
               ("closable", "overdue", "later")}  # fmt: skip
    assert records == {"closable": ["c"], "overdue": ["o"], "later": ["l"]}
    assert found["overdue"]["items"][0]["needs"] == ["qualify", "activity", "new_date"]
    assert found["closable"]["items"][0]["needs"] == []
    assert found["closable"]["worth"] == 60_000
    assert found["closable"]["items"][0]["name"] == "Deal c"
    assert [one["record"] for one in found["slipped"]] == []
    team = await got(api, "pipeline", team="east")
    assert [(one["record"], one["before"], one["after"]) for one in team["slipped"]] == [
        ("s", "2026-11-25", "2026-12-15")
    ]


async def test_coverage_is_both_ways_round_and_says_what_is_missing(
    told: World, api: httpx.AsyncClient
) -> None:
    """600 qualified, 1,000 of 3,000 won: 0.2 of the target, 0.3 of what is left of it."""
    found = (await got(api, "pipeline", rep="maria"))["coverage"]
    assert (found["qualified"], found["won"], found["target"]) == (60_000, 100_000, 300_000)
    assert found["of_target"] == pytest.approx(0.2)
    assert found["of_rest"] == pytest.approx(0.3)
    assert not found["covered"]


async def test_the_lists_sum_to_the_level_that_progress_shows(
    told: World, api: httpx.AsyncClient
) -> None:
    """Everybody's open deals, page by page, are the organisation's open pipeline."""
    total, records = 0, []
    for name in ("closable", "overdue", "later"):
        after: str | None = ""
        while after is not None:
            page = await got(api, "deals", list=name, limit=1, after=after)
            total += sum(one["worth"] for one in page["items"])
            records += [one["record"] for one in page["items"]]
            after = page["next"]
    progress = await got(api, "organisation/progress", kpis="open_pipeline")
    assert total == progress["kpis"][0]["actual"] == 660_000
    assert sorted(records) == ["c", "l", "o", "s"]


async def test_the_waterfall_adds_up(told: World, api: httpx.AsyncClient) -> None:
    """East's qualified pipeline of November: what came, grew, slipped and was won."""
    found = await got(api, "waterfall", team="east")
    parts = {one["kind"]: one["worth"] for one in found["parts"]}
    assert found["start"] + sum(parts.values()) == found["end"]
    assert found["start"] == 70_000
    assert parts["won"] == -100_000
    assert parts["grown"] == 20_000
    by_currency = sum(one["amounts"].get("USD", 0) for one in found["parts"])
    assert found["start_amounts"]["USD"] + by_currency == found["end_amounts"]["USD"]
    assert found["start_deals"] + sum(one["deals"] for one in found["parts"]) == found["end_deals"]


async def test_the_funnel_says_who_got_on(told: World, api: httpx.AsyncClient) -> None:
    """Maria's November: three proposals were entered, one of which was won."""
    found = await got(api, "funnel", rep="maria")
    steps = {one["stage"]: one for one in found["steps"]}
    assert steps["proposal"]["entered"] == 3
    assert steps["proposal"]["open"] == 2
    won = steps["won"]
    assert (won["entered"], won["conversion"], won["open"]) == (1, None, 0)


async def test_a_forecast_is_the_sum_of_its_parts_and_people_stand_for_theirs(
    told: World, api: httpx.AsyncClient
) -> None:
    """Maria commits to 2,000, her manager puts 1,500 over it: the history says whose it was."""
    async with told.client(await told.key(rep="maria")) as maria:
        body = {"period": "2026-11", "commit": 200_000, "best_case": 250_000, "rep": "maria"}
        assert (await maria.post("/v1/forecast", json=body)).status_code == 200
        other = await maria.post("/v1/forecast", json=body | {"rep": "chen"})
        assert other.status_code == 404
    async with told.client(await told.key(team="east")) as grace:
        over = await grace.post("/v1/forecast", json=body | {"commit": 150_000, "note": "legal"})
        assert over.status_code == 200
        wrong = await grace.post("/v1/forecast", json=body | {"best_case": 1})
        assert wrong.status_code == 422
    found = await got(api, "forecast", rep="maria")
    for one in found["methods"]:
        assert one["value"] is None or sum(one["parts"].values()) == one["value"], one
    methods = {one["id"]: one["value"] for one in found["methods"]}
    assert methods["commit"] == 150_000
    assert methods["best_case"] == 250_000
    assert methods["run_rate"] == round(100_000 * 30 / 19)
    first, second = found["submissions"]
    assert (first["role"], second["role"]) == ("rep", "manager")
    assert second["overrode"] == first["id"]


async def test_accuracy_is_pooled_over_past_periods(told: World, api: httpx.AsyncClient) -> None:
    """For October Maria committed to 50 and won nothing; for November nothing can be said yet."""
    found = await got(api, "forecast/accuracy", rep="maria")
    assert found["labels"][0] == "2026-10"
    assert {one["who"] for one in found["items"]} >= {"method:seasonal", "method:weighted"}


async def test_a_call_for_help_is_answered_by_the_manager_alone(told: World) -> None:
    """Maria asks for help with her own deal, not Chen's; Lena sees nothing of it; Grace answers."""
    async with told.client(await told.key(rep="maria")) as maria:
        asked = await maria.post("/v1/deals/d:hub:c/help", json={"text": "meet their CFO"})
        assert asked.status_code == 200
        number = asked.json()["id"]
        assert (await maria.post("/v1/deals/d:hub:s/help", json={"text": "x"})).status_code == 404
        answered = await maria.post(f"/v1/help/{number}/answer", json={"text": "me"})
        assert answered.status_code == 403
        marked = await maria.get("/v1/pipeline", params=NOVEMBER | {"rep": "maria"})
        assert marked.json()["closable"]["items"][0]["help"] is True
    async with told.client(await told.key(rep="lena")) as lena:
        assert (await lena.get("/v1/help")).json()["items"] == []
    async with told.client(await told.key(team="west")) as west:
        assert (await west.post(f"/v1/help/{number}/answer", json={"text": "x"})).status_code == 404
    async with told.client(await told.key(team="east")) as grace:
        done = await grace.post(f"/v1/help/{number}/answer", json={"text": "Tuesday, 10:00"})
        assert done.json()["answer"] == "Tuesday, 10:00"
        assert (await grace.get("/v1/help")).json()["items"][0]["answered_by"]


async def test_nobody_sees_the_deals_of_others(told: World) -> None:
    """A rep's key: neither another rep's nor the team's nor the whole pipeline."""
    async with told.client(await told.key(rep="lena")) as lena:
        for path in ("pipeline", "deals", "funnel", "waterfall", "forecast"):
            for query in ({"rep": "maria"}, {"team": "east"}, {}):
                answer = await lena.get(f"/v1/{path}", params=NOVEMBER | query)
                assert answer.status_code in {403, 404}, (path, query)
        own = (await lena.get("/v1/pipeline", params=NOVEMBER | {"rep": "lena"})).json()
    assert own["closable"]["total"] == own["later"]["total"] == 0


async def test_without_a_ledger_it_is_said_and_not_shown_empty(
    world: World, api: httpx.AsyncClient
) -> None:
    """The numbers are there, the facts are not: 503, try again."""
    await world.deal("1", "2026-11-02T10:00:00Z", "create", owner=MARIA, stage="lead")
    answer = await api.get("/v1/pipeline", params=NOVEMBER | {"rep": "maria"})
    assert answer.status_code == 503
    assert "ledger" in answer.json()["detail"]
