"""The ledger's composition root and process.

In: settings from the environment. Out: a process that archives, and keeps the facts behind the
numbers, until it is told to stop. Guarantee:
it does not start on a database whose schema is not this version's.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from prometheus_client import start_http_server
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline import logs, metrics
from paceline.following import Follower, follow
from paceline.kafka import LogError
from paceline.settings import Settings, SettingsError, load
from paceline.sql.engine import engine_for
from paceline.sql.migrate import SchemaError, require_current
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


async def _until_told(settings: Settings) -> None:
    if settings.metrics_port:
        start_http_server(settings.metrics_port, settings.metrics_host)
    work = asyncio.ensure_future(run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        logs.get_logger(__name__).info("stopped")


def main(argv: list[str] | None = None) -> int:
    """The process: ``paceline ledger [--check-config]``; 2 where it cannot start or go on."""
    parser = argparse.ArgumentParser(prog="paceline ledger", description=__doc__)
    parser.add_argument("--check-config", action="store_true", help="check the settings and end")
    arguments = parser.parse_args(argv)
    try:
        settings = load(Settings)
    except SettingsError as error:
        return _say(error.lines)
    logs.configure(settings.log_level, settings.log_format)
    try:
        asyncio.run(check(settings) if arguments.check_config else _until_told(settings))
    except (LogError, SchemaError, SQLAlchemyError, OSError) as error:
        return _say([str(error).splitlines()[0]])
    return 0


def _say(lines: Sequence[str]) -> int:
    for line in lines:
        sys.stderr.write(f"paceline ledger: {line}\n")
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
