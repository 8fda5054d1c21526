"""The contract suite's databases: each test runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import models
from paceline.sql.engine import engine_for, writing
from paceline.sql.migrate import upgrade
from tests.sql.postgres import PostgreSQL


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """One server for all tests."""
    server = PostgreSQL()
    try:
        with server:
            yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, without tables."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'paceline.db'}"
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    """A migrated database with two tenants, acme and globex, that must not see each other."""
    await upgrade(url)
    engine = engine_for(url)
    async with writing(engine) as session:
        for name in ("acme", "globex"):
            settings = {"currency": "EUR", "stale_after_days": 30, "entity_retention_days": 90}
            session.add(
                models.Tenant(id=name, name=name.title(), zone="Europe/Berlin", settings=settings)
            )
    yield engine
    await engine.dispose()
