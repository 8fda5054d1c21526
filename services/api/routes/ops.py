"""Health, readiness, metrics, and the page.

In: requests without a key. Out: nothing of any tenant. Guarantee: ``/healthz`` touches no store,
so a store that is away never gets this process killed; ``/readyz`` says which one it is.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from paceline import metrics
from paceline.progress.answers.progress import Check, Ready
from paceline.sql.engine import reading
from services.api.answers import docs
from services.api.context import Services, Serving

STATIC = Path(__file__).parents[1] / "static"
OWNED_WITHIN_MS = 180_000
"""An owner ticks once a minute; two missed ticks and nobody is there."""
_CHECK_S = 2.0
_SHOWN = 8

router = APIRouter()


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The page."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


@router.get("/healthz", **docs.HEALTH)
async def health() -> Response:
    """This process is alive."""
    return Response('{"alive":true}', media_type="application/json")


@router.get("/readyz", **docs.READY)
async def ready(services: Serving) -> Response:
    """Redis and SQL answer, and every partition has an owner."""
    sql, (redis, partitions) = await asyncio.gather(_sql(services), _redis(services))
    checks = {"redis": redis, "sql": sql, "partitions": partitions}
    said = Ready(ready=all(check.ok for check in checks.values()), checks=checks)
    return Response(
        msgspec.json.encode(said),
        status_code=200 if said.ready else 503,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


@router.get("/metrics", **docs.METRICS)
async def prometheus() -> Response:
    """The metrics of this process."""
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


async def _sql(services: Services) -> Check:
    try:
        async with asyncio.timeout(_CHECK_S), reading(services.engine) as session:
            await session.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return Check(ok=False, detail=type(error).__name__)
    return Check(ok=True, detail="answers")


async def _redis(services: Services) -> tuple[Check, Check]:
    try:
        async with asyncio.timeout(_CHECK_S):
            clocks = await services.reader.clocks()
    except (RedisError, OSError, TimeoutError) as error:
        return Check(ok=False, detail=type(error).__name__), Check(ok=False, detail="unknown")
    return Check(ok=True, detail="answers"), _owned(clocks, services.clock())


def _owned(clocks: list[int | None], now: int) -> Check:
    silent = [
        str(p) for p, clock in enumerate(clocks) if clock is None or now - clock > OWNED_WITHIN_MS
    ]
    if not silent:
        return Check(ok=True, detail=f"all {len(clocks)} owned")
    shown = ", ".join(silent[:_SHOWN]) + (", ..." if len(silent) > _SHOWN else "")
    return Check(ok=False, detail=f"{len(silent)} of {len(clocks)} without an owner: {shown}")
