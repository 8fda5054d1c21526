"""Two currencies: reported by dated rates, told apart without one, as known at any moment.

The oracle is a sheet of decimals below; it shares no code with what it checks.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import httpx
import pytest

from tests.api.world import World

MARIA, CHEN = "11", "12"
WON = [
    # rep, deal, instant, amount, currency
    ("maria", "1", "2026-11-02T15:00:00Z", "1000.00", "USD"),
    ("maria", "2", "2026-11-04T15:00:00Z", "333.33", "EUR"),
    ("maria", "3", "2026-11-12T15:00:00Z", "200.10", "EUR"),
    ("chen", "4", "2026-11-12T02:00:00Z", "90000", "JPY"),
    ("chen", "5", "2026-10-28T02:00:00Z", "77.77", "EUR"),
    ("chen", "6", "2026-11-13T02:00:00Z", "5.00", "GBP"),
]
OWNER = {"maria": MARIA, "chen": CHEN}
EUR = {"2026-10-01": Decimal("1.05"), "2026-11-10": Decimal("1.07")}
JPY = {"2026-10-01": Decimal("0.0065")}


@pytest.fixture
async def told(world: World) -> World:
    """Wins in four currencies, and an open deal of 400 euros."""
    world.ledger = True
    for rep, deal, at, amount, currency in WON:
        fields = {"owner": OWNER[rep], "stage": "won", "amount": amount, "currency": currency}
        await world.tell("deal", deal, at, "create", dict(fields))
    await world.deal(
        "9", "2026-11-03T10:00:00Z", "create", owner=MARIA, stage="proposal", amount="400.00",
        currency="EUR",
    )  # fmt: skip
    return world


async def put(world: World, *rates: tuple[str, str, str | None], **query: Any) -> httpx.Response:
    """An administrator writes rates."""
    items = [{"currency": code, "since": since, "rate": rate} for code, since, rate in rates]
    async with world.client(await world.key(scopes=["read", "admin"])) as admin:
        return await admin.put("/v1/admin/rates", json={"items": items}, params=query)


async def usual(world: World) -> None:
    """Euros in two steps, yen in one; pounds have no rate."""
    every = [("EUR", day, str(rate)) for day, rate in EUR.items()]
    every += [("JPY", day, str(rate)) for day, rate in JPY.items()]
    answer = await put(world, *every)
    assert answer.status_code == 200, answer.text


async def value(api: httpx.AsyncClient, path: str, kpi: str = "won_amount", **more: str) -> Any:
    """A KPI as it is answered."""
    query = {"kpis": kpi, "period": "month", "at": "2026-11-20", **more}
    return (await api.get(f"/v1/{path}/progress", params=query)).json()["kpis"][0]


def sheet(who: tuple[str, ...], correction: Decimal | None = None) -> int:
    """November by hand: each day's euros by that day's rate, in cents; pounds are left out."""
    late = correction or EUR["2026-11-10"]
    total = 0
    for rep, _, at, amount, currency in WON:
        if rep not in who or at < "2026-11" or currency == "GBP":
            continue
        rate = Decimal(1)
        if currency == "EUR":
            rate = late if at >= "2026-11-10" else EUR["2026-10-01"]
        if currency == "JPY":
            rate = JPY["2026-10-01"]
        cents = Decimal(amount) * rate * 100
        total += int(cents.quantize(Decimal(1), ROUND_HALF_EVEN))
    return total


async def test_without_rates_other_currencies_are_told_apart(
    told: World, api: httpx.AsyncClient
) -> None:
    """Maria's dollars alone; euros are named, not added."""
    found = await value(api, "reps/maria")
    assert found["actual"] == 100_000
    assert found["other_currencies"] == ["EUR"]


async def test_each_day_is_converted_by_its_own_rate(told: World, api: httpx.AsyncClient) -> None:
    """A person, the team, the organisation: the sheet's sums; pounds stay apart and are marked."""
    await usual(told)
    for path, who in (
        ("reps/maria", ("maria",)),
        ("reps/chen", ("chen",)),
        ("teams/east", ("maria", "chen")),
        ("organisation", ("maria", "chen")),
    ):
        found = await value(api, path)
        assert found["actual"] == sheet(who), path
        assert found["other_currencies"] == (["GBP"] if "chen" in who else []), path
    answer = (await api.get("/v1/reps/chen/progress?at=2026-11-20")).json()
    assert answer["measures"]["won"]["amounts"] == {"JPY": 90_000, "GBP": 500}
    assert answer["rates"] == [
        {"currency": "GBP", "rate": None, "since": None},
        {"currency": "JPY", "rate": "0.0065", "since": "2026-10-01"},
    ]


async def test_a_level_is_worth_what_it_is_on_the_day_asked(
    told: World, api: httpx.AsyncClient
) -> None:
    """The same open deal of 400 euros: 420 dollars on the 5th, 428 from the 10th on."""
    await usual(told)
    early = await value(api, "reps/maria", "open_pipeline", at="2026-11-05")
    late = await value(api, "reps/maria", "open_pipeline", at="2026-11-15")
    assert (early["actual"], late["actual"]) == (42_000, 42_800)


async def test_a_corrected_rate_changes_the_figure_and_as_of_keeps_what_was_known(
    told: World, api: httpx.AsyncClient
) -> None:
    """1.07 was wrong, 1.10 is right: today's figure moves at once, the audit says by whom."""
    await usual(told)
    before = await api.get("/v1/reps/maria/progress?at=2026-11-20")
    await put(told, ("EUR", "2026-11-10", "1.10"))
    found = await value(api, "reps/maria")
    assert found["actual"] == sheet(("maria",), Decimal("1.10"))
    tag = {"If-None-Match": before.headers["etag"]}
    after = await api.get("/v1/reps/maria/progress?at=2026-11-20", headers=tag)
    assert after.status_code == 200
    versions = (await api.get("/v1/rates")).json()["items"]
    assert [(one["since"], one["rate"], one["version"]) for one in versions][:3] == [
        ("2026-10-01", "1.05", 1),
        ("2026-11-10", "1.07", 1),
        ("2026-11-10", "1.10", 2),
    ]
    withdrawn = await put(told, ("EUR", "2026-11-10", None))
    assert withdrawn.json()["changes"] == ["EUR 2026-11-10 withdrawn"]
    again = await value(api, "reps/maria")
    assert again["actual"] == sheet(("maria",), EUR["2026-10-01"])


async def test_a_quarter_is_the_sum_of_its_months(told: World, api: httpx.AsyncClient) -> None:
    """October and November by their own days; days add to months, months to the quarter."""
    await usual(told)
    quarter = await value(api, "reps/chen", period="quarter")
    months = [await value(api, "reps/chen", period=label) for label in ("2026-10", "2026-11")]
    assert quarter["actual"] == sum(one["actual"] for one in months)
    assert months[0]["actual"] == 8_166  # 77.77 euros at 1.05: 81.6585 dollars


async def test_an_explanation_still_sums_to_the_stored_amounts(
    told: World, api: httpx.AsyncClient
) -> None:
    """The facts are in their own currency."""
    await usual(told)
    query = {"kpi": "won_amount", "rep": "maria", "at": "2026-11-20"}
    found = (await api.get("/v1/explain", params=query)).json()
    assert found["reconciled"] is True
    assert {one["measure"]: one["amount"] for one in found["measures"]} == {
        "won:USD": 100_000,
        "won:EUR": 53_343,
    }


async def test_a_person_is_still_one_round_trip(told: World, api: httpx.AsyncClient) -> None:
    """With rates the months are read by days, in the same transaction."""
    await usual(told)
    await value(api, "reps/maria")
    before = (await told.redis.info("commandstats"))["cmdstat_multi"]["calls"]
    await value(api, "reps/maria")
    after = (await told.redis.info("commandstats"))["cmdstat_multi"]["calls"]
    assert after - before == 1


async def test_wrong_rates_are_refused_whole(told: World, api: httpx.AsyncClient) -> None:
    """Every mistake by its place, and nothing is written; a reader's key may not write at all."""
    answer = await put(told, ("EURO", "2026-10-01", "1"), ("EUR", "soon", "1"), ("USD", "x", "1"))
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [
        "/items/0",
        "/items/1",
        "/items/2",
    ]
    assert (await api.get("/v1/rates")).json()["items"] == []
    assert (await api.put("/v1/admin/rates", json={"items": []})).status_code == 403
    dry = await put(told, ("EUR", "2026-10-01", "1.05"), dry_run="true")
    assert dry.json() == {"dry_run": True, "changes": ["EUR 2026-10-01 1.05"]}
    assert (await api.get("/v1/rates")).json()["items"] == []
