"""Engines and sessions for SQLite and PostgreSQL.

In: a SQLAlchemy async URL. Out: an engine, sessions. Guarantee: what a transaction committed
survives a power cut on both; a transaction never fails only because another one is writing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from sqlite3 import OperationalError
from typing import Any
from weakref import WeakKeyDictionary

import aiosqlite
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import await_only

BUSY_TIMEOUT_MS = 10_000
_WAL_PAUSE_MS = 10

# FULL, not NORMAL: in WAL mode NORMAL may lose the last commits when the power fails, and once a
# patch is in the archive the embedded journal lets go of its own copy. The ledger commits batches,
# so it is cheap.
_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",
)


def engine_for(url: str) -> AsyncEngine:
    """An engine, not connected yet; ``await engine.dispose()`` when done."""
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url)
    # A connection that the server has dropped is noticed before it is used.
    return create_async_engine(url, pool_pre_ping=True)


def _sqlite(url: str) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"async_creator_fn": _open})
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


async def _open(*arguments: Any, **named: Any) -> aiosqlite.Connection:
    """A connection; one that fails takes its thread along.

    Otherwise the thread may tell its end to a loop that is closed by then, and a traceback stands
    below the one clear line.
    """
    opening = aiosqlite.connect(*arguments, **named)
    thread = opening._thread  # noqa: SLF001 - as SQLAlchemy does, which this takes the place of
    thread.daemon = True
    try:
        return await opening
    except BaseException:
        thread.join(BUSY_TIMEOUT_MS / 1000)
        raise


def _prepare(connection: Any, _record: Any) -> None:
    # Python's own handling would begin only at the first write; ``_begin`` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
    _enter_wal(connection)


def _enter_wal(connection: Any) -> None:
    """Switch a new file to WAL; SQLite does not wait for that by itself, whatever the timeout."""
    for _ in range(BUSY_TIMEOUT_MS // _WAL_PAUSE_MS):
        cursor = connection.cursor()
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except OperationalError as error:
            if "locked" not in str(error):
                raise
            await_only(asyncio.sleep(_WAL_PAUSE_MS / 1000))
        else:
            return
        finally:
            cursor.close()
    raise OperationalError(f"database is locked for {BUSY_TIMEOUT_MS} ms while it is made")


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A session for queries; all of them see the same moment."""
    # SQLite's transactions do so anyway.
    steady = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    seen = engine.execution_options(**steady)
    async with AsyncSession(seen, expire_on_commit=False) as session:
        yield session


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A session that commits when the block ends well, and rolls back otherwise.

    On SQLite the write lock is taken at the beginning: a reader that becomes a writer half way is
    refused at once, without any waiting, when somebody else wrote in between.
    """
    immediate = engine.execution_options(sqlite_begin="IMMEDIATE")
    async with (
        _turn(engine),
        AsyncSession(immediate, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


_turns: WeakKeyDictionary[Engine, asyncio.Lock] = WeakKeyDictionary()


def _turn(engine: AsyncEngine) -> AbstractAsyncContextManager[None]:
    """On SQLite the writers of one process take turns.

    Left to itself, whoever waits looks again only now and then, and may find it taken each time.
    """
    if engine.dialect.name != "sqlite":
        return nullcontext()
    found = _turns.get(engine.sync_engine)
    if found is None:
        found = _turns[engine.sync_engine] = asyncio.Lock()
    return found
