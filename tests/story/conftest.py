"""Fixtures of the story: told once, read by every test of this folder."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from paceline.embedded.redis import find_redis
from tests.story import script, telling
from tests.story.stage import MovedStack
from tests.support.servers import RedisServer, Tansu

CONFIGURATION = Path(__file__).with_name("paceline.yaml")
LAST = {
    "specversion": "1.0",
    "id": "the-end",
    "source": "/story/jade-crm",
    "type": "paceline.entity.patched.v1",
    "time": "2026-01-09T20:00:00+08:00",
    "data": {
        "record": "patch",
        "entity": "activity",
        "id": "the-end",
        "op": "create",
        "fields": {"owner": "the-end", "type": "custom"},
    },
}
"""Told after everything else: when it counts, so does everything before it."""


@dataclass
class Story:
    """The running stack, and a key that reads all of it."""

    stack: MovedStack
    read: str
    ingest: str
    admin: str

    def client(self) -> httpx.Client:
        """A client of the API."""
        headers = {"Authorization": f"Bearer {self.read}"}
        return httpx.Client(base_url=self.stack.api, headers=headers, timeout=60)

    def tell(self, rng: random.Random) -> None:
        """Everything, through the public doors."""
        rows = [*script.deals(), *script.activities()]
        crm = [one for one in rows if one.connection == "jade-crm"]
        hub = [one for one in rows if one.connection == "jade-hub"]
        with httpx.Client(timeout=60) as client:
            for events in telling.cloud_events(crm, rng):
                self._events(client, events)
            for body in telling.webhooks(hub, rng):
                self._webhook(client, body)
            self._events(client, [LAST])

    def _events(self, client: httpx.Client, events: list[Any]) -> None:
        headers = {
            "Authorization": f"Bearer {self.ingest}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        url = f"{self.stack.ingest}/v1/events"
        answer = client.post(url, content=telling.encoded(events), headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["dead"] == 0, answer.text

    def _webhook(self, client: httpx.Client, body: list[Any]) -> None:
        url, raw = f"{self.stack.ingest}/v1/webhooks/jade-hub", telling.encoded(body)
        headers = telling.signed(raw, url, self.stack.now_ms())
        answer = client.post(url, content=raw, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["accepted"] == len(body), answer.text

    def arrived(self, within: float = 120) -> None:
        """Wait until the last event counts."""
        deadline = time.monotonic() + within
        with self.client() as client:
            while not self._counted(client):
                assert time.monotonic() < deadline, "the last event was not counted"
                time.sleep(0.2)

    def _counted(self, client: httpx.Client) -> bool:
        answer = client.get("/v1/reps")
        if answer.status_code != 200:
            return False
        return "the-end" in {one["owner"] for one in answer.json()["unmapped_owners"]}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The quarter as it was told, in January."""
    folder = tmp_path_factory.mktemp("story")
    with (
        Tansu(folder / "tansu") as tansu,
        RedisServer(folder / "redis", binary=find_redis()) as redis,
        MovedStack(folder / "stack", tansu.bootstrap, redis.url) as stack,
    ):
        stack.apply(CONFIGURATION.read_text(encoding="utf-8"))
        keys = (stack.key("jade", *_scopes(*one)) for one in (("read",), ("ingest",), ("admin",)))
        made = Story(stack, *keys)
        made.tell(random.Random(1_001))
        made.arrived()
        yield made


def _scopes(*names: str) -> list[str]:
    return [word for name in names for word in ("--scope", name)]
