"""`paceline lock`, `unlock`, `locks`: closed periods whose figures stand.

In: a tenant, a period's label. Out: what is locked. Guarantee: the same as over REST: only a period
that is over, once, and in the audit.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import author, with_services, with_sql_of_up

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.sql.locks import Lock
    from services.api.context import Services

Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id.")
Period = typer.Argument(help="Its label: 2026-10, FY2026-Q3, 2026-W42.")


def lock(
    period: str = Period,
    tenant: str = Tenant,
    note: str = typer.Option("", "--note", help="Why; it is shown with the figures."),
) -> None:
    """Close a period: its figures stand, and what changes them later shows as adjustments."""

    async def run(services: Services) -> Lock:
        from services.api.locking.taking import everywhere  # noqa: PLC0415 - `--help` stays quick
        from services.api.routes.locks import lock_period  # noqa: PLC0415 - the same

        known = await services.directory.org(tenant)
        if known is None:
            raise UserError(f"no tenant {tenant!r}; see `paceline apply`")
        return await lock_period(services, everywhere(known), period, author(), note)

    done = with_services(run)
    typer.echo(f"locked {done.label} ({done.first} to {done.last})")


def unlock(period: str = Period, tenant: str = Tenant) -> None:
    """Open a locked period again."""

    async def run(engine: AsyncEngine) -> None:
        from paceline.admin.session import transaction  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql import locks as of_sql  # noqa: PLC0415 - the same

        try:
            async with transaction(engine, dry_run=False) as session:
                await of_sql.unlock(session, tenant, period, author())
        except of_sql.LockedError as error:
            raise UserError(str(error)) from None

    with_sql_of_up(run)
    typer.echo(f"{period} is open again")


def locks(tenant: str = Tenant) -> None:
    """List what is and was locked, newest first."""

    async def run(engine: AsyncEngine) -> list[Lock]:
        from paceline.sql import locks as of_sql  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same

        async with reading(engine) as session:
            return await of_sql.every(session, tenant)

    found = with_sql_of_up(run)
    if not found:
        typer.echo("nothing is locked")
    for one in found:
        ended = f", open again {_when(one.unlocked_at)}" if one.unlocked_at else ""
        typer.echo(f"{one.label}  {_when(one.locked_at)}  {one.author}  {one.note}{ended}")


def _when(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant / 1000, UTC):%Y-%m-%d %H:%M} UTC"
