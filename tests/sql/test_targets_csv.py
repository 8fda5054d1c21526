"""Targets from CSV, as spreadsheets write it; all or nothing, every mistake by its line."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi import CODE
from paceline.admin.targets import import_targets
from paceline.admin.values import Absent, Actor, Done, Refused
from paceline.config.apply import apply
from paceline.config.parse import parse
from paceline.sql.engine import reading
from paceline.sql.plan import load_plan
from paceline.targets.csv import read_csv
from tests.config.plan_file import PLAN

ADMIN = Actor("cli:mei targets.csv")
CSV = """\
kpi,rep,period,base,note
calls,anna,2026-12,140,
won_amount,tom,FY2027-Q4,250000,圣诞前签约
"""
DONE = [
    "+ target calls.rep.anna.2026-12-01.2026-12-31: base 140, state published",
    "+ target won_amount.rep.tom.2027-01-01.2027-03-31: base 250000, state published",
]


@pytest.fixture
async def planned(engine: AsyncEngine) -> AsyncEngine:
    """A database in which acme has its plan."""
    document, source = parse(PLAN, "acme.yaml")
    await apply(engine, document, source, code=CODE)
    return engine


async def imported(engine: AsyncEngine, data: bytes, encoding: str | None = None) -> Done:
    """Import a file for acme."""
    return await import_targets(engine, "acme", data, actor=ADMIN, encoding=encoding)


@pytest.mark.parametrize(
    "data",
    [
        CSV.encode(),
        b"\xef\xbb\xbf" + CSV.encode(),
        CSV.encode("gb18030"),
        CSV.replace("\n", "\r\n").encode(),
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode("gb18030"),
        CSV.replace("250000", '"250,000"').encode(),
        CSV.replace("kpi,rep,", "kpi,subject,").encode(),
        (CSV.upper().split("\n")[0] + CSV[CSV.index("\n") :]).encode(),
        CSV.replace("\ncalls", "\n,,,,\n\ncalls").encode(),
    ],
)
async def test_a_spreadsheets_file_is_read_however_it_writes_it(
    planned: AsyncEngine, data: bytes
) -> None:
    """UTF-8 with a mark or without, GB18030, semicolons, tabs, grouped digits, blank lines."""
    assert (await imported(planned, data)).changes == DONE
    assert (await imported(planned, data)).nothing
    async with reading(planned) as session:
        plan = await load_plan(session, "acme")
    assert plan is not None
    assert plan.targets_of("rep", "tom", "won_amount")[0].tiers.base == 25_000_000


async def test_every_mistake_has_its_line_and_nothing_is_set(planned: AsyncEngine) -> None:
    """A note of two lines does not put the counting out."""
    rows = [
        "kpi,rep,team,period,base,stretch,effective,monthly,prorate,note",
        'calls,anna,,2026-12,140,,,,,"first\nsecond"',
        "cals,anna,,2026-12,140,,,,,",
        "calls,,,2026-12,140,,,,,",
        "calls,anna,,2026-12,many,,,,,",
        "calls,anna,,2026-12,140,,,,,",
        "calls,anna,,2027-01,140,,,,,,surplus",
        "calls,tom,,2027-13,140,,31.12.2026,,,",
        "calls,tom,,FY2027-Q4,140,,,30 30 30,maybe,",
        "win_rate,,east,2026-12,25d,,,,,",
    ]
    with pytest.raises(Refused) as caught:
        await imported(planned, "\n".join(rows).encode())
    found = {(one.pointer, one.what) for one in caught.value.faults}
    for line, what in (
        (4, "kpi: unknown KPI `cals`; did you mean `calls`?"),
        (5, "name one subject"),
        (6, "base: `many` is no amount"),
        (7, "the same target is already in line 2"),
        (8, "more values than the header's 10 columns"),
        (9, "effective: `31.12.2026` is no date"),
        (10, "prorate: write true or false"),
        (11, "base: `25d` is no ratio"),
    ):
        assert any(at == f"/line/{line}" and what in said for at, said in found), (line, found)
    async with reading(planned) as session:
        plan = await load_plan(session, "acme")
    assert plan is not None
    assert plan.targets_of("rep", "anna", "calls") == []


@pytest.mark.parametrize(
    ("data", "encoding", "what"),
    [
        (b"", None, "the file is empty"),
        (b"\xff\xfe\x00k", None, "neither UTF-8 nor GB18030"),
        ("拜访".encode("gb18030"), "utf-8", "neither UTF-8 nor GB18030"),
        (b"kpi", "latin-77", "no encoding `latin-77`"),
        (b"kpi,rep,base\n", None, "column `period` is missing"),
        (b"kpi,period,base\n", None, "a column `rep`, `team`, `organisation`"),
        (b"kpi,rep,perod,base\n", None, "unknown column `perod`; did you mean `period`?"),
        (b"kpi,rep,rep,period,base\n", None, "column `rep` is there twice"),
        (b'kpi,rep,period,base\ncalls,"anna,2026-12,1\n', None, "this is no CSV"),
        (b"a" * (16 << 20) + b"aa", None, "larger than 16 MiB"),
    ],
)
def test_a_file_that_is_no_list_of_targets_is_refused(
    data: bytes, encoding: str | None, what: str
) -> None:
    """Empty, of another encoding, without the columns that are needed."""
    lines, faults = read_csv(data, encoding)
    assert lines == []
    assert what in "\n".join(said for _, said in faults)


async def test_a_change_within_the_period_comes_by_csv_too(planned: AsyncEngine) -> None:
    """Beside the one from the start, each with its day."""
    text = "kpi,subject_kind,subject,period,base,effective,change,state\n"
    text += "calls,team,east,2026-12,900,,,\ncalls,team,east,2026-12,950,2026-12-14,replace,draft\n"
    named = "target calls.team.east.2026-12-01.2026-12-31"
    assert (await imported(planned, text.encode())).changes == [
        f"+ {named}: base 900, state published",
        f"~ {named}: base 950, effective 2026-12-14, state draft",
    ]
    assert (await imported(planned, text.encode())).nothing


async def test_an_unknown_tenant_has_no_targets(engine: AsyncEngine) -> None:
    """Said before the file is looked at."""
    with pytest.raises(Absent):
        await import_targets(engine, "nobody", CSV.encode(), actor=ADMIN)
