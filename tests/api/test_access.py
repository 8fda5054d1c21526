"""Who may read what; and what a refusal looks like."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from paceline.sql import models
from paceline.sql.engine import writing
from paceline.sql.keys import revoke
from services.api.edge import CSP
from tests.api.world import World

PATHS = (
    "reps/maria/progress",
    "reps/lena/progress",
    "teams/east/progress",
    "teams/sales/progress",
    "organisation/progress",
)
PLAN = (
    "kpis",
    "targets",
    "alignment",
    "suggestions",
    "calendars/default",
    "reps/maria/ramp",
    "admin/kpis",
    "admin/kpis/calls",
    "admin/audit",
)
MATRIX = {
    "tenant": (200, 200, 200, 200, 200),
    "manager": (200, 404, 200, 404, 403),
    "rep": (200, 404, 404, 404, 403),
}
BOUND: dict[str, dict[str, str]] = {
    "tenant": {},
    "manager": {"team": "east"},
    "rep": {"rep": "maria"},
}


@pytest.mark.parametrize("who", MATRIX)
async def test_a_key_reads_what_it_is_bound_to(world: World, who: str) -> None:
    """A rep reads that rep, a manager their tree, an unbound key the tenant."""
    async with world.client(await world.key(**BOUND[who])) as client:
        answers = [(await client.get(f"/v1/{path}")).status_code for path in PATHS]
    assert tuple(answers) == MATRIX[who]


@pytest.mark.parametrize("path", [*PATHS, "reps", "teams", "me", "measures", "stream", *PLAN])
async def test_nothing_is_readable_without_a_key(world: World, path: str) -> None:
    """No key, a wrong one, and one in the address are all 401 with a challenge."""
    good = await world.key()
    async with httpx.AsyncClient(base_url=world.url) as client:
        for query, headers in (
            ({}, {}),
            ({}, {"Authorization": "Bearer pl_000000000000_guess"}),
            ({}, {"Authorization": "Basic YTpi"}),
            ({"api_key": good}, {}),
            ({"token": good}, {"Authorization": f"Bearer {good}"}),
        ):
            answer = await client.get(f"/v1/{path}", params=query, headers=headers)
            assert answer.status_code == 401, (query, headers)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert good not in answer.text


async def test_a_revoked_key_reads_nothing_any_more(world: World) -> None:
    """The key worked a moment ago."""
    key = await world.key()
    async with world.client(key) as client:
        assert (await client.get("/v1/me")).status_code == 200
        async with writing(world.engine) as session:
            assert await revoke(session, world.tenant, key.split("_")[1])
        assert (await client.get("/v1/me")).status_code == 401


async def test_a_key_without_the_scope_reads_nothing(world: World) -> None:
    """A key for ingest is valid, but not here."""
    async with world.client(await world.key(scopes=["ingest"])) as client:
        assert (await client.get("/v1/reps")).status_code == 403


async def test_another_tenants_rep_looks_like_no_rep_at_all(
    world: World, api: httpx.AsyncClient
) -> None:
    """Globex has a rep of its own; for Acme's key the two answers differ in nothing."""
    async with writing(world.engine) as session:
        session.add_all(_globex())
    theirs = await api.get("/v1/reps/hank/progress")
    nobodys = await api.get("/v1/reps/zzzz/progress")
    assert theirs.status_code == nobodys.status_code == 404
    assert {**theirs.json(), "instance": ""} == {**nobodys.json(), "instance": ""}


def _globex() -> list[models.Base]:
    return [
        models.Tenant(
            id="globex", name="Globex", name_zh=None, zone="UTC", settings={"currency": "EUR"}
        ),
        models.Team(tenant="globex", id="all", name="All", name_zh=None, parent_id=None),
        models.Rep(
            tenant="globex",
            id="hank",
            name="Hank",
            name_zh=None,
            team_id="all",
            zone=None,
            manages_team=None,
        ),
    ]


async def test_a_manager_lists_only_their_own(world: World) -> None:
    """Reps, teams and me, all within the east."""
    async with world.client(await world.key(team="east")) as client:
        reps = (await client.get("/v1/reps")).json()
        teams = (await client.get("/v1/teams")).json()
        me = (await client.get("/v1/me")).json()
    assert [rep["id"] for rep in reps["items"]] == ["chen", "grace", "maria"]
    assert reps["unmapped_owners"] == []
    assert [(team["id"], team["reps"]) for team in teams["items"]] == [("east", 3)]
    assert (me["sees"], me["team"]) == ("team", "east")


async def test_reps_are_listed_by_pages(world: World, api: httpx.AsyncClient) -> None:
    """Five reps, two a page."""
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await api.get("/v1/reps", params={"limit": 2, "after": after})).json()
        seen += [rep["id"] for rep in page["items"]]
        after = page["next"]
    assert seen == ["chen", "grace", "lena", "maria", "omar"]


async def test_unmapped_owners_are_listed_with_this_months_numbers(
    world: World, api: httpx.AsyncClient
) -> None:
    """Owner 77 won a deal before anybody told us who that is."""
    await world.deal("1", "2026-11-12T15:00:00Z", "create", owner="77", stage="won", amount="9")
    said = (await api.get("/v1/reps")).json()
    assert said["unmapped_total"] == 1
    assert said["unmapped_owners"][0]["owner"] == "77"
    assert said["unmapped_owners"][0]["this_month"]["won"]["amounts"] == {"USD": 900}


REFUSALS: list[tuple[str, dict[str, str], int, str]] = [
    ("reps/maria/progress", {"period": "fortnight"}, 422, "unknown-period"),
    ("reps/maria/progress", {"period": "rolling:0d"}, 422, "unknown-period"),
    ("reps/maria/progress", {"period": "rolling:401d"}, 422, "unknown-period"),
    ("reps/maria/progress", {"at": "31.03.2017"}, 422, "invalid-at"),
    ("reps/maria/progress", {"at": "2017-02-30"}, 422, "invalid-at"),
    ("reps/maria/progress", {"at": "2017-03-31T12:00:00"}, 422, "invalid-at"),
    ("reps/maria/progress", {"at": "1971-01-01"}, 422, "invalid-at"),
    ("reps/maria/progress", {"at": "9999-12-31"}, 422, "invalid-at"),
    ("reps/maria/progress", {"at": "9999-12-31T23:59:59-12:00"}, 422, "invalid-at"),
    ("reps/maria/progress", {"at": "2017-03-15"}, 422, "beyond-retention"),
    ("reps/maria/progress", {"at": "2017-03-31", "period": "week"}, 422, "beyond-retention"),
    (
        "reps/maria/progress",
        {"at": "2026-10-01T12:00:00Z", "period": "rolling:60m"},
        422,
        "beyond-retention",
    ),
    ("reps", {"limit": "1000"}, 422, "invalid-request"),
    ("stream", {"team": "east", "rep": "maria"}, 422, "ambiguous"),
    ("stream", {"period": "never"}, 422, "unknown-period"),
    ("teams/nowhere/progress", {}, 404, "not-found"),
    ("nothing/here", {}, 404, "not-found"),
]


@pytest.mark.parametrize(("path", "query", "status", "code"), REFUSALS)
async def test_a_refusal_is_a_problem_that_says_what_is_possible(
    api: httpx.AsyncClient, path: str, query: dict[str, str], status: int, code: str
) -> None:
    """RFC 9457, with the stable code at the end of its type."""
    answer = await api.get(f"/v1/{path}", params=query)
    said: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, said["status"]) == (status, status)
    assert said["type"] == f"urn:paceline:problem:{code}"
    assert said["detail"]
    if code in {"beyond-retention", "invalid-at", "unknown-period"}:
        assert said["possible"]


async def test_a_method_that_is_not_there_is_a_problem_too(api: httpx.AsyncClient) -> None:
    """POST to a thing that is only read."""
    answer = await api.post("/v1/reps")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


async def test_redis_away_is_503_and_health_stays(world: World, api: httpx.AsyncClient) -> None:
    """A damaged key stands for a store that refuses; the process stays alive."""
    await world.redis.set(f"{{{world.partition}}}:{world.tenant}:v", "not a hash")
    answer = await api.get("/v1/reps/maria/progress")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert (await api.get("/healthz")).status_code == 200


async def test_ready_names_the_partitions_without_an_owner(
    world: World, api: httpx.AsyncClient
) -> None:
    """Three minutes without a tick, and readiness says which partition it is."""
    assert (await api.get("/readyz")).status_code == 200
    await world.redis.hset("{5}:meta", "clock", str(world.now - 200_000))
    answer = await api.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["partitions"]["detail"] == "1 of 8 without an owner: 5"


async def test_every_answer_carries_the_security_headers(
    world: World, api: httpx.AsyncClient
) -> None:
    """The page, the API and a refusal alike."""
    for path in ("/", "/v1/me", "/v1/nothing", "/static/app.js"):
        answer = await api.get(path, headers={"X-Request-Id": "from-the-proxy"})
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"] == "from-the-proxy"


async def test_requests_are_counted_by_route_and_never_by_path(
    world: World, api: httpx.AsyncClient
) -> None:
    """No rep's id becomes a label."""
    await api.get("/v1/reps/maria/progress")
    text = (await api.get("/metrics")).text
    assert 'paceline_api_requests_total{route="/v1/reps/{rep}/progress",status="200"}' in text
    assert "maria" not in text


async def test_openapi_has_an_example_for_every_answer(api: httpx.AsyncClient) -> None:
    """Every path, every status with a body."""
    document = (await api.get("/openapi.json")).json()
    assert {"Progress", "Measures", "Problem", "Change"} <= set(document["components"]["schemas"])
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            for status, answer in described["responses"].items():
                for body in answer.get("content", {}).values():
                    assert "example" in body, (path, method, status)
                if status != "304":
                    assert answer["content"], (path, method, status)
