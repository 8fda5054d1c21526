"""The API's composition root.

In: ``PACELINE_...`` variables. Out: a process that serves HTTP until it is told to end. Guarantee:
``--check-config`` checks the settings and nothing else; what is wrong is one line each.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn
from redis.exceptions import RedisError

from paceline import logs
from paceline.alerting.links import Links
from paceline.progress.reading.changes import BLOCK_MS, Feed
from paceline.progress.reading.directory import SqlDirectory
from paceline.progress.reading.reader import Reader
from paceline.progress.teller import Teller
from paceline.redis import make_client, problems, server_facts, shown
from paceline.settings import Settings, SettingsError, load
from paceline.sql.engine import engine_for
from services.api.app import create_app
from services.api.context import Services
from services.api.sweep import keep_aside

_CONNECTIONS = 64
_RETRIES = 2
_GRACE_S = 5

log = logs.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the API; 2 where the settings are not usable."""
    parser = argparse.ArgumentParser(prog="paceline api", description="Serve the API and the page.")
    parser.add_argument("--check-config", action="store_true", help="check the settings and exit")
    chosen = parser.parse_args(arguments)
    try:
        settings = load(Settings)
    except SettingsError as error:
        sys.stderr.writelines(f"{line}\n" for line in error.lines)
        return 2
    if not chosen.check_config:
        logs.configure(settings.log_level, settings.log_format)
        asyncio.run(serve(settings))
    return 0


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with opened(settings) as services:
        await _check_redis(services, settings)
        config = uvicorn.Config(
            create_app(services),
            host=settings.api_host,
            port=settings.api_port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_S,
        )
        sweeping = asyncio.create_task(keep_aside())
        try:
            await uvicorn.Server(config).serve()
        finally:
            sweeping.cancel()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """The services for these settings, closed when the block ends."""
    # Reading may be repeated freely, so a connection that was dropped is no error here.
    redis = make_client(settings.redis, connections=_CONNECTIONS, retries=_RETRIES)
    blocking = make_client(
        settings.redis, connections=settings.partitions + 8, blocking_s=BLOCK_MS / 1000
    )
    engine = engine_for(settings.sql)
    reader = Reader(redis, settings.partitions)
    secret = settings.link_secret
    try:
        yield Services(
            redis=redis,
            engine=engine,
            directory=SqlDirectory(engine),
            reader=reader,
            teller=Teller(reader),
            feed=Feed(blocking),
            links=Links(secret.get_secret_value()) if secret else None,
        )
    finally:
        await redis.aclose()
        await blocking.aclose()
        await engine.dispose()


async def _check_redis(services: Services, settings: Settings) -> None:
    """Say what is wrong; /readyz says the same while Redis is away."""
    try:
        for problem in problems(await server_facts(services.redis)):
            log.warning(problem, redis=shown(settings.redis))
    except (RedisError, OSError) as error:
        log.warning("Redis cannot be reached yet", redis=shown(settings.redis), reason=str(error))


if __name__ == "__main__":
    sys.exit(main())
