"""Reading a team of 200 with targets and pace, and what it takes of Redis.

In: how many entities are loaded (``--entities 1000000``). Out: milliseconds of whole answers over
HTTP, bytes in Redis per rep and per entity. Guarantee: a real Redis and a real API process with
their usual settings; between two warm reads one in a hundred reps makes a call, so that every read
answers what it has not answered before.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from benchmarks import crowd
from benchmarks.row import Row, row, table
from paceline.embedded.leash import leashed
from paceline.embedded.place import free_port
from paceline.sql.engine import engine_for
from tests.support.servers import RedisServer

ENTITIES = 50_000
READS, WARM, CHANGING = 200, 5, 100
READY_S = 30.0

_EVERYTHING = "kpis=all"


def run(entities: int = ENTITIES, reads: int = READS) -> list[Row]:
    """All figures."""
    now = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as name:
        folder = Path(name)
        server = RedisServer(folder / "redis")
        server.start()
        try:
            with Redis.from_url(server.url) as redis:
                sizes = crowd.load(redis, entities, now)
                sql = f"sqlite+aiosqlite:///{folder / 'paceline.db'}"
                key = asyncio.run(found(sql, now))
                with api(sql, server.url) as address:
                    return [*_memory(sizes, entities), *_times(redis, address, key, reads)]
        finally:
            server.stop()


async def found(sql: str, now: int) -> str:
    """The crowd's organisation in an empty database; a key that reads it."""
    engine = engine_for(sql)
    try:
        return await crowd.found(engine, now)
    finally:
        await engine.dispose()


def _memory(sizes: crowd.Sizes, entities: int) -> list[Row]:
    return [
        row(f"Redis per rep, {entities:,} entities", "bytes", sizes.reps / crowd.REPS),
        row("Redis per entity", "bytes", sizes.entities / entities),
    ]


def _times(redis: Redis, address: str, key: str, reads: int) -> list[Row]:
    team = f"{address}/v1/teams/{crowd.TEAM}/progress?period=month"
    rep = f"{address}/v1/reps/rep-000/progress?period=month"
    rows: list[Row] = []
    for name, url in (
        ("a rep, every KPI", rep),
        ("a team of 200, KPIs that count", team),
        ("a team of 200, the whole catalogue", f"{team}&{_EVERYTHING}"),
    ):
        cold, size = _read(url, key)
        for _ in range(WARM):
            _read(url, key)
        found = [_changed(redis, url, key, n) for n in range(reads)]
        rows += [row(f"read {name}, first", "ms", cold * 1000), row("its size", "bytes", size)]
        rows += _quantiles(f"read {name}", found)
    return rows


def _changed(redis: Redis, url: str, key: str, n: int) -> float:
    """One read after one in a hundred made a call."""
    few = crowd.REPS // CHANGING
    numbers = [(n * few + k) % crowd.REPS for k in range(few)]
    crowd.touch(redis, numbers, 2 + n, time.time_ns() // 1_000_000)
    return _read(url, key)[0]


def _read(url: str, key: str) -> tuple[float, int]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - our own address
        body = answer.read()
    return time.perf_counter() - began, len(body)


def _quantiles(name: str, found: Sequence[float]) -> list[Row]:
    ordered = sorted(found)
    return [
        row(name, f"ms, p{percent}", ordered[math.ceil(len(ordered) * percent / 100) - 1] * 1000)
        for percent in (50, 99)
    ]


@contextmanager
def api(sql: str, redis: str) -> Iterator[str]:
    """An API process; its address."""
    port = free_port()
    settings = {
        "PACELINE_SQL": sql,
        "PACELINE_REDIS": redis,
        "PACELINE_API_PORT": str(port),
        "PACELINE_PARTITIONS": str(crowd.PARTITIONS),
        "PACELINE_KAFKA": "127.0.0.1:9092",
    }
    command = leashed([sys.executable, "-m", "services.api.main"])
    process = subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.DEVNULL)
    try:
        _until_alive(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _until_alive(address: str) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            urllib.request.urlopen(address, timeout=1).close()  # noqa: S310 - our own address
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.team", description=__doc__)
    parser.add_argument("--entities", type=int, default=ENTITIES)
    parser.add_argument("--reads", type=int, default=READS)
    chosen = parser.parse_args()
    print(table(run(chosen.entities, chosen.reads)))


if __name__ == "__main__":
    main()
