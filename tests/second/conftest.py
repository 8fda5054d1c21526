"""Fixtures of the second quarter: played once, in four acts; what was answered in each is kept."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from paceline.embedded.redis import find_redis
from tests.second import asking, script
from tests.second.sheet import RATES
from tests.story import telling
from tests.story.script import Told
from tests.story.stage import MovedService, MovedStack
from tests.support.servers import RedisServer, Tansu

CONFIGURATION = Path(__file__).parents[1] / "story" / "paceline.yaml"
CRM_STAGES = 'kind: cloudevents\n        stages:\n          "*": {lead: open, demo: qualified'
FEBRUARY, APRIL = datetime(2026, 2, 15, 2, tzinfo=UTC), datetime(2026, 4, 8, 2, tzinfo=UTC)
CHEN, LIU, TEAM = 78_000_00, 66_000_00, 210_000_00
"""What Chen Jie commits to for February, what Liu Fang puts over it, and her team's, in fen."""

Json = Any


class Play:
    """The running stack and what it said."""

    def __init__(self, stack: MovedStack) -> None:
        self.stack = stack
        self.read, self.ingest, self.admin = (
            stack.key("jade", *_scopes(*one)) for one in (("read",), ("ingest",), ("read", "admin"))
        )
        self.chen = stack.key("jade", "--rep", "chen-jie")
        self.liu = stack.key("jade", "--team", "shanghai")
        self.said: dict[str, dict[asking.Question, Json]] = {}
        self.during: list[Json] = []
        self.corrected_at = self.february = 0

    def client(self, key: str = "") -> httpx.Client:
        """A client of the API."""
        headers = {"Authorization": f"Bearer {key or self.read}"}
        return httpx.Client(base_url=self.stack.api, headers=headers, timeout=60)

    def turn(self, to: datetime) -> None:
        """All services end, and begin again at another time."""
        for service in reversed(self.stack.services.values()):
            service.stop()
        by = round(to.timestamp() * 1000) - time.time_ns() // 1_000_000
        self.stack.by = by
        for service in self.stack.services.values():
            assert isinstance(service, MovedService)
            service.by = by
            service.spawn()
        for service in self.stack.services.values():
            service.ready()

    def tell(self, rows: list[Told], name: str) -> None:
        """Some rows, through the public doors; and wait until they count."""
        rng = random.Random(name)
        crm = [one for one in rows if one.connection == "jade-crm"]
        hub = [one for one in rows if one.connection == "jade-hub"]
        end = Told(
            "activity", name, "jade-crm", self._now(), "create", {"owner": name, "type": "custom"}
        )
        with httpx.Client(timeout=60) as client:
            for batch in [*telling.cloud_events(crm, rng), *telling.cloud_events([end], rng)]:
                self._events(
                    client,
                    [one | {"id": f"{name}-{one['id']}-{one['data']['id']}"} for one in batch],
                )
            for body in telling.webhooks(hub, rng):
                self._webhook(client, body)
        self.settled(name)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.stack.now_ms() / 1000, UTC)

    def _events(self, client: httpx.Client, events: list[Json]) -> None:
        headers = {
            "Authorization": f"Bearer {self.ingest}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        url = f"{self.stack.ingest}/v1/events"
        answer = client.post(url, content=telling.encoded(events), headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["dead"] == 0, answer.text

    def _webhook(self, client: httpx.Client, body: list[Json]) -> None:
        url, raw = f"{self.stack.ingest}/v1/webhooks/jade-hub", telling.encoded(body)
        answer = client.post(
            url, content=raw, headers=telling.signed(raw, url, self.stack.now_ms())
        )
        assert answer.status_code == 200, answer.text

    def settled(self, owner: str = "", generation: int = 0, within: float = 120) -> None:
        """Wait until an owner's activity counts, of a generation whose facts are all there."""
        deadline = time.monotonic() + within
        with self.client() as client:
            while not self._is_settled(client, owner, generation):
                assert time.monotonic() < deadline, "it was not counted, or the ledger is behind"
                time.sleep(0.2)

    def _is_settled(self, client: httpx.Client, owner: str, generation: int) -> bool:
        answer = client.get("/v1/reps")
        if answer.status_code != 200:
            return False
        if owner and owner not in {one["owner"] for one in answer.json()["unmapped_owners"]}:
            return False
        for kpi in ("won_amount", "pipeline_built", "open_pipeline"):
            why = client.get("/v1/explain", params={"kpi": kpi, "period": "FY2026-Q4"})
            said = why.json() if why.status_code == 200 else {}
            if not said.get("reconciled") or (said["generation"] or 0) < generation:
                return False
        return True

    def ask(self, act: str) -> None:
        """Everything that the sheet has an answer to."""
        self.said[act] = {}
        with self.client() as client:
            for question in asking.questions():
                answer = client.get(question.path, params=dict(question.params))
                assert answer.status_code == 200, f"{question}: {answer.text}"
                self.said[act][question] = answer.json()

    def put_rates(self, rates: dict[Any, str]) -> None:
        """An administrator types rates in."""
        items = [{"currency": "USD", "since": str(on), "rate": rate} for on, rate in rates.items()]
        with self.client(self.admin) as client:
            answer = client.put("/v1/admin/rates", json={"items": items})
            assert answer.status_code == 200, answer.text

    def forecast(self) -> None:
        """February's: Chen Jie for himself, Liu Fang over it, and for her team."""
        for key, body in (
            (self.chen, {"rep": "chen-jie", "commit": CHEN, "best_case": CHEN + 5_000_00}),
            (
                self.liu,
                {"rep": "chen-jie", "commit": LIU, "best_case": LIU, "note": "C11 is shaky"},
            ),
            (self.liu, {"team": "shanghai", "commit": TEAM, "best_case": TEAM}),
        ):
            with self.client(key) as client:
                answer = client.post("/v1/forecast", json=body | {"period": "2026-02"})
                assert answer.status_code == 200, answer.text

    def remap(self) -> None:
        """A demo qualifies no more; somebody reads all the while."""
        reading = threading.Event()
        reader = threading.Thread(target=self._read_on, args=(reading,))
        reader.start()
        text = CONFIGURATION.read_text(encoding="utf-8")
        assert CRM_STAGES in text
        changed = text.replace(CRM_STAGES, CRM_STAGES.replace("demo: qualified", "demo: open"))
        self.stack.apply(changed)
        self.settled(generation=2)
        reading.set()
        reader.join()

    def _read_on(self, enough: threading.Event) -> None:
        with self.client() as client:
            while not enough.wait(0.02):
                answer = client.get(asking.WATCHED.path, params=dict(asking.WATCHED.params))
                assert answer.status_code == 200, answer.text
                self.during.append(answer.json())


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """February: what was told by then, and forecasts. April: the rest; the stage; the rate."""
    folder = tmp_path_factory.mktemp("second")
    rows = [*script.deals(), *script.activities()]
    with (
        Tansu(folder / "tansu") as tansu,
        RedisServer(folder / "redis", binary=find_redis()) as redis,
        MovedStack(folder / "stack", tansu.bootstrap, redis.url) as stack,
    ):
        stack.apply(CONFIGURATION.read_text(encoding="utf-8"))
        made = Play(stack)
        made.turn(FEBRUARY)
        made.put_rates(dict(RATES))
        made.tell([one for one in rows if one.at < script.TURN], "by-february")
        made.forecast()
        made.february = stack.now_ms()
        made.turn(APRIL)
        made.tell([one for one in rows if one.at >= script.TURN], "by-april")
        made.ask("told")
        made.remap()
        made.ask("remapped")
        made.corrected_at = stack.now_ms()
        made.put_rates({datetime(2026, 2, 1, tzinfo=UTC).date(): "7.08"})
        made.ask("corrected")
        yield made


def _scopes(*names: str) -> list[str]:
    return [word for name in names for word in ("--scope", name)]
