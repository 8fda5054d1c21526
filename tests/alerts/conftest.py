"""The world of the API's tests, and a desk beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.alerts.desk import Desk
from tests.api.world import World, founded
from tests.support.servers import RedisServer


@pytest.fixture
async def world(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[World]:
    """A small organisation."""
    async with founded(redis_server.url, tmp_path) as made:
        yield made


@pytest.fixture
def desk(world: World) -> Desk:
    """The owner of its partition."""
    return Desk(world)
