"""Transactions of administration, and the digests that keep two administrators apart.

In: an engine, a tenant. Out: a session, the tenant's state. Guarantee: one writer at a time, those
of the configuration file among them; a dry run only reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.admin.values import KINDS, Absent
from paceline.config.apply import LOCK
from paceline.config.state import TenantState
from paceline.config.store import read_state
from paceline.sql.engine import reading, writing
from paceline.sql.statements import alone


@asynccontextmanager
async def transaction(engine: AsyncEngine, *, dry_run: bool) -> AsyncIterator[AsyncSession]:
    """One writer at a time; a dry run only reads."""
    if dry_run:
        async with reading(engine) as session:
            yield session
        return
    async with writing(engine) as session:
        await alone(session, LOCK)
        yield session


async def state_of(session: AsyncSession, tenant: str, kind: str = "targets") -> TenantState:
    """The tenant as it is kept; ``Absent`` where there is none, or no such kind."""
    if kind not in KINDS:
        raise Absent(f"no kind {kind!r}; known: {', '.join(KINDS)}")
    state = await read_state(session, tenant)
    if state is None:
        raise Absent(f"no tenant {tenant!r}")
    return state


def digest_of(value: Any) -> str:
    """What ``if_version`` is compared with.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    text = msgspec.json.encode(value, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:16]
