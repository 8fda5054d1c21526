"""Administration over REST: round trips, refusals, who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from paceline.admin.values import KINDS
from paceline.sql.engine import writing
from schemas.envelope import Scalar
from tests.api import planning
from tests.api.test_access import _globex
from tests.api.world import World

BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "kpis": (
        "demos_per_deal",
        {
            "id": "demos_per_deal",
            "name": "Demos per deal",
            "name_zh": "单均演示次数",
            "says": "Demos of the period over deals won in it.",
            "says_zh": "期间演示次数除以赢单数。",
            "unit": "ratio",
            "formula": 'activities("demo") / won_count',
        },
    ),
    "measures": (
        "big_deals",
        {
            "id": "big_deals",
            "entity": "deal",
            "moment": "won",
            "take": "count",
            "filters": [{"field": "amount", "at_least": 100000}],
        },
    ),
    "calendars": ("us", {"id": "us", "country": "US"}),
    "roles": ("ae", {"id": "ae", "name": "Account executive", "kpis": ["won_amount"]}),
    "ramps": ("short", {"id": "short", "name": "Short", "kpis": {"calls": {"percent": ["50"]}}}),
    "rules": (
        "calls-low",
        {
            "id": "calls-low",
            "name": "Few calls",
            "each": "rep",
            "kpi": "calls",
            "period": "week",
            "when": "expected",
            "enter": 70,
            "until": 90,
            "to": ["manager", {"role": "managers_manager", "after_days": 2}],
        },
    ),
    "teams": ("north", {"id": "north", "name": "North", "parent": "sales"}),
    "reps": (
        "nina",
        {"id": "nina", "name": "Nina Park", "team": "west", "owners": {"hub": ["23"]}},
    ),
    "settings": ("interpolate_today", {"value": True}),
    "targets": (
        "calls.rep.maria.2026-12-01.2026-12-31",
        {"kpi": "calls", "rep": "maria", "period": "2026-12", "base": 40},
    ),
}


@pytest.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may administer."""
    async with world.client(await world.key(scopes=["read", "admin"])) as client:
        yield client


def test_every_kind_is_tried() -> None:
    """A kind that is added later fails here first."""
    assert set(BODIES) == set(KINDS)


@pytest.mark.parametrize("kind", BODIES)
async def test_an_item_is_put_read_listed_and_taken_away(
    admin: httpx.AsyncClient, kind: str
) -> None:
    """The whole life of one of each kind."""
    item, body = BODIES[kind]
    url = f"/v1/admin/{kind}/{item}"
    tried = await admin.put(url, params={"dry_run": True}, json=body)
    assert tried.status_code == 200, tried.text
    assert (tried.json()["dry_run"], bool(tried.json()["changes"])) == (True, True)
    put = await admin.put(url, json=body)
    assert put.status_code == 200, put.text
    assert put.json()["changes"] == tried.json()["changes"]
    read = await admin.get(url)
    assert (read.status_code, read.headers["etag"]) == (200, put.headers["etag"])
    assert {key: read.json()["body"][key] for key in body} == body
    again = await admin.put(url, json=body, headers={"If-Match": read.headers["etag"]})
    assert (again.status_code, again.json()["changes"]) == (200, [])
    listed = (await admin.get(f"/v1/admin/{kind}", params={"limit": 200})).json()["items"]
    assert item in [one["id"] for one in listed]
    gone = await admin.delete(url, headers={"If-Match": read.headers["etag"]})
    assert gone.status_code == 200, gone.text
    assert gone.json()["changes"]
    twice = await admin.delete(url)
    assert twice.json()["changes"] == []
    audit = (await admin.get("/v1/admin/audit", params={"limit": 2})).json()["items"]
    # All settings are of one thing, the tenant.
    assert {one["subject"] for one in audit} == {"acme" if kind == "settings" else item}
    assert audit[0]["actor"].startswith("key:")


async def test_a_stale_writer_is_told(admin: httpx.AsyncClient) -> None:
    """Two administrators edit the same role; the second one's copy is old."""
    url = "/v1/admin/roles/ae"
    body = {"id": "ae", "name": "Account executive", "kpis": ["won_amount"]}
    first = (await admin.put(url, json=body)).headers["etag"]
    await admin.put(url, json=body | {"name": "AE"}, headers={"If-Match": first})
    late = await admin.put(url, json=body | {"name": "Seller"}, headers={"If-Match": first})
    assert late.status_code == 412
    assert late.json()["type"] == "urn:paceline:problem:changed-since"
    new = await admin.put(url, json=body, headers={"If-None-Match": "*"})
    assert new.status_code == 412


async def test_every_mistake_is_told_with_its_place(admin: httpx.AsyncClient) -> None:
    """A formula that names nothing and a unit that is none: a problem with JSON pointers."""
    body = {"id": "odd", "name": "Odd", "unit": "count", "formula": "wonn_count + 1"}
    answer = await admin.put("/v1/admin/kpis/odd", json=body)
    said = answer.json()
    assert (answer.status_code, said["type"]) == (422, "urn:paceline:problem:refused")
    assert "/formula" in [one["pointer"] for one in said["errors"]]
    broken = await admin.put("/v1/admin/kpis/odd", content=b"{not json")
    assert (broken.status_code, broken.json()["type"]) == (422, "urn:paceline:problem:invalid-body")
    assert (await admin.get("/v1/admin/kpis/odd")).status_code == 404
    assert (await admin.get("/v1/admin/gadgets")).status_code == 404


async def test_targets_come_from_a_table(world: World, admin: httpx.AsyncClient) -> None:
    """A line that is wrong is named by its number, and then nothing at all is set."""
    good = "kpi,rep,period,base\ncalls,maria,2026-11,40\n"
    bad = good + "phones,maria,2026-11,40\ncalls,nobody,2026-11,40\n"
    refused = await admin.post("/v1/admin/targets:import", content=bad.encode())
    assert refused.status_code == 422, refused.text
    assert {one["pointer"].split("/")[2] for one in refused.json()["errors"]} == {"3", "4"}
    assert (await admin.get("/v1/targets")).json()["items"] == []
    taken = await admin.post("/v1/admin/targets:import", content=good.encode())
    assert taken.status_code == 200, taken.text
    (target,) = (await admin.get("/v1/targets")).json()["items"]
    assert (target["kpi"], target["subject"], target["base"]) == ("calls", "maria", 40)


async def test_a_draft_is_published_and_then_acknowledged_by_its_rep(
    world: World, admin: httpx.AsyncClient
) -> None:
    """Maria does not see the draft; once it is published only she can say that she has."""
    await planning.targets(world, "calls,maria,,,2026-11,40,,,,draft")
    target = "calls.rep.maria.2026-11-01.2026-11-30"
    maria, chen = await world.key(rep="maria"), await world.key(rep="chen")
    async with world.client(maria) as client, world.client(chen) as other:
        assert (await client.get("/v1/targets")).json()["items"] == []
        published = await admin.post(f"/v1/admin/targets/{target}/publish")
        assert published.status_code == 200, published.text
        (seen,) = (await client.get("/v1/targets")).json()["items"]
        said = {"version": seen["version"]}
        url = f"/v1/targets/{target}/acknowledge"
        assert (await other.get("/v1/targets")).json()["items"] == []
        assert (await other.post(url, json=said)).status_code == 404
        assert (await admin.post(url, json=said)).status_code == 403
        assert (await client.post(url, json={"version": 99})).status_code == 412
        assert (await client.post(url, json=said)).status_code == 200
        (done,) = (await client.get("/v1/targets")).json()["items"]
        assert done["state"] == "acknowledged"


async def test_only_an_unbound_key_with_the_scope_administers(world: World) -> None:
    """Readers, and administrators who are bound to a rep or a team, may not even look."""
    for bound in ({"scopes": ["read"]}, {"rep": "maria"}, {"team": "east"}):
        scopes = bound.pop("scopes", ["read", "admin"])
        async with world.client(await world.key(scopes=scopes, **bound)) as client:
            for kind in (*KINDS, "audit"):
                assert (await client.get(f"/v1/admin/{kind}")).status_code == 403
            put = await client.put("/v1/admin/teams/north", json={"id": "north", "name": "N"})
            assert put.status_code == 403
            posted = await client.post("/v1/admin/targets:import", content=b"")
            assert posted.status_code == 403


async def test_another_tenants_plan_is_out_of_reach(world: World, admin: httpx.AsyncClient) -> None:
    """Globex has a team `all`; Acme's administrator sees and touches none of it."""
    async with writing(world.engine) as session:
        session.add_all(_globex())
    assert (await admin.get("/v1/admin/teams/all")).status_code == 404
    await admin.delete("/v1/admin/teams/all")
    listed = (await admin.get("/v1/admin/reps")).json()["items"]
    assert "hank" not in [one["id"] for one in listed]
    assert (await admin.get("/v1/admin/audit")).json()["items"] == []


async def test_a_rep_reads_no_plan_of_others(world: World) -> None:
    """Maria's key: her own targets, no alignment of everybody, no suggestions for others."""
    await planning.targets(world, "calls,maria,,,2026-11,40", "calls,lena,,,2026-11,50")
    await planning.targets(world, "calls,,east,,2026-11,90")
    async with world.client(await world.key(rep="maria")) as client:
        subjects = [one["subject"] for one in (await client.get("/v1/targets")).json()["items"]]
        assert subjects == ["maria"]
        assert (await client.get("/v1/targets", params={"rep": "lena"})).status_code == 404
        assert (await client.get("/v1/alignment")).status_code == 403
        assert (await client.get("/v1/reps/lena/ramp")).status_code == 404
    async with world.client(await world.key(team="east")) as manager:
        items = (await manager.get("/v1/targets")).json()["items"]
        assert sorted(one["subject"] for one in items) == ["east", "maria"]


async def test_the_alignment_report_says_what_does_not_add_up(
    world: World, api: httpx.AsyncClient
) -> None:
    """The east has 100 calls, Maria 30 of them."""
    await planning.targets(world, "calls,,east,,2026-11,100", "calls,maria,,,2026-11,30")
    await planning.put(world, "roles", "caller", id="caller", name="Caller", kpis=["calls"])
    await planning.rep(world, "maria", role="caller")
    said = (await api.get("/v1/alignment", params={"period": "month"})).json()
    (found,) = [one for one in said["items"] if one["kind"] == "unallocated"]
    assert (found["subject"], found["asked"], found["found"]) == ("east", 100, 30)
    assert found["difference"] == 70


async def test_suggestions_rest_on_the_last_twelve_weeks(
    world: World, api: httpx.AsyncClient
) -> None:
    """Two calls a week for twelve weeks: two a week, and nothing from this running week."""
    for week in range(12):
        for day in (0, 2):
            at = world.now - (week * 7 + 4 + day) * 86_400_000 - 3_600_000
            fields: dict[str, Scalar] = {"owner": "11", "type": "call", "at": at}
            await world.tell("activity", f"{week}-{day}", "2026-11-20T14:00:00Z", "create", fields)
    await world.activity("now", "2026-11-20T14:00:00Z", "11", "call")
    said = (await api.get("/v1/suggestions", params={"period": "week", "kpi": "calls"})).json()
    (found,) = said["items"]
    assert (found["rep"], found["value"], found["windows"]) == ("maria", 2, 12)
    assert found["enough"] is True


async def test_a_calendar_is_read_by_the_year(world: World, api: httpx.AsyncClient) -> None:
    """China's 2026 with its working weekends; there is no calendar of another name."""
    await planning.put(world, "calendars", "cn", id="cn", country="CN")
    said = (await api.get("/v1/calendars/cn", params={"year": 2026})).json()
    assert said["workdays"]["2026-10"] < 22
    halves = {day["date"]: day["halves"] for day in said["days"]}
    assert halves["2026-10-01"] == 0
    assert (await api.get("/v1/calendars/mars")).status_code == 404
