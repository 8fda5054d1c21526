"""`paceline up --demo`: one command, and the page is full; stopped and started, it still is."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.process import until
from tests.up.stacks import Json, Up, run


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack whose simulated CRM has told its past and rests."""
    with Up(tmp_path_factory.mktemp("demo"), "--demo", "--rate", "0") as stack:
        log = stack.data / "logs" / "demo.log"
        until(lambda: "told" in log.read_text(), 60, "the past to be told")
        until(stack.quiet, 60, "the numbers to settle")
        yield stack


def test_the_ready_line_has_all_that_a_program_needs(up: Up) -> None:
    """One line of JSON: addresses, keys, the webhook's secret, the processes."""
    said = up.facts
    assert said["api"] == f"http://127.0.0.1:{up.api_port}"
    assert said["webhook"] == f"http://127.0.0.1:{up.ingest_port}/v1/webhooks/demo"
    assert said["api_key"].startswith("pl_")
    assert set(said["pids"]) == {
        "aggregator", "api", "broker", "demo", "ingest", "ledger", "notifier", "redis",
    }  # fmt: skip


def test_the_page_and_its_numbers_are_there(up: Up) -> None:
    """Ninety days of a sales organisation, in two currencies."""
    assert "<html" in httpx.get(up.facts["api"]).text
    measures = up.progress()
    assert measures["activities_total"] > 500
    assert measures["new_customer_visits"] > 20
    assert measures["won"]["count"] > 10
    assert set(measures["won"]["amounts"]) <= {"CNY", "USD"}
    assert measures["open_qualified_pipeline"]["count"] > 10


def test_secrets_are_their_owners_alone(up: Up) -> None:
    """Keys and the webhook's secret: mode 0600."""
    for name in ("api-key", "admin-key", "webhook-secret"):
        assert (up.data / name).stat().st_mode & 0o777 == 0o600


def test_the_doctor_finds_nothing_wrong(up: Up) -> None:
    """Exit code 0, and a line for each partition."""
    done = run("doctor", "--data-dir", str(up.data))
    assert done.returncode == 0, done.stdout
    assert "nothing is wrong" in done.stdout


def test_the_doctor_speaks_json(up: Up) -> None:
    """The log's identity, and a line for each of the eight partitions."""
    said = json.loads(run("doctor", "--json", "--data-dir", str(up.data)).stdout)
    assert said["kafka"]["topics"] == {
        "crm.backfill": 8,
        "crm.dead": 8,
        "crm.events": 8,
        "kpi.alerts": 8,
        "kpi.facts": 8,
        "paceline.incarnation": 1,
    }
    assert [one["claimed"] for one in said["partitions"]] == [True] * 8
    assert said["problems"] == []


def test_an_emptied_redis_is_restored_exactly(up: Up) -> None:
    """Every number is what it was."""
    before = up.progress()
    done = run("restore", "--empty", "--yes", "--data-dir", str(up.data))
    assert done.returncode == 0, done.stderr
    assert up.progress() == before


def test_a_second_up_on_the_same_folder_says_who_has_it(up: Up) -> None:
    """One line, with the pid of the first."""
    done = run("up", "--data-dir", str(up.data), "--api-port", "1", "--ingest-port", "2")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"in use by another paceline up (pid {up._process.pid if up._process else 0})" in line


def test_a_busy_port_says_whose_it_is_and_what_to_type(up: Up, tmp_path: Path) -> None:
    """One line with the port, the process, and the option."""
    done = run("up", "--data-dir", str(tmp_path), "--api-port", str(up.api_port))
    assert done.returncode == 1
    said = f"port {up.api_port} for api is in use by .* (pid {up.facts['pids']['api']})"
    first, last = said.split(".*")
    assert first in done.stderr
    assert last in done.stderr
    assert "--api-port " in done.stderr


def test_a_killed_api_is_started_again(up: Up) -> None:
    """Its readers come back to the same numbers."""
    before = up.progress()
    up.kill("api")
    until(lambda: up.said(r"api ended with -9; it is started again\napi: ready"), 60, "the api")
    assert up.progress() == before


def test_ctrl_c_leaves_no_child_and_the_next_start_has_the_numbers(up: Up) -> None:
    """A new broker's log, the same data folder: same key, same numbers, no past told twice."""
    before, key, pids = up.progress(), up.facts["api_key"], _pids(up.facts)
    assert up.interrupt() == 0
    assert [pid for pid in pids if _alive(pid)] == []
    up.start()
    assert up.facts["api_key"] == key
    until(up.quiet, 60, "the numbers to settle")
    assert up.progress() == before


def _pids(facts: Json) -> list[int]:
    return [int(pid) for pid in facts["pids"].values()]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIG_DFL)
    except ProcessLookupError:
        return False
    return True
