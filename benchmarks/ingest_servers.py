"""The two servers of the ingest benchmark: ours, and a bare one.

In: kind, bootstrap, port. Out: a uvicorn process. Guarantee: the same server settings for both;
ours is the whole handler and durable path, only its configuration is given instead of read from
SQL.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request

from paceline import logs
from paceline.sql.keys import ApiKey, now_ms
from schemas import topics
from services.ingest.app import create_app
from services.ingest.connections import Connection, FixedBook
from services.ingest.intake import Intake
from services.ingest.journal import Journal
from services.ingest.log import Log
from services.ingest.publisher import Mode, Publisher
from services.ingest.signatures import Verifier

SECRET = "bench-secret"  # noqa: S105 - of a benchmark
PORTAL = "62515"
PARTITIONS = 8


class NoKeys:
    """Nobody holds a key here."""

    async def find(self, presented: str) -> ApiKey | None:
        """None."""
        del presented
        return None


def ours(bootstrap: str, port: int, mode: Mode) -> FastAPI:
    """Our handler, whole, before a real broker and journal."""
    log = Log(bootstrap, partitions=PARTITIONS, replication=1, idempotent=False)
    journal = Journal(Path(os.environ["BENCH_FOLDER"]), max_bytes=1 << 30)
    publisher = Publisher(log, journal, mode)
    connection = Connection(
        id="hubspot-main",
        tenant="acme",
        kind="hubspot",
        zone=ZoneInfo("UTC"),
        verifiers=(Verifier.of("hubspot-v3", SECRET),),
        portal=PORTAL,
    )
    intake = Intake(
        book=FixedBook([connection]),
        keys=NoKeys(),
        durable=publisher,
        public_url=f"http://127.0.0.1:{port}",
        partitions=PARTITIONS,
        now_ms=now_ms,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(publisher.run())
        yield
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await log.close()
        await journal.close()

    return create_app(intake, lambda: {"log": "up" if publisher.up else "away"}, lifespan)


def bare(bootstrap: str) -> FastAPI:
    """The least that answers after the broker's acknowledgement."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
        await producer.start()
        app.state.producer = producer
        yield
        await producer.stop()

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/webhooks/{connection}")
    async def hook(connection: str, request: Request) -> dict[str, int]:
        body = await request.body()
        producer: AIOKafkaProducer = request.app.state.producer
        await producer.send_and_wait(topics.EVENTS, body, key=connection.encode())
        return {"accepted": 1}

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"log": "up"}

    return app


def main(kind: str, bootstrap: str, port: int) -> None:
    """Serve until terminated."""
    logs.configure("WARNING")
    modes: dict[str, Mode] = {"ours": "fallback", "always": "always"}
    app = ours(bootstrap, port, modes[kind]) if kind in modes else bare(bootstrap)
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
