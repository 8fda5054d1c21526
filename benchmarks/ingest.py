"""Webhook requests a second: our handler against a bare FastAPI and aiokafka one, in one run.

In: nothing. Out: one result. Both serve the same signed single-event HubSpot webhooks, each from
a real uvicorn process with one worker, over keep-alive connections, to the same embedded broker;
the bare one neither verifies, nor parses, nor maps: it awaits ``send_and_wait`` of the raw body.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.ingest_servers import PORTAL, SECRET
from paceline.embedded.broker import Broker
from paceline.embedded.place import free_port
from tests.ingest.world import hubspot_headers, won

CONNECTIONS = 32
SECONDS = 4.0
ROUNDS = 3


def requests_of(port: int, path: str, number: int) -> list[bytes]:
    """Whole HTTP/1.1 requests, signed now, each of another deal."""
    now = time.time_ns() // 1_000_000
    public = f"http://127.0.0.1:{port}"
    found = []
    for n in range(number):
        body = json.dumps([won(now, objectId=n, portalId=int(PORTAL))]).encode()
        headers = hubspot_headers(body, now, path, public=public, secret=SECRET)
        lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}"]
        lines += [f"{k}: {v}" for k, v in headers.items()]
        lines += [f"content-length: {len(body)}", "", ""]
        found.append("\r\n".join(lines).encode() + body)
    return found


async def _connection(port: int, source: Iterator[bytes], until: float) -> int:
    """One keep-alive connection, a request after the other; how many were answered 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    while time.perf_counter() < until and (request := next(source, None)) is not None:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        done += 1
    writer.close()
    return done


async def _rate(port: int, path: str) -> float:
    source = iter(requests_of(port, path, 40_000))
    start = time.perf_counter()
    until = start + SECONDS
    counts = await asyncio.gather(*[_connection(port, source, until) for _ in range(CONNECTIONS)])
    return sum(counts) / (time.perf_counter() - start)


@contextmanager
def _serving(kind: str, bootstrap: str, folder: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.ingest_servers", kind, bootstrap, str(port)]
    environment = {**os.environ, "BENCH_FOLDER": str(folder / kind)}
    with (folder / f"{kind}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_ready(port, process, folder / f"{kind}.log")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
        except httpx.TransportError:
            time.sleep(0.05)
            continue
        if answer.json().get("log", "up") == "up":
            return
        time.sleep(0.05)
    raise RuntimeError(log.read_text())


@contextmanager
def _broker(folder: Path) -> Iterator[str]:
    broker = Broker(folder, free_port())
    process = subprocess.Popen(
        broker.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    try:
        yield broker.bootstrap
    finally:
        process.kill()
        process.wait()


def run() -> list[dict[str, Any]]:
    """The best of some rounds each, taken in turns; the load generator shares the machine."""
    path = "/v1/webhooks/hubspot-main"
    with tempfile.TemporaryDirectory() as name, _broker(Path(name)) as bootstrap:
        folder = Path(name)
        with (
            _serving("ours", bootstrap, folder) as ours,
            _serving("always", bootstrap, folder) as always,
            _serving("bare", bootstrap, folder) as bare,
        ):
            ports = (ours, always, bare)
            rates = dict.fromkeys(ports, 0.0)
            for port in ports * ROUNDS:
                rates[port] = max(rates[port], asyncio.run(_rate(port, path)))
    return [
        _result("ingest: signed webhooks", rates[ours], rates[bare]),
        _result("ingest: signed webhooks, fsynced first", rates[always], rates[bare]),
    ]


def _result(name: str, ours: float, peer: float) -> dict[str, Any]:
    return {
        "name": name,
        "unit": "requests/s",
        "ours": round(ours, 1),
        "peer_name": "bare FastAPI and aiokafka",
        "peer": round(peer, 1),
        "ratio": round(ours / peer, 3),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
