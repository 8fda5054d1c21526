"""The schema's version: bringing a database up to date, and refusing to work on one that is not.

In: a database. Out: the newest schema, or a sentence that says what to run. Guarantee: several
processes may upgrade at once; one does the work in a single transaction, the others find it done.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql.engine import engine_for

_SCRIPTS = Path(__file__).parent / "migrations"

# Any number will do, as long as nobody else in the same PostgreSQL database locks it.
_ADVISORY_LOCK = 7_039_118_441


class SchemaError(Exception):
    """The database has another schema than this version needs."""


async def upgrade(url: str) -> str:
    """Create or upgrade the schema; the revision that the database has now."""
    engine = engine_for(url)
    try:
        return await upgrade_engine(engine)
    finally:
        await engine.dispose()


async def upgrade_engine(engine: AsyncEngine) -> str:
    """As ``upgrade``, on an engine that is there already."""
    # On SQLite the write lock keeps the others out; it covers DDL too, since ``engine`` begins it.
    alone = engine.execution_options(sqlite_begin="IMMEDIATE")
    async with alone.begin() as connection:
        return await connection.run_sync(_upgrade)


async def require_current(engine: AsyncEngine) -> None:
    """``SchemaError`` unless the database has exactly the schema of this version."""
    async with engine.connect() as connection:
        found = await connection.run_sync(_revision)
    if found != head():
        state = "has no tables yet" if found is None else f"is at revision {found}"
        raise SchemaError(f"the database {state}, not at {head()}: run `paceline migrate`")


def head() -> str:
    """The revision that this version of Paceline needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _upgrade(connection: Connection) -> str:
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:key)")
        connection.execute(lock, {"key": _ADVISORY_LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return _revision(connection) or ""


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
