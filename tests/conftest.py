"""What every test may ask for; the fixtures themselves are in `tests/support/fixtures.py`."""

from tests.support.fixtures import (
    broker,
    debian_redis,
    each_redis,
    kafka,
    own_environment,
    pytest_collection_modifyitems,
    redis_server,
    tansu,
)

__all__ = [
    "broker",
    "debian_redis",
    "each_redis",
    "kafka",
    "own_environment",
    "pytest_collection_modifyitems",
    "redis_server",
    "tansu",
]
