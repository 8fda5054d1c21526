"""Targets from CSV, as spreadsheets in Europe, America and China write it.

In: bytes. Out: the values of each line, in the shape of the configuration file's targets, and what
is wrong by line. Guarantee: nothing is guessed silently: bytes that are neither UTF-8 nor GB18030,
a column that nobody knows, a line with too many values are mistakes.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any, NamedTuple

from paceline.config.problems import meant

Faults = list[tuple[int, str]]

COLUMNS = (
    "kpi",
    "rep",
    "team",
    "organisation",
    "subject_kind",
    "subject",
    "period",
    "base",
    "stretch",
    "commit",
    "effective",
    "change",
    "monthly",
    "prorate",
    "state",
    "note",
)
_NEEDED = ("kpi", "period", "base")
_SUBJECTS = ("rep", "team", "organisation")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
MAX_BYTES = 16 << 20
MAX_LINES = 100_000


class Line(NamedTuple):
    """One target; ``number`` counts the lines of the file from 1."""

    number: int
    values: dict[str, Any]


def read_csv(data: bytes, encoding: str | None = None) -> tuple[list[Line], Faults]:
    """The lines of a file, and what is wrong with it already."""
    faults: Faults = []
    if len(data) > MAX_BYTES:
        return [], [(1, f"the file is larger than {MAX_BYTES >> 20} MiB; cut it into several")]
    text = _text(data, encoding, faults)
    rows = _rows(text, faults)
    if faults or not rows:
        return [], faults or [(1, "the file is empty; begin with a header: kpi,rep,period,base")]
    number, header = rows[0]
    columns = [name.strip().lower() for name in header]
    _check_header(number, columns, faults)
    if faults:
        return [], faults
    lines = (_line(at, columns, row, faults) for at, row in rows[1:])
    return [line for line in lines if line is not None], faults


def _text(data: bytes, encoding: str | None, faults: Faults) -> str:
    """UTF-8 is never mistaken for GB18030: bytes that happen to be both are UTF-8."""
    for name in [encoding] if encoding else ["utf-8-sig", "gb18030"]:
        try:
            return data.decode(name)
        except LookupError:
            faults.append((1, f"no encoding `{name}`; write utf-8 or gb18030"))
            return ""
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
    faults.append((line, "this is neither UTF-8 nor GB18030; save the file as CSV UTF-8"))
    return ""


def _rows(text: str, faults: Faults) -> list[tuple[int, list[str]]]:
    """(line on which it begins, values) of every row that has any."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for row in reader:
            if any(value.strip() for value in row):
                found.append((begins, row))
            begins = reader.line_num + 1
    except csv.Error as error:
        faults.append((begins, f"this is no CSV: {error}"))
    if len(found) > MAX_LINES:
        faults.append((MAX_LINES, f"more than {MAX_LINES} lines; cut the file into several"))
    return found


def _check_header(number: int, columns: list[str], faults: Faults) -> None:
    for name in columns:
        if name and name not in COLUMNS:
            faults.append((number, f"unknown column `{name}`; {meant(name, COLUMNS, most=16)}"))
        if name and columns.count(name) > 1:
            faults.append((number, f"column `{name}` is there twice; keep one of them"))
    for name in _NEEDED:
        if name not in columns:
            faults.append((number, f"column `{name}` is missing"))
    if not {*_SUBJECTS, "subject"} & set(columns):
        faults.append((number, "a column `rep`, `team`, `organisation` or `subject` is missing"))


def _line(number: int, columns: list[str], row: list[str], faults: Faults) -> Line | None:
    if any(value.strip() for value in row[len(columns) :]):
        faults.append((number, f"more values than the header's {len(columns)} columns"))
        return None
    pairs = zip(columns, row, strict=False)
    said: dict[str, Any] = {name: text for name, value in pairs if name and (text := value.strip())}
    before = len(faults)
    _subject(number, said, faults)
    for name in ("base", "stretch", "commit"):
        if name in said and _GROUPED.fullmatch(said[name]):
            said[name] = said[name].replace(",", "")
    _converted(number, said, faults)
    return Line(number, said) if len(faults) == before else None


def _subject(number: int, said: dict[str, Any], faults: Faults) -> None:
    kind, subject = said.pop("subject_kind", "rep"), said.pop("subject", None)
    if subject is None:
        return
    if kind not in _SUBJECTS:
        faults.append((number, f"subject_kind: unknown value `{kind}`; {meant(kind, _SUBJECTS)}"))
    elif kind in said and said[kind] != subject:
        faults.append((number, f"subject: `{subject}`, but {kind} is `{said[kind]}`"))
    else:
        said[kind] = subject


def _converted(number: int, said: dict[str, Any], faults: Faults) -> None:
    if "prorate" in said:
        truth = _TRUTH.get(said["prorate"].lower())
        if truth is None:
            faults.append((number, "prorate: write true or false"))
        said["prorate"] = truth
    if "monthly" in said:
        parts = re.split(r"[ /|]+", said["monthly"])
        if not all(part.isascii() and part.isdigit() for part in parts):
            faults.append((number, "monthly: write per cent with blanks between, as in 30 30 40"))
        else:
            said["monthly"] = [int(part) for part in parts]
