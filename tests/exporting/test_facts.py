"""Facts as Parquet, CSV and JSON lines: every one once, exactly, page by page."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from paceline.cli import app
from paceline.exporting.facts import COLUMNS, Format, NotWholeError, export
from paceline.sql import books
from paceline.sql.engine import engine_for, writing
from paceline.sql.migrate import upgrade
from schemas import topics
from schemas.facts import EventFacts, FactBatch, TenantFacts

MARCH = 1_772_366_400_123
"""2026-03-01 12:00:00.123 UTC."""


def batch(topic: str, start: int, *events: EventFacts) -> FactBatch:
    """Facts of acme."""
    return FactBatch(
        incarnation="log-1",
        topic=topic,
        partition=3,
        start=start,
        end=events[-1].offset + 1,
        beside=0,
        since=start,
        tenants=[TenantFacts("acme", 1, list(events))],
    )


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A database with a book of seven facts, two of them of imported history."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'paceline.db'}"
    await upgrade(url)
    made = engine_for(url)
    row = ("d:crm:9,\n林", "crm/1", "won:EUR", MARCH, -120_050)
    async with writing(made) as session:
        live = [EventFacts(n, MARCH + n, (row, (*row[:2], "won_n", MARCH, 1))) for n in (0, 4)]
        one = EventFacts(7, MARCH, (row,))
        await books.store(session, batch(topics.EVENTS, 0, *live, one))
        await books.store(session, batch(topics.BACKFILL, 0, EventFacts(0, MARCH, (row, row))))
    yield made
    await made.dispose()


async def whole(engine: AsyncEngine) -> None:
    """The ledger has filled in what came before."""
    async with writing(engine) as session:
        [book] = await books.filling(session, [3])
        await books.filled(session, book)


def told(file: Path, format_: Format) -> list[dict[str, Any]]:
    """The rows of a file, instants as ISO 8601 to the millisecond."""
    if format_ == "csv":
        with file.open(newline="", encoding="utf-8") as lines:
            rows: list[dict[str, Any]] = list(csv.DictReader(lines))
        whole_numbers = ("generation", "offset", "n", "delta")
        return [{k: int(v) if k in whole_numbers else v for k, v in row.items()} for row in rows]
    if format_ == "jsonl":
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    return [
        {k: v.isoformat(timespec="milliseconds") if hasattr(v, "isoformat") else v
         for k, v in row.items()}
        for row in parquet.read_table(file).to_pylist()
    ]  # fmt: skip


@pytest.mark.parametrize("format_", ["parquet", "csv", "jsonl"])
async def test_every_fact_is_written_once_and_exactly(
    engine: AsyncEngine, tmp_path: Path, format_: Format
) -> None:
    """In the order of the log, over pages of two."""
    await whole(engine)
    file = tmp_path / f"facts.{format_}"
    assert await export(engine, "acme", file, format_, page=2) == 7
    found = told(file, format_)
    assert list(found[0]) == list(COLUMNS)
    assert [(one["lane"], one["offset"], one["n"]) for one in found] == [
        ("live", 0, 0), ("live", 0, 1), ("live", 4, 0), ("live", 4, 1), ("live", 7, 0),
        ("backfill", 0, 0), ("backfill", 0, 1),
    ]  # fmt: skip
    assert found[0] == {
        "generation": 1, "log": "log-1", "lane": "live", "offset": 0, "n": 0,
        "entity": "d:crm:9,\n林", "owner": "crm/1", "measure": "won:EUR",
        "at": "2026-03-01T12:00:00.123+00:00", "known_at": "2026-03-01T12:00:00.123+00:00",
        "delta": -120_050,
    }  # fmt: skip
    assert sum(one["delta"] for one in found if one["measure"] == "won:EUR") == 5 * -120_050


async def test_a_book_that_is_not_whole_is_not_written(engine: AsyncEngine, tmp_path: Path) -> None:
    """Neither one that is being filled nor one that is not there leaves a file behind."""
    for tenant in ("acme", "globex"):
        with pytest.raises(NotWholeError):
            await export(engine, tenant, tmp_path / "facts.csv", "csv")
    left = await asyncio.to_thread(lambda: list(tmp_path.glob("facts*")))
    assert left == []


def test_the_command_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose name says no format."""
    monkeypatch.setenv("PACELINE_SQL", f"sqlite+aiosqlite:///{tmp_path / 'paceline.db'}")
    runner = CliRunner()
    assert runner.invoke(app, ["migrate"]).exit_code == 0
    said = runner.invoke(app, ["export", "facts", "-t", "acme", "--to", str(tmp_path / "facts")])
    assert "say --format parquet, csv or jsonl" in str(said.exception)
    said = runner.invoke(app, ["export", "facts", "-t", "acme", "--to", str(tmp_path / "f.csv")])
    assert "no whole book of acme yet" in str(said.exception)
