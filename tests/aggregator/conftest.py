"""A Redis database and a fence for each test; the servers are shared by the whole run."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from paceline.redis import make_client
from services.aggregator.fence import Fence
from tests.support.servers import RedisServer

DATABASE = 9
"""Ours alone on the shared server, so that it may be emptied."""


@pytest.fixture
async def redis(each_redis: RedisServer) -> AsyncIterator[Redis]:
    """An empty database, on the embedded Redis and then on the machine's own."""
    async with emptied(each_redis) as client:
        yield client


@pytest.fixture
async def one_redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    """An empty database on the embedded Redis alone."""
    async with emptied(redis_server) as client:
        yield client


@pytest.fixture
def fence(redis: Redis) -> Fence:
    """The scripts in that Redis."""
    return Fence(redis, memory_flags=True)


def emptied(server: RedisServer) -> "EmptyRedis":
    """A client of an empty database."""
    return EmptyRedis(server)


class EmptyRedis:
    """Emptied before the test and after it."""

    def __init__(self, server: RedisServer) -> None:
        self._client = make_client(server.url.removesuffix("/0") + f"/{DATABASE}")

    async def __aenter__(self) -> Redis:
        """Empty it."""
        await self._client.flushdb()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing behind."""
        await self._client.flushdb()
        await self._client.aclose()
