"""The databases of the SQL contract suite."""

from tests.sql.conftest import engine, postgres, url

__all__ = ["engine", "postgres", "url"]
