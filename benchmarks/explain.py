"""How long ``/v1/explain`` takes beside so many facts.

In: how many facts (``--facts 10000000``). Out: milliseconds of whole answers over HTTP, for a rep's
and a team of 200's flows and levels, and of a rep's progress as of an earlier moment. Guarantee: a
real Redis, a real SQLite and a real API process with their usual settings; every answer is
reconciled (its facts sum to its numbers), or nothing is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sqlite3
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from redis import Redis

from benchmarks import crowd
from benchmarks.row import Row, row, table
from benchmarks.team import api, found
from kpi.contributions import Contributions
from tests.support.servers import RedisServer

FACTS, READS = 300_000, 60
_FACTS_AN_ENTITY = 5.6
_AT_ONCE = 100_000
_INSERT = "INSERT INTO facts VALUES (1,1,0,?,?,?,?,?,?,?,?)"
_LINE = (
    "CREATE INDEX ix_facts_line ON facts "
    '("book","owner","measure","at","known_at","delta","entity")'
)


def run(facts: int = FACTS, reads: int = READS) -> list[Row]:
    """All figures."""
    now = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as name:
        folder = Path(name)
        file = folder / "paceline.db"
        server = RedisServer(folder / "redis")
        server.start()
        try:
            with Redis.from_url(server.url) as redis:
                sql = f"sqlite+aiosqlite:///{file}"
                key = asyncio.run(found(sql, now))
                held = _load(redis, file, round(facts / _FACTS_AN_ENTITY), now)
                with api(sql, server.url) as address:
                    return [row("facts", "rows", held), *_times(address, key, reads, now)]
        finally:
            server.stop()


def _load(redis: Redis, file: Path, entities: int, now: int) -> int:
    """Numbers into Redis, their facts into SQLite; how many facts."""
    with sqlite3.connect(file) as db:
        db.execute("DROP INDEX ix_facts_line")
        db.execute(
            "INSERT INTO fact_books (id, tenant, generation, edition, partition, state, base_log, "
            "base_live, base_backfill, created_at, filled_at, pruned_before) "
            "VALUES (1, ?, 1, 1, ?, 'whole', 'benchmark', 0, 0, 0, 0, 0)",
            (crowd.TENANT, crowd.partition()),
        )
        rows: list[tuple[int, int, str, str, str, int, int, int]] = []

        def told(number: int, entity: str, facts: Contributions) -> None:
            rows.extend(
                (number, n, entity, owner, measure, at, delta, at)
                for n, ((owner, measure, at), delta) in enumerate(facts.items())
                if delta
            )
            if len(rows) > _AT_ONCE:
                db.executemany(_INSERT, rows)
                rows.clear()

        crowd.load(redis, entities, now, told)
        db.executemany(_INSERT, rows)
        db.execute(_LINE)
        return int(db.execute("SELECT count(*) FROM facts").fetchone()[0])


def _times(address: str, key: str, reads: int, now: int) -> list[Row]:
    earlier = datetime.fromtimestamp(now / 1000 - 86_400, UTC).isoformat(timespec="seconds")
    earlier = earlier.replace("+", "%2B")
    rep = "rep-{n:03}"
    asked: dict[str, str] = {
        "explain a rep's won amount": f"/v1/explain?kpi=won_amount&rep={rep}",
        "explain a rep's open pipeline": f"/v1/explain?kpi=open_pipeline&rep={rep}",
        "explain a team of 200's won amount": f"/v1/explain?kpi=won_amount&team={crowd.TEAM}",
        "explain a team of 200's open pipeline": f"/v1/explain?kpi=open_pipeline&team={crowd.TEAM}",
        "a rep's progress as of yesterday": f"/v1/reps/{rep}/progress?as_of={earlier}",
    }
    rows: list[Row] = []
    for name, path in asked.items():
        few = max(5, reads // 4) if "team" in name else reads
        _seconds(address + path.format(n=0), key)
        times = [_seconds(address + path.format(n=n % crowd.REPS), key) for n in range(few)]
        rows += _quantiles(name, times)
    return rows


def _seconds(url: str, key: str) -> float:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - our own address
        body = json.loads(answer.read())
    seconds = time.perf_counter() - began
    if body.get("reconciled", True) is not True:
        raise AssertionError(f"{url}: {body['measures'][:3]}")
    return seconds


def _quantiles(name: str, times: Sequence[float]) -> list[Row]:
    ordered = sorted(times)
    place: Callable[[int], int] = lambda percent: math.ceil(len(ordered) * percent / 100) - 1  # noqa: E731
    return [row(name, f"ms, p{percent}", ordered[place(percent)] * 1000) for percent in (50, 99)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explain", description=__doc__)
    parser.add_argument("--facts", type=int, default=FACTS)
    parser.add_argument("--reads", type=int, default=READS)
    chosen = parser.parse_args()
    print(table(run(chosen.facts, chosen.reads)))


if __name__ == "__main__":
    main()
