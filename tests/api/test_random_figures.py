"""Laws over HTTP: a random year of a team, random figures, and why they are what they are.

The figures are the API's and so are the facts; what ties them together is arithmetic alone.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.world import OWNERS, TEAMS, World, ms

DEALS, CHANGES, FIGURES = 40, 260, 40
BEGIN = datetime(2026, 1, 2, tzinfo=UTC)
FLOWS = {
    "won_amount": "won:USD",
    "won_count": "won_n",
    "pipeline_built": "built:USD",
    "opportunities_created": "created",
    "calls": "act:call",
}
LEVELS = {"open_pipeline": "open:USD", "qualified_pipeline": "qual:USD"}
PERIODS = ("day", "week", "month", "quarter", "year")
SUBJECTS = [
    *(("rep", one) for one in OWNERS),
    *(("team", one) for one in ("east", "west", "sales")),
    ("organisation", "acme"),
]

Json = Any


async def live_through(world: World, rng: random.Random) -> None:
    """Deals are opened, moved, handed over, corrected, closed, deleted; calls are made."""
    world.ledger = True
    for n in range(CHANGES):
        at = BEGIN + timedelta(minutes=rng.randrange(300 * 24 * 60))
        # Some of it is told long after it happened.
        heard = at + timedelta(days=rng.choice([0, 0, 0, 3, 40]))
        world.now = round(heard.timestamp() * 1000)
        when, owner = at.isoformat(), rng.choice(list(OWNERS.values()))
        if n % 4 == 3:
            await world.activity(f"{rng.randrange(20)}", when, owner, "call")
            continue
        fields: dict[str, Any] = {}
        if rng.random() < 0.7:
            fields["stage"] = rng.choice(["lead", "proposal", "proposal", "won", "lost"])
        if rng.random() < 0.6:
            fields["amount"] = str(rng.randrange(0, 9_000))
        if rng.random() < 0.5:
            fields["owner"] = owner
        if rng.random() < 0.3:
            fields["close_on"] = str((at + timedelta(days=rng.randrange(-20, 90))).date())
        op: Any = rng.choice(["set"] * 8 + ["create"] * 4 + ["delete", "restore"])
        await world.tell("deal", str(rng.randrange(DEALS)), when, op, fields)
    world.now = ms("2026-11-20T15:00:00Z")


def of(subject: tuple[str, str]) -> dict[str, str]:
    """The subject as a parameter."""
    return {} if subject[0] == "organisation" else {subject[0]: subject[1]}


async def progress(
    api: httpx.AsyncClient, subject: tuple[str, str], **asked: str
) -> dict[str, Json]:
    """KPIs of a subject by their ids."""
    path = "organisation" if subject[0] == "organisation" else f"{subject[0]}s/{subject[1]}"
    answer = await api.get(f"/v1/{path}/progress", params=asked)
    assert answer.status_code == 200, answer.text
    return {one["id"]: one["actual"] for one in answer.json()["kpis"]}


async def leaves(api: httpx.AsyncClient, rng: random.Random, **asked: str) -> list[Json]:
    """Every page of an explanation, in pages of random size."""
    found: list[Json] = []
    after: str | None = ""
    while after is not None:
        limit = str(rng.randrange(1, 30))
        answer = await api.get("/v1/explain", params={**asked, "after": after, "limit": limit})
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        after = found[-1]["next"]
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_the_facts_of_any_figure_sum_to_it(
    world: World, api: httpx.AsyncClient, seed: int
) -> None:
    """Whoever's, of whichever period and day: page by page, fact by fact or deal by deal."""
    rng = random.Random(seed)
    await live_through(world, rng)
    something = 0
    for _ in range(FIGURES):
        subject, on = rng.choice(SUBJECTS), date(2026, 1, 1) + timedelta(days=rng.randrange(320))
        kpi = rng.choice([*FLOWS, *LEVELS])
        when = {"period": rng.choice(PERIODS), "at": on.isoformat()}
        shown = (await progress(api, subject, kpis=kpi, **when))[kpi]
        something += bool(shown)
        pages = await leaves(api, rng, kpi=kpi, **when, **of(subject))
        measure = (FLOWS | LEVELS)[kpi]
        summed: Counter[str] = Counter()
        for page in pages:
            assert page["kpi"]["actual"] == shown
            assert page["reconciled"] is True
            for one in page["facts"]:
                summed[one["measure"]] += one["delta"]
            for one in page["entities"]:
                summed[one["measure"]] += one["amount"]
        stored = {one["measure"]: one["amount"] for one in pages[0]["measures"]}
        told = f"{seed} {subject} {kpi} {when}"
        assert {name: size for name, size in summed.items() if size} == stored, told
        whole = sum(size for name, size in summed.items() if name.startswith(measure))
        assert whole == shown, told
        places = [one["place"] for page in pages for one in page["facts"]]
        assert len(places) == len(set(places)), told
    assert something > FIGURES // 3, "zeros would show nothing"


@pytest.mark.parametrize("seed", range(4))
async def test_the_parts_of_any_waterfall_sum_to_the_change(
    world: World, api: httpx.AsyncClient, seed: int
) -> None:
    """Its ends are the levels that progress shows on those days; its parts lie between them."""
    rng = random.Random(100 + seed)
    await live_through(world, rng)
    at_home = {"grace", "maria"}  # whose days are the tenant's
    changes = 0
    for _ in range(FIGURES):
        subject = rng.choice(SUBJECTS)
        first = date(2026, 1, 3) + timedelta(days=rng.randrange(280))
        last = first + timedelta(days=rng.randrange(35))
        only = rng.random() < 0.5
        asked = {"first": str(first), "last": str(last), "qualified": str(only).lower()}
        asked |= {"period": "month", "at": str(last)}
        answer = await api.get("/v1/waterfall", params={**asked, **of(subject)})
        assert answer.status_code == 200, answer.text
        said = answer.json()
        told = f"{seed} {subject} {asked}"
        changes += len(said["parts"])
        kpi = "qualified_pipeline" if only else "open_pipeline"
        ends = (("start", first - timedelta(days=1)), ("end", last))
        for end, on in ends if subject[1] in at_home else ():
            level = (await progress(api, subject, kpis=kpi, period="month", at=str(on)))[kpi]
            assert said[end] == level, told
        assert said["start"] + sum(one["worth"] for one in said["parts"]) == said["end"], told
        deals = said["start_deals"] + sum(one["deals"] for one in said["parts"])
        assert deals == said["end_deals"], told
        money = Counter(said["start_amounts"])
        for one in said["parts"]:
            money.update(one["amounts"])
        assert {code: size for code, size in money.items() if size} == said["end_amounts"], told
    assert changes > FIGURES, "nothing changed, so nothing was shown"


def test_the_subjects_are_those_of_the_world() -> None:
    """A team that is not asked about would not be tested."""
    assert {one for kind, one in SUBJECTS if kind == "team"} == {*TEAMS.values(), "sales"}
