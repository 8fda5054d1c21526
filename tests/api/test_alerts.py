"""Alerts over HTTP: who sees which, what is done with them, subscriptions, links, backtests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from paceline.alerting.links import Link, Links
from paceline.sql import alerts as sql
from paceline.sql import models
from paceline.sql.engine import reading, writing
from schemas.alerts import SubjectRef
from tests.api import planning
from tests.api.world import World, ms
from tests.notifier.conftest import alert


async def fire(world: World, number: int, rep: str, *people: str, tenant: str = "acme") -> str:
    """An alert about a rep, in some people's inboxes."""
    made = msgspec.structs.replace(
        alert(number),
        tenant=tenant,
        at=world.now - 60_000 + number,
        subject=SubjectRef(kind="rep", id=rep, name=rep),
    )
    async with writing(world.engine) as session:
        await sql.store_fired(session, [made])
        await sql.recipients(session, [(tenant, made.id, one, made.at) for one in people])
    return made.id


@pytest.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may administer."""
    async with world.client(await world.key(scopes=["read", "admin"])) as client:
        yield client


async def ids(client: httpx.AsyncClient, **query: str) -> list[str]:
    """What a client sees."""
    said = (await client.get("/v1/alerts", params=query)).json()
    return [one["id"] for one in said["items"]]


async def test_everybody_sees_what_concerns_them(world: World, api: httpx.AsyncClient) -> None:
    """The tenant's key all, a team's key its tree, a rep's key her own and her inbox."""
    one = await fire(world, 1, "maria", "maria", "grace")
    two = await fire(world, 2, "lena", "lena")
    assert await ids(api) == [two, one]
    async with world.client(await world.key(team="east")) as east:
        assert await ids(east) == [one]
        assert (await east.get(f"/v1/alerts/{two}")).status_code == 404
    async with world.client(await world.key(rep="grace")) as grace:
        assert await ids(grace) == []
        assert await ids(grace, inbox="mine") == [one]
        assert (await grace.get(f"/v1/alerts/{one}")).status_code == 200
        assert (await grace.get(f"/v1/alerts/{two}")).status_code == 404
    async with world.client(await world.key(rep="lena")) as lena:
        assert await ids(lena) == [two]


async def test_pages_hold_together(world: World, api: httpx.AsyncClient) -> None:
    """Five alerts by twos, each once, newest first."""
    made = [await fire(world, number, "maria") for number in range(5)]
    found: list[str] = []
    after = ""
    while True:
        said = (await api.get("/v1/alerts", params={"limit": 2, "after": after})).json()
        found += [one["id"] for one in said["items"]]
        assert said["open"] == 5
        if said["next"] is None:
            break
        after = said["next"]
    assert found == made[::-1]
    assert (await api.get("/v1/alerts", params={"after": "x"})).status_code == 422


async def test_an_acknowledgement_ends_the_escalation(world: World, api: httpx.AsyncClient) -> None:
    """It is nobody's open alert any more, and who would be told later is not told."""
    one = await fire(world, 1, "maria", "maria")
    later = world.now + 2 * 86_400_000
    async with writing(world.engine) as session:
        await sql.recipients(session, [("acme", one, "grace", later)])
    async with world.client(await world.key(rep="maria")) as maria:
        said = (await maria.post(f"/v1/alerts/{one}", json={"deed": "acknowledge"})).json()
    assert (said["state"], said["acknowledged_by"]) == ("acknowledged", "rep:maria")
    assert await ids(api, state="open") == []
    world.now = later + 1
    async with world.client(await world.key(rep="grace")) as grace:
        assert await ids(grace, inbox="mine") == []


async def test_a_snoozed_alert_is_open_again_when_its_time_has_come(
    world: World, api: httpx.AsyncClient
) -> None:
    """Until then it is out of sight."""
    one = await fire(world, 1, "maria")
    until = world.now + 3_600_000
    said = await api.post(f"/v1/alerts/{one}", json={"deed": "snooze", "until": until})
    assert said.json()["state"] == "snoozed"
    assert await ids(api, state="open") == []
    world.now = until
    assert await ids(api, state="open") == [one]
    refused = await api.post(f"/v1/alerts/{one}", json={"deed": "snooze", "until": 5})
    assert refused.status_code == 422


async def test_precision_is_useful_of_those_marked(world: World, api: httpx.AsyncClient) -> None:
    """Three of four say useful, one of them twice, which counts once."""
    for number in range(5):
        one = await fire(world, number, "maria")
        deed = "useful" if number < 3 else "not_useful"
        if number < 4:
            for _ in range(2):
                await api.post(f"/v1/alerts/{one}", json={"deed": deed})
    (said,) = (await api.get("/v1/alerts/precision")).json()["items"]
    assert (said["fired"], said["useful"], said["not_useful"]) == (5, 3, 1)
    assert said["precision"] == 0.75


async def test_a_comment_needs_a_text_and_keeps_its_author(
    world: World, api: httpx.AsyncClient
) -> None:
    """Notes are told in their order."""
    one = await fire(world, 1, "maria")
    assert (await api.post(f"/v1/alerts/{one}", json={"deed": "comment"})).status_code == 422
    text = "约了周三 1:1 <b>"
    said = (await api.post(f"/v1/alerts/{one}", json={"deed": "comment", "text": text})).json()
    assert [(note["kind"], note["text"]) for note in said["notes"]] == [("comment", text)]


WEBHOOK = {"name": "Tasks", "kind": "webhook", "url": "https://hooks.example.com/x"}


async def test_the_secret_of_a_subscription_is_shown_once(
    world: World, admin: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    """And never in the audit; a rotation keeps the old one for a while."""
    made = (await admin.put("/v1/subscriptions/tasks", json=WEBHOOK)).json()
    assert made["secret"].startswith("whsec_")
    again = (await admin.put("/v1/subscriptions/tasks", json=WEBHOOK)).json()
    assert again["secret"] is None
    listed = await admin.get("/v1/subscriptions")
    assert made["secret"] not in listed.text
    rotated = (await admin.post("/v1/subscriptions/tasks/rotate")).json()["secret"]
    async with reading(world.engine) as session:
        row = await sql.subscription(session, "acme", "tasks")
        assert row is not None
        assert row.secrets == [rotated, made["secret"]]
        audit = [str(one) for one in await session.scalars(select(models.AuditRow.after))]
    assert made["secret"] not in "".join(audit)
    assert (await api.get("/v1/subscriptions")).status_code == 403


async def test_the_address_of_a_chat_is_a_secret_too(admin: httpx.AsyncClient) -> None:
    """Whoever knows it may write there."""
    body = {"name": "群", "kind": "feishu", "url": "https://open.feishu.cn/hook/k3y", "secret": "s"}
    said = await admin.put("/v1/subscriptions/chat", json=body)
    assert "k3y" not in said.text
    assert "k3y" not in (await admin.get("/v1/admin/audit")).text


@pytest.mark.parametrize(
    "url",
    ["ftp://x.example/", "https://", "http://hooks.example.com/", "https://u:p@x.example/", "x"],
)
async def test_an_address_that_cannot_be_right_is_refused(
    admin: httpx.AsyncClient, url: str
) -> None:
    """When it is written, with what would be possible."""
    said = await admin.put("/v1/subscriptions/tasks", json=WEBHOOK | {"url": url})
    assert said.status_code == 422
    assert said.json()["possible"].startswith("https://")


async def test_a_test_is_in_the_delivery_log_and_dead_ones_are_sent_again(
    world: World, admin: httpx.AsyncClient
) -> None:
    """One by its id, or everything dead of a place."""
    await admin.put("/v1/subscriptions/tasks", json=WEBHOOK)
    made = (await admin.post("/v1/subscriptions/tasks/test")).json()
    assert (made["state"], made["subscription"]) == ("pending", "tasks")
    async with writing(world.engine) as session:
        row = await session.get(models.Delivery, ("acme", made["id"]))
        assert row is not None
        row.state = "dead"
    said = await admin.post("/v1/deliveries/replay", json={"subscription": "tasks"})
    assert said.json() == {"replayed": 1}
    (entry,) = (await admin.get("/v1/deliveries")).json()["items"]
    assert (entry["id"], entry["state"]) == (made["id"], "pending")


async def test_another_tenants_alerts_and_places_do_not_exist(
    world: World, admin: httpx.AsyncClient
) -> None:
    """Not to be read, acknowledged, replayed or tested."""
    async with writing(world.engine) as session:
        session.add(
            models.Tenant(
                id="rival",
                name="Rival",
                name_zh=None,
                zone="UTC",
                settings={
                    "currency": "USD",
                    "stale_after_days": 30,
                    "entity_retention_days": 90,
                },
            )
        )
    theirs = await fire(world, 7, "maria", tenant="rival")
    assert await ids(admin) == []
    assert (await admin.get(f"/v1/alerts/{theirs}")).status_code == 404
    done = await admin.post(f"/v1/alerts/{theirs}", json={"deed": "acknowledge"})
    assert done.status_code == 404


async def test_a_link_asks_before_it_does_and_does_only_its_one_thing(world: World) -> None:
    """A mail scanner that follows it changes nothing; another alert's token is none."""
    one = await fire(world, 1, "maria", "maria")
    token = world.links.token(Link("acme", one, "maria", "acknowledge"))
    async with httpx.AsyncClient(base_url=world.url) as anybody:
        asked = await anybody.get(f"/v1/links/{token}")
        assert asked.status_code == 200
        assert await state_of(world, one) is None
        done = await anybody.post(f"/v1/links/{token}")
        assert done.status_code == 200
        assert await state_of(world, one) == "rep:maria"
        forged = Links("another secret").token(Link("acme", one, "maria", "useful"))
        assert (await anybody.post(f"/v1/links/{forged}")).status_code == 404
        assert (await anybody.post(f"/v1/links/{token[:-2]}")).status_code == 404


async def state_of(world: World, one: str) -> str | None:
    """Who acknowledged an alert."""
    async with reading(world.engine) as session:
        row: Any = await session.get(models.AlertRow, ("acme", one))
        return None if row is None else row.acknowledged_by


async def test_a_backtest_says_when_a_rule_would_have_told_whom(
    world: World, admin: httpx.AsyncClient
) -> None:
    """Maria falls under 80 % of what is expected at the end of 5 November, once."""
    await planning.targets(world, "won_amount,maria,,,2026-11,21000")
    await world.deal("d1", "2026-11-02T17:00:00Z", stage="won", owner="11", amount="3500.00")
    rule = {
        "each": "rep",
        "of": "maria",
        "kpi": "won_amount",
        "when": "expected",
        "enter": 80,
        "until": 90,
    }
    body = {"rule": rule, "first": "2026-11-01", "last": "2026-11-20"}
    said = (await admin.post("/v1/alerts/backtest", json=body)).json()
    fired = [one for one in said["changes"] if one["what"] == "fired"]
    assert [(one["day"], one["subject"], one["late"]) for one in fired] == [
        ("2026-11-06", "maria", False)
    ]
    assert (said["fired"], said["subjects"], said["days"]) == (1, {"maria": 1}, 20)
    assert await ids(admin) == []
    silent = {"rule": {"id": "source-silent"}, "first": "2026-11-01", "last": "2026-11-02"}
    assert (await admin.post("/v1/alerts/backtest", json=silent)).status_code == 422


async def test_whoever_holds_a_connection_hears_of_it(world: World, api: httpx.AsyncClient) -> None:
    """Server-sent events, as they fire."""
    async with api.stream("GET", "/v1/alerts/stream") as stream:
        one = await fire(world, 1, "maria")
        async with writing(world.engine) as session:
            row = await session.get(models.AlertRow, ("acme", one))
            assert row is not None
            row.fired_at = world.now
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                assert msgspec.json.decode(line[5:])["id"] == one
                break
    assert ms("2026-11-20T15:00:00Z") == world.now


async def test_a_websocket_carries_the_same_and_refuses_a_wrong_key(world: World) -> None:
    """The key is the first message, for browsers cannot send a header with it."""
    address = world.url.replace("http", "ws") + "/v1/alerts/ws"
    async with connect(address) as socket:
        await socket.send("pl_wrong")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    async with connect(address) as socket:
        await socket.send(await world.key())
        one = await fire(world, 1, "maria")
        async with writing(world.engine) as session:
            row = await session.get(models.AlertRow, ("acme", one))
            assert row is not None
            row.fired_at = world.now
        assert msgspec.json.decode(await socket.recv())["id"] == one
