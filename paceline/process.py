"""The process of a service that serves no HTTP: its arguments, settings, signals and last words.

In: a name, the work, a check. Out: an exit code. Guarantee: what the person who starts it can put
right is one line on standard error and code 2; SIGINT and SIGTERM end the work in order.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import start_http_server
from sqlalchemy.exc import SQLAlchemyError

from paceline import logs
from paceline.kafka import LogError
from paceline.settings import Settings, SettingsError, load
from paceline.sql.migrate import SchemaError

Work = Callable[[Settings], Awaitable[None]]

_ENDS = (LogError, SchemaError, SQLAlchemyError, OSError)
"""What ends a service with a sentence."""


def run_process(
    name: str,
    about: str | None,
    argv: Sequence[str] | None,
    *,
    work: Work,
    check: Work,
    ends: tuple[type[Exception], ...] = (),
) -> int:
    """``paceline NAME [--check-config]``; 2 where it cannot start or go on.

    ``check`` raises what is wrong, without waiting for it; ``ends``: errors, besides those that
    every service ends by, whose first line says what to put right.
    """
    parser = argparse.ArgumentParser(prog=f"paceline {name}", description=about)
    parser.add_argument("--check-config", action="store_true", help="check the settings and end")
    arguments = parser.parse_args(argv)
    try:
        settings = load(Settings)
    except SettingsError as error:
        return _say(name, error.lines)
    logs.configure(settings.log_level, settings.log_format)
    said: tuple[type[Exception], ...] = (*_ENDS, *ends)
    try:
        asyncio.run(_checked(check, settings) if arguments.check_config else _told(work, settings))
    except said as error:
        return _say(name, [str(error).splitlines()[0]])
    return 0


async def _checked(check: Work, settings: Settings) -> None:
    await check(settings)


async def _told(work: Work, settings: Settings) -> None:
    """Work until the process is told to end."""
    if settings.metrics_port:
        start_http_server(settings.metrics_port, settings.metrics_host)
    task = asyncio.ensure_future(work(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        logs.get_logger(__name__).info("stopped")


def _say(name: str, lines: Sequence[str]) -> int:
    for line in lines:
        sys.stderr.write(f"paceline {name}: {line}\n")
    return 2
