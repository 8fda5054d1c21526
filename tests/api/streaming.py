"""A client of the event stream, for tests.

In: a world and a key. Out: events one by one. Guarantee: waits with a deadline, never for ever.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.world import World


@dataclass
class Received:
    """One event."""

    name: str
    id: str
    data: Any


class Listener:
    """An open stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def event(self, within: float = 10.0) -> Received:
        """The next event; comments are passed over."""
        async with asyncio.timeout(within):
            return await self._event()

    async def _event(self) -> Received:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and "data" in fields:
                return Received(fields["event"], fields["id"], json.loads(fields["data"]))
            name, found, value = line.partition(": ")
            if found and name:
                fields[name] = value
        raise EOFError("the stream has ended")


@asynccontextmanager
async def listening(
    world: World, key: str, last_event_id: str = "", **query: str
) -> AsyncIterator[Listener]:
    """A stream, closed when the block ends."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    async with (
        world.client(key) as client,
        client.stream("GET", "/v1/stream", params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        yield Listener(answer)
