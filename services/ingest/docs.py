"""What the OpenAPI document says of each address, with examples that work.

In: nothing. Out: arguments of FastAPI's route decorators. Guarantee: the answers are those of
``services.ingest.problems`` and ``services.ingest.intake``.
"""

from __future__ import annotations

from typing import Any, Final

DESCRIPTION: Final = (
    "Signed webhooks of CRMs and CloudEvents in. An answer of 2xx means that every event of the "
    "request is durable. Every refusal is a problem document (RFC 9457)."
)
TAGS: Final = [
    {"name": "webhooks", "description": "What CRMs post."},
    {"name": "events", "description": "What programs of your own post, under an API key."},
    {"name": "probes", "description": "What supervisors ask."},
]

_HUBSPOT: Final = [
    {
        "subscriptionType": "deal.propertyChange",
        "propertyName": "dealstage",
        "propertyValue": "closedwon",
        "objectId": 9001,
        "portalId": 62515,
        "subscriptionId": 25,
        "eventId": 1,
        "occurredAt": 1798128000000,
        "attemptNumber": 0,
    }
]
_CLOUD_EVENT: Final = {
    "specversion": "1.0",
    "id": "visit-77",
    "source": "/apps/field-visits",
    "type": "paceline.entity.patched.v1",
    "connection": "field-visits",
    "time": "2026-12-24T09:30:00Z",
    "data": {
        "entity": "activity",
        "id": "77",
        "op": "create",
        "fields": {"type": "visit", "owner": "42", "new_customer": True},
    },
}
_ACCEPTED: Final = {"accepted": 1, "dead": 0, "ignored": 0}


def _problem(status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    example = {
        "type": f"urn:paceline:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": "9f86d081884c7d65",
    }
    return {"description": title, "content": {"application/problem+json": {"example": example}}}


def _body(media_types: tuple[str, ...], example: Any) -> dict[str, Any]:
    content = {media_type: {"schema": {}, "example": example} for media_type in media_types}
    return {"requestBody": {"required": True, "content": content}}


def _ok(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


_NOT_AUTHENTIC: Final = _problem(
    401,
    "not_authentic",
    "The request is not authentic",
    "stale_timestamp: the request was signed more than 5 minutes ago",
)
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: _NOT_AUTHENTIC,
    404: _problem(
        404,
        "unknown_connection",
        "There is no such connection",
        "no connection takes webhooks at this address",
    ),
    413: _problem(
        413,
        "too_large",
        "The request is too large",
        "a body has at most 1048576 bytes: send smaller batches",
    ),
    503: _problem(
        503,
        "not_durable",
        "The events cannot be made durable now",
        "the local journal is full",
    ),
}

WEBHOOK: Final[dict[str, Any]] = {
    "tags": ["webhooks"],
    "summary": "Take a CRM's signed webhook",
    "description": (
        "The raw bytes are verified first, with the address from configuration. A request that "
        "was accepted before is answered with `duplicate` and changes nothing. GitHub's and "
        "HubSpot's v1 and v2 signatures hold no time: sent again, their events have the same ids."
    ),
    "openapi_extra": _body(("application/json",), _HUBSPOT),
    "responses": {200: _ok("All events are durable", _ACCEPTED), **_REFUSALS},
}
EVENTS: Final[dict[str, Any]] = {
    "tags": ["events"],
    "summary": "Take CloudEvents 1.0: binary, structured or batch",
    "description": (
        "Under an API key with the scope `ingest`. `connection` names the connection, else the "
        "last part of `source` does. Data of type `paceline.entity.patched.v1` is a patch as it "
        "is; other data goes through the connection's mapping."
    ),
    "openapi_extra": {
        **_body(("application/cloudevents+json",), _CLOUD_EVENT),
        "security": [{"bearer": []}],
    },
    "responses": {200: _ok("All events are durable", _ACCEPTED), **_REFUSALS},
}
DRY_RUN: Final[dict[str, Any]] = {
    "tags": ["webhooks"],
    "summary": "Show what a body would become",
    "description": "Under an API key with the scope `admin`. Nothing is produced.",
    "openapi_extra": {**_body(("application/json",), _HUBSPOT), "security": [{"bearer": []}]},
    "responses": {
        200: _ok("The events, and what is unusable", {"events": [], "dead": [], "ignored": 1}),
        401: _NOT_AUTHENTIC,
    },
}
HEALTH: Final[dict[str, Any]] = {"tags": ["probes"], "summary": "Whether the process lives"}
READY: Final[dict[str, Any]] = {
    "tags": ["probes"],
    "summary": "Whether webhooks can be taken",
    "responses": {
        200: _ok("Ready", {"ready": True, "log": "up", "journal_bytes": 0}),
        503: {"description": "Not ready"},
    },
}
