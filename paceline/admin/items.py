"""Items of the plan: listed, read, put, taken away.

In: a tenant, a kind, an id, a body. Out: items; what changed. Guarantee: see ``paceline.admin``.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.admin import kinds
from paceline.admin import targets as of_targets
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
    Kind,
    Refused,
)
from paceline.config import references, written
from paceline.config.apply import Wanted, carry_out, planned_from
from paceline.config.parse import report
from paceline.config.state import TenantState
from paceline.sql import items as versions


async def list_items(
    session: AsyncSession, tenant: str, kind: Kind, *, after: str | None = None, limit: int = 50
) -> Items:
    """A page of a kind in the order of ids, after an id. KPIs: the shipped ones too.

    Raises:
        Absent: there is no such tenant or kind.
    """
    state = await state_of(session, tenant, kind)
    if kind == "targets":
        return await of_targets.list_targets(session, state, after, limit)
    numbers = await _numbers(session, tenant)
    named = [name for name in kinds.names(state, kind) if after is None or name > after]
    found = [_item(state, kind, name, numbers) for name in named[:limit]]
    page = [one for one in found if one is not None]
    return Items(page, named[limit - 1] if len(named) > limit else None)


async def get_item(session: AsyncSession, tenant: str, kind: Kind, item: str) -> Item:
    """One item.

    Raises:
        Absent: there is no such tenant, kind or item.
    """
    state = await state_of(session, tenant, kind)
    if kind == "targets":
        found = await of_targets.find_target(session, state, item)
    else:
        found = _item(state, kind, item, await _numbers(session, tenant))
    if found is None:
        raise Absent(f"{kind} has no {item!r}")
    return found


async def put_item(
    engine: AsyncEngine,
    tenant: str,
    kind: Kind,
    item: str,
    body: Any,
    *,
    actor: Actor,
    code: int,
    dry_run: bool = False,
    if_version: str | None = None,
) -> Done:
    """Make an item what the body says; an ``id`` in the body must be the same.

    ``code`` is ``kpi.CODE``. ``if_version``: the digest that the item must have now, ``""``: it
    must not be there yet. For targets ``item`` may be ``""``: KPI, subject and period make the id.

    Raises:
        Refused: mistakes in the body, or in what refers to it.
        Absent: there is no such tenant, kind or setting.
        Conflict: the item is not what ``if_version`` says.
    """
    async with transaction(engine, dry_run=dry_run) as session:
        state = await state_of(session, tenant, kind)
        if kind == "targets":
            change = of_targets.Put(actor.name, dry_run, if_version)
            return await of_targets.put_target(session, state, item, body, change)
        if kind == "settings" and item not in kinds.SETTINGS:
            raise Absent(f"no setting {item!r}; known: {', '.join(sorted(kinds.SETTINGS))}")
        _expect(state, kind, item, if_version)
        after = _with(state, kind, item, body)
        return await _change(session, state, after, (kind, item), actor, code, dry_run=dry_run)


async def delete_item(
    engine: AsyncEngine,
    tenant: str,
    kind: Kind,
    item: str,
    *,
    actor: Actor,
    code: int,
    dry_run: bool = False,
    if_version: str | None = None,
) -> Done:
    """Take an item away; what is gone already changes nothing.

    A KPI of the catalogue becomes the shipped one again, a setting its default; a target is
    withdrawn.

    Raises:
        Refused: something refers to it.
        Absent: there is no such tenant, kind or setting.
        Conflict: the item is not what ``if_version`` says.
    """
    async with transaction(engine, dry_run=dry_run) as session:
        state = await state_of(session, tenant, kind)
        if kind == "targets":
            change = of_targets.Put(actor.name, dry_run, if_version)
            return await of_targets.withdraw_target(session, state, item, change)
        if kind == "settings" and item not in kinds.SETTINGS:
            raise Absent(f"no setting {item!r}; known: {', '.join(sorted(kinds.SETTINGS))}")
        _expect(state, kind, item, if_version)
        after = kinds.without(state, kind, item)
        source = Body(written.tenant_of(after), (kind, -1))
        _check(source)
        return await _change(session, state, after, (kind, item), actor, code, dry_run=dry_run)


Numbers = dict[tuple[str, str], versions.Version]


async def _numbers(session: AsyncSession, tenant: str) -> Numbers:
    return versions.newest(await versions.read_versions(session, tenant))


def _item(state: TenantState, kind: Kind, name: str, numbers: Numbers) -> Item | None:
    body = kinds.shown(state, kind, name)
    if body is None:
        return None
    found = numbers.get((kind, name))
    return Item(
        kind=kind,
        id=name,
        version=found.version if found else 0,
        digest=digest_of(body),
        shipped=kinds.is_shipped(state, kind, name),
        body=body,
    )


def _expect(state: TenantState, kind: Kind, item: str, if_version: str | None) -> None:
    if if_version is None:
        return
    found = _item(state, kind, item, {})
    if if_version != (found.digest if found else ""):
        raise Conflict("it was changed since it was read; read it again")


def _with(state: TenantState, kind: Kind, item: str, body: Any) -> TenantState:
    raw = written.tenant_of(state)
    path: tuple[str | int, ...] = (item,)
    inside = "/value"
    if kind == "settings":
        raw[item] = _value(body)
    else:
        raw[kind], path = _placed(raw[kind], kind, item, body)
        inside = ""
    source = Body(raw, path, inside)
    at = (*TENANT, *path)
    said: Any = None
    try:
        said = kinds.checked(kind, item, _at(source, path), source)
    except ValidationError as error:
        report(source, error, at[:-1] if kind == "settings" else at)
    _check(source)
    return kinds.kept(state, kind, item, said)


def _value(body: Any) -> Any:
    if not isinstance(body, dict) or body.keys() != {"value"}:
        raise Refused([Fault("", 'a setting is written as {"value": …}')])
    return body["value"]


def _placed(
    group: list[dict[str, Any]], kind: Kind, item: str, body: Any
) -> tuple[list[dict[str, Any]], tuple[str | int, ...]]:
    if not isinstance(body, dict):
        raise Refused([Fault("", "this must be an object")])
    if body.get("id", item) != item:
        raise Refused([Fault("/id", f"`{body['id']}` is not `{item}`, which the address names")])
    kept = [one for one in group if one["id"] != item]
    return [*kept, body | {"id": item}], (kind, len(kept))


def _at(source: Body, path: tuple[str | int, ...]) -> Any:
    found: Any = source.tenant
    for part in path:
        found = found[part]
    return found


def _check(source: Body) -> None:
    references.check_tenant(source, source.tenant)
    if source.faults:
        raise Refused(source.faults)


async def _change(
    session: AsyncSession,
    before: TenantState,
    after: TenantState,
    which: tuple[Kind, str],
    actor: Actor,
    code: int,
    *,
    dry_run: bool,
) -> Done:
    planned = await planned_from(session, before, after, Wanted(after, [], actor.name), code)
    if not dry_run:
        await carry_out(session, planned, code, actor.name)
    kind, name = which
    return Done(
        changes=[str(change) for change in planned.applied.changes],
        generation=planned.applied.generation,
        item=_item(after, kind, name, await _numbers(session, before.id)),
        dry_run=dry_run,
    )
