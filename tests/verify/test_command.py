"""`paceline verify` at the terminal: what it prints, and its exit code."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner

from paceline import metrics
from paceline.cli import app
from paceline.commands.verify import measure
from paceline.sql.archive import Row, append
from paceline.sql.engine import engine_for, writing
from paceline.sql.migrate import upgrade
from paceline.verify.places import Checked, Unchecked
from schemas import keys
from schemas.envelope import encode
from tests.aggregator.broker import P
from tests.aggregator.conftest import DATABASE
from tests.aggregator.told import ACME, CRM, Desk, activation, call
from tests.support.servers import RedisServer
from tests.verify.desk import USUAL

CALLS = [call(f"k{n}", f"{n}", f"2026-11-20 12:{n:02}") for n in range(9)]


@pytest.fixture
def settings(tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment of somebody at a terminal; the database's address."""
    sql = f"sqlite+aiosqlite:///{tmp_path / 'paceline.db'}"
    redis = redis_server.url.removesuffix("/0") + f"/{DATABASE}"
    told = {"SQL": sql, "REDIS": redis, "KAFKA": "127.0.0.1:1", "PARTITIONS": "8"}
    for name, value in told.items():
        monkeypatch.setenv(f"PACELINE_{name}", value)
    return sql


async def archived(redis: Redis, sql: str) -> Desk:
    """Nine calls, counted, and kept in SQL as the ledger keeps them."""
    await upgrade(sql)
    desk = Desk(redis)
    events = [activation(1, USUAL), *CALLS]
    await desk.hear(*events)
    rows = [
        Row(offset=n, tenant=ACME, event_id=one.id, payload=encode(one))
        for n, one in enumerate(events)
    ]
    engine = engine_for(sql)
    async with writing(engine) as session:
        await append(session, desk.broker.log.incarnation, P, rows, len(rows))
    await engine.dispose()
    return desk


async def typed(*arguments: str) -> tuple[int, str]:
    """Exit code and output; the program has an event loop of its own."""
    told = await asyncio.to_thread(CliRunner().invoke, app, ["verify", *arguments])
    return told.exit_code, told.output


async def test_it_says_that_everything_is_right_and_names_what_is_not(
    one_redis: Redis, settings: str
) -> None:
    """0 and a check mark; then 1, the measure and the very field; then the same as JSON."""
    await archived(one_redis, settings)
    code, out = await typed()
    assert (code, "acme: 9 events, 9 deals and activities" in out) == (0, True), out
    assert "no drift" in out
    name = keys.panes(P, ACME, 1, f"{CRM}/ana", "M", "2026")
    await one_redis.hincrby(name, "act:call:11", 2)
    code, out = await typed("--tenant", ACME)
    assert code == 1
    assert "act:call       1       1      2" in out
    assert f"{CRM}/ana M 2026 act:call:11: stored 11, right 9" in out
    assert "paceline rebuild -t acme" in out
    code, out = await typed("--json", "--first", "0")
    [told] = msgspec.json.decode(out.splitlines()[-1], type=list[Checked])
    assert (code, told.drift[0].total, told.first) == (1, 2, [])


async def test_what_cannot_be_verified_is_never_called_right(
    one_redis: Redis, settings: str
) -> None:
    """2, why, and what to do: no such tenant, a ledger that stands still, an empty Redis."""
    desk = await archived(one_redis, settings)
    code, out = await typed("-t", "emca")
    assert (code, "? emca: Redis has no numbers of the tenant" in out) == (2, True), out
    await desk.hear(call("later", "later", "2026-11-21 09:00"))
    code, out = await typed("--wait", "0")
    assert (code, "crm.events stands at 10, the numbers at 11" in out) == (2, True), out
    await one_redis.flushdb()
    code, out = await typed()
    assert (code, "? Redis has no tenant" in out) == (2, True), out


def test_prometheus_is_told_how_much_differs_and_how_much_is_unknown() -> None:
    """One tenant right, one wrong at three places, one that could not be read."""
    right = Checked(
        tenant="a", partition=1, generation=1, incarnation="log-1", position=9, backfill=0,
        records=9, entities=9, panes=3, seconds=0.1, places=0, facts=True, kinds={},
        drift=[], first=[],
    )  # fmt: skip
    wrong = msgspec.structs.replace(right, tenant="b", places=3, kinds={"pane": 2, "version": 1})
    measure([right, wrong, Unchecked(tenant="c", why="Redis is away", fix="start it")], 0.5)
    assert metrics.VERIFY_DRIFT.labels("pane")._value.get() == 2
    assert metrics.VERIFY_DRIFT.labels("entity")._value.get() == 0
    text = metrics.exposition().decode()
    for outcome in ("right", "wrong", "unchecked"):
        assert f'paceline_verify_tenants{{outcome="{outcome}"}} 1.0' in text
    measure([], 0.5)
    assert 'paceline_verify_tenants{outcome="unchecked"} 1.0' in metrics.exposition().decode()
    assert metrics.VERIFY_DRIFT.labels("pane")._value.get() == 0
