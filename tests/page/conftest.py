"""Fixtures of the page's tests: a busy organisation, served, and a browser."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.api.world import World, founded, serving
from tests.page.browser import Tab, browsing
from tests.page.story import plan_the_month, tell_a_month
from tests.support.need import require_program
from tests.support.servers import RedisServer


@pytest.fixture
def chromium() -> Path:
    """The browser."""
    return require_program("chromium", package="chromium")


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """A database that no other test folder uses."""
    return redis_server.url.removesuffix("/0") + "/10"


class Door:
    """The API's front: it can be shut and opened again on the same port."""

    def __init__(self, world: World, redis_url: str) -> None:
        self._world, self._redis_url = world, redis_url
        self._open = AsyncExitStack()
        self._port = 0

    async def open(self) -> None:
        """Serve."""
        await self._open.enter_async_context(serving(self._world, self._redis_url, port=self._port))
        self._port = int(self._world.url.rpartition(":")[2])

    async def shut(self) -> None:
        """Stop serving."""
        await self._open.aclose()


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Acme Instruments after three weeks of this month, as of now."""
    async with founded(redis_url, tmp_path) as made:
        made.now = time.time_ns() // 1_000_000
        await tell_a_month(made)
        await plan_the_month(made)
        yield made


@pytest.fixture
async def door(world: World, redis_url: str) -> AsyncIterator[Door]:
    """The API in front of the world."""
    made = Door(world, redis_url)
    await made.open()
    try:
        yield made
    finally:
        await made.shut()


@pytest.fixture
async def tab(chromium: Path, tmp_path: Path) -> AsyncIterator[Tab]:
    """An empty tab of an English browser."""
    async with browsing(chromium, tmp_path / "profile") as made:
        yield made
