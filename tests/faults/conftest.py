"""Servers of a test's own: each is killed, paused or emptied by somebody."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.faults.site import Site
from tests.support.need import require_program
from tests.support.servers import ApacheKafka, RedisServer, Tansu


@pytest.fixture
def own_tansu(tmp_path: Path) -> Iterator[Tansu]:
    """The embedded broker."""
    with Tansu(tmp_path / "tansu") as server:
        yield server


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[ApacheKafka]:
    """Apache Kafka, one node."""
    with ApacheKafka(tmp_path / "kafka") as cluster:
        yield cluster


@pytest.fixture(params=["own_tansu", pytest.param("own_kafka", marks=pytest.mark.kafka)])
def own_broker(request: pytest.FixtureRequest) -> Tansu | ApacheKafka:
    """Each broker in turn."""
    server: Tansu | ApacheKafka = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """The embedded Redis."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def own_debian_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """The machine's own Redis."""
    binary = require_program("redis-server", package="redis-server")
    with RedisServer(tmp_path / "redis", binary=binary) as server:
        yield server


@pytest.fixture
async def site(
    tmp_path: Path, own_broker: Tansu | ApacheKafka, own_redis: RedisServer
) -> AsyncIterator[Site]:
    """A site on each broker."""
    async with Site(tmp_path, own_broker, own_redis) as place:
        yield place


@pytest.fixture
async def embedded(tmp_path: Path, own_tansu: Tansu, own_redis: RedisServer) -> AsyncIterator[Site]:
    """A site as `paceline up` makes it."""
    async with Site(tmp_path, own_tansu, own_redis) as place:
        yield place


@pytest.fixture
async def grown(
    tmp_path: Path, own_tansu: Tansu, own_debian_redis: RedisServer
) -> AsyncIterator[Site]:
    """A site with the machine's own Redis."""
    async with Site(tmp_path, own_tansu, own_debian_redis) as place:
        yield place
