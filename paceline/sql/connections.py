"""Connections as services read them: typed, immutable, without secrets.

In: a connection's id. Out: its kind, tenant and settings. Guarantee: nothing that `paceline apply`
has not validated.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql import models
from schemas.envelope import EntityKind, Op
from schemas.meaning import Category

ConnectionKind = Literal["hubspot", "json", "cloudevents"]
Scheme = Literal["hubspot-v1", "hubspot-v2", "hubspot-v3", "github", "standard-webhooks"]
UriForm = Literal["decoded", "raw"]


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted signature; several let a secret be changed without losing a webhook."""

    scheme: Scheme
    secret_env: str
    """Name of the environment variable that holds the secret."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one JSON event becomes one patch.

    All but ``entity`` and ``op`` are JMESPath, ``""`` where absent. rule whose ``when`` is
    truthy applies: one event may patch a deal and add an activity.
    """

    entity: EntityKind
    id: str
    """The entity's vendor id."""
    op: Op = "set"
    when: str = ""
    event_id: str = ""
    """The same over retries; absent: the hash of the event."""
    occurred_at: str = ""
    """RFC 3339 text, or epoch milliseconds or seconds; absent: the first receipt."""
    created_at: str = ""
    sequence: str = ""
    merged_into: str = ""
    fields: dict[str, str] = {}
    """Patch field -> JMESPath. A missing value is no change; a literal is written ``'call'``."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a JSON webhook's body becomes patches; ``events`` finds its event or list of events."""

    events: str = "@"
    rules: tuple[Rule, ...] = ()


class ConnectionSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the configuration file says about a connection."""

    currency: str
    zone: str
    """IANA zone of times that name none."""
    signatures: tuple[Signature, ...] = ()
    """Empty for ``cloudevents``, which come under an API key."""
    stages: dict[str, dict[str, Category]] = {}
    steps: dict[str, tuple[str, ...]] = {}
    """pipeline -> its stages in the order of the file, which a JSON object does not keep."""
    mapping: Mapping | None = None
    portal: str | None = None
    """HubSpot's portal id; events of another portal are refused."""
    properties: dict[str, str] = {}
    """HubSpot's property -> our field, in place of HubSpot's own property for that field."""
    uri_forms: tuple[UriForm, ...] = ("decoded",)
    """Which spellings of the address HubSpot's v3 signature may cover."""
    link: str | None = None
    """Address of a record in the CRM, with ``{kind}`` and ``{id}``."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection, ready to use."""

    id: str
    tenant: str
    kind: ConnectionKind
    enabled: bool
    settings: ConnectionSettings


async def find_connection(session: AsyncSession, connection: str) -> Connection | None:
    """The connection of a webhook's address, whoever its tenant is; None where there is none."""
    row = await session.get(models.Connection, connection, populate_existing=True)
    return None if row is None else _typed(row)


async def list_connections(session: AsyncSession, tenant: str) -> list[Connection]:
    """The tenant's connections by id."""
    rows = await session.scalars(
        select(models.Connection)
        .where(models.Connection.tenant == tenant)
        .order_by(models.Connection.id)
    )
    return [_typed(row) for row in rows]


def _typed(row: models.Connection) -> Connection:
    raw = {
        "id": row.id,
        "tenant": row.tenant,
        "kind": row.kind,
        "enabled": row.enabled,
        "settings": row.settings,
    }
    return msgspec.convert(raw, Connection)
