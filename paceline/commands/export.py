"""`paceline export numbers|customer|rep`: numbers as a table, and what is held of somebody."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import msgspec
import typer

from paceline.commands.failures import UserError
from paceline.commands.running import with_sql_of_up
from paceline.supervisor.settings import adopt

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.progress.answers.kpis import KpiInfo, KpiProgress, Number
    from paceline.progress.answers.progress import Progress
    from paceline.settings import Settings

app = typer.Typer(help="Numbers, and what is held about somebody.", no_args_is_help=True)

COLUMNS = (
    "subject_kind", "subject", "name", "period", "first", "last", "as_of", "kpi", "kpi_version",
    "unit", "currency", "actual", "target", "attainment", "status", "reason",
)  # fmt: skip
"""Of the numbers. ``actual`` and ``target``: counts, major units of money, seconds, shares."""

Format = Literal["csv", "jsonl"]
FactsFormat = Literal["parquet", "csv", "jsonl"]
_FORMATS: dict[str, FactsFormat] = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl"}
Row = dict[str, Any]

Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id.")
To = typer.Option(None, "--to", help="The file to write; without it the terminal.")


@app.command()
def numbers(
    tenant: str = Tenant,
    period: str = typer.Option("month", help="As in the API: month, 2026-11, FY2026-Q3, …"),
    at: str | None = typer.Option(None, help="A civil day or an instant with its zone."),
    format: Format = typer.Option("csv", help="csv (UTF-8) or jsonl."),  # noqa: A002
    to: Path | None = To,
) -> None:
    """Every KPI of every person and team and of the organisation, as the API answers it."""
    from paceline.settings import Settings, load  # noqa: PLC0415 - `--help` stays quick

    adopt(Path("paceline-data"))
    rows = asyncio.run(_all_numbers(load(Settings), tenant, period, at))
    with _opened(to) as out:
        _write(out, rows, format)


@app.command()
def customer(
    account: str = typer.Argument(help="The account, as the CRM sends it."),
    tenant: str = Tenant,
    to: Path | None = To,
) -> None:
    """Everything held about a customer, as JSON lines: events as archived, dead letters."""

    async def run(engine: AsyncEngine) -> list[Row]:
        from paceline.privacy.erasure import find  # noqa: PLC0415 - `--help` stays quick
        from paceline.privacy.search import Search  # noqa: PLC0415 - the same

        found = await find(engine, tenant, Search(account))
        events = [{"held": "event", "event": event} for event in found.events]
        return events + [{"held": "dead letter", "id": one} for one in found.letters]

    _lines(with_sql_of_up(run), to)


@app.command()
def rep(
    rep: str = typer.Argument(help="The rep's id."), tenant: str = Tenant, to: Path | None = To
) -> None:
    """Everything held about a person, as JSON lines, one for each row of each table."""

    async def run(engine: AsyncEngine) -> list[Row]:
        from paceline.sql import held  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same

        async with reading(engine) as session:
            try:
                tables = await held.person(session, tenant, rep)
            except KeyError:
                raise UserError(f"tenant {tenant} has no rep {rep}") from None
        return [{"held": table, "row": row} for table, rows in tables.items() for row in rows]

    _lines(with_sql_of_up(run), to)


@app.command()
def facts(
    tenant: str = Tenant,
    to: Path = typer.Option(..., "--to", help="The file to write."),
    format: FactsFormat | None = typer.Option(  # noqa: A002
        None, help="parquet, csv or jsonl; by the file's name where it says one."
    ),
) -> None:
    """Every fact behind the live numbers: which event changed what, for whom, by how much."""

    async def run(engine: AsyncEngine) -> int:
        from paceline.exporting.facts import NotWholeError, can_write, export  # noqa: PLC0415

        chosen = format or _FORMATS.get(to.suffix.lower())
        if chosen is None:
            raise UserError(f"{to.name}: say --format parquet, csv or jsonl")
        if not can_write(chosen):
            raise UserError("Parquet needs pyarrow, which is not installed: paceline[parquet]")
        try:
            return await export(engine, tenant, to, chosen)
        except NotWholeError:
            raise UserError(
                f"the ledger has no whole book of {tenant} yet: start `paceline ledger`, or wait "
                "until it has filled in the facts (paceline_ledger_books_filling)"
            ) from None
        except OSError as error:
            raise UserError(f"{to} cannot be written: {error.strerror}") from None

    count = with_sql_of_up(run)
    typer.echo(f"written: {to}, {count} facts")


def rows_of(said: Progress) -> list[Row]:
    """One row for each KPI of an answer."""
    about = {
        "subject_kind": said.subject.kind,
        "subject": said.subject.id,
        "name": said.subject.name,
        "period": said.period_label or said.period,
        "first": said.bounds.first_day,
        "last": said.bounds.last_day,
        "as_of": said.bounds.end,
    }
    return [about | _of_kpi(one, said.definitions[one.id]) for one in said.kpis]


def _of_kpi(one: KpiProgress, info: KpiInfo) -> Row:
    target = one.target.base if one.target else None
    return {
        "kpi": one.id,
        "kpi_version": one.version,
        "unit": info.unit,
        "currency": info.currency,
        "actual": _value(one.actual, info),
        "target": _value(target, info),
        "attainment": one.attainment,
        "status": one.status,
        "reason": one.reason,
    }


def _value(value: Number | None, info: KpiInfo) -> str | Number | None:
    """Money in major units with all its digits, as text; anything else as it is."""
    from kpi.measures import exponent  # noqa: PLC0415 - `--help` stays quick

    if value is None or info.currency is None:
        return value
    return str(Decimal(value).scaleb(-exponent(info.currency)))


async def _all_numbers(settings: Settings, tenant: str, period: str, at: str | None) -> list[Row]:
    """The answers of one moment, one after the other; each is whole by itself."""
    from paceline.progress.reading.selection import (  # noqa: PLC0415 - the same
        of_organisation,
        of_rep,
        of_team,
    )
    from paceline.progress.reading.windows import UnreadableError, ask  # noqa: PLC0415 - the same
    from paceline.sql.keys import ApiKey  # noqa: PLC0415 - `--help` stays quick
    from services.api.access import Caller  # noqa: PLC0415 - the same
    from services.api.context import now_ms  # noqa: PLC0415 - the same
    from services.api.main import opened  # noqa: PLC0415 - the same

    key = ApiKey(
        id="export",
        tenant=tenant,
        label="export",
        scopes=("read",),
        rep_id=None,
        team_id=None,
        created_at=0,
        expires_at=None,
        revoked_at=None,
    )
    async with opened(settings) as services:
        known = await services.directory.org(tenant)
        if known is None:
            raise UserError(f"there is no tenant {tenant}; see `paceline apply`")
        caller = Caller(key, known)
        try:
            question = ask(period, at, now_ms(), known.plan.fiscal)
            rows: list[Row] = []
            chosen = [of_rep(rep) for rep in caller.reps()]
            chosen += [of_team(caller.known, team.id) for team in caller.teams()]
            for selection in [*chosen, of_organisation(known.org)]:
                told = await services.teller.tell(caller.known, selection, question)
                if told.answer is not None:
                    rows += rows_of(told.answer.whole)
        except UnreadableError as error:
            raise UserError(f"{error} (possible: {error.possible})") from None
        return rows


@contextmanager
def _opened(to: Path | None) -> Iterator[TextIO]:
    if to is None:
        yield sys.stdout
        return
    try:
        with to.open("w", encoding="utf-8", newline="") as out:
            yield out
    except OSError as error:
        raise UserError(f"{to} cannot be written: {error.strerror}") from None
    typer.echo(f"written: {to}")


def _write(out: TextIO, rows: Sequence[Row], format_: Format) -> None:
    if format_ == "jsonl":
        _write_lines(out, rows)
        return
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula is quoted, as OWASP advises."""
    risky = isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r")
    return f"'{value}" if risky else value


def _lines(rows: Sequence[Row], to: Path | None) -> None:
    with _opened(to) as out:
        _write_lines(out, rows)


def _write_lines(out: TextIO, rows: Sequence[Row]) -> None:
    out.writelines(msgspec.json.encode(row).decode() + "\n" for row in rows)
