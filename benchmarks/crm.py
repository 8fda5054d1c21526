"""A CRM that says what it is told to, at a given pace, over HTTP.

In: a stack, calls. Out: signed HubSpot webhooks, and when each was sent and answered. Guarantee: a
webhook that is not accepted ends the benchmark.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from benchmarks.stack import Stack

PORTAL = 4711000
KIND = "demo"
"""What a call is said to have been: a demonstration."""
CONNECTIONS = 16
_BATCH = 50


class Rep(NamedTuple):
    """Somebody whose number moves."""

    id: str
    owner: str


@dataclass(slots=True)
class Posts:
    """What was sent: per rep the instants of its webhooks, and how long each answer took."""

    sent: dict[str, list[float]] = field(default_factory=dict)
    answered: list[float] = field(default_factory=list)


class Pool:
    """Keep-alive connections, one request on each at a time."""

    def __init__(self) -> None:
        self._free: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self._free = asyncio.LifoQueue()

    async def open(self, host: str, port: int) -> None:
        """Connect."""
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_connection(host, port))

    async def post(self, request: bytes) -> None:
        """Send a whole request; return when it was accepted."""
        reader, writer = await self._free.get()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a webhook was refused: {body[:300]!r}")
        self._free.put_nowait((reader, writer))

    def close(self) -> None:
        """Hang up."""
        while not self._free.empty():
            self._free.get_nowait()[1].close()


@asynccontextmanager
async def pool_of(stack: Stack) -> AsyncIterator[Pool]:
    """Connections to ingest."""
    url, pool = urlsplit(stack.ingest), Pool()
    await pool.open(str(url.hostname), int(url.port or 80))
    try:
        yield pool
    finally:
        pool.close()


def reps_of(stack: Stack) -> list[Rep]:
    """Everybody who has an owner id in the CRM."""
    items = stack.get("/v1/reps")["items"]
    return [
        Rep(item["id"], item["owners"][0].partition("/")[2]) for item in items if item["owners"]
    ]


async def tell_calls(stack: Stack, pool: Pool, reps: list[Rep], calls: int) -> None:
    """All calls, with their owners, in large webhooks."""
    for first in range(0, calls, _BATCH):
        some = range(first, min(first + _BATCH, calls))
        events = [
            event
            for n in some
            for event in (
                _event(n, "object.creation"),
                _event(n, "object.propertyChange", "hubspot_owner_id", reps[n % len(reps)].owner),
            )
        ]
        await pool.post(stack.signed(json.dumps(events).encode()))


def _event(n: int, what: str, name: str | None = None, value: str | None = None) -> dict[str, Any]:
    said = {} if name is None else {"propertyName": name, "propertyValue": value}
    return {
        "subscriptionType": what,
        "objectTypeId": "0-48",
        "objectId": 58_210_000_000 + n,
        "portalId": PORTAL,
        "subscriptionId": 25,
        "eventId": n,
        "occurredAt": time.time_ns() // 1_000_000,
        "attemptNumber": 0,
        **said,
    }


async def post(
    stack: Stack, pool: Pool, reps: list[Rep], calls: Iterator[int], rate: int, seconds: float
) -> Posts:
    """One webhook per call, at so many a second."""
    posts, draw = Posts(), random.Random(1)
    async with asyncio.TaskGroup() as tasks:
        due = time.perf_counter()
        until = due + seconds
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(_demonstrated(stack, pool, reps, next(calls), posts))
            due += draw.expovariate(rate)
    return posts


async def _demonstrated(stack: Stack, pool: Pool, reps: list[Rep], n: int, posts: Posts) -> None:
    event = _event(n, "object.propertyChange", "hs_activity_type", KIND)
    request = stack.signed(json.dumps([event]).encode())
    began = time.perf_counter()
    posts.sent.setdefault(reps[n % len(reps)].id, []).append(began)
    await pool.post(request)
    posts.answered.append(time.perf_counter() - began)
