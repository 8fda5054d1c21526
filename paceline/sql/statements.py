"""Statements that SQLite and PostgreSQL write alike but SQLAlchemy keeps apart."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Insert, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql.models import Base


def insert(session: AsyncSession, model: type[Base]) -> Any:
    """The database's own INSERT, which knows ``on_conflict_do_nothing`` and ``..._do_update``."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(model)
    return postgresql.insert(model)


def insert_or_ignore(session: AsyncSession, model: type[Base]) -> Insert:
    """INSERT that leaves a row alone which is there already, by any unique key."""
    statement: Insert = insert(session, model).on_conflict_do_nothing()
    return statement


def storable(text: str) -> str:
    """The text without NUL, which PostgreSQL refuses and a vendor may well send."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


async def alone(session: AsyncSession, key: int) -> None:
    """Until the transaction ends nobody else passes here with the same key.

    On SQLite ``writing`` has excluded other writers already.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(key)))
