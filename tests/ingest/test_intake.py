"""What a request becomes: accepted, duplicate, dead, ignored, or refused whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from httpx import Response

from schemas import topics
from services.ingest.translation import digest
from tests.ingest.world import ADMIN_KEY, KEY, World, as_json, github_headers

CLOUD = "application/cloudevents+json"


async def post(world: World, body: bytes, name: str = "hubspot-main") -> Response:
    """A signed HubSpot webhook."""
    path = f"/v1/webhooks/{name}"
    async with world.client() as client:
        return await client.post(path, content=body, headers=world.headers(body, path))


async def test_a_signed_webhook_becomes_an_event_on_its_tenants_partition() -> None:
    """The key is the tenant, and the partition the one of Kafka's own partitioner."""
    world = World()
    answer = await post(world, as_json([world.event()]))
    assert answer.status_code == 200
    assert answer.json() == {"accepted": 1, "dead": 0, "ignored": 0}
    (record,) = world.kept.records
    assert record.key == b"acme"
    assert record.partition == topics.partition_of("acme", 8)
    assert world.kept.patches[0].fields == {"stage": "closedwon"}


async def test_a_replayed_request_is_answered_well_and_changes_nothing() -> None:
    """A CRM that did not hear our answer sends the very same request again."""
    world = World()
    body = as_json([world.event()])
    await post(world, body)
    again = await post(world, body)
    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    assert len(world.kept.events) == 1


async def test_a_request_that_could_not_be_made_durable_is_not_a_duplicate_later() -> None:
    """A dedupe key is never claimed before the produce."""
    world = World()
    body = as_json([world.event()])
    world.kept.full = True
    refused = await post(world, body)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "30"
    world.kept.full = False
    assert (await post(world, body)).json() == {"accepted": 1, "dead": 0, "ignored": 0}


async def test_a_replay_is_refused_once_its_signature_is_old() -> None:
    """Beyond the skew nobody has to remember it."""
    world = World()
    body = as_json([world.event()])
    headers = world.headers(body)
    world.now += 300_001
    async with world.client() as client:
        answer = await client.post("/v1/webhooks/hubspot-main", content=body, headers=headers)
    assert answer.status_code == 401


async def test_a_retry_with_another_attempt_number_has_the_same_event_ids() -> None:
    """HubSpot signs its retries anew, with a higher attemptNumber and sometimes another eventId."""
    world = World()
    await post(world, as_json([world.event()]))
    await post(world, as_json([world.event(attemptNumber=1, eventId=77)]))
    first, second = world.kept.events
    assert first.id == second.id


async def test_one_bad_event_of_a_batch_is_dead_and_the_others_arrive() -> None:
    """A deal of the year 2100 does not hold up its neighbours."""
    world = World()
    bad = world.event(objectId=9002, occurredAt=4_102_444_800_000)
    contact = world.event(subscriptionType="contact.creation")
    answer = await post(world, as_json([world.event(), bad, contact]))
    assert answer.json() == {"accepted": 1, "dead": 1, "ignored": 1}
    (letter,) = world.kept.letters
    assert letter.reason == "future_clock"
    assert json.loads(letter.payload) == bad


async def test_a_signed_body_that_is_no_json_is_a_dead_letter_byte_for_byte() -> None:
    """It is authentic, so the CRM is not punished; a person can read what came."""
    world = World()
    answer = await post(world, b'[{"objectId": 9001,')
    assert answer.json() == {"accepted": 0, "dead": 1, "ignored": 0}
    assert world.kept.letters[0].payload == b'[{"objectId": 9001,'


async def test_a_tenant_without_a_generation_in_the_log_is_asked_to_wait() -> None:
    """Its events would come before what they mean."""
    answer = await post(world := World(), as_json([world.event()]), "asleep-main")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:paceline:problem:not_active"
    assert "retry-after" in answer.headers


async def test_the_host_header_has_no_say_in_the_signature() -> None:
    """The address that was signed comes from configuration."""
    world = World()
    body = as_json([world.event()])
    headers = world.headers(body) | {"host": "evil.example"}
    async with world.client() as client:
        answer = await client.post("/v1/webhooks/hubspot-main", content=body, headers=headers)
    assert answer.status_code == 200


async def test_a_mapped_webhook_becomes_a_visit() -> None:
    """Any JSON, by the connection's mapping."""
    world = World()
    body = as_json({"visits": [{"id": 7, "at": world.now, "rep": "42", "first": True}]})
    async with world.client() as client:
        answer = await client.post(
            "/v1/webhooks/visits", content=body, headers=github_headers(body)
        )
    assert answer.json()["accepted"] == 1
    assert world.kept.patches[0].fields == {"type": "visit", "owner": "42", "new_customer": True}


@pytest.mark.parametrize("mode", ["binary", "structured", "batch"])
async def test_a_cloud_event_is_taken_in_every_mode(mode: str) -> None:
    """The same visit, three ways; the same event id."""
    world = World()
    data = {"entity": "activity", "id": "77", "op": "create", "fields": {"type": "visit"}}
    attributes = {
        "specversion": "1.0",
        "id": "visit-77",
        "source": "/apps/field-app",
        "type": "paceline.entity.patched.v1",
        "time": "2026-10-24T09:30:00Z",
    }
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    if mode == "binary":
        headers |= {f"ce-{k}": v for k, v in attributes.items()}
        body = as_json(data)
    else:
        whole = {**attributes, "data": data}
        body = as_json([whole] if mode == "batch" else whole)
        suffix = "-batch" if mode == "batch" else ""
        headers["content-type"] = f"application/cloudevents{suffix}+json"
    async with world.client() as client:
        answer = await client.post("/v1/events", content=body, headers=headers)
    assert answer.json() == {"accepted": 1, "dead": 0, "ignored": 0}
    (event,) = world.kept.events
    assert event.subject == "a:field-app:77"
    assert event.time == "2026-10-24T09:30:00.000Z"
    assert event.id == digest(["field-app", "/apps/field-app", "visit-77"])


async def test_a_cloud_event_that_cannot_be_used_is_dead_with_its_attributes() -> None:
    """A replay needs them; the API key is not among them."""
    world = World()
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/apps/field-app",
        "type": "paceline.entity.patched.v1",
        "data": {"entity": "deal", "id": "1", "op": "set", "fields": {"amount": "a lot"}},
    }
    headers = {"authorization": f"Bearer {KEY}", "content-type": CLOUD}
    async with world.client() as client:
        answer = await client.post("/v1/events", content=as_json(event), headers=headers)
    assert answer.json()["dead"] == 1
    (letter,) = world.kept.letters
    assert letter.reason == "unmappable"
    assert letter.headers["ce-id"] == "1"
    assert KEY not in str(letter)


async def test_a_dry_run_shows_what_a_body_becomes_and_produces_nothing() -> None:
    """Under an administrator's key, and under no other."""
    world = World()
    body = as_json([world.event()])
    path = "/v1/connections/hubspot-main/dry-run"
    async with world.client() as client:
        shown, refused = [
            await client.post(
                path,
                content=body,
                headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
            )
            for key in (ADMIN_KEY, KEY)
        ]
    assert shown.json()["events"][0]["data"]["fields"] == {"stage": "closedwon"}
    assert refused.status_code == 403
    assert world.kept.records == []


async def test_the_probes_and_the_api_document_answer() -> None:
    """Health, readiness, metrics, OpenAPI with examples."""
    world = World()
    async with world.client() as client:
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            assert (await client.get(path)).status_code == 200
        document = (await client.get("/openapi.json")).json()
    hook = document["paths"]["/v1/webhooks/{connection}"]["post"]
    assert hook["requestBody"]["content"]["application/json"]["example"]
    assert hook["responses"]["401"]["content"]["application/problem+json"]["example"]


@pytest.mark.parametrize("sent", [b"", b'[{"objectId": 9001,'])
async def test_a_body_that_does_not_come_is_a_408_and_nobody_waits_on(sent: bytes) -> None:
    """Nothing, or a part and then nothing; the next webhook is taken."""
    world = World(body_timeout_s=0.1)

    async def body() -> AsyncIterator[bytes]:
        if sent:
            yield sent
        await asyncio.Event().wait()

    headers = world.headers(sent)
    async with world.client() as client:
        answer = await client.post("/v1/webhooks/hubspot-main", content=body(), headers=headers)
    assert answer.status_code == 408
    assert answer.json()["type"] == "urn:paceline:problem:timeout"
    assert answer.json()["detail"] == "the body was not there within 0.1 s"
    assert (await post(world, as_json([world.event()]))).json()["accepted"] == 1


async def test_a_letter_that_no_broker_would_take_is_refused_instead_of_promised() -> None:
    """Promised, it would hold up all that come after it; 900 kB of what is no JSON."""
    world = World()
    answer = await post(world, b"x" * 900_000)
    assert (answer.status_code, world.kept.records) == (413, [])
    assert answer.json()["detail"].startswith("an event, or the dead letter of one, is too large")
    assert (await post(world, b"x" * 700_000)).json()["dead"] == 1


async def test_a_number_beyond_64_bits_is_kept_digit_by_digit_in_its_letter() -> None:
    """JSON has no such limit, and neither has a letter."""
    world = World()
    answer = await post(world, as_json([world.event(propertyValue=10**39, propertyName="amount")]))
    assert answer.json() == {"accepted": 0, "dead": 1, "ignored": 0}
    assert json.loads(world.kept.letters[0].payload)["propertyValue"] == 10**39


async def test_the_address_may_be_signed_as_it_stands_where_the_configuration_says_so() -> None:
    """`?from=a%2Fb`: decoded by HubSpot's text, raw by its programs; raw only where allowed."""
    path = "/v1/webhooks/{}?from=a%2Fb"
    world = World()
    body = as_json([world.event()])
    async with world.client() as client:
        refused, taken = [
            await client.post(
                path.format(n), content=body, headers=world.headers(body, path.format(n))
            )
            for n in ("hubspot-main", "hubspot-raw")
        ]
    assert (refused.status_code, taken.status_code) == (401, 200)
