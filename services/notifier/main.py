"""The notifier's composition root and process.

In: settings from the environment. Out: a process that delivers alerts until it is told to stop; run
as many as there is work for. Guarantee: it does not start on a database whose schema is not this
version's.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.alerting.links import Links
from paceline.following import Follower, follow
from paceline.process import run_process
from paceline.progress.reading.directory import SqlDirectory
from paceline.settings import Settings
from paceline.sql.engine import engine_for
from paceline.sql.migrate import require_current
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
                tasks.create_task(follow(settings, Intake(engine, directory, sender), follower))
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


def main(argv: list[str] | None = None) -> int:
    """The process: ``paceline notifier [--check-config]``; 2 where it cannot start or go on."""
    return run_process("notifier", __doc__, argv, work=run, check=check, ends=(ValueError,))


if __name__ == "__main__":
    raise SystemExit(main())
