"""Telling the story: CloudEvents under a key, and HubSpot's signed webhooks, in disorder.

In: the script's rows. Out: requests. Guarantee: a tenth of it comes twice and none of it in order;
what is told is what the rows say, each change at its time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from tests.story.script import Told

Json = dict[str, Any]

SECRET = "the quiet river carries the largest boats"
PORTAL = 62515
_PROPERTIES = {"owner": "hubspot_owner_id", "stage": "dealstage", "close_on": "closedate"}


def cloud_events(rows: Sequence[Told], rng: random.Random) -> list[list[Json]]:
    """Batches of CloudEvents."""
    return _batches([_cloud_event(n, one) for n, one in enumerate(rows)], rng)


def webhooks(rows: Sequence[Told], rng: random.Random) -> list[list[Json]]:
    """Bodies of HubSpot's webhooks."""
    return _batches([event for one in rows for event in _webhook(one)], rng)


def signed(body: bytes, url: str, now_ms: int) -> dict[str, str]:
    """The headers of a webhook, version 3 of the signature."""
    text = b"POST" + url.encode() + body + str(now_ms).encode()
    digest = hmac.new(SECRET.encode(), text, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": str(now_ms),
    }


def encoded(body: list[Json]) -> bytes:
    """A request's body."""
    return json.dumps(body, ensure_ascii=False).encode()


def _cloud_event(number: int, told: Told) -> Json:
    fields = dict(told.fields)
    data: Json = {"record": "patch", "entity": told.entity, "id": told.id, "op": told.op}
    into = fields.pop("into", None)
    if into is not None:
        data["merged_into"] = into
    return {
        "specversion": "1.0",
        "id": f"told-{number:05}",
        "source": f"/story/{told.connection}",
        "type": "paceline.entity.patched.v1",
        "time": told.at.isoformat(),
        "data": data | {"fields": fields},
    }


def _webhook(told: Told) -> Iterator[Json]:
    event: Json = {
        "eventId": 1,
        "subscriptionId": 1,
        "portalId": PORTAL,
        "appId": 7,
        "occurredAt": round(told.at.timestamp() * 1000),
        "attemptNumber": 0,
        # HubSpot's ids are numbers: "B07" is 4207, "BP4031" is 424031.
        "objectId": int("42" + told.id.removeprefix("B").replace("P", "4")),
    }
    if told.op == "create":
        yield event | {"subscriptionType": "deal.creation", "changeFlag": "CREATED"}
    for name, value in told.fields.items():
        text = _midnight(str(value)) if name == "close_on" else str(value)
        changed = {"propertyName": _PROPERTIES.get(name, name), "propertyValue": text}
        yield event | {"subscriptionType": "deal.propertyChange"} | changed


def _midnight(day: str) -> str:
    on = date.fromisoformat(day)
    return str(round(datetime(on.year, on.month, on.day, tzinfo=UTC).timestamp() * 1000))


def _batches(events: list[Json], rng: random.Random) -> list[list[Json]]:
    sent = events + rng.sample(events, len(events) // 10)
    rng.shuffle(sent)
    return [sent[start : start + 100] for start in range(0, len(sent), 100)]
