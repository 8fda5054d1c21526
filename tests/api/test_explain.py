"""``/v1/explain`` and ``as_of``: each figure with the facts it sums, now and as it was known."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from paceline.sql import models
from paceline.sql.engine import writing
from tests.api.world import World, ms

MARIA = "11"
CHEN = "12"


@pytest.fixture
async def told(world: World) -> World:
    """Maria wins three deals, one of which is corrected; Chen wins one and has one open."""
    world.ledger = True
    world.now = ms("2026-11-10T15:00:00Z")
    await world.deal("1", "2026-11-02T10:00:00Z", "create", owner=MARIA, stage="lead", amount="900")
    await world.deal("1", "2026-11-03T10:00:00Z", stage="won")
    await world.deal("2", "2026-11-05T10:00:00Z", "create", owner=MARIA, stage="won", amount="100")
    await world.deal("3", "2026-10-30T10:00:00Z", "create", owner=MARIA, stage="won", amount="77")
    await world.deal("4", "2026-11-04T10:00:00Z", "create", owner=CHEN, stage="won", amount="40")
    await world.deal(
        "5", "2026-11-04T10:00:00Z", "create", owner=CHEN, stage="proposal", amount="5000"
    )
    world.now = ms("2026-11-18T15:00:00Z")
    await world.deal("2", "2026-11-06T10:00:00Z", amount="150")
    world.now = ms("2026-11-20T15:00:00Z")
    return world


async def asked(api: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    """An explanation."""
    answer = await api.get("/v1/explain", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_figure_shows_the_facts_that_it_sums(told: World, api: httpx.AsyncClient) -> None:
    """Maria's November: 900 and 100 won, then 50 more by a correction; October's is not in it."""
    found = await asked(api, kpi="won_amount", rep="maria", limit=200)
    assert found["kpi"]["actual"] == 105_000
    assert found["reconciled"] is True
    won = [one for one in found["facts"] if one["measure"] == "won:USD"]
    assert sorted((one["record"], one["delta"]) for one in won) == [
        ("1", 90_000),
        ("2", 5_000),
        ("2", 10_000),
    ]
    assert {one["rep"] for one in won} == {"maria"}
    assert found["measures"] == [{"measure": "won:USD", "amount": 105_000, "of_facts": 105_000}]
    assert "won" in found["definition"]["formula"]


async def test_every_page_together_is_the_figure(told: World, api: httpx.AsyncClient) -> None:
    """The organisation's wins, one fact a page: nothing twice, nothing missing."""
    after, total, seen = "", 0, []
    while True:
        found = await asked(api, kpi="won_amount", limit=1, after=after)
        total += sum(one["delta"] for one in found["facts"])
        seen += [one["place"] for one in found["facts"]]
        after = found["next"]
        if after is None:
            break
    assert total == found["kpi"]["actual"] == 109_000
    assert len(seen) == len(set(seen)) == 4


async def test_a_level_is_explained_by_the_deals_that_make_it(
    told: World, api: httpx.AsyncClient
) -> None:
    """Chen's open pipeline is one deal of 5,000; what he has won is not in it any more."""
    found = await asked(api, measure="open_pipeline", team="east")
    assert found["by"] == "entities"
    assert [(one["record"], one["measure"], one["amount"]) for one in found["entities"]] == [
        ("5", "open:USD:-", 500_000),
        ("5", "open_n:-", 1),
    ]
    assert found["reconciled"] is True


async def test_as_of_an_earlier_moment_a_later_correction_is_not_known(
    told: World, api: httpx.AsyncClient
) -> None:
    """On the 15th the amount was 1,000; the 50 became known on the 18th, and explain the rest."""
    path, query = "/v1/reps/maria/progress", {"kpis": "won_amount", "at": "2026-11-20"}
    now = (await api.get(path, params=query)).json()
    then = (await api.get(path, params=query | {"as_of": "2026-11-15T00:00:00Z"})).json()
    assert now["kpis"][0]["actual"] == 105_000
    assert then["kpis"][0]["actual"] == 100_000
    found = await asked(api, kpi="won_amount", rep="maria", since="2026-11-15T00:00:00Z")
    assert found["before"][0]["amount"] == 100_000
    assert [(one["record"], one["delta"]) for one in found["facts"]] == [("2", 5_000)]
    assert found["learnt"] == [{"day": "2026-11-18", "measure": "won:USD", "amount": 5_000}]


async def test_the_whole_answer_as_of_now_is_the_live_one(
    told: World, api: httpx.AsyncClient
) -> None:
    """Team and organisation: KPIs, measures and rows, whether from Redis or from the facts."""
    for path in ("/v1/teams/sales/progress", "/v1/organisation/progress"):
        query = {"period": "quarter", "at": "2026-11-20", "kpis": "all"}
        live = (await api.get(path, params=query)).json()
        known = (await api.get(path, params=query | {"as_of": "2026-11-20T15:00:00Z"})).json()
        for part in ("measures", "kpis", "rows", "unmapped_owners"):
            assert known[part] == live[part], part


async def test_nobody_sees_the_facts_of_somebody_else(told: World) -> None:
    """Lena's key: not Maria's figure, not the organisation's, not with her team's name."""
    async with told.client(await told.key(rep="lena")) as lena:
        for query in ({"rep": "maria"}, {"team": "east"}, {}):
            answer = await lena.get("/v1/explain", params={"kpi": "won_amount", **query})
            assert answer.status_code in {403, 404}
        own = await lena.get("/v1/explain", params={"kpi": "won_amount", "rep": "lena"})
    assert own.json()["facts"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid-figure"),
        ({"kpi": "won_amount", "measure": "won"}, "invalid-figure"),
        ({"kpi": "wonn"}, "unknown-kpi"),
        ({"measure": "wonn"}, "unknown-measure"),
        ({"kpi": "won_amount", "as_of": "yesterday"}, "invalid-as_of"),
        ({"kpi": "won_amount", "since": "2030-01-01T00:00:00Z"}, "invalid-since"),
        ({"kpi": "won_amount", "after": "x"}, "invalid-after"),
        ({"kpi": "won_amount", "rep": "maria", "team": "east"}, "invalid-figure"),
    ],
)
async def test_a_question_without_sense_is_refused_by_name(
    told: World, api: httpx.AsyncClient, query: dict[str, str], code: str
) -> None:
    """What was wrong, and what is possible."""
    answer = await api.get("/v1/explain", params=query)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(code)
    assert answer.json()["possible"]


async def test_without_facts_the_figure_says_that_the_ledger_has_none(
    world: World, api: httpx.AsyncClient
) -> None:
    """The numbers are there, the ledger is not: nothing is made up, and as_of waits."""
    await world.deal("1", "2026-11-02T10:00:00Z", "create", owner=MARIA, stage="won", amount="9")
    found = await asked(api, kpi="won_count", rep="maria")
    assert found["kpi"]["actual"] == 1
    assert found["reconciled"] is None
    assert found["ledger"]["state"] == "none"
    answer = await api.get("/v1/reps/maria/progress", params={"as_of": "2026-11-15T00:00:00Z"})
    assert answer.status_code == 503


async def test_a_target_set_later_was_not_known_then(told: World, api: httpx.AsyncClient) -> None:
    """Maria's November target is written on the 16th: none on the 15th, 1,000 on the 17th."""
    async with writing(told.engine) as session:
        session.add(november_of("maria", 100_000, ms("2026-11-16T09:00:00Z")))
    path, query = "/v1/reps/maria/progress", {"kpis": "won_amount", "at": "2026-11-20"}
    bases = []
    for instant in ("2026-11-15T00:00:00Z", "2026-11-17T00:00:00Z"):
        answer = (await api.get(path, params=query | {"as_of": instant})).json()
        target = answer["kpis"][0]["target"]
        bases.append(target and target["base"])
    assert bases == [None, 100_000]
    found = await asked(api, kpi="won_amount", rep="maria")
    assert [(one["base"], one["author"]) for one in found["targets"]] == [(100_000, "cli:grace")]


def november_of(rep: str, cents: int, at: int) -> models.TargetRow:
    """A published target of won amount for November."""
    return models.TargetRow(
        tenant="acme",
        id=f"won_amount.rep.{rep}.2026-11-01.2026-11-30",
        version=1,
        kpi="won_amount",
        subject_kind="rep",
        subject=rep,
        first=date(2026, 11, 1),
        last=date(2026, 11, 30),
        base=str(cents),
        stretch=None,
        commit=None,
        effective=None,
        change="prorata",
        monthly=[],
        prorate=True,
        state="published",
        note="",
        author="cli:grace",
        created_at=at,
    )
