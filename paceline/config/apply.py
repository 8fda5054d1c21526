"""Applying a document: the database becomes what the file says.

In: a checked document and the code version of ``kpi``. Out: what changed, per tenant. Guarantee:
all or nothing, in one transaction; a second apply of the same file changes nothing; a generation is
made exactly where the numbers' meaning differs from the latest one.
"""

from __future__ import annotations

import hashlib

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.config.difference import Change, difference, fields_that_differ, missing
from paceline.config.document import Document
from paceline.config.meaning import meaning_of
from paceline.config.problems import ConfigError, Problem
from paceline.config.source import Source
from paceline.config.state import TenantState, merged, states_of
from paceline.config.store import read_state, write_state
from paceline.sql import generations, models
from paceline.sql.engine import reading, writing
from paceline.sql.keys import now_ms
from paceline.sql.statements import alone
from schemas.meaning import Meaning, same

_LOCK = 7_039_118_442


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What an apply did, or a dry run would do, to one tenant."""

    tenant: str
    changes: list[Change]
    kept: list[str]
    """In the database, not in the file: ``--prune`` removes it."""
    generation: int | None
    """The new generation of the numbers; None: their meaning is the same."""
    meaning: tuple[str, ...] = ()
    """How the meaning differs from the generation before; empty for the first one."""

    @property
    def nothing(self) -> bool:
        """Whether the tenant was already as the file says."""
        return not self.changes and self.generation is None


async def apply(
    engine: AsyncEngine, document: Document, source: Source, *, code: int, prune: bool = False
) -> list[Applied]:
    """Bring the database to what the document says.

    Raises:
        ConfigError: a connection's id belongs to a tenant that is not in the document.
    """
    async with writing(engine) as session:
        await alone(session, _LOCK)
        await _check_connections(session, document, source)
        return [await _one(session, s, code, prune=prune) for s in states_of(document)]


async def dry_run(
    engine: AsyncEngine, document: Document, source: Source, *, code: int, prune: bool = False
) -> list[Applied]:
    """What ``apply`` would change; writes nothing."""
    async with reading(engine) as session:
        await _check_connections(session, document, source)
        return [(await _plan(session, s, code, prune=prune))[0] for s in states_of(document)]


async def _one(session: AsyncSession, wanted: TenantState, code: int, *, prune: bool) -> Applied:
    planned, before, after = await _plan(session, wanted, code, prune=prune)
    if planned.changes:
        await write_state(session, before, after)
    if planned.generation is not None:
        await generations.add_if_new(session, wanted.id, meaning_of(after, code))
    if not planned.nothing:
        await _note(session, after)
    return planned


async def _plan(
    session: AsyncSession, wanted: TenantState, code: int, *, prune: bool
) -> tuple[Applied, TenantState | None, TenantState]:
    before = await read_state(session, wanted.id)
    after = merged(before, wanted, prune=prune)
    number, meaning = await _next(session, wanted.id, meaning_of(after, code))
    planned = Applied(
        tenant=wanted.id,
        changes=difference(before, after),
        kept=missing(wanted, after),
        generation=number,
        meaning=meaning,
    )
    return planned, before, after


async def _next(
    session: AsyncSession, tenant: str, meaning: Meaning
) -> tuple[int | None, tuple[str, ...]]:
    last = await generations.latest(session, tenant)
    if last is None:
        return 1, ()
    if same(last.meaning, meaning):
        return None, ()
    return last.generation + 1, fields_that_differ(last.meaning, meaning)


async def _check_connections(session: AsyncSession, document: Document, source: Source) -> None:
    problems: list[Problem] = []
    for t, tenant in enumerate(document.tenants):
        for c, connection in enumerate(tenant.connections):
            found = await session.get(models.Connection, connection.id)
            if found is not None and found.tenant != tenant.id:
                # Whose it is stays untold: one tenant's administrator need not know another.
                what = f"connection id `{connection.id}` is in use elsewhere; choose another"
                problems.append(source.problem(("tenants", t, "connections", c, "id"), what))
    if problems:
        raise ConfigError(source.file, problems)


async def _note(session: AsyncSession, state: TenantState) -> None:
    text = msgspec.json.encode(state, order="deterministic")
    last = await session.scalar(
        select(func.max(models.ConfigVersion.version)).where(
            models.ConfigVersion.tenant == state.id
        )
    )
    row = models.ConfigVersion(
        tenant=state.id,
        version=(last or 0) + 1,
        applied_at=now_ms(),
        digest=hashlib.sha256(text).hexdigest(),
        document=text.decode(),
    )
    session.add(row)
