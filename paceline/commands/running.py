"""What commands that speak with SQL share.

In: a coroutine that wants an engine. Out: its result. Guarantee: the schema was checked before, and
the engine is disposed of after.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from paceline.commands.failures import UserError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from services.api.context import Services

T = TypeVar("T")


def author() -> str:
    """Who the audit says it was: whoever is logged in at this machine."""
    return f"cli:{getpass.getuser()}"


def with_sql(work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """Do the work on the database of ``PACELINE_SQL``."""
    from paceline.settings import SqlSettings, load  # noqa: PLC0415 - `--help` stays quick

    return asyncio.run(_with_engine(load(SqlSettings).sql, work))


def with_sql_of_up(work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """The same, where nothing is set on that of a `paceline up` of this folder."""
    from paceline.supervisor.settings import adopt  # noqa: PLC0415 - `--help` stays quick

    adopt(Path("paceline-data"))
    return with_sql(work)


def with_services(work: Callable[[Services], Awaitable[T]]) -> T:
    """Do the work with the API's services; a problem is one line."""
    from paceline.settings import Settings, load  # noqa: PLC0415 - `--help` stays quick
    from paceline.supervisor.settings import adopt  # noqa: PLC0415 - the same
    from services.api.main import opened  # noqa: PLC0415 - the same
    from services.api.problems import ProblemError  # noqa: PLC0415 - the same

    adopt(Path("paceline-data"))
    settings = load(Settings)

    async def run() -> T:
        async with opened(settings) as services:
            try:
                return await work(services)
            except ProblemError as error:
                hint = f"; possible: {error.possible}" if error.possible else ""
                raise UserError(f"{error.detail}{hint}") from None

    return asyncio.run(run())


async def _with_engine(url: str, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    from paceline.sql.engine import engine_for  # noqa: PLC0415 - the same
    from paceline.sql.migrate import require_current  # noqa: PLC0415 - the same

    engine = engine_for(url)
    try:
        await require_current(engine)
        return await work(engine)
    except OSError as error:
        # asyncpg says only which port refused, not whose it is.
        raise UserError(f"the SQL database (PACELINE_SQL) cannot be reached: {error}") from None
    finally:
        await engine.dispose()
