"""Fixtures of ingest's tests: migrated databases of both kinds, each empty but for two tenants."""

from tests.sql.conftest import engine, postgres, url

__all__ = ["engine", "postgres", "url"]
