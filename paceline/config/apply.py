"""Applying a document: the database becomes what the file says.

In: a checked document and the code version of ``kpi``. Out: what changed, per tenant. Guarantee:
all or nothing, in one transaction; a second apply of the same file changes nothing; a generation is
made exactly where the numbers' meaning differs from the latest one.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePath

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.config.difference import (
    Change,
    change_of,
    deeds_of,
    difference,
    fields_that_differ,
    missing,
)
from paceline.config.document import Document
from paceline.config.meaning import meaning_of
from paceline.config.problems import ConfigError, Problem
from paceline.config.source import Source
from paceline.config.state import TenantState, merged, scope_of, states_of, targets_of
from paceline.config.store import read_state, write_state
from paceline.sql import generations, models
from paceline.sql.changes import settle
from paceline.sql.engine import reading, writing
from paceline.sql.keys import now_ms
from paceline.sql.statements import alone
from paceline.sql.targets import Step, Target, deed, read_stored, steps, withdrawn, write_steps
from schemas.meaning import Meaning, same

LOCK = 7_039_118_442
"""Whoever writes a configuration holds it: of two, the second sees what the first wrote."""


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
    held: bool = False
    """The new generation waits to be released."""

    @property
    def nothing(self) -> bool:
        """Whether the tenant was already as the file says."""
        return not self.changes and self.generation is None


class Wanted(msgspec.Struct, frozen=True):
    """What somebody wants of a tenant: its state, and targets."""

    state: TenantState
    targets: list[Target]
    actor: str
    prune: bool = False
    hold: bool = False
    """A new generation is built, and waits to be released."""


async def apply(
    engine: AsyncEngine,
    document: Document,
    source: Source,
    *,
    code: int,
    prune: bool = False,
    hold: bool = False,
) -> list[Applied]:
    """Bring the database to what the document says.

    ``hold``: numbers of a new meaning are built beside the live ones, and wait to be released.

    Raises:
        ConfigError: a connection's id belongs to a tenant that is not in the document.
    """
    async with writing(engine) as session:
        await alone(session, LOCK)
        await _check_connections(session, document, source)
        wanted = _wanted(document, source, prune=prune, hold=hold)
        return [await _one(session, each, code) for each in wanted]


async def dry_run(
    engine: AsyncEngine,
    document: Document,
    source: Source,
    *,
    code: int,
    prune: bool = False,
    hold: bool = False,
) -> list[Applied]:
    """What ``apply`` would change; writes nothing."""
    async with reading(engine) as session:
        await _check_connections(session, document, source)
        wanted = _wanted(document, source, prune=prune, hold=hold)
        return [(await plan_of(session, each, code)).applied for each in wanted]


def _wanted(document: Document, source: Source, *, prune: bool, hold: bool) -> list[Wanted]:
    actor = f"file:{PurePath(source.file).name}"
    states = states_of(document)
    pairs = zip(states, document.tenants, strict=True)
    return [Wanted(state, targets_of(tenant, state), actor, prune, hold) for state, tenant in pairs]


async def _one(session: AsyncSession, wanted: Wanted, code: int) -> Applied:
    planned = await plan_of(session, wanted, code)
    await carry_out(session, planned, code, wanted.actor)
    return planned.applied


class Planned(msgspec.Struct, frozen=True):
    """What will be done, and from what to what."""

    applied: Applied
    before: TenantState | None
    after: TenantState
    steps: list[Step]


async def plan_of(session: AsyncSession, wanted: Wanted, code: int) -> Planned:
    """What it takes to bring the tenant to what is wanted."""
    before = await read_state(session, wanted.state.id)
    after = merged(before, wanted.state, prune=wanted.prune)
    return await planned_from(session, before, after, wanted, code)


async def planned_from(
    session: AsyncSession,
    before: TenantState | None,
    after: TenantState,
    wanted: Wanted,
    code: int,
) -> Planned:
    """The same where it is known already what the state will be."""
    number, meaning = await _next(session, after.id, meaning_of(after, code), hold=wanted.hold)
    steps = await _steps(session, wanted)
    applied = Applied(
        tenant=after.id,
        changes=difference(before, after) + changes_of(after, steps),
        kept=missing(wanted.state, after),
        generation=number,
        meaning=meaning,
        held=wanted.hold and number is not None and number > 1,
    )
    return Planned(applied, before, after, steps)


def changes_of(state: TenantState, steps: list[Step]) -> list[Change]:
    """The steps of targets as lines."""
    units = scope_of(state).units if steps else {}
    return [change_of(step, units, state.settings.currency) for step in steps]


async def carry_out(session: AsyncSession, planned: Planned, code: int, actor: str) -> None:
    """Do it, in the caller's transaction: rows, versions, targets, generation, audit."""
    applied, before, after = planned.applied, planned.before, planned.after
    deeds = deeds_of(before, after)
    if deeds:
        await write_state(session, before, after, actor)
    if planned.steps:
        await write_steps(session, after.id, planned.steps, actor)
    if applied.generation is not None:
        await generations.add_if_new(session, after.id, meaning_of(after, code), held=applied.held)
    if deeds or applied.generation is not None:
        await _note(session, after)
    await settle(session, after.id, actor, deeds + [deed(step) for step in planned.steps])


async def _steps(session: AsyncSession, wanted: Wanted) -> list[Step]:
    by_id: dict[str, list[Target]] = {}
    for target in wanted.targets:
        by_id.setdefault(target.id, []).append(target)
    if not by_id:
        return []
    stored = await read_stored(session, wanted.state.id, None if wanted.prune else by_id)
    found = [
        step
        for id_, each in by_id.items()
        for step in steps(stored.get(id_, []), each, whole=wanted.prune)
    ]
    gone = sorted(stored.keys() - by_id.keys()) if wanted.prune else []
    return found + [step for id_ in gone for step in withdrawn(stored[id_])]


async def _next(
    session: AsyncSession, tenant: str, meaning: Meaning, *, hold: bool
) -> tuple[int | None, tuple[str, ...]]:
    last = await generations.latest(session, tenant)
    if last is None:
        return 1, ()
    if same(last.meaning, meaning):
        # One that waits is released by it.
        return last.generation if last.waits and not hold else None, ()
    number = await generations.newest(session, tenant) + 1
    return number, fields_that_differ(last.meaning, meaning)


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
