"""Somebody changes what a stage means, looks at what will differ, and decides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from paceline.embedded.redis import find_redis
from tests.support.servers import RedisServer, Tansu
from tests.support.stack import Stack

pytestmark = [pytest.mark.timeout(240)]

CONFIGURATION = """
version: 1
tenants:
  - id: acme
    name: Acme
    zone: UTC
    currency: EUR
    teams: [{id: sales, name: Sales}]
    reps:
      - {id: ana, name: Ana Lima, team: sales, owners: {crm: 1}}
      - {id: ben, name: Ben Ott, team: sales, owners: {crm: 2}}
    connections:
      - id: crm
        kind: cloudevents
        stages: {"*": {lead: open, demo: qualified, won: won, lost: lost}}
"""
CHANGED = CONFIGURATION.replace("demo: qualified", "demo: open")
NOW = datetime.now(UTC) - timedelta(minutes=5)
MONTH = f"{NOW:%Y-%m}"
DEALS = [("d1", "1", "demo", "1000"), ("d2", "1", "won", "250"), ("d3", "2", "lead", "70")]


class Site:
    """The stack, and who asks it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.read = stack.key("acme")
        self.ingest = stack.key("acme", "--scope", "ingest")

    def tell(self) -> None:
        """Three deals; and wait until they count."""
        events = [self._event(*one) for one in DEALS]
        headers = {
            "Authorization": f"Bearer {self.ingest}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        url = f"{self.stack.ingest}/v1/events"
        answer = httpx.post(url, content=json.dumps(events), headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        deadline = time.monotonic() + 60
        while self.shown()["opportunities_created"] != len(DEALS):
            assert time.monotonic() < deadline, "they were not counted"
            time.sleep(0.1)

    def _event(self, deal: str, owner: str, stage: str, amount: str) -> dict[str, Any]:
        fields = {"owner": owner, "stage": stage, "amount": amount}
        return {
            "specversion": "1.0",
            "id": f"told-{deal}",
            "source": "/test/crm",
            "type": "paceline.entity.patched.v1",
            "time": NOW.isoformat(),
            "data": {
                "record": "patch",
                "entity": "deal",
                "id": deal,
                "op": "create",
                "fields": fields,
            },
        }

    def shown(self) -> dict[str, Any]:
        """The organisation's month, and the generation of its numbers."""
        answer = httpx.get(
            f"{self.stack.api}/v1/organisation/progress",
            params={"period": MONTH, "kpis": "pipeline_built,opportunities_created,won_amount"},
            headers={"Authorization": f"Bearer {self.read}"},
            timeout=30,
        )
        found = answer.json()
        figures = {one["id"]: one["actual"] for one in found.get("kpis", ())}
        return {"opportunities_created": None, "generation": found.get("generation")} | figures

    def apply(self, document: str, *options: str) -> str:
        """The configuration is to be this."""
        file = self.stack.folder / "changed.yaml"
        file.write_text(document, encoding="utf-8")
        return self.stack.paceline("apply", "-f", str(file), *options)

    def refused(self, *arguments: str) -> str:
        """What a command says that ends with 2."""
        program = "from paceline.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=os.environ | self.stack.environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2, done.stdout + done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Acme with three deals."""
    folder = tmp_path_factory.mktemp("rebuild")
    with (
        Tansu(folder / "tansu") as tansu,
        RedisServer(folder / "redis", binary=find_redis()) as redis,
        Stack(folder / "stack", tansu.bootstrap, redis.url, idempotent=False) as stack,
    ):
        stack.apply(CONFIGURATION)
        made = Site(stack)
        made.tell()
        yield made


def test_a_change_is_looked_at_before_anybody_sees_it(site: Site) -> None:
    """A demo is to qualify no more: a thousand euros built go; the rest stays; then the switch."""
    before = site.shown()
    assert (before["pipeline_built"], before["won_amount"]) == (125_000, 25_000)
    said = site.apply(CHANGED, "--hold")
    assert "held: look with `paceline rebuild -t acme --preview`" in said
    preview = json.loads(site.stack.paceline("rebuild", "-t", "acme", "--preview", "--json"))
    assert preview["same_place"]
    found = {
        (one["owner"], one["measure"], one["month"]): (one["now"], one["then"])
        for one in preview["differences"]
    }
    assert found == {
        ("crm/1", "built:EUR", MONTH): (125_000, 25_000),
        ("crm/1", "built_n", MONTH): (2, 1),
        ("crm/1", "qual:EUR", "now"): (100_000, 0),
        ("crm/1", "qual_n", "now"): (1, 0),
    }
    assert site.shown() == before
    assert "is held: look at it with --preview" in site.refused("rebuild", "-t", "acme")
    said = site.stack.paceline("rebuild", "-t", "acme", "--release")
    assert f"generation {preview['held']} is live" in said
    after = site.shown()
    assert (after["pipeline_built"], after["won_amount"]) == (25_000, 25_000)
    assert after["generation"] == preview["held"]


def test_the_preview_names_reps_in_major_units_and_says_what_to_do_next(site: Site) -> None:
    """As text; then it is thrown away, and nothing has changed."""
    before = site.shown()
    site.apply(CONFIGURATION, "--hold")
    said = site.stack.paceline("rebuild", "-t", "acme", "--preview")
    assert "Ana Lima" in said
    assert "+1,000.00" in said
    assert "Ben Ott" not in said
    assert "--release` switches to generation" in said
    assert "is discarded" in site.stack.paceline("rebuild", "-t", "acme", "--discard")
    assert "no generation of acme is held" in site.refused("rebuild", "-t", "acme", "--release")
    assert site.shown() == before
    # The file said so, and it was discarded: the next apply makes it anew, and holds nothing.
    site.apply(CHANGED)


def test_the_same_meaning_again_changes_nothing(site: Site) -> None:
    """Built beside the live numbers, and verified."""
    before = site.shown()
    said = site.stack.paceline("rebuild", "-t", "acme")
    after = site.shown()
    assert f"generation {after['generation']} is live" in said
    assert after["generation"] > before["generation"]
    assert after | {"generation": 0} == before | {"generation": 0}
    assert "no drift" in site.stack.paceline("verify", "-t", "acme")


def test_what_waits_is_released_by_applying_the_same_without_holding(site: Site) -> None:
    """Whoever tried it out applies the file; the command then follows what is under way."""
    site.apply(CONFIGURATION, "--hold")
    site.stack.paceline("rebuild", "-t", "acme", "--preview")
    said = site.apply(CONFIGURATION)
    assert "generation" in said
    site.stack.paceline("rebuild", "-t", "acme")
    assert site.shown()["pipeline_built"] == 125_000


def test_a_tenant_that_is_not_there_is_said_so(site: Site) -> None:
    """With what to do."""
    assert "no tenant 'globex' has numbers" in site.refused("rebuild", "-t", "globex")
    assert "give one of" in site.refused("rebuild", "-t", "acme", "--release", "--discard")
