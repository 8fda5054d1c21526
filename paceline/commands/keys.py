"""`paceline keys create|list|revoke`: API keys."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import with_sql

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.sql.keys import ApiKey, Scope
    from paceline.sql.org import Org

app = typer.Typer(help="API keys: made, listed, revoked.", no_args_is_help=True)

Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id.")

_DAY_MS = 86_400_000


@app.command()
def create(
    tenant: str = Tenant,
    label: str = typer.Option(..., help="What it is for; shown in lists."),
    scope: list[str] = typer.Option(["read"], help="read, ingest or admin; may be repeated."),
    rep: str | None = typer.Option(None, help="It reads this rep only."),
    team: str | None = typer.Option(None, help="It reads this team and all below it."),
    days: int | None = typer.Option(None, min=1, help="It ends after so many days."),
) -> None:
    """Make a key and print it: it cannot be shown again."""
    scopes = _scopes(scope)
    if rep is not None and team is not None:
        raise UserError("a key is bound to --rep or to --team, not to both")

    async def make(engine: AsyncEngine) -> str:
        from paceline.sql import keys  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import writing  # noqa: PLC0415 - the same
        from paceline.sql.org import load_org  # noqa: PLC0415 - the same

        async with writing(engine) as session:
            _check(await load_org(session, tenant), tenant, rep, team)
            ends = None if days is None else _now_ms() + days * _DAY_MS
            return await keys.create_key(
                session,
                tenant,
                label=label,
                scopes=scopes,
                rep_id=rep,
                team_id=team,
                expires_at=ends,
            )

    typer.echo(with_sql(make))
    typer.echo("keep it now: only its hash is stored", err=True)


@app.command("list")
def list_(tenant: str = Tenant) -> None:
    """All keys of a tenant, without their secrets."""

    async def read(engine: AsyncEngine) -> list[ApiKey]:
        from paceline.sql import keys  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same

        async with reading(engine) as session:
            return await keys.list_keys(session, tenant)

    for key in with_sql(read):
        typer.echo(_line(key))


@app.command()
def revoke(key: str = typer.Argument(help="The prefix, as listed."), tenant: str = Tenant) -> None:
    """End a key at once."""

    async def end(engine: AsyncEngine) -> bool:
        from paceline.sql import keys  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import writing  # noqa: PLC0415 - the same

        async with writing(engine) as session:
            return await keys.revoke(session, tenant, key)

    if not with_sql(end):
        raise UserError(f"tenant {tenant} has no valid key {key}; see `paceline keys list`")
    typer.echo(f"{key} revoked")


def _scopes(said: list[str]) -> list[Scope]:
    from paceline.sql.keys import SCOPES  # noqa: PLC0415 - `--help` stays quick

    for scope in said:
        if scope not in SCOPES:
            raise UserError(f"unknown scope {scope!r}; known: {', '.join(SCOPES)}")
    return [scope for scope in SCOPES if scope in said]


def _check(org: Org | None, tenant: str, rep: str | None, team: str | None) -> None:
    if org is None:
        raise UserError(f"no tenant {tenant!r}; see `paceline apply`")
    if rep is not None and rep not in org.reps:
        raise UserError(f"tenant {tenant} has no rep {rep!r}")
    if team is not None and team not in org.teams:
        raise UserError(f"tenant {tenant} has no team {team!r}")


def _line(key: ApiKey) -> str:
    bound = f"rep {key.rep_id}" if key.rep_id else f"team {key.team_id}" if key.team_id else "all"
    made = datetime.fromtimestamp(key.created_at / 1000, UTC).strftime("%Y-%m-%d")
    return f"pl_{key.id}_…  {','.join(key.scopes)}  {bound}  {made}  {_state(key)}  {key.label}"


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= _now_ms() else "valid"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
