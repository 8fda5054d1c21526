"""`paceline dead`: from a letter on Kafka, by way of SQL, back into the log."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.settings import Settings
from paceline.sql import dead
from paceline.sql.engine import reading
from schemas import topics
from schemas.dead import encode
from tests.ledger.logs import (
    PARTITIONS,
    database,
    eventually,
    late_call,
    ledger,
    send,
    settings_for,
    url_in,
    won,
)
from tests.support.servers import Tansu


@pytest.fixture
def tansu(tmp_path: Path) -> Iterator[Tansu]:
    """A broker of the test's own: the partition count of its topics is not everybody's."""
    with Tansu(tmp_path / "broker") as server:
        yield server


async def test_a_letter_goes_back_into_the_log_as_it_was(tansu: Tansu, tmp_path: Path) -> None:
    """A win that the aggregator refused: archived, listed, shown, replayed, counted."""
    letter = msgspec.structs.replace(late_call(), id="acme:won-1", payload=won("1"))
    settings = settings_for(tansu.bootstrap, url_in(tmp_path))
    async with database(tmp_path) as engine:
        await send(tansu.bootstrap, topics.DEAD, 0, [encode(letter)])
        async with ledger(settings, engine):
            await eventually(lambda: _stored(engine), "the letter in SQL")
        listed = await _paceline(settings, "list", "-t", "acme", "--reason", "too_late")
        shown = await _paceline(settings, "show", letter.id, "-t", "acme")
        replayed = await _paceline(settings, "replay", letter.id, "-t", "acme")
        assert listed[1].startswith(f"{letter.id}  2023-11-14T22:13:20Z  aggregate/hubspot-main")
        assert won("1").decode() in shown[1]
        assert replayed == (0, f"{letter.id}: 1 events sent again\n")
        assert await _last(tansu.bootstrap) == won("1")
        assert "replayed 1x" in (await _paceline(settings, "list", "-t", "acme"))[1]
        assert await _paceline(settings, "replay", letter.id, "-t", "globex") == (2, "")


async def _stored(engine: AsyncEngine) -> bool:
    async with reading(engine) as session:
        return await dead.find(session, "acme", "acme:won-1") is not None


async def _paceline(settings: Settings, *arguments: str) -> tuple[int, str]:
    names = ("kafka", "redis", "sql", "partitions", "replication")
    environment = os.environ | {
        f"PACELINE_{name.upper()}": str(getattr(settings, name)) for name in names
    }
    command = (sys.executable, "-m", "paceline.cli", "dead", *arguments)
    pipe = asyncio.subprocess.PIPE
    environment["PACELINE_IDEMPOTENT_PRODUCER"] = "false"
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe)
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def _last(bootstrap: str) -> bytes:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        tp = TopicPartition(topics.EVENTS, topics.partition_of("acme", PARTITIONS))
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        consumer.seek(tp, end - 1)
        return bytes((await consumer.getone(tp)).value)
    finally:
        await consumer.stop()
