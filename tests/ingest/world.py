"""A small sales organisation for ingest's tests: its connections, its CRM's signatures, its log.

In: events. Out: signed requests, and an ingest without processes around it. Guarantee: the
durable path in here keeps what it was given, in order, and can be told to fail.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64encode
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from paceline.sql.connections import Mapping, Rule
from paceline.sql.keys import ApiKey
from schemas import dead, envelope, topics
from services.ingest.app import create_app
from services.ingest.connections import Connection, FixedBook
from services.ingest.intake import Intake
from services.ingest.mapping import compile_mapping
from services.ingest.records import NotDurable, Record
from services.ingest.signatures import Verifier

PUBLIC = "https://hooks.acme.example"
SECRET = "acme-client-secret"
KEY = "pl_acme_ingest"
ADMIN_KEY = "pl_acme_admin"
PARTITIONS = 8
NEW_YORK = ZoneInfo("America/New_York")

VISITS = Mapping(
    events="visits[]",
    rules=(
        Rule(
            entity="activity",
            id="id",
            op="create",
            occurred_at="at",
            fields={"type": "'visit'", "owner": "rep", "new_customer": "first"},
        ),
    ),
)

HUBSPOT = Connection(
    id="hubspot-main",
    tenant="acme",
    kind="hubspot",
    zone=NEW_YORK,
    verifiers=(Verifier.of("hubspot-v3", SECRET),),
    portal="62515",
)
RAW = Connection(
    id="hubspot-raw",
    tenant="acme",
    kind="hubspot",
    zone=NEW_YORK,
    verifiers=(Verifier.of("hubspot-v3", SECRET, ("decoded", "raw")),),
)
GITHUB = Connection(
    id="visits",
    tenant="acme",
    kind="json",
    zone=NEW_YORK,
    verifiers=(Verifier.of("github", SECRET),),
    mapping=compile_mapping(VISITS),
)
CLOUD = Connection(id="field-app", tenant="acme", kind="cloudevents", zone=NEW_YORK)
ASLEEP = Connection(
    id="asleep-main",
    tenant="asleep",
    kind="hubspot",
    zone=NEW_YORK,
    verifiers=(Verifier.of("hubspot-v3", SECRET),),
)
DISABLED = Connection(
    id="closed-main",
    tenant="acme",
    kind="hubspot",
    zone=NEW_YORK,
    enabled=False,
    verifiers=(Verifier.of("hubspot-v3", SECRET),),
)
BROKEN = Connection(
    id="broken-main", tenant="acme", kind="hubspot", zone=NEW_YORK, problem="HUB_SECRET: not set"
)
ELSEWHERE = Connection(id="globex-app", tenant="globex", kind="cloudevents", zone=NEW_YORK)
EVERYTHING = [HUBSPOT, RAW, GITHUB, CLOUD, ASLEEP, DISABLED, BROKEN, ELSEWHERE]


class Kept:
    """A durable path in memory; ``full`` makes it refuse."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.full = False

    async def publish(self, records: list[Record]) -> None:
        """Keep them, or promise nothing."""
        if self.full:
            raise NotDurable("the local journal is full", 30)
        self.records += records

    @property
    def events(self) -> list[envelope.Event]:
        """What was accepted."""
        return [envelope.decode(r.value) for r in self.records if r.topic == topics.EVENTS]

    @property
    def patches(self) -> list[envelope.EntityPatch]:
        """The patches of what was accepted."""
        return [e.data for e in self.events if isinstance(e.data, envelope.EntityPatch)]

    @property
    def letters(self) -> list[dead.DeadLetter]:
        """What was authentic but unusable."""
        return [dead.decode(r.value) for r in self.records if r.topic == topics.DEAD]


class FixedKeys:
    """Two keys of acme: one for ingest, one for administrators."""

    async def find(self, presented: str) -> ApiKey | None:
        """The key, if it is one."""
        scopes = {KEY: ("ingest",), ADMIN_KEY: ("admin",)}.get(presented)
        if scopes is None:
            return None
        return ApiKey(
            id="acme",
            tenant="acme",
            label="test",
            scopes=scopes,
            rep_id=None,
            team_id=None,
            created_at=0,
            expires_at=None,
            revoked_at=None,
        )


class World:
    """An ingest over HTTP whose clock stands still until it is moved."""

    def __init__(self, body_timeout_s: float = 10.0) -> None:
        self.now = time.time_ns() // 1_000_000
        self.kept = Kept()
        intake = Intake(
            book=FixedBook(EVERYTHING, inactive=("asleep",)),
            keys=FixedKeys(),
            durable=self.kept,
            public_url=PUBLIC,
            partitions=PARTITIONS,
            now_ms=lambda: self.now,
        )
        self.app = create_app(intake, body_timeout_s=body_timeout_s)

    def client(self) -> httpx.AsyncClient:
        """A client of this ingest."""
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://ingest.internal")

    def event(self, **changes: Any) -> dict[str, Any]:
        """A HubSpot event: deal 9001 is won, now."""
        return won(self.now, **changes)

    def headers(self, body: bytes, path: str = "/v1/webhooks/hubspot-main") -> dict[str, str]:
        """The headers of a HubSpot v3 webhook, signed now."""
        return hubspot_headers(body, self.now, path)


def won(at: int, **changes: Any) -> dict[str, Any]:
    """A HubSpot event: a deal is won."""
    return {
        "subscriptionType": "deal.propertyChange",
        "propertyName": "dealstage",
        "propertyValue": "closedwon",
        "objectId": 9001,
        "portalId": 62515,
        "subscriptionId": 25,
        "eventId": 1,
        "occurredAt": at,
        "attemptNumber": 0,
        **changes,
    }


def hubspot_headers(
    body: bytes, at: int, path: str, *, public: str = PUBLIC, secret: str = SECRET
) -> dict[str, str]:
    """The headers of a HubSpot v3 webhook."""
    signed = f"POST{public}{path}".encode() + body + str(at).encode()
    return {
        "content-type": "application/json",
        "x-hubspot-signature-v3": b64encode(
            hmac.digest(secret.encode(), signed, "sha256")
        ).decode(),
        "x-hubspot-request-timestamp": str(at),
    }


def github_headers(body: bytes) -> dict[str, str]:
    """The headers of a GitHub-style webhook."""
    signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
    return {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"}


def as_json(value: Any) -> bytes:
    """A body."""
    return json.dumps(value).encode()
