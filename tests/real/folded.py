"""The same year without a log: folded by the domain into a Redis of its own, as of January 2018.

In: the files, a Redis, a folder. Out: an API that believes it is January 2018, so that single days
of 2017 can still be read. Guarantee: configuration and targets by the command line, deals by the
changes that the portal would have sent; the way of events through services is tested elsewhere.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from kpi.contributions import contributions
from kpi.entity import apply, new
from kpi.panes import spread
from paceline.redis import make_client
from paceline.sql import generations
from paceline.sql.engine import engine_for, reading
from schemas import keys
from schemas.envelope import EntityPatch, Scalar
from schemas.meaning import Meaning
from tests.api.world import PARTITIONS, World, ms, serving
from tests.real import files, goals, organisation, portal

TENANT = "opportunities-folded"
NOW = "2018-01-02T12:00:00Z"
_FIELDS = {
    "hubspot_owner_id": "owner",
    "amount": "amount",
    "dealstage": "stage",
    "closedate": "close_on",
}


async def prepare(folder: Path, found: Path, redis_url: str) -> None:
    """The configuration in a database of this folder, the numbers in this Redis."""
    _configure(folder, found)
    async with _opened(folder, redis_url) as world:
        await world.redis.flushdb()
        async with reading(world.engine) as session:
            generation = await generations.latest(session, TENANT)
        assert generation is not None
        await _fold(world, generation.meaning, found)


@asynccontextmanager
async def january(folder: Path, redis_url: str) -> AsyncIterator[World]:
    """What was prepared, served."""
    async with _opened(folder, redis_url) as world, serving(world, redis_url, ttl_s=60):
        yield world


@asynccontextmanager
async def _opened(folder: Path, redis_url: str) -> AsyncIterator[World]:
    redis, engine = make_client(redis_url), engine_for(_sql(folder))
    try:
        yield World(redis, engine, tenant=TENANT, now=ms(NOW))
    finally:
        await redis.aclose()
        await engine.dispose()


def _sql(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'paceline.db'}"


def _configure(folder: Path, found: Path) -> None:
    managers = files.managers(found)
    document, targets = folder / "paceline.yaml", folder / "targets.csv"
    document.write_text(organisation.document(TENANT, managers, "null"), encoding="utf-8")
    targets.write_text(organisation.csv_of(goals.targets(files.deals(found))), encoding="utf-8")
    _paceline(folder, "migrate")
    _paceline(folder, "apply", "-f", str(document))
    _paceline(folder, "targets", "import", str(targets), "-t", TENANT)


def _paceline(folder: Path, *words: str) -> None:
    elsewhere = {"PACELINE_KAFKA": "127.0.0.1:1", "PACELINE_REDIS": "redis://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", "from paceline.cli import main; main()", *words],
        env=os.environ | elsewhere | {"PACELINE_SQL": _sql(folder)},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


async def _fold(world: World, meaning: Meaning, found: Path) -> None:
    """Every deal's contributions, spread over panes; nothing expires."""
    owners = organisation.owners(files.managers(found))
    pipe = world.redis.pipeline(transaction=False)
    for p in range(PARTITIONS):
        about: dict[Any, Any] = {"incarnation": "folded", "epoch": 1, "clock": world.now}
        pipe.hset(keys.partition_meta(p), mapping=about)
    live: dict[Any, Any] = {keys.LIVE: 1, keys.MEANING: msgspec.json.encode(meaning)}
    pipe.hset(keys.tenant_meta(world.partition, TENANT), mapping=live)
    for number, deal in enumerate(files.deals(found)):
        entity = new("deal", f"{TENANT}-hubspot")
        for patch in _patches(number, deal, owners[deal.agent]):
            entity = apply(entity, f"told-{number}", patch)
        increments = spread(contributions(entity, meaning), meaning, world.now)
        for (owner, held, field), by in increments.items():
            pipe.hincrby(world._panes(owner, held), field, by)
            pipe.hset(keys.versions(world.partition, TENANT), owner, str(number))
    await pipe.execute()


def _patches(number: int, deal: files.Deal, owner: str) -> Iterator[EntityPatch]:
    for at, name, value in portal.changes(deal, owner):
        fields: dict[str, Scalar] = {}
        if name is not None:
            field = _FIELDS[name]
            fields[field] = portal.day_of(value) if field == "close_on" else value
        yield EntityPatch(
            entity="deal",
            id=str(number),
            op="create" if name is None else "set",
            occurred_at=round(at.timestamp() * 1000),
            received_at=ms(NOW),
            fields=fields,
        )
