"""Logs and the Redis check, which every service shares."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from paceline import logs
from paceline.redis import make_client, problems, server_facts
from tests.support.servers import RedisServer


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON; afterwards logging is as it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("INFO", "json", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_log_line_carries_its_ids_and_no_secret(lines: io.StringIO) -> None:
    """A refused webhook: its id is there, its signature and key are not, however deep."""
    with logs.bound(request_id="r-17", event_id="evt-9"):
        logs.get_logger("ingest").warning(
            "refused",
            api_key="pl_abc",
            request={"headers": [{"Authorization": "Bearer pl_abc"}], "size": 17},
        )
    said = json.loads(lines.getvalue())
    assert (said["event"], said["request_id"], said["event_id"]) == ("refused", "r-17", "evt-9")
    assert said["request"] == {"headers": [{"Authorization": "[redacted]"}], "size": 17}
    assert "pl_abc" not in lines.getvalue()


def test_records_of_other_packages_come_as_json_too(lines: io.StringIO) -> None:
    """What uvicorn warns of, and not what a talkative client tells at INFO."""
    logging.getLogger("uvicorn.error").warning("port %s is busy", 8000)
    logging.getLogger("httpx").info("GET /v1/me")
    said = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["event"] for line in said] == ["port 8000 is busy"]


async def test_a_redis_that_evicts_is_called_out(tmp_path: Path) -> None:
    """Under allkeys-lru numbers would vanish silently."""
    settings = ("--maxmemory-policy", "allkeys-lru")
    with RedisServer(tmp_path, extra=settings) as server:
        client = make_client(server.url)
        found = problems(await server_facts(client))
        await client.aclose()
    assert len(found) == 1
    assert "must be noeviction" in found[0]
