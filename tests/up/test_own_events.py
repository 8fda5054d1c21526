"""`paceline up` with one's own configuration and events, and a broker that dies."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.process import until
from tests.up.stacks import Json, Up, post, run, win

_CONFIGURATION = """
tenants:
  - id: own
    name: Own
    zone: UTC
    currency: USD
    teams: [{id: all, name: All}]
    reps: [{id: ada, name: Ada, team: all, owners: {portal: 1}}]
    connections: [{id: portal, kind: hubspot, secret: {env: OWN_SECRET}}]
"""
_SECRET = "made-up-secret"


def test_no_event_is_lost_or_counted_twice_over_a_killed_broker_and_a_restart(
    tmp_path: Path,
) -> None:
    """Forty deals are won, the broker dies, twenty more are won meanwhile: sixty, for ever.

    events   40 won │ SIGKILL broker │ 20 won │ ready again │ Ctrl-C, start
    numbers      40 │             40 │        │          60 │            60
    """
    with Up(tmp_path, env={"OWN_SECRET": _SECRET}) as up:
        key = _configured(up, tmp_path)
        _win(up, range(1, 41))
        until(lambda: up.won(key) == 40, 30, "forty wins")
        up.kill("broker")
        _win(up, range(41, 61))
        until(lambda: up.said(r"broker ended with -9(.*\n)+aggregator: ready"), 60, "the stack")
        until(lambda: up.won(key) >= 60, 30, "sixty wins")
        until(up.quiet, 30, "the log to be read")
        before = up.progress(key)
        assert before["won"] == {"count": 60, "amounts": {"USD": 6_000_000}, "without_amount": 0}
        assert up.interrupt() == 0
        up.start()
        until(up.quiet, 60, "the log to be read again")
        assert up.progress(key) == before


def _configured(up: Up, folder: Path) -> str:
    """Apply the configuration while the stack runs; a key to read with."""
    file = folder / "paceline.yaml"
    file.write_text(_CONFIGURATION)
    env = up.settings()
    assert run("apply", "-f", str(file), env=env).returncode == 0
    made = run("keys", "create", "--tenant", "own", "--label", "test", env=env)
    return made.stdout.strip()


def _win(up: Up, deals: range) -> None:
    at = time.time_ns() // 1_000_000 - 60_000
    events: list[Json] = [event for deal in deals for event in win(deal, at)]
    address = f"{up.facts['ingest']}/v1/webhooks/portal"
    # A tenant that was just applied is active within seconds; a portal would try again too.
    until(lambda: post(address, events, _SECRET) == 200, 30, "the webhook to be taken")
