"""An empty Redis for each test, as the aggregator's tests have it."""

from tests.aggregator.conftest import one_redis

__all__ = ["one_redis"]
