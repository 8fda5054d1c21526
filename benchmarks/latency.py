"""From a signed webhook to the number on a screen: milliseconds, at 200 events a second.

In: nothing. Out: results. Guarantee: real processes, all of them on this machine, the client too;
every webhook is durable (fsynced) before its answer, as the embedded stack always does; every event
moves one number by one, and is timed from the first byte of its webhook until a stream shows that
number. A stream that skips states, because newer ones took their place, is timed at the first
state that includes the event.

Each webhook says of one call, told before, that it was a demonstration: its owner's number of
demonstrations grows by one. Gaps between webhooks are exponential, as those of many people are.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from benchmarks.crm import Posts, pool_of, post, reps_of, tell_calls
from benchmarks.row import Row, row, table
from benchmarks.screens import Watched, seen, settled, watching
from benchmarks.stack import Stack, running
from schemas import keys, topics

RATE, SECONDS, WARM_S = 200, 20.0, 3.0


def run(rate: int = RATE, seconds: float = SECONDS) -> list[Row]:
    """All figures."""
    with (
        tempfile.TemporaryDirectory(prefix="paceline-bench-") as name,
        running(Path(name) / "data") as stack,
    ):
        return asyncio.run(_measure(stack, rate, seconds))


async def _measure(stack: Stack, rate: int, seconds: float) -> list[Row]:
    reps = reps_of(stack)
    calls = round(rate * (WARM_S + seconds) * 1.2)
    async with pool_of(stack) as pool:
        await tell_calls(stack, pool, reps, calls)
        everybody, one = Watched("an organisation's stream"), Watched("a rep's stream")
        async with watching(stack, everybody, ""), watching(stack, one, f"&rep={reps[0].id}"):
            calls_left = iter(range(calls))
            await post(stack, pool, reps, calls_left, rate, WARM_S)
            base = await settled(everybody, one, reps)
            before, began = stack.metrics(), time.time()
            posts = await post(stack, pool, reps, calls_left, rate, seconds)
            after = stack.metrics()
            ends = {rep: base[rep] + len(sent) for rep, sent in posts.sent.items()}
            await seen(everybody, ends)
            await seen(one, {reps[0].id: ends[reps[0].id]})
    return [
        *_latency("webhook to number", everybody, posts, base),
        *_latency("webhook to number", one, posts, base),
        *_answers(posts),
        row("durable: one group commit (fsync)", "ms, mean", _sync_ms(before, after)),
        *await _hops(stack, began),
    ]


# --- results -----------------------------------------------------------------------------------


def _latency(name: str, watched: Watched, posts: Posts, base: dict[str, int]) -> list[Row]:
    found = [
        latency
        for rep, sent in posts.sent.items()
        if rep in watched.told
        for latency in _latencies(sent, watched.told[rep], base[rep])
    ]
    ordered = sorted(found)
    return [
        row(f"{name}, {watched.name}", f"ms, p{percent}", _quantile(ordered, percent) * 1000)
        for percent in (50, 99)
    ]


def _latencies(sent: list[float], told: list[tuple[int, float]], base: int) -> list[float]:
    """The n-th event of a rep is seen when base + n is; one that is never seen is an error."""
    found, states = [], iter(told)
    count, at = next(states)
    for n, began in enumerate(sent, base + 1):
        while count < n:
            count, at = next(states)
        found.append(at - began)
    return found


def _answers(posts: Posts) -> list[Row]:
    ordered = sorted(posts.answered)
    return [
        row("webhook answered, durable", f"ms, p{percent}", _quantile(ordered, percent) * 1000)
        for percent in (50, 99)
    ]


def _quantile(ordered: Sequence[float], percent: int) -> float:
    """The nearest rank."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _sync_ms(before: dict[str, float], after: dict[str, float]) -> float:
    seconds, commits = (
        after[name] - before[name]
        for name in ("paceline_journal_sync_seconds_sum", "paceline_journal_sync_seconds_count")
    )
    return seconds / commits * 1000


async def _hops(stack: Stack, began: float) -> list[Row]:
    """From the receipt of a batch's newest event until its numbers were in Redis."""
    found = []
    async with Redis.from_url(stack.redis, decode_responses=True) as redis:
        for p in range(topics.PARTITIONS_EMBEDDED):
            entries: Any = await redis.xrange(keys.changes(p), str(round(began * 1000)), "+")
            found += [int(at.split("-")[0]) - int(fields["r"]) for at, fields in entries]
    ordered = sorted(found)
    return [
        row("receipt to numbers in Redis", f"ms, p{percent}", _quantile(ordered, percent))
        for percent in (50, 99)
    ]


def main() -> None:
    """Print the table."""
    print(table(run()))


if __name__ == "__main__":
    main()
