"""The events that are aggregated: a day of 200 sales organisations, always the same one.

In: how many events, and when it is now. Out: Kafka records with HubSpot-like ids. Guarantee: the
same seed gives the same events; four of five are activities, one of five is a patch of a deal.

An activity is told whole, by one event, as many CRMs do: type, owner, moment, how long it took
where somebody noted it, and in one of four the deal it belongs to. A deal is created, and then
moves through the stages of HubSpot's default pipeline or gets another amount; every patch names its
owner, so that an aggregation that keeps no entities can count it too.
"""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kpi import CODE
from schemas.envelope import (
    ACTIVATED,
    PATCHED,
    Activate,
    EntityKind,
    EntityPatch,
    Event,
    Op,
    Scalar,
    encode,
    entity_key,
)
from schemas.meaning import Category, ConnectionMeaning, Meaning
from schemas.topics import partition_of

TENANTS, REPS = 200, 10_000
PARTITIONS = 8
HOUR_MS = 3_600_000
SPREAD_MS = 4 * HOUR_MS
"""The events took place within the last four hours."""

STAGES: dict[str, Category] = {
    "appointmentscheduled": "open",
    "qualifiedtobuy": "qualified",
    "presentationscheduled": "qualified",
    "decisionmakerboughtin": "qualified",
    "contractsent": "qualified",
    "closedwon": "won",
    "closedlost": "lost",
}
TYPES, WEIGHTS = ("call", "email", "meeting", "visit"), (45, 35, 15, 5)
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Shanghai")


class Produced(NamedTuple):
    """A Kafka record, not sent yet."""

    partition: int
    key: bytes
    value: bytes
    activity: bool


@dataclass(slots=True)
class _Tenant:
    number: int
    deals: list[tuple[str, str]] = field(default_factory=list)
    """(vendor id, owner) of the deals created so far."""

    @property
    def name(self) -> str:
        return f"tenant-{self.number:03}"

    @property
    def connection(self) -> str:
        return f"hubspot-{self.number:03}"

    @property
    def owners(self) -> list[str]:
        each = REPS // TENANTS
        return [str(712_000_000 + self.number * each + n) for n in range(each)]


def activations(now: int) -> Iterator[Produced]:
    """A control record per tenant, to come before its events."""
    for number in range(TENANTS):
        tenant = _Tenant(number)
        data = Activate(generation=1, meaning=_meaning(tenant), issued_at=now)
        event = Event(
            id=f"activate:{tenant.name}:1",
            source="urn:paceline:configuration",
            type=ACTIVATED,
            tenant=tenant.name,
            data=data,
        )
        yield _record(tenant, event, activity=False)


def _meaning(tenant: _Tenant) -> Meaning:
    zones: dict[str, tuple[tuple[int, str], ...]] = {
        f"{tenant.connection}/{owner}": ((0, ZONES[n % len(ZONES)]),)
        for n, owner in enumerate(tenant.owners)
    }
    connection = ConnectionMeaning(
        currency="USD", stages={"default": STAGES}, steps={"default": tuple(STAGES)}
    )
    return Meaning(
        code=CODE,
        zone=ZONES[0],
        owner_zones=zones,
        connections={tenant.connection: connection},
    )


def events(number: int, now: int, seed: int = 1) -> Iterator[Produced]:
    """So many events, oldest first, ``now`` being ms UTC."""
    draw = random.Random(seed)
    tenants = [_Tenant(n) for n in range(TENANTS)]
    for n in range(number):
        tenant = draw.choice(tenants)
        at = now - SPREAD_MS + n * SPREAD_MS // number
        activity = n % 5 != 0
        made = _activity(draw, tenant, n, at) if activity else _deal(draw, tenant, n, at)
        yield _record(tenant, _event(draw, tenant, at, *made), activity=activity)


Made = tuple[EntityKind, str, Op, dict[str, Scalar]]


def _activity(draw: random.Random, tenant: _Tenant, n: int, at: int) -> Made:
    kind = draw.choices(TYPES, WEIGHTS)[0]
    owner = draw.choice(tenant.owners)
    fields: dict[str, Scalar] = {"type": kind, "owner": owner, "at": at - draw.randrange(60_000)}
    if kind in ("visit", "meeting"):
        fields["new_customer"] = draw.random() < 1 / 3
    if kind in ("call", "meeting"):
        fields["minutes"] = draw.randrange(1, 60)
    if tenant.deals and draw.random() < 1 / 4:
        fields["deal"] = draw.choice(tenant.deals)[0]
    return "activity", str(58_210_000_000 + n), "create", fields


def _deal(draw: random.Random, tenant: _Tenant, n: int, at: int) -> Made:
    if not tenant.deals or draw.random() < 1 / 3:
        return _new_deal(draw, tenant, n, at)
    deal, owner = draw.choice(tenant.deals)
    changed: dict[str, Scalar] = {"owner": owner}
    if draw.random() < 2 / 3:
        changed["stage"] = draw.choice(list(STAGES))
    else:
        changed["amount"] = str(draw.randrange(500, 90_000))
    return "deal", deal, "set", changed


def _new_deal(draw: random.Random, tenant: _Tenant, n: int, at: int) -> Made:
    deal, owner = str(21_480_000_000 + n), draw.choice(tenant.owners)
    tenant.deals.append((deal, owner))
    closing = datetime.fromtimestamp(at / 1000 + draw.randrange(90) * 86_400, UTC)
    fields: dict[str, Scalar] = {
        "owner": owner,
        "pipeline": "default",
        "stage": "appointmentscheduled",
        "amount": str(draw.randrange(500, 90_000)),
        "currency": "USD",
        "close_on": closing.strftime("%Y-%m-%d"),
    }
    return "deal", deal, "create", fields


def _event(
    draw: random.Random, tenant: _Tenant, at: int, kind: EntityKind, name: str, op: Op, fields: Any
) -> Event:
    patch = EntityPatch(
        entity=kind,
        id=name,
        op=op,
        occurred_at=at,
        received_at=at + draw.randrange(200, 2_000),
        fields=fields,
    )
    return Event(
        id=urlsafe_b64encode(draw.randbytes(16)).rstrip(b"=").decode(),
        source=f"urn:paceline:connection:{tenant.connection}",
        type=PATCHED,
        tenant=tenant.name,
        connection=tenant.connection,
        subject=entity_key(kind, tenant.connection, name),
        time=datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds"),
        data=patch,
    )


def _record(tenant: _Tenant, event: Event, *, activity: bool) -> Produced:
    p = partition_of(tenant.name, PARTITIONS)
    return Produced(p, tenant.name.encode(), encode(event), activity)
