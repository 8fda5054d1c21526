"""Screens: streams of numbers, followed as a browser would.

In: a stack. Out: when each rep's number was first shown at a count. Guarantee: a number that never
comes is an error, not a hole in the figures.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.crm import KIND, Rep
from benchmarks.stack import Stack

ARRIVE_S = 15.0
SILENCE_S = 30.0
"""A stream's heartbeats come more often."""


@dataclass(slots=True)
class Watched:
    """One stream: when it first showed each rep's number at or above a count."""

    name: str
    shown: dict[str, int] = field(default_factory=dict)
    """rep -> count that was shown last."""
    told: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    """rep -> (count, when), counts ascending."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, rows: Sequence[Any], at: float) -> None:
        """Rows of a snapshot or of a change."""
        for one in rows:
            rep, count = one["subject"]["id"], one["measures"]["activities"].get(KIND, 0)
            if count > self.shown.get(rep, -1):
                self.shown[rep] = count
                self.told.setdefault(rep, []).append((count, at))
        self._news.set()

    def at(self, counts: Mapping[str, int]) -> bool:
        """Whether all these counts were reached."""
        return all(self.shown.get(rep, 0) >= count for rep, count in counts.items())

    async def news(self) -> None:
        """Wait for the next event."""
        self._news.clear()
        await self._news.wait()


@asynccontextmanager
async def watching(stack: Stack, watched: Watched, chosen: str) -> AsyncIterator[None]:
    """Follow a stream as long as the block runs."""
    ready = asyncio.Event()
    task = asyncio.create_task(_follow(stack, watched, chosen, ready))
    try:
        async with asyncio.timeout(ARRIVE_S):
            await ready.wait()
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(stack: Stack, watched: Watched, chosen: str, ready: asyncio.Event) -> None:
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    address = f"{stack.api}/v1/stream?period=month{chosen}"
    async with (
        httpx.AsyncClient(timeout=SILENCE_S) as client,
        client.stream("GET", address, headers=headers) as answer,
    ):
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                at = time.perf_counter()
                watched.take(_rows(json.loads(line[6:])), at)
                ready.set()


def _rows(told: dict[str, Any]) -> list[Any]:
    """A rep's own stream says it in ``measures``; others in rows."""
    if told.get("rows"):
        return list(told["rows"])
    whole = told.get("progress", told)
    return [whole] if whole["subject"]["kind"] == "rep" else []


async def settled(everybody: Watched, one: Watched, reps: list[Rep]) -> dict[str, int]:
    """The counts when nothing moves any more."""
    seen: dict[str, int] = {}
    async with asyncio.timeout(ARRIVE_S):
        while seen != everybody.shown or one.shown.get(reps[0].id) != seen.get(reps[0].id):
            seen = dict(everybody.shown)
            await asyncio.sleep(1.0)
    return seen


async def seen(watched: Watched, sent: Mapping[str, int]) -> None:
    """Wait until a stream has shown these counts, per rep."""
    try:
        async with asyncio.timeout(ARRIVE_S):
            while not watched.at(sent):
                await watched.news()
    except TimeoutError:
        raise RuntimeError(f"{watched.name} shows {watched.shown}, not {dict(sent)}") from None
