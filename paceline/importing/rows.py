"""The rows of a file: CSV, JSON lines or Parquet.

In: a path. Out: every row as a dict with the line it is on, and what cannot be read, by line.
Guarantee: nothing is guessed silently: bytes that are neither UTF-8 nor GB18030, and lines with
more values than the header has columns, are faults.
"""

from __future__ import annotations

import csv
import io
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


class Fault(NamedTuple):
    """What is wrong on a line (from 1), and how to put it right."""

    line: int
    what: str


class Row(NamedTuple):
    """One record of the file, and its text as it may be written to the file of rejected lines."""

    line: int
    values: dict[str, Any]
    text: str


class UnreadableError(Exception):
    """The file as a whole cannot be read; the text says what to do."""


def read_rows(path: Path, kind: Format | None = None) -> tuple[list[Row], list[Fault]]:
    """All rows, and the faults among the lines.

    Raises:
        UnreadableError: not a format that is known, no such encoding, no Parquet reader.
    """
    known = kind or FORMATS.get(path.suffix.lower())
    if known is None:
        raise UnreadableError(f"{path.name}: say --format csv, jsonl or parquet")
    if known == "parquet":
        return _parquet(path), []
    text = decoded(path.read_bytes())
    return _jsonl(text) if known == "jsonl" else _csv(text)


def decoded(data: bytes) -> str:
    """UTF-8 (with or without a byte order mark), else GB18030.

    >>> decoded("金额".encode("gb18030"))
    '金额'
    """
    for name in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(name)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
    raise UnreadableError(f"line {line}: neither UTF-8 nor GB18030; save the file as UTF-8")


def _csv(text: str) -> tuple[list[Row], list[Fault]]:
    first = text.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True
    )
    rows: list[Row] = []
    faults: list[Fault] = []
    header: list[str] = []
    begins = 1
    try:
        for values in reader:
            if not header and any(values):
                header = _header(values)
            elif any(value.strip() for value in values):
                _keep(begins, header, values, rows, faults)
            begins = reader.line_num + 1
    except csv.Error as error:
        faults.append(Fault(begins, f"this is no CSV: {error}; look at the quotes"))
    if not header:
        raise UnreadableError("the file is empty; its first line names the columns")
    return rows, faults


def _header(values: list[str]) -> list[str]:
    names = [value.strip() for value in values]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise UnreadableError(f"line 1: column `{twice[0]}` is there twice; keep one of them")
    return names


def _keep(
    line: int, header: list[str], values: list[str], rows: list[Row], faults: list[Fault]
) -> None:
    if any(value.strip() for value in values[len(header) :]):
        many = f"{len(values)} values, but the header has {len(header)} columns"
        faults.append(Fault(line, f"{many}; put quotes around a value with the delimiter in it"))
        return
    pairs = zip(header, values, strict=False)
    said = {name: value.strip() for name, value in pairs if name and value.strip()}
    rows.append(Row(line, said, ""))


def _jsonl(text: str) -> tuple[list[Row], list[Fault]]:
    rows: list[Row] = []
    faults: list[Fault] = []
    decoder = msgspec.json.Decoder(dict[str, Any], float_hook=str)
    for line, raw in enumerate(text.split("\n"), 1):
        if raw.strip():
            try:
                rows.append(Row(line, decoder.decode(raw), raw.strip()))
            except msgspec.MsgspecError as error:
                faults.append(Fault(line, f"this is no JSON object: {error}"))
    return rows, faults


def _parquet(path: Path) -> list[Row]:
    if find_spec("pyarrow") is None:
        raise UnreadableError("Parquet needs pyarrow, which is not installed: paceline[parquet]")
    arrow: Any = import_module("pyarrow")
    reader: Any = import_module("pyarrow.parquet")
    try:
        table = reader.read_table(path).to_pylist()
    except arrow.ArrowInvalid as error:
        raise UnreadableError(f"{path.name} is no Parquet file: {error}") from None
    return [
        Row(
            n,
            {
                k: v if isinstance(v, bool | int) else str(v)
                for k, v in row.items()
                if v is not None
            },
            "",
        )
        for n, row in enumerate(table, 1)
    ]
