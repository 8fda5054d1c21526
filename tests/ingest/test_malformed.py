"""Bad input: what each malformed request is answered, and that the next good one is still taken.

A request that is not authentic, or no proper HTTP, is refused with 4xx. One that is authentic but
holds what cannot be used is answered 200 and dead-lettered: a CRM that is refused bans us or
deletes its webhook.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.ingest.world import ADMIN_KEY, KEY, World, as_json, github_headers, hubspot_headers

HOOK = "/v1/webhooks/hubspot-main"
CE = "application/cloudevents+json"
CE_BATCH = "application/cloudevents-batch+json"


class Case(msgspec.Struct):
    """A request and the answer that it gets."""

    status: int
    reason: str = ""
    """The problem's code, or with status 200 the dead letter's reason."""
    body: bytes = b""
    path: str = HOOK
    method: str = "POST"
    headers: dict[str, str] = {}
    sign: Callable[[World, bytes, str], dict[str, str]] = lambda w, b, p: w.headers(b, p)


def signed(body: bytes | str, reason: str, **more: Any) -> Case:
    """An authentic request whose body cannot be used."""
    raw = body.encode() if isinstance(body, str) else body
    return Case(200, reason, raw, **more)


def _unsigned(*_: Any) -> dict[str, str]:
    return {"content-type": "application/json"}


def _at(shift_ms: int) -> Callable[[World, bytes, str], dict[str, str]]:
    return lambda w, b, p: hubspot_headers(b, w.now + shift_ms, p)


def _packed(plain: bytes) -> Callable[[World, bytes, str], dict[str, str]]:
    return lambda w, _, p: {**w.headers(plain, p), "content-encoding": "gzip"}


def event(**changes: Any) -> str:
    """A batch of one event with something wrong; None removes a field."""
    whole = World().event(**changes)
    return json.dumps([{k: v for k, v in whole.items() if v != "REMOVED"}])


def cloud(status: int, reason: str, value: Any, media: str = CE, **more: str) -> Case:
    """A request to /v1/events."""
    headers = {"authorization": f"Bearer {KEY}", "content-type": media, **more}
    body = value if isinstance(value, bytes) else as_json(value)
    return Case(status, reason, body, "/v1/events", "POST", headers, lambda *_: {})


BOMB = gzip.compress(b" " * (64 << 20), 9)
GOOD = as_json([])
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/apps/field-app",
    "type": "paceline.entity.patched.v1",
    "data": {"entity": "deal", "id": "1", "op": "set"},
}

MALFORMED = {
    # JSON that is none, or that parsers disagree about
    "an empty body": signed("", "undecodable"),
    "only blanks": signed("  \n ", "undecodable"),
    "truncated JSON": signed('[{"objectId": 9001', "undecodable"),
    "rubbish after the JSON": signed("[] []", "undecodable"),
    "a trailing comma": signed("[1,]", "undecodable"),
    "single quotes": signed("[{'objectId': 1}]", "undecodable"),
    "NaN": signed('[{"propertyValue": NaN}]', "undecodable"),
    "minus Infinity": signed('[{"propertyValue": -Infinity}]', "undecodable"),
    "a key twice": signed('[{"objectId": 1, "objectId": 2}]', "undecodable"),
    "nested 33 deep": signed("[" * 33 + "]" * 33, "undecodable"),
    "nested 100,000 deep": signed("[" * 100_000, "undecodable"),
    "objects nested deep": signed('{"a":' * 200 + "1" + "}" * 200, "undecodable"),
    "a number of 5,000 digits": signed("[" + "9" * 5000 + "]", "undecodable"),
    "an exponent of a million": signed("[1e1000000]", "undecodable"),
    "invalid UTF-8": signed(b'[{"objectId": "\xff\xfe"}]', "undecodable"),
    "UTF-16": signed('[{"objectId": 1}]'.encode("utf-16"), "undecodable"),
    "a byte order mark": signed(b"\xef\xbb\xbf[]", "undecodable"),
    "half a surrogate pair": signed('[{"objectId": "\\ud800"}]', "undecodable"),
    "a raw line feed in a text": signed('[{"objectId": "a\nb"}]', "undecodable"),
    # JSON of wrong shape
    "null": signed("null", "unmappable"),
    "a number": signed("42", "unmappable"),
    "a text in the list": signed('["deal.creation"]', "unmappable"),
    "a list in the list": signed("[[]]", "unmappable"),
    "no subscription": signed(event(subscriptionType="REMOVED"), "unmappable"),
    "a subscription that is a number": signed(event(subscriptionType=7), "unmappable"),
    "an unknown deal subscription": signed(event(subscriptionType="deal.explode"), "unmappable"),
    "no object id": signed(event(objectId="REMOVED"), "unmappable"),
    "an object id that is true": signed(event(objectId=True), "unmappable"),
    "an object id that is a list": signed(event(objectId=[1]), "unmappable"),
    "an object id with a line feed": signed(event(objectId="1\n2"), "unmappable"),
    "an object id of 300 characters": signed(event(objectId="9" * 300), "unmappable"),
    "no time": signed(event(occurredAt="REMOVED"), "unmappable"),
    "a time that is a text": signed(event(occurredAt="yesterday"), "unmappable"),
    "a negative time": signed(event(occurredAt=-1), "unmappable"),
    "a time of the year 2100": signed(event(occurredAt=4_102_444_800_000), "future_clock"),
    "a time of 1990": signed(event(occurredAt=631_152_000_000), "ancient_clock"),
    "another portal": signed(event(portalId=999), "wrong_portal"),
    "an amount in words": signed(event(propertyName="amount", propertyValue="lots"), "unmappable"),
    "an amount of NaN": signed(event(propertyName="amount", propertyValue="NaN"), "unmappable"),
    "an amount of 1e99": signed(event(propertyName="amount", propertyValue="1e99"), "unmappable"),
    "an amount too large": signed(
        event(propertyName="amount", propertyValue="10000000000001"), "unmappable"
    ),
    "an amount in Arabic digits": signed(
        event(propertyName="amount", propertyValue="١٢٣"), "unmappable"
    ),
    "a currency of four letters": signed(
        event(propertyName="deal_currency_code", propertyValue="EURO"), "unmappable"
    ),
    "a close date in words": signed(
        event(propertyName="closedate", propertyValue="soon"), "unmappable"
    ),
    "a 31st of February": signed(
        event(propertyName="closedate", propertyValue="2025-02-31"), "unmappable"
    ),
    "a merge without losers": signed(event(subscriptionType="deal.merge"), "unmappable"),
    "too many events": Case(413, "too_many_events", as_json([{}] * 1001)),
    # signatures
    "no signature": Case(401, "not_authentic", GOOD, sign=_unsigned),
    "a stale timestamp": Case(401, "not_authentic", GOOD, sign=_at(-300_001)),
    "a future timestamp": Case(401, "not_authentic", GOOD, sign=_at(300_001)),
    "a timestamp in words": Case(
        401, "not_authentic", GOOD, headers={"x-hubspot-request-timestamp": "now"}
    ),
    "a timestamp of 400 digits": Case(
        401, "not_authentic", GOOD, headers={"x-hubspot-request-timestamp": "9" * 400}
    ),
    "a signature of another secret": Case(
        401, "not_authentic", GOOD, sign=lambda w, b, p: hubspot_headers(b, w.now, p, secret="x")
    ),
    "a signature of another address": Case(
        401,
        "not_authentic",
        GOOD,
        sign=lambda w, b, p: hubspot_headers(b, w.now, p, public="https://evil.example"),
    ),
    "a signature that is no base64": Case(
        401, "not_authentic", GOOD, headers={"x-hubspot-signature-v3": "%%%"}
    ),
    "a GitHub signature for HubSpot": Case(
        401, "not_authentic", GOOD, sign=lambda _w, b, _p: github_headers(b)
    ),
    "a query that was not signed": Case(
        401,
        "not_authentic",
        GOOD,
        HOOK + "?tenant=globex",
        sign=lambda w, b, _: w.headers(b, HOOK),
    ),
    # HTTP
    "another method": Case(405, "malformed_request", GOOD, method="PUT"),
    "an unknown address": Case(404, "malformed_request", GOOD, "/v1/hooks"),
    "an unknown connection": Case(404, "unknown_connection", GOOD, "/v1/webhooks/nobody"),
    "a connection of odd letters": Case(404, "unknown_connection", GOOD, "/v1/webhooks/%00%F0"),
    "a connection that takes no webhooks": Case(
        404, "unknown_connection", GOOD, "/v1/webhooks/field-app"
    ),
    "a disabled connection": Case(403, "disabled", GOOD, "/v1/webhooks/closed-main"),
    "a body of 2 MiB": Case(413, "too_large", b"[" + b" " * (2 << 20) + b"]"),
    "a length that lies": Case(413, "too_large", GOOD, headers={"content-length": "9" * 30}),
    "form data": Case(
        415,
        "unsupported_media_type",
        GOOD,
        headers={"content-type": "application/x-www-form-urlencoded"},
    ),
    "no content type": Case(415, "unsupported_media_type", GOOD, headers={"content-type": ""}),
    "another charset": Case(
        415,
        "unsupported_media_type",
        GOOD,
        headers={"content-type": "application/json; charset=latin-1"},
    ),
    "brotli": Case(415, "unsupported_encoding", GOOD, headers={"content-encoding": "br"}),
    "gzip twice": Case(
        415, "unsupported_encoding", GOOD, headers={"content-encoding": "gzip, gzip"}
    ),
    "gzip that is none": Case(400, "malformed_request", GOOD, headers={"content-encoding": "gzip"}),
    "deflate that is none": Case(
        400, "malformed_request", b"\xff" * 40, headers={"content-encoding": "deflate"}
    ),
    "gzip cut short": Case(400, "malformed_request", gzip.compress(GOOD)[:-4], sign=_packed(GOOD)),
    "two gzip streams": Case(400, "malformed_request", gzip.compress(GOOD) * 2, sign=_packed(GOOD)),
    "a gzip bomb": Case(413, "too_large", BOMB, headers={"content-encoding": "gzip"}),
    "a small gzip bomb": Case(
        413, "too_large", gzip.compress(b" " * (900 << 10)), headers={"content-encoding": "gzip"}
    ),
    # CloudEvents
    "events without a key": cloud(401, "not_authentic", CLOUD_EVENT, authorization=""),
    "events with a wrong key": cloud(401, "not_authentic", CLOUD_EVENT, authorization="Bearer x"),
    "events with Basic": cloud(401, "not_authentic", CLOUD_EVENT, authorization="Basic eDp5"),
    "events with another scope": cloud(
        403, "not_allowed", CLOUD_EVENT, authorization=f"Bearer {ADMIN_KEY}"
    ),
    "events that are no JSON": cloud(400, "malformed_request", b"{"),
    "events as XML": cloud(415, "unsupported_media_type", b"<x/>", "application/xml"),
    "an event that is a list": cloud(400, "malformed_request", []),
    "a batch that is an object": cloud(400, "malformed_request", CLOUD_EVENT, CE_BATCH),
    "specversion 0.3": cloud(400, "malformed_request", {**CLOUD_EVENT, "specversion": "0.3"}),
    "an event without id": cloud(400, "malformed_request", {**CLOUD_EVENT, "id": ""}),
    "an attribute in capitals": cloud(400, "malformed_request", {**CLOUD_EVENT, "Bad": "x"}),
    "an attribute that is a list": cloud(400, "malformed_request", {**CLOUD_EVENT, "x": []}),
    "binary without attributes": cloud(400, "malformed_request", {}, "application/json"),
    "data_base64 that is none": cloud(
        400, "malformed_request", {**CLOUD_EVENT, "data_base64": "%"}
    ),
    "the connection of another tenant": cloud(
        404, "unknown_connection", {**CLOUD_EVENT, "connection": "globex-app"}
    ),
    "an entity that is a lead": cloud(
        200, "unmappable", {**CLOUD_EVENT, "data": {"entity": "lead", "id": "1", "op": "set"}}
    ),
    "fields that are a list": cloud(
        200,
        "unmappable",
        {**CLOUD_EVENT, "data": {"entity": "deal", "id": "1", "op": "set", "fields": []}},
    ),
    "a register that is an object": cloud(
        200,
        "unmappable",
        {**CLOUD_EVENT, "data": {"entity": "deal", "id": "1", "op": "set", "fields": {"x": {}}}},
    ),
    "a type that nobody maps": cloud(200, "unmappable", {**CLOUD_EVENT, "type": "com.example.x"}),
    "an event whose time is in words": cloud(200, "unmappable", {**CLOUD_EVENT, "time": "noon"}),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_request_gets_its_answer_and_the_next_good_one_is_taken(
    name: str,
) -> None:
    """The table above: the answer, its form, and an ingest that is none the worse."""
    world, case = World(), MALFORMED[name]
    headers = {**case.sign(world, case.body, case.path), **case.headers}
    async with world.client() as client:
        answer = await client.request(case.method, case.path, content=case.body, headers=headers)
        assert answer.status_code == case.status, answer.text
        if case.status == 200:
            assert answer.json()["dead"] == 1
            assert [letter.reason for letter in world.kept.letters] == [case.reason]
        else:
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["type"] == f"urn:paceline:problem:{case.reason}"
            assert problem["status"] == case.status
            assert problem["title"]
            assert problem["detail"]
            assert problem["request_id"]
        good = as_json([world.event()])
        taken = await client.post(HOOK, content=good, headers=world.headers(good))
    assert taken.json() == {"accepted": 1, "dead": 0, "ignored": 0}
    assert len(world.kept.events) == 1


@pytest.mark.parametrize("name", ["an empty list", "a batch of 100", "packed", "deflated"])
async def test_what_looks_odd_but_is_right_is_taken(name: str) -> None:
    """An empty batch is no error; compressed bodies are verified as they were signed, unpacked."""
    world = World()
    many = 100 if name == "a batch of 100" else 0 if name == "an empty list" else 1
    body = as_json([world.event(objectId=n) for n in range(many)])
    headers = world.headers(body)
    if name == "packed":
        headers, body = {**headers, "content-encoding": "gzip"}, gzip.compress(body)
    elif name == "deflated":
        headers, body = {**headers, "content-encoding": "deflate"}, zlib.compress(body)
    async with world.client() as client:
        answer = await client.post(HOOK, content=body, headers=headers)
    assert answer.json() == {"accepted": many, "dead": 0, "ignored": 0}


def test_the_table_is_as_long_as_it_should_be() -> None:
    """At least 40 malformed requests, and none of them is answered with 5xx."""
    assert len(MALFORMED) >= 40
    assert all(case.status < 500 for case in MALFORMED.values())
