"""`paceline dead list|show|replay`: events that could not be used, and another try."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import with_sql

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.settings import Settings
    from paceline.sql.dead import StoredLetter
    from schemas.dead import DeadLetter

Send = Callable[[bytes], Awaitable[None]]

app = typer.Typer(help="Dead letters: listed, shown, replayed.", no_args_is_help=True)

Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id; '' for what belongs to none.")


@app.command("list")
def list_(
    tenant: str = Tenant,
    connection: str | None = typer.Option(None, help="Only of this connection."),
    stage: str | None = typer.Option(None, help="Only of this stage: ingest or aggregate."),
    reason: str | None = typer.Option(None, help="Only with this reason, such as too_late."),
    limit: int = typer.Option(50, min=1, max=10_000, help="At most so many, newest first."),
) -> None:
    """The newest letters of a tenant."""

    async def read(engine: AsyncEngine) -> list[StoredLetter]:
        from paceline.sql import dead  # noqa: PLC0415 - `--help` stays quick
        from paceline.sql.engine import reading  # noqa: PLC0415 - the same

        which = dead.Filter(connection=connection, stage=stage, reason=reason)
        async with reading(engine) as session:
            return (await dead.page(session, tenant, which, limit=limit)).letters

    for stored in with_sql(read):
        typer.echo(_line(stored))


@app.command()
def show(letter: str = typer.Argument(help="The letter's id."), tenant: str = Tenant) -> None:
    """One letter whole: why, and what arrived."""
    stored = with_sql(lambda engine: _find(engine, tenant, letter))
    found = stored.letter
    typer.echo(_line(stored))
    typer.echo(f"detail: {found.detail}")
    typer.echo(f"content-type: {found.content_type}")
    for name, value in sorted(found.headers.items()):
        typer.echo(f"{name}: {value}")
    typer.echo(found.payload.decode(errors="replace"))


@app.command()
def replay(
    letters: list[str] = typer.Argument(help="The letters' ids."), tenant: str = Tenant
) -> None:
    """Send letters again, mapped by today's configuration; harmless when done twice."""
    from paceline.settings import Settings, load  # noqa: PLC0415 - `--help` stays quick

    settings = load(Settings)
    failed = with_sql(lambda engine: _replay(engine, settings, tenant, letters))
    if failed:
        raise UserError(f"{failed} of {len(letters)} could not be replayed")


async def _replay(engine: AsyncEngine, settings: Settings, tenant: str, letters: list[str]) -> int:
    found = [(await _find(engine, tenant, letter)).letter for letter in letters]
    async with _sending(settings, tenant) as send:
        done = [await _again(engine, send, letter) for letter in found]
    return done.count(False)


@asynccontextmanager
async def _sending(settings: Settings, tenant: str) -> AsyncIterator[Send]:
    from paceline.kafka import make_producer  # noqa: PLC0415 - `--help` stays quick
    from schemas import topics  # noqa: PLC0415 - the same

    partition = topics.partition_of(tenant, settings.partitions)
    producer = make_producer(settings.kafka, idempotent=settings.idempotent_producer)
    await producer.start()

    async def send(value: bytes) -> None:
        key = tenant.encode()
        await producer.send_and_wait(topics.EVENTS, value, key=key, partition=partition)

    try:
        yield send
    finally:
        await producer.stop()


async def _again(engine: AsyncEngine, send: Send, letter: DeadLetter) -> bool:
    from paceline.sql import dead  # noqa: PLC0415 - `--help` stays quick
    from paceline.sql.engine import writing  # noqa: PLC0415 - the same

    try:
        values = await _values(engine, letter)
    except ValueError as error:
        typer.echo(f"{letter.id}: still unusable: {error}", err=True)
        return False
    for value in values:
        await send(value)
    # Only now: a crash before it sends the letter twice, which changes nothing.
    async with writing(engine) as session:
        await dead.mark_replayed(session, letter.tenant, letter.id)
    typer.echo(f"{letter.id}: {len(values)} events sent again")
    return True


async def _values(engine: AsyncEngine, letter: DeadLetter) -> list[bytes]:
    from schemas import envelope  # noqa: PLC0415 - `--help` stays quick

    if letter.stage == "aggregate":
        return [letter.payload]
    from paceline.sql.connections import find_connection  # noqa: PLC0415 - the same
    from paceline.sql.engine import reading  # noqa: PLC0415 - the same

    async with reading(engine) as session:
        connection = await find_connection(session, letter.connection)
    if connection is None or connection.tenant != letter.tenant:
        raise ValueError(f"its connection {letter.connection!r} is gone")
    remap = import_module("services.ingest.replay").remap
    return [envelope.encode(event) for event in remap(letter, connection)]


async def _find(engine: AsyncEngine, tenant: str, letter: str) -> StoredLetter:
    from paceline.sql import dead  # noqa: PLC0415 - `--help` stays quick
    from paceline.sql.engine import reading  # noqa: PLC0415 - the same

    async with reading(engine) as session:
        stored = await dead.find(session, tenant, letter)
    if stored is None:
        raise UserError(f"tenant {tenant!r} has no dead letter {letter!r}")
    return stored


def _line(stored: StoredLetter) -> str:
    letter = stored.letter
    at = datetime.fromtimestamp(letter.at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    again = f"  replayed {stored.replays}x" if stored.replays else ""
    place = f"{letter.stage}/{letter.connection}"
    return f"{letter.id}  {at}  {place}  {letter.reason}{again}  {letter.detail[:120]}"
