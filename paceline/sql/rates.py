"""Rates of currencies in SQL: dated, in versions, with who wrote them.

In: changes. Out: ``kpi.currency.Rates`` as they are, or as they were known at an earlier moment.
Guarantee: a corrected rate is a new version beside the old one; each change is in the audit, in the
same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from kpi.currency import Rates, Step
from paceline.sql.changes import Deed, settle
from paceline.sql.keys import now_ms
from paceline.sql.models import CurrencyRate


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What one unit is worth from a civil day on; ``rate`` None: no longer anything."""

    currency: str
    since: date
    rate: str | None
    """A decimal, such as ``7.1042``."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a rate, with who wrote it when (ms UTC)."""

    currency: str
    since: date
    version: int
    rate: str | None
    author: str
    recorded_at: int


async def known(
    session: AsyncSession, tenant: str, currency: str, as_of: int | None = None
) -> Rates:
    """The rates toward a reporting currency; ``as_of`` (ms UTC): as they were known then."""
    held = _latest(await every(session, tenant, as_of))
    steps: dict[str, list[Step]] = {}
    for one in sorted(held.values(), key=lambda each: (each.currency, each.since)):
        if one.rate is not None and one.currency != currency:
            steps.setdefault(one.currency, []).append(Step(one.since, Fraction(one.rate)))
    return Rates(currency, {code: tuple(each) for code, each in steps.items()})


async def every(session: AsyncSession, tenant: str, as_of: int | None = None) -> list[Stored]:
    """Every version, by currency, day and version."""
    query = select(CurrencyRate).where(CurrencyRate.tenant == tenant)
    if as_of is not None:
        query = query.where(CurrencyRate.recorded_at <= as_of)
    order = (CurrencyRate.currency, CurrencyRate.since, CurrencyRate.version)
    rows = await session.scalars(query.order_by(*order))
    return [msgspec.convert(row, Stored, from_attributes=True) for row in rows]


async def write(
    session: AsyncSession, tenant: str, rates: Sequence[Rate], author: str, *, dry_run: bool = False
) -> list[Rate]:
    """Write those that differ from what holds; which they were, or with ``dry_run`` would be."""
    held = _latest(await every(session, tenant))
    changed = [one for one in rates if _differs(held.get((one.currency, one.since)), one)]
    if dry_run or not changed:
        return changed
    at = now_ms()
    rows = [_row(tenant, one, held.get((one.currency, one.since)), author, at) for one in changed]
    await session.execute(insert(CurrencyRate), rows)
    deeds = [_deed(one, held.get((one.currency, one.since))) for one in changed]
    await settle(session, tenant, author, deeds)
    return changed


def _latest(stored: Sequence[Stored]) -> dict[tuple[str, date], Stored]:
    return {(one.currency, one.since): one for one in stored}


def _differs(held: Stored | None, wanted: Rate) -> bool:
    if held is None or held.rate is None:
        return wanted.rate is not None
    return wanted.rate is None or Fraction(held.rate) != Fraction(wanted.rate)


def _row(tenant: str, one: Rate, held: Stored | None, author: str, at: int) -> dict[str, Any]:
    version = 1 if held is None else held.version + 1
    own = msgspec.structs.asdict(one)
    return own | {"tenant": tenant, "version": version, "author": author, "recorded_at": at}


def _deed(one: Rate, held: Stored | None) -> Deed:
    before = {"rate": held.rate} if held is not None and held.rate is not None else None
    after = {"rate": one.rate} if one.rate is not None else None
    action = "create" if before is None else "remove" if after is None else "change"
    subject = f"{one.currency} {one.since.isoformat()}"
    return Deed(action=action, kind="rates", subject=subject, before=before, after=after)  # type: ignore[arg-type]
