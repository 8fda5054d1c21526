"""The database at the start: its schema, the demo's configuration, keys for the page.

In: a data folder. Out: keys. Guarantee: a second start changes nothing: the same configuration, the
same keys. Keys are in files of their own that only their owner can read; the database has hashes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.config.apply import apply
from paceline.config.parse import parse
from paceline.demo import organisation
from paceline.sql.engine import engine_for, reading, writing
from paceline.sql.keys import Scope, create_key, find_key
from paceline.sql.migrate import upgrade_engine
from paceline.sql.org import list_tenants
from paceline.supervisor.folder import Folder

_KEYS: dict[str, tuple[Scope, ...]] = {
    "api-key": ("read",),
    "admin-key": ("read", "ingest", "admin"),
}


class Access(NamedTuple):
    """Keys of the only tenant, or of the demo's; None where nothing is configured yet."""

    tenant: str | None
    api_key: str | None
    admin_key: str | None


async def prepare(folder: Folder, *, demo: bool, code: int) -> Access:
    """Bring the schema up to date, apply the demo where asked to, and see to the keys."""
    engine = engine_for(folder.sql)
    try:
        await upgrade_engine(engine)
        if demo:
            await _apply_demo(engine, code)
        return await _access(engine, folder)
    finally:
        await engine.dispose()


async def _apply_demo(engine: AsyncEngine, code: int) -> None:
    text = organisation.configuration(datetime.now(UTC).date())
    document, source = parse(text, organisation.FILE)
    await apply(engine, document, source, code=code)


async def _access(engine: AsyncEngine, folder: Folder) -> Access:
    async with reading(engine) as session:
        tenants = await list_tenants(session)
    chosen = organisation.TENANT if organisation.TENANT in tenants else None
    tenant = tenants[0] if len(tenants) == 1 else chosen
    if tenant is None:
        return Access(None, None, None)
    keys = [await _key(engine, folder, tenant, name) for name in _KEYS]
    return Access(tenant, *keys)


async def _key(engine: AsyncEngine, folder: Folder, tenant: str, name: str) -> str:
    kept = folder.found(name)
    async with writing(engine) as session:
        known = await find_key(session, kept) if kept else None
        if kept and known is not None and known.tenant == tenant:
            return kept
        label = f"paceline up: {name}"
        made = await create_key(session, tenant, label=label, scopes=_KEYS[name])
    folder.keep(name, made)
    return made
