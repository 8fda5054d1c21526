"""Migrations: from nothing to today's tables, on both databases."""

from __future__ import annotations

import asyncio

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from kpi.organisation import Membership, ZoneSpan
from paceline.sql.engine import engine_for, reading
from paceline.sql.migrate import SchemaError, _config, head, require_current, upgrade
from paceline.sql.models import Base
from paceline.sql.org import load_org
from paceline.sql.plan import load_plan


async def test_the_migrations_build_exactly_the_models(url: str) -> None:
    """What Alembic would still change is nothing."""
    await upgrade(url)
    engine = engine_for(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(_still_to_change) == []
    await engine.dispose()


def _still_to_change(connection: Connection) -> object:
    return compare_metadata(MigrationContext.configure(connection), Base.metadata)


async def test_services_that_start_at_once_migrate_once(url: str) -> None:
    """Five upgrades of an empty database at the same moment: all of them end well."""
    assert await asyncio.gather(*(upgrade(url) for _ in range(5))) == [head()] * 5


async def test_a_database_without_tables_is_refused_with_what_to_run(url: str) -> None:
    """A service says so before it does anything."""
    engine = engine_for(url)
    with pytest.raises(SchemaError, match="run `paceline migrate`"):
        await require_current(engine)
    await upgrade(url)
    await require_current(engine)
    await engine.dispose()


async def test_an_upgrade_that_fails_leaves_nothing_behind(url: str) -> None:
    """A table of the same name is in the way: none of the others is made."""
    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE tenants (other INTEGER)"))
    with pytest.raises(Exception, match="tenants"):
        await upgrade(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(lambda c: inspect(c).get_table_names()) == ["tenants"]
    await engine.dispose()


async def test_a_database_of_the_first_schema_keeps_what_is_in_it(url: str) -> None:
    """People of revision 0001 stay where they are, and have their teams and zones ever since."""
    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.run_sync(_first_schema)
        for statement in FIRST_ROWS:
            bound = {"settings": SETTINGS} if ":settings" in statement else {}
            await connection.execute(text(statement), bound)
    assert await upgrade(url) == head()
    async with reading(engine) as session:
        org = await load_org(session, "acme")
        plan = await load_plan(session, "acme")
    assert org is not None
    assert plan is not None
    anna = org.reps["anna"]
    assert (anna.team, anna.zone, anna.manages) == ("east", "Asia/Tokyo", "east")
    assert plan.reps["anna"].memberships == (Membership("east"),)
    assert plan.reps["anna"].zones == (ZoneSpan("Asia/Tokyo"),)
    assert (plan.currency, plan.credit, plan.version, plan.targets) == ("EUR", "owner", 0, {})
    await engine.dispose()


SETTINGS = '{"currency": "EUR", "stale_after_days": 30, "entity_retention_days": 90}'
FIRST_ROWS = (
    "INSERT INTO tenants (id, name, zone, settings) VALUES ('acme', 'A', 'UTC', :settings)",
    "INSERT INTO teams (tenant, id, name) VALUES ('acme', 'east', 'East')",
    """INSERT INTO reps (tenant, id, name, team_id, zone, manages_team)
    VALUES ('acme', 'anna', 'Anna', 'east', 'Asia/Tokyo', 'east')""",
)


def _first_schema(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


async def test_sqlite_commits_survive_a_power_cut(url: str) -> None:
    """The settings that durability and isolation rest on, asked of the database itself."""
    engine = engine_for(url)
    if engine.dialect.name == "sqlite":
        async with reading(engine) as session:
            pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            found = [await session.scalar(text(f"PRAGMA {name}")) for name in pragmas]
        assert found == ["wal", 2, 1, 10_000]
    await engine.dispose()
