"""The notifier's composition root and process.

In: settings from the environment. Out: a process that delivers alerts until it is told to stop; run
as many as there is work for. Guarantee: it does not start on a database whose schema is not this
version's.
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

from paceline import logs
from paceline.alerting.links import Links
from paceline.following import Follower, follow
from paceline.kafka import LogError
from paceline.progress.reading.directory import SqlDirectory
from paceline.settings import Settings, SettingsError, load
from paceline.sql.engine import engine_for
from paceline.sql.migrate import SchemaError, require_current
from paceline.sql.patience import patiently
from schemas import topics
from services.notifier.guard import Guard
from services.notifier.intake import Intake
from services.notifier.mail import Mailer, Server
from services.notifier.post import Poster
from services.notifier.sending import Sender

GROUP = "paceline-notifier"


async def run(settings: Settings) -> None:
    """Deliver until cancelled."""
    engine = engine_for(settings.sql)
    poster = Poster(Guard(_allowed(settings)))
    try:
        await patiently(lambda: require_current(engine))
        directory = SqlDirectory(engine)
        sender = Sender(engine, poster, _mailer(settings, engine, directory))
        follower = Follower(GROUP, (topics.ALERTS,), lambda *_: None)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(follow(settings, Intake(engine, directory), follower))
                tasks.create_task(sender.send_for_ever())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # one is enough to end, and says it plainly
    finally:
        await poster.close()
        await engine.dispose()


def _allowed(settings: Settings) -> list[str]:
    return [one.strip() for one in settings.delivery_allow.split(",") if one.strip()]


def _mailer(settings: Settings, engine: AsyncEngine, directory: SqlDirectory) -> Mailer | None:
    if settings.smtp is None:
        return None
    secret = settings.link_secret
    return Mailer(
        Server.of(settings.smtp.get_secret_value()),
        settings.mail_from,
        engine,
        directory,
        Links(secret.get_secret_value()) if secret else None,
        settings.page_url or "",
    )


async def check(settings: Settings) -> None:
    """Raise what is wrong with the settings or the database, without waiting for it."""
    Guard(_allowed(settings))
    if settings.smtp is not None:
        Server.of(settings.smtp.get_secret_value())
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
    """The process: ``paceline notifier [--check-config]``; 2 where it cannot start or go on."""
    parser = argparse.ArgumentParser(prog="paceline notifier", description=__doc__)
    parser.add_argument("--check-config", action="store_true", help="check the settings and end")
    arguments = parser.parse_args(argv)
    try:
        settings = load(Settings)
    except SettingsError as error:
        return _say(error.lines)
    logs.configure(settings.log_level, settings.log_format)
    try:
        asyncio.run(check(settings) if arguments.check_config else _until_told(settings))
    except (LogError, SchemaError, SQLAlchemyError, OSError, ValueError) as error:
        return _say([str(error).splitlines()[0]])
    return 0


def _say(lines: Sequence[str]) -> int:
    for line in lines:
        sys.stderr.write(f"paceline notifier: {line}\n")
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
