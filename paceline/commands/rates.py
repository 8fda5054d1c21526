"""`paceline rates set|import|list`: what other currencies are worth in the tenant's.

In: rates as decimals, dated. Out: versions in SQL. Guarantee: a correction is a new version beside
the old one, in the audit; a file is taken whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import author, with_sql_of_up

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

    from paceline.sql.rates import Rate, Stored

app = typer.Typer(help="Rates of currencies: set, imported, listed.", no_args_is_help=True)

_OFF = False
Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id.")
DryRun = typer.Option(_OFF, "--dry-run", help="Print what would change; change nothing.")


@app.command("set")
def set_(
    currency: str = typer.Argument(help="ISO 4217, such as USD."),
    since: str = typer.Argument(help="The civil day from which it holds: 2026-10-01."),
    rate: str = typer.Argument("", help="Units of the tenant's currency for one; none withdraws."),
    tenant: str = Tenant,
) -> None:
    """Set, correct or withdraw one rate."""

    def wanted(reporting: str) -> list[Rate]:
        from paceline.rates.written import rate_of  # noqa: PLC0415 - `--help` stays quick

        try:
            return [rate_of(currency, since, rate, reporting)]
        except ValueError as error:
            raise UserError(str(error)) from None

    _write(tenant, wanted, dry_run=False)


@app.command("import")
def import_(
    file: Path = typer.Argument(help="CSV with the header currency,since,rate."),
    tenant: str = Tenant,
    dry_run: bool = DryRun,  # noqa: FBT001 - typer's way of a flag
) -> None:
    """Set the rates of a CSV file: all of them, or none where a line is wrong."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None

    def wanted(reporting: str) -> list[Rate]:
        from paceline.rates.written import RatesError, rates_of_csv  # noqa: PLC0415 - the same

        try:
            return rates_of_csv(text, reporting)
        except RatesError as error:
            lines = [f"{file}:{line}: {what}" for line, what in error.mistakes]
            raise UserError("\n".join(lines)) from None

    _write(tenant, wanted, dry_run=dry_run)


@app.command("list")
def list_(
    tenant: str = Tenant,
    history: bool = typer.Option(_OFF, "--history", help="Earlier versions too."),  # noqa: FBT001
) -> None:
    """List the rates that hold, by currency and day."""

    async def run(engine: AsyncEngine) -> list[Stored]:
        from paceline.sql import rates  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same

        async with reading(engine) as session:
            await _reporting(session, tenant)
            return await rates.every(session, tenant)

    found = with_sql_of_up(run)
    shown = found if history else list({(one.currency, one.since): one for one in found}.values())
    if not shown:
        typer.echo("no rates")
    for one in shown:
        worth = one.rate or "withdrawn"
        when = f"{datetime.fromtimestamp(one.recorded_at / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        typer.echo(
            f"{one.currency}  {one.since}  {worth:>14}  v{one.version}  {when}  {one.author}"
        )


def _write(tenant: str, wanted: Callable[[str], Sequence[Rate]], *, dry_run: bool) -> None:
    async def run(engine: AsyncEngine) -> list[Rate]:
        from paceline.admin.session import transaction  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql import rates  # noqa: PLC0415 - the same

        async with transaction(engine, dry_run=dry_run) as session:
            rows = wanted(await _reporting(session, tenant))
            return await rates.write(session, tenant, rows, author(), dry_run=dry_run)

    changed = with_sql_of_up(run)
    for one in changed:
        typer.echo(f"{one.currency} {one.since} {one.rate or 'withdrawn'}")
    if not changed:
        typer.echo("nothing changes")
    elif dry_run:
        typer.echo(f"{len(changed)} to change; nothing was changed")


async def _reporting(session: AsyncSession, tenant: str) -> str:
    """The tenant's currency."""
    from paceline.sql.org import load_org  # noqa: PLC0415 - `--help` stays quick

    org = await load_org(session, tenant)
    if org is None:
        raise UserError(f"no tenant {tenant!r}; see `paceline apply`")
    return org.currency
