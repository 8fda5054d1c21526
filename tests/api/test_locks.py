"""Locked periods: the figures stand, what changes them later shows beside them with its facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.api.world import World, ms

MARIA = "11"
OCTOBER = "/v1/reps/maria/progress?period=2026-10&kpis=won_amount,won_count,win_rate"


@pytest.fixture
async def october(world: World) -> World:
    """Maria won two deals in October, 900 and 100."""
    world.ledger = True
    world.now = ms("2026-11-02T15:00:00Z")
    await world.deal("1", "2026-10-12T10:00:00Z", "create", owner=MARIA, stage="won", amount="900")
    await world.deal("2", "2026-10-20T10:00:00Z", "create", owner=MARIA, stage="won", amount="100")
    return world


async def closed(world: World, period: str = "2026-10") -> httpx.Response:
    """An administrator locks a period."""
    async with world.client(await world.key(scopes=["read", "admin"])) as admin:
        return await admin.post("/v1/locks", json={"period": period, "note": "board of November"})


async def test_a_locked_figure_stands_and_a_late_correction_is_an_adjustment(
    october: World, api: httpx.AsyncClient
) -> None:
    """After the lock the second deal turns out to be worth 150: 1,000 locked, 1,050 now."""
    assert (await closed(october)).status_code == 200
    october.now = ms("2026-11-09T15:00:00Z")
    await october.deal("2", "2026-10-21T10:00:00Z", amount="150")
    answer = (await api.get(OCTOBER)).json()
    assert answer["lock"]["note"] == "board of November"
    won = {"locked": 100_000, "now": 105_000, "adjustment": 5_000}
    assert answer["lock"]["kpis"]["won_amount"] == won
    assert answer["lock"]["kpis"]["won_count"] == {"locked": 2, "now": 2, "adjustment": 0}
    assert answer["kpis"][0]["actual"] == 105_000
    since = datetime.fromtimestamp(answer["lock"]["locked_at"] / 1000, UTC).isoformat()
    query = {"kpi": "won_amount", "rep": "maria", "period": "2026-10", "since": since}
    found = (await api.get("/v1/explain", params=query)).json()
    assert [(one["record"], one["delta"]) for one in found["facts"]] == [("2", 5_000)]
    assert found["learnt"] == [{"day": "2026-11-09", "measure": "won:USD", "amount": 5_000}]


async def test_whoever_has_the_answer_learns_of_a_lock(
    october: World, api: httpx.AsyncClient
) -> None:
    """Locking changes the ETag; with the new one nothing is sent; unlocking changes it back."""
    before = (await api.get(OCTOBER)).headers["etag"]
    await closed(october)
    locked = await api.get(OCTOBER, headers={"If-None-Match": before})
    assert locked.status_code == 200
    tag = {"If-None-Match": locked.headers["etag"]}
    assert (await api.get(OCTOBER, headers=tag)).status_code == 304
    async with october.client(await october.key(scopes=["read", "admin"])) as admin:
        await admin.delete("/v1/locks/2026-10")
    opened = await api.get(OCTOBER, headers=tag)
    assert opened.status_code == 200
    assert opened.json()["lock"] is None


async def test_everybody_has_locked_figures_teams_and_the_organisation_too(
    october: World, api: httpx.AsyncClient
) -> None:
    """The same 1,000 for her team, its parent and the whole."""
    await closed(october)
    for path in ("/v1/teams/east", "/v1/teams/sales", "/v1/organisation"):
        answer: dict[str, Any] = (await api.get(f"{path}/progress?period=2026-10")).json()
        assert answer["lock"]["kpis"]["won_amount"]["locked"] == 100_000


async def test_only_a_period_that_is_over_is_locked_and_only_once(october: World) -> None:
    """November runs; October is locked the second time: refused, and each is said."""
    running = await closed(october, "2026-11")
    assert running.status_code == 422
    assert "not over" in running.json()["detail"]
    assert (await closed(october)).status_code == 200
    twice = await closed(october)
    assert twice.status_code == 409
    assert twice.json()["type"].endswith("already-locked")


async def test_locking_needs_an_administrator_and_is_in_the_audit(october: World) -> None:
    """Maria's key may see that October is locked; it may not lock or open anything."""
    async with october.client(await october.key(rep="maria")) as maria:
        refused = await maria.post("/v1/locks", json={"period": "2026-10"})
        assert refused.status_code == 403
        await closed(october)
        assert (await maria.delete("/v1/locks/2026-10")).status_code == 403
        assert [one["period"] for one in (await maria.get("/v1/locks")).json()["items"]] == [
            "2026-10"
        ]
    async with october.client(await october.key(scopes=["read", "admin"])) as admin:
        entries = (await admin.get("/v1/admin/audit?kind=periods")).json()["items"]
    assert [(one["action"], one["subject"]) for one in entries] == [("lock", "2026-10")]
