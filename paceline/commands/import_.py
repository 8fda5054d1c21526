"""`paceline import`: an organisation's history from its files, by the slow lane."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import with_sql_of_up

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.importing.rows import Fault, Row
    from paceline.sql.connections import Connection
    from schemas.envelope import EntityKind, Event

_OFF = False
_SHOWN = 100
_FIRST = 3
_KINDS: dict[str, EntityKind] = {"deals": "deal", "activities": "activity"}


def import_(
    what: str = typer.Argument(help="deals or activities"),
    file: Path = typer.Argument(help="CSV, JSON lines or Parquet."),
    tenant: str = typer.Option(..., "--tenant", "-t", help="The tenant's id."),
    connection: str = typer.Option(..., "--connection", "-c", help="Whose ids the file has."),
    mapping: Path | None = typer.Option(None, help="YAML: column: field, or column: stage@ID."),
    kind: str | None = typer.Option(None, "--format", help="csv, jsonl or parquet."),
    rate: int = typer.Option(5_000, min=1, help="Events a second, at most."),
    dry_run: bool = typer.Option(_OFF, "--dry-run", help="Check it all; send nothing."),  # noqa: FBT001
    skip_bad: bool = typer.Option(  # noqa: FBT001
        _OFF, "--skip-bad", help="Leave bad lines out; they are written to FILE.rejected."
    ),
) -> None:
    """Bring history in. A second run of the same file changes nothing."""
    if what not in _KINDS:
        raise UserError(f"{what}: write deals or activities")
    rows, faults = _read(file, kind)
    given = _mapping(mapping)

    async def run(engine: AsyncEngine) -> None:
        found = await _connection(engine, tenant, connection)
        events, more = _translated(found, _KINDS[what], rows, given)
        wrong = sorted([*faults, *more])
        _judge(file, wrong, skip_bad=skip_bad)
        typer.echo(f"{len(rows) - len(more)} rows, {len(events)} events")
        if dry_run:
            _show(events)
        elif events:
            await _send(engine, tenant, connection, file, events, rate)

    with_sql_of_up(run)


def _read(file: Path, kind: str | None) -> tuple[list[Row], list[Fault]]:
    from paceline.importing.rows import UnreadableError, read_rows  # noqa: PLC0415

    if kind not in (None, "csv", "jsonl", "parquet"):
        raise UserError(f"--format {kind}: write csv, jsonl or parquet")
    try:
        return read_rows(file, kind)  # type: ignore[arg-type] # one of the three
    except UnreadableError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error}") from None


def _mapping(file: Path | None) -> dict[str, str]:
    from ruamel.yaml import YAML  # noqa: PLC0415 - `--help` stays quick
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - the same

    if file is None:
        return {}
    try:
        found = YAML(typ="safe").load(file.read_text("utf-8"))
    except (OSError, ValueError, YAMLError) as error:
        raise UserError(f"{file}: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise UserError(f"{file}: write `column: field` on every line")
    return {str(column): str(name) for column, name in found.items()}


async def _connection(engine: AsyncEngine, tenant: str, name: str) -> Connection:
    from paceline.sql.connections import list_connections  # noqa: PLC0415 - `--help` stays quick
    from paceline.sql.engine import reading  # noqa: PLC0415 - the same

    async with reading(engine) as session:
        known = {one.id: one for one in await list_connections(session, tenant)}
    if name not in known:
        raise UserError(f"{tenant} has no connection {name!r}, but {', '.join(known) or 'none'}")
    return known[name]


def _translated(
    connection: Connection, entity: EntityKind, rows: list[Row], given: dict[str, str]
) -> tuple[list[Event], list[Fault]]:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - `--help` stays quick

    from paceline.importing.rows import Fault  # noqa: PLC0415 - the same
    from services.ingest.document import Unusable  # noqa: PLC0415 - the same
    from services.ingest.history import column_fields, events_of  # noqa: PLC0415 - the same
    from services.ingest.translation import Origin  # noqa: PLC0415 - the same

    now = time.time_ns() // 1_000_000
    zone = ZoneInfo(connection.settings.zone)
    origin = Origin(connection.tenant, connection.id, zone, now)
    columns = dict.fromkeys(column for row in rows for column in row.values)
    fields = column_fields(columns, _stages(connection), given)
    events: list[Event] = []
    faults: list[Fault] = []
    for row in rows:
        try:
            events += events_of(origin, entity, fields, row.values)
        except Unusable as why:
            faults.append(Fault(row.line, why.detail))
    return events, faults


def _stages(connection: Connection) -> dict[str, str]:
    """Stem of a column to a stage: by the stage's own id, else the first of its category."""
    found: dict[str, str] = {}
    for stages in connection.settings.stages.values():
        for stage, category in stages.items():
            found.setdefault(str(category), stage)
    for stages in connection.settings.stages.values():
        found |= {stage.lower(): stage for stage in stages}
    return found


def _judge(file: Path, faults: list[Fault], *, skip_bad: bool) -> None:
    for fault in faults[:_SHOWN]:
        typer.echo(f"{file}:{fault.line}: {fault.what}", err=True)
    if faults and not skip_bad:
        more = f" (the first {_SHOWN} are shown)" if len(faults) > _SHOWN else ""
        raise UserError(f"{len(faults)} lines are wrong{more}; nothing was sent. Or: --skip-bad")
    if faults:
        rejected = file.with_name(file.name + ".rejected")
        rejected.write_text("".join(f"{one.line}\t{one.what}\n" for one in faults), "utf-8")
        typer.echo(f"left out {len(faults)} lines: {rejected}")


def _show(events: list[Event]) -> None:
    import msgspec  # noqa: PLC0415 - `--help` stays quick

    for event in events[:_FIRST]:
        typer.echo(msgspec.json.encode(event.data).decode())
    typer.echo("a dry run: nothing was sent")


async def _send(
    engine: AsyncEngine, tenant: str, connection: str, file: Path, events: list[Event], rate: int
) -> None:
    from rich.progress import (  # noqa: PLC0415 - `--help` stays quick
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TimeRemainingColumn,
    )

    from paceline.importing.sending import NotKeptError, send  # noqa: PLC0415 - the same
    from paceline.settings import Settings, load  # noqa: PLC0415 - the same
    from schemas.envelope import encode  # noqa: PLC0415 - the same

    settings: Any = load(Settings)
    values = [encode(event) for event in events]
    content = sha256("\n".join([tenant, connection, *(one.id for one in events)]).encode())
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("events", total=len(values))
        try:
            sent = await send(
                engine,
                settings,
                tenant,
                values,
                content=content.hexdigest(),
                state=file.with_name(file.name + ".import"),
                rate=rate,
                told=lambda done: progress.update(task, completed=done),
            )
        except NotKeptError as error:
            raise UserError(str(error)) from None
    typer.echo(f"{sent} events are archived; the aggregator counts them while nothing live waits")
