"""The aggregator's composition root and process.

In: settings from the environment. Out: a worker that runs until it is told to stop. Guarantee: it
does not start against a Redis that evicts, or a log that has no identity.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NoReturn, cast

import structlog
from faust.types import TP
from prometheus_client import start_http_server
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline import logs
from paceline.alerting.looking import Looker
from paceline.kafka import IncarnationReader, ensure_topics, make_producer
from paceline.progress.reading.directory import SqlDirectory
from paceline.progress.reading.reader import Reader
from paceline.progress.teller import Teller
from paceline.redis import make_client, problems, server_facts
from paceline.settings import Settings, SettingsError, load
from paceline.sql import archive
from paceline.sql.engine import engine_for, reading
from schemas import topics
from services.aggregator.alerts import Alerts, Planner, plan_for_ever
from services.aggregator.app import make_app
from services.aggregator.backfill import backfill_for_ever
from services.aggregator.fence import Fence
from services.aggregator.owned import Archived
from services.aggregator.rebuild import rebuild_for_ever
from services.aggregator.relay import Relay
from services.aggregator.worker import Log, Worker, watch_for_ever

log = structlog.get_logger()

WATCH_S = 1.0
LETTERS_S = 0.5
FACTS_S = 0.25
ALERTS_S = 0.1
TICK_S = 60.0
STOP_S = 7.0
"""How long Faust may take to leave the group in order."""
_SCRIPT_FLAGS_SINCE = 7
_ENDING = (signal.SIGTERM, signal.SIGINT)


class ArchiveAwayError(OSError):
    """The SQL database does not answer; whoever asked waits and asks again."""


class SqlArchive:
    """The archive in SQL, as the aggregator reads it."""

    def __init__(self, engine: AsyncEngine) -> None:
        """``engine``: SQLite or PostgreSQL."""
        self._engine = engine

    async def replay(
        self,
        partition: int,
        *,
        tenant: str | None = None,
        start: tuple[str, int] | None = None,
        backfill_from: int = 0,
    ) -> AsyncIterator[list[Archived]]:
        """See ``paceline.sql.archive.replay``."""
        pages = archive.replay(
            self._engine, partition, tenant=tenant, start=start, backfill_from=backfill_from
        )
        try:
            async for page in pages:
                yield list(page)
        except SQLAlchemyError as error:
            raise ArchiveAwayError(repr(error)) from error

    async def end(self, partition: int, incarnation: str, *, topic: str = topics.EVENTS) -> int:
        """See ``paceline.sql.archive.end``."""
        try:
            async with reading(self._engine) as session:
                return await archive.end(session, partition, incarnation, topic=topic)
        except SQLAlchemyError as error:
            raise ArchiveAwayError(repr(error)) from error

    async def activations(self, partition: int) -> list[bytes]:
        """See ``paceline.sql.archive.activations``."""
        try:
            async with reading(self._engine) as session:
                return await archive.activations(session, partition)
        except SQLAlchemyError as error:
            raise ArchiveAwayError(repr(error)) from error


@asynccontextmanager
async def make_worker(settings: Settings) -> AsyncIterator[tuple[Worker, Redis, Any]]:
    """A worker whose log is the Faust app's consumer; yields (worker, redis, Faust app)."""
    async with AsyncExitStack() as stack:
        redis = make_client(settings.redis)
        stack.push_async_callback(redis.aclose)
        engine = engine_for(settings.sql)
        stack.push_async_callback(engine.dispose)
        incarnation = await ensure_topics(
            settings.kafka, partitions=settings.partitions, replication=settings.replication
        )
        reader = await stack.enter_async_context(IncarnationReader(settings.kafka))
        fence = Fence(redis, memory_flags=await _checked(redis))

        def consumer() -> Log:
            return cast("Log", app.consumer)

        worker = Worker(
            fence, redis, SqlArchive(engine), consumer, reader.read, settings.batch_events
        )
        worker.incarnation = incarnation
        directory = SqlDirectory(engine)
        numbers = Reader(redis, settings.partitions)
        worker.lookout = Alerts(redis, directory, Looker(Teller(numbers), numbers))
        planner = Planner(redis, directory, engine, settings.partitions)

        async def handle(tp: TP, batch: Any) -> None:
            await worker.handle(tp, batch)

        app = make_app(settings, worker.seeks, handle, session_timeout_s=settings.session_timeout_s)
        async with background(plan_for_ever(worker, planner)):
            yield worker, redis, app


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on while the block does."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()


async def _checked(redis: Redis) -> bool:
    """Refuse a Redis that would lose numbers; whether it knows script flags (7.0 and later)."""
    facts = await server_facts(redis)
    for problem in problems(facts):
        log.error("redis", problem=problem)
    if problems(facts):
        raise SystemExit(1)
    return int(facts.version.split(".")[0]) >= _SCRIPT_FLAGS_SINCE


async def serve(settings: Settings) -> None:
    """Aggregate until the process is told to stop (SIGTERM or SIGINT)."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in one
    loop = asyncio.get_running_loop()

    def end() -> None:
        # Once: told again, a process that is ending would break off its ending.
        for number in _ENDING:
            loop.add_signal_handler(number, lambda: None)
        task.cancel()

    for number in _ENDING:
        loop.add_signal_handler(number, end)
    with contextlib.suppress(asyncio.CancelledError):
        await run(settings)


async def run(settings: Settings) -> None:
    """Aggregate until cancelled."""
    async with make_worker(settings) as (worker, redis, app):
        producer = make_producer(settings.kafka, idempotent=settings.idempotent_producer)
        await producer.start()
        relay = Relay(worker, redis, producer)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(watch_for_ever(worker, WATCH_S))
                tasks.create_task(backfill_for_ever(worker, settings.kafka))
                tasks.create_task(rebuild_for_ever(worker))
                tasks.create_task(relay.letters_for_ever(LETTERS_S))
                tasks.create_task(relay.facts_for_ever(FACTS_S))
                tasks.create_task(relay.ticks_for_ever(TICK_S))
                tasks.create_task(relay.alerts_for_ever(ALERTS_S))
                tasks.create_task(_faust(app))
        finally:
            await producer.stop()


async def _faust(app: Any) -> None:
    try:
        # Within: who is told to end while Faust starts must stop its consumer thread too, which
        # would stay in the group, holding partitions that nobody works on.
        await app.start()
        await app.wait_until_stopped()
        raise RuntimeError("Faust stopped") from app.crash_reason
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await app.stop()


def main(argv: list[str] | None = None) -> None:
    """The process: ``paceline aggregator [--check-config]``."""
    parser = argparse.ArgumentParser(prog="paceline aggregator", description=__doc__)
    parser.add_argument("--check-config", action="store_true", help="check the settings and end")
    arguments = parser.parse_args(argv)
    try:
        settings = load(Settings)
    except SettingsError as error:
        sys.exit("\n".join(error.lines))
    logs.configure(settings.log_level, settings.log_format)
    if arguments.check_config:
        return
    if settings.metrics_port:
        start_http_server(settings.metrics_port, settings.metrics_host)
    _calm_collector()
    try:
        asyncio.run(serve(settings))
    except Exception:
        log.exception("ended")
        _end(1)
    _end(0)


def _end(code: int) -> NoReturn:
    """End now, whatever Faust's threads do: a process that lives on stays in the group."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _calm_collector() -> None:
    """Batches are short-lived values without cycles: look for cycles seldom (a fifth less CPU)."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
