"""The portal: the webhooks that HubSpot would have sent for those deals, signed and in disorder.

In: deals. Out: signed requests. Guarantee: each change at its time; within each deal the order is
shuffled, a tenth of the events comes twice, requests hold up to 100 events.
"""

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

from tests.real.files import CYCLE, UNDATED, Deal

Webhook = dict[str, object]

PORTAL = 62515
STAGES = {"Won": "closedwon", "Lost": "closedlost"}


def webhooks(
    found: list[Deal], owners: dict[str, str], seed: int, first: int = 1
) -> list[list[Webhook]]:
    """The bodies of all requests; deals are numbered from ``first`` on."""
    rng = random.Random(seed)
    each = []
    for number, deal in enumerate(found, start=first):
        events = [_event(number, *change) for change in changes(deal, owners[deal.agent])]
        rng.shuffle(events)
        each.append(events)
    rng.shuffle(each)
    return list(_batches(_twice([event for events in each for event in events], rng), rng))


def sign(body: bytes, url: str, secret: str) -> dict[str, str]:
    """HubSpot's v3 headers of a request, as of now."""
    stamp = str(int(time.time() * 1000))
    signed = b"POST" + url.encode() + body + stamp.encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": stamp,
    }


def encode(body: list[Webhook]) -> bytes:
    """A request's body."""
    return json.dumps(body).encode()


Change = tuple[datetime, str | None, str]
"""When, which property (None: the creation), and its new value."""


def changes(deal: Deal, owner: str) -> Iterator[Change]:
    """All that happened to a deal."""
    engaged = deal.engaged or UNDATED
    created = _at(engaged, 9, 0)
    yield created, None, ""
    yield created, "hubspot_owner_id", owner
    yield created, "amount", str(deal.listed)
    yield created, "dealstage", "prospecting"
    if deal.engaged:
        yield created, "closedate", _midnight(deal.engaged + CYCLE)
        yield _at(deal.engaged, 9, 5), "dealstage", "engaging"
    if deal.closed and deal.stage in STAGES:
        closed = _at(deal.closed, 17, 0)
        yield closed, "dealstage", STAGES[deal.stage]
        yield closed, "closedate", _midnight(deal.closed)
        if deal.stage == "Won":
            yield closed, "amount", str(deal.value)


def _event(number: int, at: datetime, name: str | None, value: str) -> Webhook:
    event: Webhook = {
        "eventId": number,  # the same for all changes of a deal: it names nothing
        "subscriptionId": 1,
        "portalId": PORTAL,
        "appId": 7,
        "occurredAt": round(at.timestamp() * 1000),
        "attemptNumber": 0,
        "objectId": 9_000_000 + number,
    }
    if name is None:
        return event | {"subscriptionType": "deal.creation", "changeFlag": "CREATED"}
    changed = {"propertyName": name, "propertyValue": value}
    return event | {"subscriptionType": "deal.propertyChange"} | changed


def _twice(events: list[Webhook], rng: random.Random) -> list[Webhook]:
    """A tenth again, somewhere later, as a retry."""
    sent = list(events)
    for event in rng.sample(events, len(events) // 10):
        sent.insert(rng.randrange(len(sent)), event | {"attemptNumber": 1})
    return sent


def _batches(events: list[Webhook], rng: random.Random) -> Iterator[list[Webhook]]:
    start = 0
    while start < len(events):
        size = rng.choice((1, 17, 100, 100, 100))
        yield events[start : start + size]
        start += size


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def day_of(midnight: str) -> str:
    """The civil day of a property that holds its midnight."""
    return datetime.fromtimestamp(int(midnight) // 1000, UTC).date().isoformat()


def _midnight(day: date) -> str:
    return str(round(_at(day, 0, 0).timestamp() * 1000))
