"""The facts behind the numbers, as a file for other tools.

In: a tenant. Out: Parquet, CSV or JSON lines, in the order of the log. Guarantee: read by pages, so
memory does not grow with the book; one generation, whole, or nothing is written.

Columns: ``generation``, ``log`` (incarnation), ``lane`` (``live`` or ``backfill``), ``offset`` and
``n`` (the fact's place), ``entity``, ``owner``, ``measure``, ``at`` and ``known_at`` (UTC, to the
millisecond), ``delta`` (the measure's stored unit: counts, minor units, seconds).
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import books, facts
from paceline.sql.books import Book
from paceline.sql.engine import reading
from paceline.sql.facts import Fact

Format = Literal["parquet", "csv", "jsonl"]
Write = Callable[[Sequence[tuple[Any, ...]]], None]

COLUMNS = ("generation", "log", "lane", "offset", "n", "entity", "owner", "measure", "at",
           "known_at", "delta")  # fmt: skip
PAGE = 50_000
_LANES = ("live", "backfill")


class NotWholeError(Exception):
    """There is no whole book to write."""


async def export(
    engine: AsyncEngine, tenant: str, to: Path, format_: Format, page: int = PAGE
) -> int:
    """Write the facts of the live generation; how many. The file appears once it is whole.

    Raises:
        NotWholeError: the ledger has none, or is still filling them in.
    """
    async with reading(engine) as session:
        book = await books.last_begun(session, tenant)
        logs = await facts.logs(session)
    if book is None or not book.whole:
        raise NotWholeError
    unfinished = to.with_name(to.name + ".unfinished")
    written = 0
    with _WRITERS[format_](unfinished) as write:
        async for found in _pages(engine, book, page):
            write([_row(book, logs, one) for one in found])
            written += len(found)
    unfinished.replace(to)
    return written


async def _pages(engine: AsyncEngine, book: Book, limit: int) -> AsyncIterator[list[Fact]]:
    after: facts.Place | None = None
    while True:
        async with reading(engine) as session:
            found = await facts.ordered(session, book.id, after, limit)
        if not found:
            return
        yield found
        after = found[-1].place


def _row(book: Book, logs: dict[int, str], one: Fact) -> tuple[Any, ...]:
    log, lane, offset, n = one.place
    place = (book.generation, logs.get(log, str(log)), _LANES[lane], offset, n)
    return (*place, one.entity, one.owner, one.measure, one.at, one.known_at, one.delta)


@contextmanager
def _csv(to: Path) -> Iterator[Write]:
    with to.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(COLUMNS)
        yield lambda rows: table.writerows(_told(row) for row in rows)


@contextmanager
def _jsonl(to: Path) -> Iterator[Write]:
    encoder = msgspec.json.Encoder()
    with to.open("wb") as out:
        yield lambda rows: out.writelines(
            encoder.encode(dict(zip(COLUMNS, _told(row), strict=True))) + b"\n" for row in rows
        )


def _told(row: tuple[Any, ...]) -> list[Any]:
    """Instants as ISO 8601."""
    return [
        datetime.fromtimestamp(cell / 1000, UTC).isoformat(timespec="milliseconds")
        if name in ("at", "known_at")
        else cell
        for name, cell in zip(COLUMNS, row, strict=True)
    ]


@contextmanager
def _parquet(to: Path) -> Iterator[Write]:
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    whole, text = arrow.int64(), arrow.dictionary(arrow.int32(), arrow.string())
    instant = arrow.timestamp("ms", tz="UTC")
    kinds = (whole, text, text, whole, whole, arrow.string(), text, text, instant, instant, whole)
    schema = arrow.schema(list(zip(COLUMNS, kinds, strict=True)))
    with parquet.ParquetWriter(to, schema, compression="zstd") as out:

        def write(rows: Sequence[tuple[Any, ...]]) -> None:
            columns = zip(zip(*rows, strict=True), kinds, strict=True)
            arrays = [arrow.array(list(cells), kind) for cells, kind in columns]
            out.write_table(arrow.table(arrays, schema=schema))

        yield write


_WRITERS = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}


def can_write(format_: Format) -> bool:
    """Whether what it takes is installed."""
    return format_ != "parquet" or find_spec("pyarrow") is not None
