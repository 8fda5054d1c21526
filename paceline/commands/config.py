"""`paceline apply`, `check-config`, `migrate`: configuration as code."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import with_sql

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.config.apply import Applied
    from paceline.config.document import Document
    from paceline.config.source import Source

File = typer.Option(Path("paceline.yaml"), "--file", "-f", help="The configuration file.")
_OFF = False

DryRun = typer.Option(_OFF, "--dry-run", help="Print what would change; change nothing.")
Prune = typer.Option(
    _OFF, "--prune", help="Remove teams, reps and connections that the file does not name."
)
Hold = typer.Option(
    _OFF,
    "--hold",
    help="Build numbers of a new meaning, and wait: `paceline rebuild` shows and releases them.",
)


def apply(
    file: Path = File,
    dry_run: bool = DryRun,  # noqa: FBT001 - typer's way of a flag
    prune: bool = Prune,  # noqa: FBT001 - the same
    hold: bool = Hold,  # noqa: FBT001 - the same
) -> None:
    """Make tenants, teams, reps and connections what the file says."""
    document, source = _read(file)
    with_sql(lambda engine: _apply(engine, document, source, dry=dry_run, prune=prune, hold=hold))


def check_config(
    file: Path | None = typer.Option(None, "--file", "-f", help="Check this file too."),
) -> None:
    """Check the settings, the SQL database, and a configuration file where one is given."""
    from paceline.settings import Settings, load  # noqa: PLC0415 - `--help` stays quick

    load(Settings)
    typer.echo("settings: valid")
    with_sql(_reached)
    typer.echo("SQL: reachable, schema up to date")
    if file is not None:
        document, _ = _read(file)
        typer.echo(f"{file}: valid")
        for name in _absent_secrets(document):
            typer.echo(f"note: {name} is not set here; ingest needs it", err=True)


def migrate() -> None:
    """Create the SQL schema, or bring it up to date."""
    import asyncio  # noqa: PLC0415 - `--help` stays quick

    from paceline.settings import SqlSettings, load  # noqa: PLC0415 - the same
    from paceline.sql.migrate import upgrade  # noqa: PLC0415 - the same

    revision = asyncio.run(upgrade(load(SqlSettings).sql))
    typer.echo(f"SQL schema: {revision}")


async def _reached(_engine: AsyncEngine) -> None:
    """The engine's schema was checked on the way here."""


async def _apply(
    engine: AsyncEngine, document: Document, source: Source, *, dry: bool, prune: bool, hold: bool
) -> None:
    from kpi import CODE  # noqa: PLC0415 - `--help` stays quick
    from paceline.config.apply import apply as really  # noqa: PLC0415 - the same
    from paceline.config.apply import dry_run  # noqa: PLC0415 - the same

    run = dry_run if dry else really
    for applied in await run(engine, document, source, code=CODE, prune=prune, hold=hold):
        _show(applied, dry=dry)


def _show(applied: Applied, *, dry: bool) -> None:
    if applied.nothing:
        typer.echo(f"tenant {applied.tenant}: nothing changes")
    else:
        typer.echo(f"tenant {applied.tenant}: {'would change' if dry else 'changed'}")
    for change in applied.changes:
        colour = {"+": "green", "-": "red", "~": "yellow"}[change.sign]
        typer.secho(f"  {change}", fg=colour)
    if applied.generation is not None:
        what = f"generation {applied.generation} of the numbers"
        held = f", held: look with `paceline rebuild -t {applied.tenant} --preview`"
        typer.secho(f"  + {what}{held if applied.held else ''}", fg="green")
    for line in applied.meaning:
        typer.echo(f"      {line}")
    for kept in applied.kept:
        typer.echo(f"  = {kept}: not in the file, kept (--prune removes it)")


def _read(file: Path) -> tuple[Document, Source]:
    from paceline.config.parse import parse  # noqa: PLC0415 - `--help` stays quick

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    document, source = parse(text, str(file))
    _check_mappings(document, source)
    return document, source


def _check_mappings(document: Document, source: Source) -> None:
    """Ask ingest, who alone knows which functions its expressions may call."""
    from paceline.config.problems import ConfigError  # noqa: PLC0415 - `--help` stays quick
    from paceline.config.state import states_of  # noqa: PLC0415 - the same
    from services.ingest.mapping import MappingError, compile_mapping  # noqa: PLC0415 - the same

    for t, state in enumerate(states_of(document)):
        for c, one in enumerate(state.connections.values()):
            try:
                if one.settings.mapping is not None:
                    compile_mapping(one.settings.mapping)
            except MappingError as error:
                for problem in error.problems:
                    where, _, what = problem.partition(": ")
                    path = ("tenants", t, "connections", c, "mapping", *_path(where))
                    source.report(path, what)
    if source.problems:
        raise ConfigError(source.file, source.problems)


def _path(where: str) -> list[str | int]:
    parts = re.findall(r"[^.\[\]]+", where)
    return [int(part) if part.isdigit() else part for part in parts]


def _absent_secrets(document: Document) -> list[str]:
    from paceline.config.state import states_of  # noqa: PLC0415 - `--help` stays quick

    named = {
        signature.secret_env
        for state in states_of(document)
        for one in state.connections.values()
        for signature in one.settings.signatures
    }
    return sorted(name for name in named if not os.environ.get(name))
