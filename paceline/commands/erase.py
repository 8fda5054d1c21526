"""`paceline erase customer|rep`: what is held about somebody goes; the sums stay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import author, with_sql_of_up

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.privacy.erasure import Erased, Publish
    from paceline.settings import Settings
    from schemas.envelope import Event

app = typer.Typer(help="Erasure: fields go, sums stay; the audit has it.", no_args_is_help=True)

_OFF = False
ARCHIVED_WITHIN_S = 60.0
_LOOK_S = 0.2

Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id.")
Yes = typer.Option(_OFF, "--yes", help="Do not ask.")
DryRun = typer.Option(_OFF, "--dry-run", help="Print what is held; change nothing.")


@app.command()
def customer(
    account: str = typer.Argument("", help="The account, as the CRM sends it."),
    entity: list[str] = typer.Option(
        [], help="Besides or instead: an entity's key, such as d:hubspot-main:9001."
    ),
    tenant: str = Tenant,
    dry_run: bool = DryRun,  # noqa: FBT001 - typer's way of a flag
    yes: bool = Yes,  # noqa: FBT001 - the same
) -> None:
    """Erase a customer: its deals and activities keep their numbers and lose all other fields."""
    if not account and not entity:
        raise UserError("say whom: the account, or --entity d:CONNECTION:ID")
    held, letters = with_sql_of_up(lambda engine: _counted(engine, tenant, account, entity))
    typer.echo(f"held: {held} deals and activities, {letters} dead letters")
    if dry_run or not (held or letters):
        return
    _confirm(account or ", ".join(entity), yes=yes)

    async def run(engine: AsyncEngine) -> Erased:
        from paceline.privacy.erasure import erase_customer  # noqa: PLC0415 - `--help` stays quick
        from paceline.privacy.scrub import NamedInMeasureError  # noqa: PLC0415 - the same
        from paceline.privacy.search import Search  # noqa: PLC0415 - the same
        from paceline.settings import Settings, load  # noqa: PLC0415 - the same

        search = Search(account or None, frozenset(entity))
        async with publishing(engine, load(Settings), tenant) as publish:
            try:
                return await erase_customer(engine, publish, tenant, search, actor=author())
            except NamedInMeasureError as error:
                raise UserError(str(error)) from None

    done = with_sql_of_up(run)
    typer.echo(
        f"erased: {done.entities} deals and activities, {done.events} archived events, "
        f"{done.letters} dead letters; the customer is {done.pseudonym} now"
    )
    typer.echo("the CRM still has it: what it sends from now on is stored again")


@app.command()
def rep(
    rep: str = typer.Argument(help="The rep's id."),
    tenant: str = Tenant,
    yes: bool = Yes,  # noqa: FBT001 - typer's way of a flag
) -> None:
    """Erase a person: the id takes the place of the names, the keys end, the numbers stay."""
    _confirm(rep, yes=yes)

    async def run(engine: AsyncEngine) -> list[str]:
        from paceline.privacy.erasure import erase_person  # noqa: PLC0415 - `--help` stays quick

        try:
            return await erase_person(engine, tenant, rep, actor=author())
        except KeyError:
            raise UserError(f"tenant {tenant} has no rep {rep}") from None

    names = with_sql_of_up(run)
    typer.echo(f"erased: {len(names)} names of {rep}; all keys of {rep} have ended")
    typer.echo("take the name out of paceline.yaml too, or the next `paceline apply` restores it")


async def _counted(
    engine: AsyncEngine, tenant: str, account: str, entity: Sequence[str]
) -> tuple[int, int]:
    from paceline.privacy.erasure import find  # noqa: PLC0415 - `--help` stays quick
    from paceline.privacy.search import Search  # noqa: PLC0415 - the same

    found = await find(engine, tenant, Search(account or None, frozenset(entity)))
    return len(found.entities), len(found.letters)


@asynccontextmanager
async def publishing(
    engine: AsyncEngine, settings: Settings, tenant: str
) -> AsyncIterator[Publish]:
    """Sends events to the tenant's log; each call returns once they are archived."""
    from paceline.kafka import IncarnationReader, make_producer  # noqa: PLC0415 - quick `--help`
    from schemas import topics  # noqa: PLC0415 - the same
    from schemas.envelope import encode  # noqa: PLC0415 - the same

    partition = topics.partition_of(tenant, settings.partitions)
    producer = make_producer(settings.kafka, idempotent=settings.idempotent_producer)
    await producer.start()

    async def publish(events: Sequence[Event]) -> None:
        end = 0
        for event in events:
            sent = await producer.send_and_wait(
                topics.EVENTS, encode(event), key=tenant.encode(), partition=partition
            )
            end = sent.offset + 1
        async with IncarnationReader(settings.kafka) as reader:
            await _archived(engine, partition, str(await reader.read()), end)

    try:
        yield publish
    finally:
        await producer.stop()


async def _archived(engine: AsyncEngine, partition: int, incarnation: str, end: int) -> None:
    from paceline.sql import archive  # noqa: PLC0415 - `--help` stays quick
    from paceline.sql.engine import reading  # noqa: PLC0415 - the same

    deadline = time.monotonic() + ARCHIVED_WITHIN_S
    while True:
        async with reading(engine) as session:
            if await archive.end(session, partition, incarnation) >= end:
                return
        if time.monotonic() > deadline:
            raise UserError("the ledger does not archive: start it, then say this again")
        await asyncio.sleep(_LOOK_S)


def _confirm(whom: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(f"Erase what is held about {whom}? It cannot be undone."):
        raise UserError("nothing was erased")
