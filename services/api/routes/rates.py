"""Rates of currencies: reading them, and an administrator's writing.

In: requests. Out: JSON by the shapes of ``answers.rates``. Guarantee: only the key's own tenant; a
body is taken whole or not at all; each change is in the audit.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from paceline.admin.session import transaction
from paceline.rates.written import rate_of
from paceline.sql import rates as rates_sql
from paceline.sql.engine import reading
from paceline.sql.rates import Rate
from services.api.access import Caller
from services.api.answers import docs_rates
from services.api.answers.plan import Mistake
from services.api.answers.rates import RateEntry, Rates, RatesWritten
from services.api.context import Asking, Serving
from services.api.problems import refused
from services.api.routes.admin import administrator
from services.api.routes.progress import json

router = APIRouter(prefix="/v1")

Admin = Annotated[Caller, Depends(administrator)]


class RateBody(BaseModel):
    """One rate; ``rate`` null withdraws it."""

    currency: Annotated[str, Field(max_length=30)]
    since: Annotated[str, Field(max_length=30)]
    rate: Annotated[str | None, Field(max_length=30)]


class RatesBody(BaseModel):
    """Rates to set; those that are not named stay."""

    items: Annotated[list[RateBody], Field(max_length=5_000)]


@router.get("/rates", **docs_rates.RATES)
async def every(caller: Asking, services: Serving) -> Response:
    """Every rate, with all its versions."""
    async with reading(services.engine) as session:
        found = await rates_sql.every(session, caller.org.tenant)
    items = [
        RateEntry(
            currency=one.currency,
            since=one.since.isoformat(),
            rate=one.rate,
            version=one.version,
            author=one.author,
            recorded_at=one.recorded_at,
        )
        for one in found
    ]
    return json(Rates(currency=caller.plan.currency, items=items))


@router.put("/admin/rates", **docs_rates.WRITE)
async def write(
    body: RatesBody,
    caller: Admin,
    services: Serving,
    dry_run: Annotated[bool, Query(description="say what would change, change nothing")] = False,  # noqa: FBT002 - FastAPI's way
) -> Response:
    """Set, correct or withdraw rates: all of them, or none where one is wrong."""
    wanted = _checked(body, caller.plan.currency)
    author = f"key:{caller.key.id} {caller.key.label}"
    async with transaction(services.engine, dry_run=dry_run) as session:
        changed = await rates_sql.write(session, caller.org.tenant, wanted, author, dry_run=dry_run)
    services.directory.forget()
    changes = [f"{one.currency} {one.since} {one.rate or 'withdrawn'}" for one in changed]
    return json(RatesWritten(dry_run=dry_run, changes=changes))


def _checked(body: RatesBody, reporting: str) -> list[Rate]:
    found: dict[tuple[str, str], Rate] = {}
    mistakes: list[Mistake] = []
    for i, one in enumerate(body.items):
        try:
            rate = rate_of(one.currency, one.since, one.rate, reporting)
        except ValueError as error:
            mistakes.append(Mistake(pointer=f"/items/{i}", detail=str(error)))
            continue
        found[rate.currency, rate.since.isoformat()] = rate
    if mistakes:
        raise refused(mistakes)
    return list(found.values())
