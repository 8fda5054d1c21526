"""`paceline targets import|list|publish`, `paceline align`: targets and whether they add up."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import author, with_sql_of_up

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from kpi.periods import Span
    from paceline.admin.values import Done, Item
    from paceline.sql.plan import Plan

app = typer.Typer(help="Targets: imported, listed, published.", no_args_is_help=True)

_OFF = False
_MANY = 500
_WIDE = 240

Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id.")
DryRun = typer.Option(_OFF, "--dry-run", help="Print what would change; change nothing.")


@app.command("import")
def import_(
    file: Path = typer.Argument(help="CSV with a header: kpi,rep,period,base,…"),
    tenant: str = Tenant,
    encoding: str | None = typer.Option(None, help="utf-8 or gb18030; otherwise seen by itself."),
    dry_run: bool = DryRun,  # noqa: FBT001 - typer's way of a flag
) -> None:
    """Set the targets of a CSV file: all of them, or none where a line is wrong."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error}") from None

    async def run(engine: AsyncEngine) -> Done:
        from paceline.admin.targets import import_targets  # noqa: PLC0415 - `--help` stays quick
        from paceline.admin.values import Absent, Actor, Refused  # noqa: PLC0415 - the same
        from paceline.config.problems import ConfigError, Problem  # noqa: PLC0415 - the same

        actor = Actor(f"{author()} {file.name}")
        try:
            return await import_targets(
                engine, tenant, data, actor=actor, dry_run=dry_run, encoding=encoding
            )
        except Absent as error:
            raise UserError(f"{error}; see `paceline apply`") from None
        except Refused as error:
            lines = [(int(one.pointer.rpartition("/")[2]), one.what) for one in error.faults]
            problems = [Problem(line, 1, "", what) for line, what in lines]
            raise ConfigError(str(file), problems) from None

    done = with_sql_of_up(run)
    if done.nothing:
        typer.echo("nothing changes")
        return
    _table("would change" if dry_run else "changed", ("", "target", ""), map(_cells, done.changes))
    typer.echo(f"{len(done.changes)} {'changes to make' if dry_run else 'changes made'}")


@app.command("list")
def list_(tenant: str = Tenant) -> None:
    """All targets of a tenant, what holds of each now."""

    async def run(engine: AsyncEngine) -> list[Item]:
        from paceline.admin.items import list_items  # noqa: PLC0415 - `--help` stays quick
        from paceline.admin.values import Absent  # noqa: PLC0415 - the same
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same

        found: list[Item] = []
        after: str | None = None
        async with reading(engine) as session:
            while True:
                try:
                    page = await list_items(session, tenant, "targets", after=after, limit=_MANY)
                except Absent as error:
                    raise UserError(str(error)) from None
                found += page.items
                after = page.next
                if after is None:
                    return found

    rows = [_row(item) for item in with_sql_of_up(run)]
    _table(tenant, ("kpi", "subject", "period", "base", "from", "state", "version"), rows)


@app.command()
def publish(target: str = typer.Argument(help="Its id, as listed."), tenant: str = Tenant) -> None:
    """Make a draft count."""

    async def run(engine: AsyncEngine) -> Done:
        from paceline.admin.targets import publish_target  # noqa: PLC0415 - `--help` stays quick
        from paceline.admin.values import Absent, Actor  # noqa: PLC0415 - the same

        try:
            actor = Actor(author())
            return await publish_target(engine, tenant, target, actor=actor)
        except Absent as error:
            raise UserError(f"{error}; see `paceline targets list`") from None

    done = with_sql_of_up(run)
    typer.echo("\n".join(done.changes) or "nothing changes")


def align(
    tenant: str = Tenant,
    period: list[str] = typer.Option(
        [], help="2026-Q4, FY2027-Q3, 2026-11; may be repeated. Otherwise this month and quarter."
    ),
) -> None:
    """Targets that do not add up, people without targets, targets without an owner."""

    async def run(engine: AsyncEngine) -> list[str]:
        from paceline.sql.changes import today  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same
        from paceline.sql.org import load_org  # noqa: PLC0415 - the same
        from paceline.sql.plan import load_plan  # noqa: PLC0415 - the same
        from paceline.targets.alignment import findings, sentence  # noqa: PLC0415 - the same

        async with reading(engine) as session:
            org, plan = await load_org(session, tenant), await load_plan(session, tenant)
        if org is None or plan is None:
            raise UserError(f"no tenant {tenant!r}; see `paceline apply`")
        parents = {team.id: team.parent for team in org.teams.values()}
        units = {one.id: one.unit for one in plan.definitions}
        found = findings(plan, parents, _spans(plan, period), today(plan.zone))
        return [sentence(one, units, plan.currency) for one in found]

    for line in with_sql_of_up(run) or ["the targets fit"]:
        typer.echo(line)


def _spans(plan: Plan, labels: list[str]) -> list[Span]:
    from kpi.calendar.fiscal import parse_label, period_of  # noqa: PLC0415 - `--help` stays quick
    from kpi.periods import Span  # noqa: PLC0415 - the same
    from paceline.sql.changes import today  # noqa: PLC0415 - the same

    try:
        found = [parse_label(plan.fiscal, label) for label in labels]
    except ValueError as error:
        raise UserError(str(error)) from None
    day = today(plan.zone)
    usual = [period_of(plan.fiscal, kind, day) for kind in ("month", "quarter")]
    return [Span(one.first, one.last) for one in found or usual]


def _cells(change: str) -> tuple[str, ...]:
    sign, _, rest = change.partition(" ")
    target, _, details = rest.removeprefix("target ").partition(": ")
    return sign, target, details


def _row(item: Item) -> tuple[str, ...]:
    body = item.body
    subject = next(f"{k} {body[k]}" for k in ("rep", "team", "organisation") if k in body)
    since = str(body.get("effective", ""))
    amount = str(body["base"])
    return body["kpi"], subject, body["period"], amount, since, item.state, str(item.version)


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - `--help` stays quick
    from rich.table import Table  # noqa: PLC0415 - the same

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    # In a pipe there is no edge to wrap at.
    width = None if sys.stdout.isatty() else _WIDE
    Console(highlight=False, markup=False, width=width).print(table)
