"""What the API answers about alerts, subscriptions and deliveries.

In: nothing. Out: structs. Guarantee: instants are integer ms UTC; ``null``: there is no such value;
a secret is answered once, by the request that made it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.alerts import Alert


class Note(msgspec.Struct, kw_only=True):
    """What somebody did with an alert."""

    at: int
    author: str
    kind: str
    text: str


class AlertEntry(msgspec.Struct, kw_only=True):
    """An alert, and what became of it."""

    id: str
    state: Literal["open", "acknowledged", "snoozed", "resolved"]
    fired_at: int
    resolved_at: int | None
    acknowledged_at: int | None
    acknowledged_by: str | None
    snoozed_until: int | None
    useful: int
    """How many said that it was, less those who said that it was not."""
    alert: Alert
    """What it said when it began: value, target, expected, driver, links."""
    notes: list[Note] = []


class Alerts(msgspec.Struct, kw_only=True):
    """A page, newest first; ``next`` is the ``after`` of the following one."""

    items: list[AlertEntry]
    next: str | None
    open: int
    """How many are open in all that the key sees, up to 1,000."""


class RulePrecision(msgspec.Struct, kw_only=True):
    """How a rule does: of what it told, how much was useful."""

    rule: str
    fired: int
    acknowledged: int
    useful: int
    not_useful: int
    precision: float | None
    """useful / (useful + not useful); null while nobody said."""


class Precisions(msgspec.Struct, kw_only=True):
    """Every rule that told anything."""

    items: list[RulePrecision]


class SubscriptionEntry(msgspec.Struct, kw_only=True):
    """A subscription, without its secrets."""

    id: str
    name: str
    kind: str
    url: str
    filters: dict[str, Any]
    language: str
    enabled: bool
    why_disabled: str
    failing_since: int | None
    sequence: int
    created_at: int
    author: str
    secret: str | None = None
    """Only in the answer to the request that made it."""


class SubscriptionList(msgspec.Struct, kw_only=True):
    """All of the tenant's."""

    items: list[SubscriptionEntry]


class Attempt(msgspec.Struct, kw_only=True):
    """One attempt."""

    number: int
    at: int
    took_ms: int
    status: int | None
    error: str
    excerpt: str


class DeliveryEntry(msgspec.Struct, kw_only=True):
    """One message and how far it is."""

    id: str
    alert: str
    what: str
    subscription: str | None
    person: str | None
    sequence: int
    state: str
    attempts: int
    due_at: int
    created_at: int
    done_at: int | None
    said: str
    log: list[Attempt] = []


class Deliveries(msgspec.Struct, kw_only=True):
    """A page, newest first."""

    items: list[DeliveryEntry]


class Replayed(msgspec.Struct, kw_only=True):
    """How many are sent again."""

    replayed: int
