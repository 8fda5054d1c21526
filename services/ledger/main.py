"""The ledger's composition root and process.

In: settings from the environment. Out: a process that archives until it is told to stop. Guarantee:
it does not start on a database whose schema is not this version's.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from prometheus_client import start_http_server

from paceline import logs
from paceline.kafka import LogError
from paceline.settings import Settings, SettingsError, load
from paceline.sql.engine import engine_for
from paceline.sql.migrate import SchemaError, require_current
from services.ledger.reader import follow
from services.ledger.writer import Writer, patiently


async def run(settings: Settings) -> None:
    """Archive until cancelled."""
    engine = engine_for(settings.sql)
    try:
        await patiently(lambda: require_current(engine))
        await follow(settings, Writer(engine))
    finally:
        await engine.dispose()


async def _until_told(settings: Settings) -> None:
    work = asyncio.ensure_future(run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        logs.get_logger(__name__).info("stopped")


def main(argv: list[str] | None = None) -> None:
    """The process: ``paceline ledger [--check-config]``."""
    parser = argparse.ArgumentParser(prog="paceline ledger", description=__doc__)
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
        start_http_server(settings.metrics_port)
    try:
        asyncio.run(_until_told(settings))
    except (LogError, SchemaError) as error:
        sys.exit(f"paceline ledger: {error}")


if __name__ == "__main__":
    main()
