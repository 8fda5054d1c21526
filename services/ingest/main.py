"""The ingest process: its one composition root.

In: settings. Out: a running service. Guarantee: ``--check-config`` says in lines what is wrong and
starts nothing; whatever was acknowledged when the process ends is in the log or on disk.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline import logs, redis
from paceline.settings import Settings, SettingsError, load
from paceline.sql.connections import ConnectionKind
from paceline.sql.engine import engine_for
from paceline.sql.keys import now_ms
from services.ingest.activation import Activator
from services.ingest.app import create_app
from services.ingest.confirmations import StoredConfirmations
from services.ingest.connections import ConnectionBook
from services.ingest.intake import Intake
from services.ingest.journal import Journal, JournalError
from services.ingest.keys import SqlKeys
from services.ingest.log import Log
from services.ingest.publisher import Publisher

_KEEP_ALIVE_S: Final = 75
_log = logs.get_logger(__name__)


class Ingest:
    """All parts of the service, wired; ``app`` is its HTTP side."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._engine = engine_for(settings.sql)
        self._redis = redis.make_client(settings.redis, connections=4, retries=1)
        self._journal = Journal(settings.data_dir / "journal", max_bytes=settings.journal_max_bytes)
        self._book = ConnectionBook(self._engine, environ)
        self._log = Log(
            settings.kafka,
            partitions=settings.partitions,
            replication=settings.replication,
            idempotent=settings.idempotent_producer,
        )
        confirmations = StoredConfirmations(self._engine, self._redis)
        self._publisher = Publisher(self._log, self._journal, settings.journal, confirmations)
        self._activator = Activator(self._engine, self._publisher, self._book, settings.partitions)
        intake = Intake(
            book=self._book,
            keys=SqlKeys(self._engine),
            durable=self._publisher,
            public_url=settings.public,
            partitions=settings.partitions,
            now_ms=now_ms,
        )
        self.app = create_app(intake, self.readiness, self.lifespan)

    def readiness(self) -> dict[str, Any]:
        """Ready: events can be made durable, and the log has been seen or its journal stands in."""
        full = self._journal.bytes_kept >= self._settings.journal_max_bytes
        return {
            "ready": self._book.loaded and not full and self._publisher.damaged is None,
            "log": "up" if self._publisher.up else "away",
            "incarnation": self._publisher.incarnation,
            "journal": self._settings.journal,
            "journal_bytes": self._journal.bytes_kept,
            "journal_damaged": self._publisher.damaged is not None,
        }

    @asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Start the background tasks, and end everything in order."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._engine.dispose)
            stack.push_async_callback(self._redis.aclose)
            stack.push_async_callback(self._journal.close)
            stack.push_async_callback(self._log.close)
            runs = (self._book.run, self._publisher.run, self._activator.run)
            tasks = [asyncio.create_task(run()) for run in runs]
            stack.push_async_callback(_cancel, tasks)
            yield


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            _log.error("task_failed", why=repr(result))


async def problems_of(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What is wrong with the configuration in SQL, a sentence each."""
    engine = engine_for(settings.sql)
    try:
        return await _unusable(engine, environ)
    except Exception as e:  # noqa: BLE001 - whatever SQL says is the answer
        return [f"the configuration cannot be read from SQL: {e}"]
    finally:
        await engine.dispose()


async def _unusable(engine: AsyncEngine, environ: Mapping[str, str]) -> list[str]:
    book = ConnectionBook(engine, environ)
    await book.refresh()
    webhooks: tuple[ConnectionKind, ...] = ("hubspot", "json")
    return [
        f"connection {c.id}: {c.problem}"
        for c in book.all()
        if c.problem is not None and (c.kind in webhooks or c.mapping is None)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ingest until it is told to end; with ``--check-config`` only look."""
    wanted = sys.argv[1:] if arguments is None else arguments
    try:
        settings = load(Settings)
    except SettingsError as e:
        return _say(e.lines)
    if "--check-config" in wanted:
        return _say(asyncio.run(problems_of(settings, os.environ)))
    logs.configure(settings.log_level, settings.log_format)
    try:
        return asyncio.run(_serve(settings))
    except JournalError as e:
        return _say([str(e)])
    except KeyboardInterrupt:
        # uvicorn raises the signal again once everything has ended.
        return 0


def _say(lines: Sequence[str]) -> int:
    for line in lines:
        sys.stderr.write(f"paceline ingest: {line}\n")
    return 2 if lines else 0


async def _serve(settings: Settings) -> int:
    start = time.perf_counter()
    ingest = Ingest(settings, os.environ)
    config = uvicorn.Config(
        ingest.app,
        host=settings.ingest_host,
        port=settings.ingest_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=10,
        # The public address comes from configuration: no header may change it.
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    _log.info("ingest_starting", seconds=round(time.perf_counter() - start, 3))
    await server.serve()
    return 0 if server.started else 1


if __name__ == "__main__":
    raise SystemExit(main())
