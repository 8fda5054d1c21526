"""Items of the plan: listed, read, put, taken away.

In: a tenant, a kind, an id, a body. Out: items; what changed. Guarantee: see ``paceline.admin``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.admin.values import Actor, Done, Item, Items, Kind


async def list_items(
    session: AsyncSession, tenant: str, kind: Kind, *, after: str | None = None, limit: int = 50
) -> Items:
    """A page of a kind in the order of ids, after an id. KPIs: the shipped ones too.

    Raises:
        Absent: there is no such tenant.
    """
    raise NotImplementedError


async def get_item(session: AsyncSession, tenant: str, kind: Kind, item: str) -> Item:
    """One item.

    Raises:
        Absent: there is no such tenant or item.
    """
    raise NotImplementedError


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

    ``code`` is ``kpi.CODE``. ``if_version``: the digest that the item must have now, ``""``: it must
    not be there yet. For targets ``item`` may be ``""``: their id follows from KPI, subject, period.

    Raises:
        Refused: mistakes in the body, or in what refers to it.
        Absent: there is no such tenant.
        Conflict: the item is not what ``if_version`` says.
    """
    raise NotImplementedError


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
    """Take an item away. A KPI of the catalogue becomes the shipped one again, a setting its
    default; a target is withdrawn. What is gone already changes nothing.

    Raises:
        Refused: something refers to it.
        Absent: there is no such tenant.
        Conflict: the item is not what ``if_version`` says.
    """
    raise NotImplementedError
