"""Targets: listed, set, imported from CSV, published, acknowledged, withdrawn.

In: a tenant and the targets. Out: what changed. Guarantee: see ``paceline.admin``; a new version
must be acknowledged anew, and nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.admin.body import TENANT, Body
from paceline.admin.session import digest_of, state_of, transaction
from paceline.admin.values import (
    Absent,
    Actor,
    Conflict,
    Done,
    Fault,
    Item,
    Items,
    Refused,
)
from paceline.config import plan_shapes as shape
from paceline.config import written
from paceline.config.apply import changes_of
from paceline.config.parse import report
from paceline.config.state import TenantState, scope_of
from paceline.config.targets import Scope, target_of
from paceline.sql import targets as kept
from paceline.sql.changes import settle
from paceline.sql.models import TargetRow
from paceline.sql.targets import State, Step, Stored, Target
from paceline.targets.csv import Line, read_csv


class Put(NamedTuple):
    """Who writes, whether only to look, and what must be there."""

    actor: str
    dry_run: bool
    if_version: str | None = None


async def import_targets(
    engine: AsyncEngine,
    tenant: str,
    data: bytes,
    *,
    actor: Actor,
    dry_run: bool = False,
    encoding: str | None = None,
) -> Done:
    """Set the targets of a CSV file: UTF-8 (with or without mark) or GB18030; `,` `;` or tab.

    Columns: ``kpi``; one of ``rep``, ``team``, ``organisation``, or ``subject_kind`` and
    ``subject``; ``period``, ``base``; and where wanted ``stretch``, ``commit``, ``effective``,
    ``change``, ``monthly``, ``prorate``, ``state``, ``note``. What the file does not name stays.

    Raises:
        Refused: every mistake of every line, ``/line/7``; then nothing is set.
        Absent: there is no such tenant.
    """
    async with transaction(engine, dry_run=dry_run) as session:
        state = await state_of(session, tenant)
        lines, faults = read_csv(data, encoding)
        found = _targets(lines, scope_of(state), faults)
        if faults:
            raise Refused(Fault(f"/line/{line}", what) for line, what in faults)
        todo = await _todo(session, tenant, found)
        return await _carry_out(session, state, todo, Put(actor.name, dry_run))


async def publish_target(
    engine: AsyncEngine, tenant: str, target: str, *, actor: Actor, dry_run: bool = False
) -> Done:
    """From draft to published; what is published stays as it is. ``Absent``: no such target."""
    async with transaction(engine, dry_run=dry_run) as session:
        state = await state_of(session, tenant)
        held = kept.standing(await _stored(session, tenant, target))
        todo = [_moved(one, "published") for one in held if one.target.state == "draft"]
        return await _carry_out(session, state, todo, Put(actor.name, dry_run), target)


async def acknowledge_target(
    engine: AsyncEngine, tenant: str, target: str, *, version: int, rep: str, actor: Actor
) -> Done:
    """The rep whose target it is has seen this version; drafts are nobody's to acknowledge.

    Raises:
        Absent: no such target, or not of this rep.
        Conflict: the newest published version is another one.
    """
    async with transaction(engine, dry_run=False) as session:
        state = await state_of(session, tenant)
        versions = await _stored(session, tenant, target)
        if (versions[0].target.subject_kind, versions[0].target.subject) != ("rep", rep):
            raise Absent(f"{rep} has no target {target!r}")
        counted = [one for one in versions if one.target.state in ("published", "acknowledged")]
        if not counted or counted[-1].version != version:
            raise Conflict("another version holds now; read the target again")
        todo = [_moved(one, "acknowledged") for one in counted if one.target.state == "published"]
        return await _carry_out(session, state, todo, Put(actor.name, dry_run=False), target)


async def list_targets(
    session: AsyncSession, state: TenantState, after: str | None, limit: int
) -> Items:
    """A page in the order of ids, withdrawn ones too."""
    query = select(TargetRow.id).where(TargetRow.tenant == state.id).distinct()
    if after is not None:
        query = query.where(TargetRow.id > after)
    ids = list(await session.scalars(query.order_by(TargetRow.id).limit(limit + 1)))
    stored = await kept.read_stored(session, state.id, ids[:limit])
    scope = scope_of(state)
    found = [_item(id_, stored[id_], scope) for id_ in ids[:limit]]
    return Items(found, ids[limit - 1] if len(ids) > limit else None)


async def find_target(session: AsyncSession, state: TenantState, target: str) -> Item | None:
    """One target with all its versions."""
    stored = await kept.read_stored(session, state.id, [target])
    return _item(target, stored[target], scope_of(state)) if target in stored else None


async def put_target(
    session: AsyncSession, state: TenantState, item: str, body: Any, put: Put
) -> Done:
    """See ``paceline.admin.items.put_item``."""
    target = _said(state, body)
    if item and item != target.id:
        what = f"this says the target `{target.id}`, and the address another one"
        raise Refused([Fault("", what)])
    await _expect(session, state, target.id, put)
    todo = await _todo(session, state.id, [target])
    return await _carry_out(session, state, todo, put, target.id)


async def withdraw_target(session: AsyncSession, state: TenantState, item: str, put: Put) -> Done:
    """See ``paceline.admin.items.delete_item``."""
    await _expect(session, state, item, put)
    stored = await kept.read_stored(session, state.id, [item])
    todo = kept.withdrawn(stored.get(item, []))
    return await _carry_out(session, state, todo, put, item)


async def _todo(session: AsyncSession, tenant: str, targets: Sequence[Target]) -> list[Step]:
    by_id: dict[str, list[Target]] = {}
    for one in targets:
        by_id.setdefault(one.id, []).append(one)
    stored = await kept.read_stored(session, tenant, by_id)
    return [
        step
        for id_, each in by_id.items()
        for step in kept.steps(stored.get(id_, []), each, whole=False)
    ]


async def _carry_out(
    session: AsyncSession, state: TenantState, todo: list[Step], put: Put, item: str = ""
) -> Done:
    if not put.dry_run:
        await kept.write_steps(session, state.id, todo, put.actor)
        await settle(session, state.id, put.actor, [kept.deed(step) for step in todo])
    return Done(
        changes=[str(change) for change in changes_of(state, todo)],
        generation=None,
        item=await find_target(session, state, item) if item else None,
        dry_run=put.dry_run,
    )


async def _stored(session: AsyncSession, tenant: str, target: str) -> list[Stored]:
    found = (await kept.read_stored(session, tenant, [target])).get(target)
    if found is None:
        raise Absent(f"no target {target!r}")
    return found


async def _expect(session: AsyncSession, state: TenantState, item: str, put: Put) -> None:
    if put.if_version is None:
        return
    found = await find_target(session, state, item)
    if put.if_version != (found.digest if found else ""):
        raise Conflict("it was changed since it was read; read it again")


def _moved(one: Stored, to: State) -> Step:
    return Step(
        action="publish" if to == "published" else "acknowledge",
        version=one.version,
        target=msgspec.structs.replace(one.target, state=to),
        before=one.target,
    )


def _said(state: TenantState, body: Any) -> Target:
    source = Body({"targets": [body]}, ("targets", 0))
    if not isinstance(body, dict):
        raise Refused([Fault("", "this must be an object")])
    try:
        raw = source.tenant["targets"][0]
        said = shape.Target.model_validate(raw, context=source)
    except ValidationError as error:
        report(source, error, (*TENANT, "targets", 0))
        raise Refused(source.faults) from None
    target, mistakes = target_of(said, scope_of(state))
    faults = [*source.faults, *(Fault(f"/{key}", what) for key, what in mistakes)]
    if target is None or faults:
        raise Refused(faults)
    return target


def _targets(lines: Iterable[Line], scope: Scope, faults: list[tuple[int, str]]) -> list[Target]:
    found: list[Target] = []
    seen: dict[tuple[str, Any], int] = {}
    for line in lines:
        target = _of_line(line, scope, faults)
        if target is None:
            continue
        first = seen.setdefault((target.id, target.begins), line.number)
        if first != line.number:
            what = f"the same target is already in line {first}"
            faults.append((line.number, f"{what}; a change within the period has `effective`"))
        found.append(target)
    return found


def _of_line(line: Line, scope: Scope, faults: list[tuple[int, str]]) -> Target | None:
    source = Body({"targets": [line.values]}, ("targets", 0))
    try:
        said = shape.Target.model_validate(source.tenant["targets"][0], context=source)
    except ValidationError as error:
        report(source, error, (*TENANT, "targets", 0))
        faults += [(line.number, _named(one)) for one in source.faults]
        return None
    target, mistakes = target_of(said, scope)
    faults += [(line.number, f"{key}: {what}") for key, what in mistakes]
    return target


def _named(fault: Fault) -> str:
    column = fault.pointer.strip("/").split("/")[0]
    return f"{column}: {fault.what}" if column else fault.what


def _item(id_: str, versions: Sequence[Stored], scope: Scope) -> Item:
    held = kept.standing(versions)
    newest = held[-1] if held else versions[-1]
    history = [
        {
            "version": one.version,
            "state": one.target.state,
            "author": one.author,
            "created_at": one.created_at,
            "body": _body(one.target, scope),
        }
        for one in versions
    ]
    return Item(
        kind="targets",
        id=id_,
        version=versions[-1].version,
        digest=digest_of([(one.version, one.target.state) for one in versions]),
        state=newest.target.state,
        body=_body(newest.target, scope),
        history=history,
    )


def _body(target: Target, scope: Scope) -> dict[str, Any]:
    """As the file could say it: there is no acknowledging, nor withdrawing, by a file."""
    said = written.target_of(target, scope.fiscal, scope.units, scope.currency)
    return said | {"state": "draft" if target.state == "draft" else "published"}
