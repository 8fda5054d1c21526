"""Aggregated events a second: our aggregator against Faust as shipped, in one run.

In: how many events, which broker. Out: results. Guarantee: both read the same records of the same
broker, produced before either starts; events per second of CPU are those of the whole worker
process, user and system, from the first event to the last; nothing is printed unless both counted
every activity once.

Both are asked for less than they do elsewhere: Faust counts per owner and measure in three tumbling
windows and keeps no deals; ours keeps every entity with its history, takes the differences, and
writes them to a real Redis (whose own cost is stated) with the position in the log.

The start of ours is read from outside, at most some milliseconds too early; that counts against us.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from redis import Redis

from benchmarks import load
from benchmarks.processes import Cost, RedisCost, Service, cost_of, program, redis_cost
from benchmarks.row import Row, row, table
from paceline.kafka import ensure_topics, make_producer
from schemas import keys, topics
from tests.support.servers import ApacheKafka, RedisServer, Tansu, until

EVENTS = 60_000
WITHIN_S = 120.0
_LOOK_S = 0.003
_AHEAD = 5_000


class Ours(NamedTuple):
    """What our worker and its Redis took for all events."""

    wall_s: float
    cpu_s: float
    redis: RedisCost


class Peer(NamedTuple):
    """What Faust took for all events; ``counted`` is None where it only read them."""

    wall_s: float
    cpu_s: float
    counted: int | None


def run(events: int = EVENTS, broker: str = "tansu", *, peers: bool = True) -> list[Row]:
    """All figures."""
    made = list(load.events(events, time.time_ns() // 1_000_000))
    activities = sum(one.activity for one in made)
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as name:
        folder = Path(name)
        with _broker(broker, folder) as log, RedisServer(folder / "redis") as redis:
            bootstrap = log.bootstrap
            ours = _ours(folder, bootstrap, redis, made, activities)
            if not peers:
                return _our_rows(ours, events)
            faust = _faust(folder, bootstrap, events, "tables")
            if faust.counted != activities:
                raise AssertionError(f"Faust counted {faust.counted} activities of {activities}")
            reading = _faust(folder, bootstrap, events, "decode")
    return [*_compared(ours, faust, reading, events), *_our_rows(ours, events)]


def _broker(kind: str, folder: Path) -> AbstractContextManager[Tansu | ApacheKafka]:
    return ApacheKafka(folder / "kafka") if kind == "kafka" else Tansu(folder / "tansu")


def _compared(ours: Ours, faust: Peer, reading: Peer, events: int) -> list[Row]:
    per_core, shipped = events / ours.cpu_s, "Faust as shipped, tables"
    decoding = "Faust as shipped, decode only"
    unit = "events/s per worker core"
    return [
        row("aggregation", unit, per_core, shipped, events / faust.cpu_s),
        row("aggregation", unit, per_core, decoding, events / reading.cpu_s),
        row(
            "aggregation, one worker",
            "events/s by the clock",
            events / ours.wall_s,
            shipped,
            events / faust.wall_s,
        ),
    ]


def _our_rows(ours: Ours, events: int) -> list[Row]:
    redis = ours.redis
    return [
        row("aggregation", "events/s per worker core", events / ours.cpu_s),
        row("aggregation", "events/s per Redis core", events / redis.cpu),
        row("aggregation: Redis", "µs of CPU per event", redis.cpu / events * 1e6),
        row("aggregation: one script", "µs in Redis", redis.script_s / redis.scripts * 1e6),
        row("aggregation: scripts", "events per script", events / redis.scripts),
    ]


# --- ours --------------------------------------------------------------------------------------


def _ours(
    folder: Path, bootstrap: str, redis: RedisServer, made: Sequence[load.Produced], activities: int
) -> Ours:
    environ = _environ(folder, bootstrap, redis)
    _migrate(environ)
    asyncio.run(ensure_topics(bootstrap, partitions=load.PARTITIONS))
    with Redis.from_url(redis.url, decode_responses=True) as client:
        _evicted_today(client)
        # A life of its own: activations are no events, and what follows starts cold.
        asyncio.run(_produce(bootstrap, load.activations(time.time_ns() // 1_000_000)))
        with _worker(folder, environ):
            until(lambda: _active(client) == load.TENANTS, 60, "all tenants to be active")
        ends = asyncio.run(_produce(bootstrap, made))
        with _worker(folder, environ) as worker:
            ours = _measured(client, worker, ends)
        counted = _counted(client)
    if counted != activities:
        raise AssertionError(f"we counted {counted} activities of {activities}")
    return ours


def _evicted_today(client: Redis) -> None:
    """A worker evicts once a day, and this is not the moment."""
    for p in range(load.PARTITIONS):
        client.hset(keys.partition_meta(p), keys.EVICTED, time.time_ns() // 1_000_000)


def _environ(folder: Path, bootstrap: str, redis: RedisServer) -> dict[str, str]:
    return {
        "PACELINE_KAFKA": bootstrap,
        "PACELINE_REDIS": redis.url,
        "PACELINE_SQL": f"sqlite+aiosqlite:///{folder / 'paceline.db'}",
        "PACELINE_PARTITIONS": str(load.PARTITIONS),
        "PACELINE_REPLICATION": "1",
        "PACELINE_DATA_DIR": str(folder / "data"),
        "PACELINE_IDEMPOTENT_PRODUCER": "false",
        "PACELINE_LOG_LEVEL": "WARNING",
    }


def _migrate(environ: dict[str, str]) -> None:
    command = [sys.executable, "-c", "from paceline.cli import main; main()", "migrate"]
    subprocess.run(command, env=os.environ | environ, check=True, capture_output=True, timeout=60)


@contextmanager
def _worker(folder: Path, environ: dict[str, str]) -> Iterator[Service]:
    worker = Service("aggregator", folder, environ)
    worker.spawn()
    try:
        yield worker
    finally:
        worker.stop()


async def _produce(bootstrap: str, records: Iterable[load.Produced]) -> list[int]:
    """The log's end after them, per partition."""
    producer = make_producer(bootstrap, idempotent=False)
    await producer.start()
    ends = [0] * load.PARTITIONS
    try:
        for some in _batched(records, _AHEAD):
            sent = [await _send(producer, one) for one in some]
            for told in await asyncio.gather(*sent):
                ends[told.partition] = max(ends[told.partition], told.offset + 1)
    finally:
        await producer.stop()
    return ends


def _batched(records: Iterable[load.Produced], size: int) -> Iterator[list[load.Produced]]:
    """The records in lists of at most ``size``."""
    rest = iter(records)
    while some := list(islice(rest, size)):
        yield some


async def _send(producer: AIOKafkaProducer, one: load.Produced) -> Any:
    return await producer.send(topics.EVENTS, one.value, key=one.key, partition=one.partition)


def _measured(client: Redis, worker: Service, ends: list[int]) -> Ours:
    """From just before the first event is in the numbers until all are."""
    start = _positions(client)
    began, redis_began = _look(client, worker)
    while _positions(client) == start:
        began, redis_began = _look(client, worker)
    deadline = time.monotonic() + WITHIN_S
    while any(at < end for at, end in zip(_positions(client), ends, strict=True)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {WITHIN_S:g} s at {_positions(client)} of {ends}")
        time.sleep(_LOOK_S)
    ended, redis_ended = _look(client, worker)
    spent = redis_ended.since(redis_began)
    return Ours(ended.wall - began.wall, ended.cpu - began.cpu, spent)


def _look(client: Redis, worker: Service) -> tuple[Cost, RedisCost]:
    time.sleep(_LOOK_S)
    if worker.pid is None:
        raise RuntimeError(f"the aggregator ended; see {worker.folder}")
    return cost_of(worker.pid), redis_cost(client)


def _positions(client: Redis) -> list[int]:
    """Every partition's position in the log."""
    pipe = client.pipeline(transaction=False)
    for p in range(load.PARTITIONS):
        pipe.hget(keys.partition_meta(p), keys.next_offset(topics.EVENTS))
    return [int(held or 0) for held in pipe.execute()]


def _active(client: Redis) -> int:
    return sum([int(client.scard(keys.tenants(p))) for p in range(load.PARTITIONS)])


def _counted(client: Any) -> int:
    """All activities in the day panes of all owners."""
    return sum(
        int(amount)
        for name in client.scan_iter("{*}:tenant-*:w:*:d:*", count=10_000)
        for measure, amount in client.hgetall(name).items()
        if measure.startswith("act:")
    )


# --- Faust -------------------------------------------------------------------------------------


def _faust(folder: Path, bootstrap: str, events: int, kind: str) -> Peer:
    errors = folder / f"faust-{kind}.log"
    arguments = (bootstrap, topics.EVENTS, str(events), kind)
    with program("benchmarks.peers.faust_shipped", *arguments, errors=errors) as process:
        line = _line(process, WITHIN_S)
        if line is None:
            raise TimeoutError(f"Faust, {kind}: {errors.read_text(errors='replace')[-500:]}")
    said = json.loads(line)
    return Peer(said["wall_s"], said["cpu_s"], said["counted"])


def _line(process: subprocess.Popen[str], within: float) -> str | None:
    """The line of JSON; Faust itself prints a banner before."""
    assert process.stdout is not None
    late = threading.Timer(within, process.kill)
    late.start()
    try:
        return next((line for line in process.stdout if line.startswith("{")), None)
    finally:
        late.cancel()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--ours", action="store_true", help="without Faust")
    chosen = parser.parse_args()
    print(table(run(chosen.events, chosen.broker, peers=not chosen.ours)))


if __name__ == "__main__":
    main()
