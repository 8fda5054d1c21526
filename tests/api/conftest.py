"""Fixtures of the API's tests: an organisation, and the API in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.api.world import World, founded, serving
from tests.support.servers import RedisServer


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """A database that no other test folder uses."""
    return redis_server.url.removesuffix("/0") + "/9"


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Acme Instruments on an afternoon in November, served."""
    async with founded(redis_url, tmp_path) as made, serving(made, redis_url):
        yield made


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may read the whole tenant."""
    async with world.client(await world.key()) as client:
        yield client
