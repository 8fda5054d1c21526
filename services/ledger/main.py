"""The ledger's composition root and process.

In: settings from the environment. Out: a process that archives, and keeps the facts behind the
numbers, until it is told to stop. Guarantee:
it does not start on a database whose schema is not this version's.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline import metrics
from paceline.following import Follower, follow
from paceline.process import run_process
from paceline.settings import Settings
from paceline.sql.engine import engine_for
from paceline.sql.migrate import require_current
from paceline.sql.patience import patiently
from schemas import topics
from services.ledger.filling import fill_for_ever
from services.ledger.pruning import prune_for_ever
from services.ledger.writer import Writer

GROUP = "paceline-ledger"
FOLLOWED = (topics.EVENTS, topics.BACKFILL, topics.FACTS, topics.DEAD)


def _measure(topic: str, partition: int, waiting: int, behind_s: float) -> None:
    if topic == topics.EVENTS:
        metrics.LEDGER_LAG_EVENTS.labels(partition).set(waiting)
    elif topic == topics.FACTS:
        metrics.FACTS_LAG_RECORDS.labels(partition).set(waiting)
        metrics.FACTS_LAG_SECONDS.labels(partition).set(behind_s)


async def run(settings: Settings) -> None:
    """Archive until cancelled."""
    engine = engine_for(settings.sql)
    try:
        await patiently(lambda: require_current(engine))
        await _work(settings, engine)
    finally:
        await engine.dispose()


async def _work(settings: Settings, engine: AsyncEngine) -> None:
    follower = Follower(GROUP, FOLLOWED, _measure)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow(settings, Writer(engine), follower))
            tasks.create_task(fill_for_ever(engine, lambda: follower.partitions(topics.FACTS)))
            tasks.create_task(prune_for_ever(engine, settings.facts_kept_days))
    except ExceptionGroup as group:
        raise group.exceptions[0] from None  # one is enough to end, and says it plainly


async def check(settings: Settings) -> None:
    """Raise what is wrong with the database, without waiting for it."""
    engine = engine_for(settings.sql)
    try:
        await require_current(engine)
    finally:
        await engine.dispose()


def main(argv: list[str] | None = None) -> int:
    """The process: ``paceline ledger [--check-config]``; 2 where it cannot start or go on."""
    return run_process("ledger", __doc__, argv, work=run, check=check)


if __name__ == "__main__":
    raise SystemExit(main())
