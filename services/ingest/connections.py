"""Connections as ingest uses them: verifiers made, mappings compiled, tenants active or not.

In: rows of SQL, secrets from the environment. Out: ``Connection`` by id. Guarantee: the hot path
never waits for SQL but for a connection that is not known yet, and for those at a bounded rate;
while SQL is away the last known state serves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline import logs
from paceline.sql import models
from paceline.sql.connections import Connection as Configured
from paceline.sql.connections import ConnectionKind, ConnectionSettings
from paceline.sql.engine import reading
from services.ingest import hubspot
from services.ingest.mapping import CompiledMapping, MappingError, compile_mapping
from services.ingest.signatures import Verifier

REFRESH_S: Final = 2.0
UNKNOWN_PAUSE_S: Final = 0.25
_log = logs.get_logger(__name__)


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One connection. ``problem``: why it cannot be used, such as a secret that is not set."""

    id: str
    tenant: str
    kind: ConnectionKind
    zone: ZoneInfo
    enabled: bool = True
    verifiers: tuple[Verifier, ...] = ()
    mapping: CompiledMapping | None = None
    portal: str | None = None
    names: hubspot.Names = hubspot.HUBSPOTS_OWN
    problem: str | None = None


class Book(Protocol):
    """What the request handlers ask."""

    async def find(self, connection: str) -> Connection | None:
        """The connection of an id."""
        ...

    def active(self, tenant: str) -> bool:
        """Whether a generation of the tenant is in the log."""
        ...


class FixedBook:
    """A book that is given whole."""

    def __init__(self, connections: list[Connection], inactive: tuple[str, ...] = ()) -> None:
        self._connections = {c.id: c for c in connections}
        self._inactive = inactive

    async def find(self, connection: str) -> Connection | None:
        """The connection of an id."""
        return self._connections.get(connection)

    def active(self, tenant: str) -> bool:
        """Every tenant that was not named inactive."""
        return tenant not in self._inactive


def connection_of(configured: Configured, environ: Mapping[str, str]) -> Connection:
    """A configured connection made ready; what is wrong with it is in ``problem``, never raised."""
    settings, problems = configured.settings, []
    verifiers = []
    for signature in settings.signatures:
        try:
            secret = environ.get(signature.secret_env, "")
            verifiers.append(Verifier.of(signature.scheme, secret, settings.uri_forms))
        except ValueError as e:
            problems.append(f"{signature.secret_env}: {e}")
    mapping = _mapping(settings, problems)
    # One secret that works is enough while another is being changed.
    broken = problems if not verifiers or (settings.mapping and mapping is None) else []
    return Connection(
        id=configured.id,
        tenant=configured.tenant,
        kind=configured.kind,
        zone=_zone(settings.zone, problems),
        enabled=configured.enabled,
        verifiers=tuple(verifiers),
        mapping=mapping,
        portal=settings.portal,
        names=hubspot.names_of(settings.properties),
        problem="; ".join(broken) or None,
    )


def _mapping(settings: ConnectionSettings, problems: list[str]) -> CompiledMapping | None:
    try:
        return None if settings.mapping is None else compile_mapping(settings.mapping)
    except MappingError as e:
        problems += e.problems
        return None


def _zone(name: str, problems: list[str]) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        problems.append(f"zone {name} is unknown")
        return ZoneInfo("UTC")


class ConnectionBook:
    """The book of a running service, read from SQL."""

    def __init__(
        self,
        engine: AsyncEngine,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._environ = environ
        self._clock = clock
        self._configured: dict[str, Configured] = {}
        self._connections: dict[str, Connection] = {}
        self._active: frozenset[str] = frozenset()
        self._refreshed_at = -REFRESH_S
        self.loaded = False
        """Whether the configuration was ever read."""
        self._refreshing = asyncio.Lock()

    async def find(self, connection: str) -> Connection | None:
        """The connection of an id; one that is not known is looked up at once."""
        found = self._connections.get(connection)
        if found is None:
            await self.refresh(older_than_s=UNKNOWN_PAUSE_S)
            found = self._connections.get(connection)
        return found

    def active(self, tenant: str) -> bool:
        """Whether a generation of the tenant is in the log."""
        return tenant in self._active

    async def refresh(self, older_than_s: float = 0.0) -> None:
        """Read all of it, unless that was done less than ``older_than_s`` ago."""
        async with self._refreshing:
            if self._clock() - self._refreshed_at >= older_than_s:
                await self._read()
                self._refreshed_at = self._clock()

    async def _read(self) -> None:
        published = select(models.Generation.tenant).where(
            models.Generation.published_at.is_not(None)
        )
        async with reading(self._engine) as session:
            rows = list(await session.scalars(select(models.Connection)))
            self._active = frozenset(await session.scalars(published.distinct()))
        configured = {
            row.id: msgspec.convert(row, Configured, from_attributes=True) for row in rows
        }
        self._connections = {id_: self._made(c) for id_, c in configured.items()}
        self._configured = configured
        self.loaded = True

    def all(self) -> list[Connection]:
        """Every connection of every tenant."""
        return list(self._connections.values())

    def _made(self, configured: Configured) -> Connection:
        """Compiled anew only where something changed."""
        if self._configured.get(configured.id) == configured:
            return self._connections[configured.id]
        made = connection_of(configured, self._environ)
        if made.problem:
            _log.error("connection_unusable", connection=made.id, why=made.problem)
        return made

    async def run(self) -> None:
        """Refresh every couple of seconds, until cancelled."""
        while True:
            try:
                await self.refresh()
            except Exception as e:  # noqa: BLE001 - SQL is away: what is known still serves
                _log.warning("connections_not_refreshed", why=repr(e))
            await asyncio.sleep(REFRESH_S)
