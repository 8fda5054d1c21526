"""Rows of a table of history, and the files they are in."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from paceline.importing.rows import Fault, Row, UnreadableError, read_rows
from schemas.envelope import EntityPatch, Event
from services.ingest.document import Unusable
from services.ingest.history import column_fields, events_of
from services.ingest.translation import Origin

ACME = Origin("acme", "crm", ZoneInfo("UTC"), 1_795_000_000_000)
STAGES = {"won": "closedwon", "qualified": "qualifiedtobuy"}


def events(row: dict[str, str], received_at: int = ACME.received_at) -> list[Event]:
    """The events of one deal."""
    origin = Origin("acme", "crm", ZoneInfo("UTC"), received_at)
    return events_of(origin, "deal", column_fields(row, STAGES, {}), row)


DEAL = {
    "Deal ID": "9001",
    "Created": "2026-01-05T09:00:00Z",
    "Owner": "anna",
    "金额": "1200.50",
    "币种": "eur",
    "Qualified At": "2026-01-09T09:00:00Z",
    "Won At": "2026-02-02T09:00:00Z",
}


def test_a_won_deal_is_its_creation_and_two_stages() -> None:
    """English and Chinese names of columns in one header."""
    patches = [one.data for one in events(DEAL)]
    assert all(isinstance(one, EntityPatch) for one in patches)
    found = [(one.op, one.fields) for one in patches if isinstance(one, EntityPatch)]
    assert found == [
        ("create", {"owner": "anna", "amount": "1200.5", "currency": "EUR"}),
        ("set", {"stage": "qualifiedtobuy"}),
        ("set", {"stage": "closedwon"}),
    ]


def test_the_same_row_is_the_same_events_whenever_and_wherever_it_is_read() -> None:
    """A day later, columns in another order: the ids are the same; another amount is another."""
    other_order = dict(reversed(DEAL.items()))
    ids = [one.id for one in events(DEAL)]
    assert [one.id for one in events(other_order, ACME.received_at + 86_400_000)] == ids
    assert [one.id for one in events(DEAL | {"金额": "7"})] != ids


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Deal ID": ""}, "field id"),
        ({"Created": "yesterday"}, "field created_at"),
        ({"金额": "much"}, "field amount"),
        ({"Created": "1999-01-01"}, "before the year 2000"),
        ({"Won At": "2099-01-01"}, "check the clock"),
    ],
)
def test_a_row_that_cannot_be_used_says_which_column(change: dict[str, str], said: str) -> None:
    """Nothing of it becomes an event."""
    with pytest.raises(Unusable) as caught:
        events(DEAL | change)
    assert said in caught.value.detail


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_is_read_in_the_encodings_of_spreadsheets(tmp_path: Path, encoding: str) -> None:
    """With a line break within quotes: lines are counted as an editor does."""
    file = tmp_path / "deals.csv"
    file.write_bytes('编号,名称\n1,"两\n行"\n2,单\n'.encode(encoding))
    rows, faults = read_rows(file)
    assert rows == [
        Row(2, {"编号": "1", "名称": "两\n行"}, ""),
        Row(4, {"编号": "2", "名称": "单"}, ""),
    ]
    assert faults == []


def test_lines_that_are_wrong_are_named_by_number(tmp_path: Path) -> None:
    """A comma too many in CSV, a broken object in JSON lines; the others are read."""
    table = tmp_path / "deals.csv"
    table.write_text("id,amount\n1,1,200\n2,3\n")
    rows, faults = read_rows(table)
    assert [row.values["id"] for row in rows] == ["2"]
    assert [fault.line for fault in faults] == [2]
    lines = tmp_path / "deals.jsonl"
    lines.write_text('{"id": 1}\n{"id": \n[1]\n')
    rows, faults = read_rows(lines)
    assert [row.line for row in rows] == [1]
    assert [fault.line for fault in faults] == [2, 3]
    assert all(isinstance(fault, Fault) for fault in faults)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"id,id\n1,2\n", "twice"),
        ("a.csv", b"id\n\xff\xff\n", "line 2"),
        ("a.xlsx", b"", "--format"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    """With what to do."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UnreadableError, match=said):
        read_rows(file)


def test_parquet_is_read_like_the_other_tables(tmp_path: Path) -> None:
    """Numbers, dates and truth values as they are meant; what is empty is left out."""
    arrow: Any = pytest.importorskip("pyarrow")
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "deals.parquet"
    columns = {
        "Deal ID": ["1", "2"],
        "Amount": [Decimal("1200.50"), None],
        "Created": [date(2026, 3, 1), date(2026, 3, 2)],
        "New Customer": [True, False],
        "Minutes": [30, None],
    }
    parquet.write_table(arrow.table(columns), file)
    rows, faults = read_rows(file)
    assert faults == []
    assert [(row.line, row.values) for row in rows] == [
        (
            1,
            {
                "Deal ID": "1",
                "Amount": "1200.50",
                "Created": "2026-03-01",
                "New Customer": True,
                "Minutes": 30,
            },
        ),
        (2, {"Deal ID": "2", "Created": "2026-03-02", "New Customer": False}),
    ]


def test_a_file_that_only_says_to_be_parquet_is_refused(tmp_path: Path) -> None:
    """With its name."""
    pytest.importorskip("pyarrow")
    file = tmp_path / "deals.parquet"
    file.write_bytes(b"id,amount\n1,2\n")
    with pytest.raises(UnreadableError, match=r"deals\.parquet"):
        read_rows(file)
