"""`paceline rebuild`: a tenant's numbers anew, beside the live ones, which stand until the switch.

In: a tenant. Out: progress, the differences, the switch. Guarantee: the aggregator builds, whether
this command goes on or not; given again it follows what is under way; nothing is switched to that
was asked to be looked at first.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from paceline.commands.failures import UserError
from paceline.commands.running import author

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.rebuild.following import Look
    from paceline.rebuild.preview import Difference, Preview
    from paceline.settings import Settings
    from paceline.sql.generations import Decision, Generation
    from paceline.sql.org import Org

_OFF = False
_POLL_S = 0.2
_NOBODY_AFTER_S = 10.0

Tenant = typer.Option(..., "--tenant", "-t", help="The tenant's id.")
ShowFirst = typer.Option(
    _OFF, "--preview", help="Build and hold; print what will differ per rep; then ask."
)
Release = typer.Option(_OFF, "--release", help="Let the numbers that are held be the live ones.")
Discard = typer.Option(_OFF, "--discard", help="Throw away the numbers that are held.")
Json = typer.Option(_OFF, "--json", help="With --preview: every difference, as one document.")
First = typer.Option(40, "--first", min=0, help="With --preview: how many differences to print.")
DataDir = typer.Option(
    Path("paceline-data"), "--data-dir", help="Of `paceline up`; used where nothing is set."
)


class Doors(NamedTuple):
    """What the command speaks with."""

    redis: Redis
    engine: AsyncEngine
    settings: Settings
    tenant: str


def rebuild(
    tenant: str = Tenant,
    preview: bool = ShowFirst,  # noqa: FBT001 - typer's way of a flag
    release: bool = Release,  # noqa: FBT001 - the same
    discard: bool = Discard,  # noqa: FBT001 - the same
    as_json: bool = Json,  # noqa: FBT001 - the same
    first: int = First,
    data_dir: Path = DataDir,
) -> None:
    """Count a tenant's numbers anew from the archive; readers see the old ones until the switch."""
    from paceline.settings import Settings, load  # noqa: PLC0415 - `--help` stays quick
    from paceline.supervisor.settings import adopt  # noqa: PLC0415 - the same

    if preview + release + discard > 1:
        raise UserError("give one of --preview, --release, --discard")
    adopt(data_dir)
    settings = load(Settings)

    async def run() -> None:
        async with AsyncExitStack() as stack:
            doors = await _opened(stack, settings, tenant)
            if release or discard:
                await _decide(doors, "release" if release else "discard")
            elif preview:
                await _preview(doors, first, as_json=as_json)
            else:
                await _follow(doors, await _begun(doors, held=False), until_held=False)

    asyncio.run(run())


async def _opened(stack: AsyncExitStack, settings: Settings, tenant: str) -> Doors:
    from paceline.redis import make_client  # noqa: PLC0415 - `--help` stays quick
    from paceline.sql.engine import engine_for  # noqa: PLC0415 - the same
    from paceline.sql.migrate import require_current  # noqa: PLC0415 - the same

    redis = make_client(settings.redis, connections=4, retries=2)
    stack.push_async_callback(redis.aclose)
    engine = engine_for(settings.sql)
    stack.push_async_callback(engine.dispose)
    await require_current(engine)
    return Doors(redis, engine, settings, tenant)


async def _latest(doors: Doors) -> Generation:
    from paceline.sql import generations  # noqa: PLC0415 - `--help` stays quick
    from paceline.sql.engine import reading  # noqa: PLC0415 - the same

    async with reading(doors.engine) as session:
        last = await generations.latest(session, doors.tenant)
    if last is None:
        raise UserError(f"no tenant {doors.tenant!r} has numbers; see `paceline apply`")
    return last


async def _begun(doors: Doors, *, held: bool) -> int:
    """The generation to follow: the one under way, or a new one."""
    last = await _latest(doors)
    if last.waits and held:
        return last.generation
    if last.waits:
        raise UserError(
            f"generation {last.generation} of {doors.tenant} is held: look at it with --preview, "
            "then give --release or --discard"
        )
    under_way = (await _look(doors, last.generation, 0)).live < last.generation
    if under_way and held:
        raise UserError(f"generation {last.generation} is on its way already; follow it first")
    return last.generation if under_way else await _added(doors, held=held)


async def _added(doors: Doors, *, held: bool) -> int:
    from kpi import CODE  # noqa: PLC0415 - `--help` stays quick
    from paceline.admin.session import transaction  # noqa: PLC0415 - the same
    from paceline.config.meaning import meaning_of  # noqa: PLC0415 - the same
    from paceline.config.store import read_state  # noqa: PLC0415 - the same
    from paceline.sql import generations  # noqa: PLC0415 - the same
    from paceline.sql.changes import Deed, settle  # noqa: PLC0415 - the same

    async with transaction(doors.engine, dry_run=False) as session:
        state = await read_state(session, doors.tenant)
        if state is None:
            raise UserError(f"no tenant {doors.tenant!r}; see `paceline apply`")
        number = await generations.add(session, doors.tenant, meaning_of(state, CODE), held=held)
        deed = Deed(action="rebuild", kind="generations", subject=str(number), after={"held": held})
        await settle(session, doors.tenant, author(), [deed])
    return number


async def _decide(doors: Doors, decision: Decision) -> None:
    from paceline.admin.session import transaction  # noqa: PLC0415 - `--help` stays quick
    from paceline.sql import generations  # noqa: PLC0415 - the same
    from paceline.sql.changes import Deed, settle  # noqa: PLC0415 - the same

    last = await _latest(doors)
    async with transaction(doors.engine, dry_run=False) as session:
        if not await generations.decide(session, doors.tenant, last.generation, decision):
            raise UserError(f"no generation of {doors.tenant} is held")
        deed = Deed(action=decision, kind="generations", subject=str(last.generation))
        await settle(session, doors.tenant, author(), [deed])
    if decision == "release":
        await _follow(doors, last.generation, until_held=False)
    else:
        typer.echo(f"generation {last.generation} is discarded; its keys expire")


async def _preview(doors: Doors, first: int, *, as_json: bool) -> None:
    from paceline.rebuild.preview import NotBuiltError, preview  # noqa: PLC0415
    from schemas import topics  # noqa: PLC0415 - `--help` stays quick

    generation = await _begun(doors, held=True)
    await _follow(doors, generation, until_held=True, quiet=as_json)
    p = topics.partition_of(doors.tenant, doors.settings.partitions)
    try:
        found = await preview(doors.redis, p, doors.tenant, generation)
    except NotBuiltError:
        raise UserError(f"generation {generation} was decided on meanwhile") from None
    if as_json:
        import msgspec  # noqa: PLC0415 - `--help` stays quick

        typer.echo(msgspec.json.encode(found).decode())
        return
    await _print(doors, found, first)
    if sys.stdin.isatty() and sys.stdout.isatty() and typer.confirm("Switch to them now?"):
        await _decide(doors, "release")
        return
    typer.echo(
        f"held: `paceline rebuild -t {doors.tenant} --release` switches to generation "
        f"{generation}, --discard throws it away"
    )


async def _look(doors: Doors, generation: int, records: int) -> Look:
    from paceline.rebuild.following import look  # noqa: PLC0415 - `--help` stays quick

    partitions = doors.settings.partitions
    return await look(doors.redis, doors.engine, partitions, doors.tenant, generation, records)


async def _follow(doors: Doors, generation: int, *, until_held: bool, quiet: bool = False) -> None:
    """Show the progress until it is live, or until it is whole and held."""
    from rich.console import Console  # noqa: PLC0415 - `--help` stays quick
    from rich.progress import (  # noqa: PLC0415 - the same
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from paceline.rebuild.following import total  # noqa: PLC0415 - the same

    records = await total(doors.engine, doors.settings.partitions, doors.tenant)
    began, first = time.monotonic(), None
    columns = (
        TextColumn("generation {task.fields[generation]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, disable=quiet, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=max(1, records), generation=generation, rate="")
        while True:
            found = await _look(doors, generation, records)
            first = found.done if first is None else first
            seconds = time.monotonic() - began
            rate = f"{(found.done - first) / seconds:,.0f} events/s" if seconds else ""
            bar.update(task, completed=min(found.done, records), rate=rate)
            if found.live >= generation or (until_held and found.held and found.whole):
                bar.update(task, completed=max(1, records))
                break
            _check_somebody(found, seconds)
            await asyncio.sleep(_POLL_S)
    if not quiet and found.live >= generation:
        typer.echo(f"generation {found.live} is live: {records} archived records, {seconds:.1f} s")


def _check_somebody(found: Look, waited: float) -> None:
    if waited < _NOBODY_AFTER_S or found.restoring:
        return
    if not found.published:
        raise UserError(
            "nobody has written the activation into the log: start `paceline ingest` (or "
            "`paceline up`); this command may be given again to follow it"
        )
    if not found.waiting:
        raise UserError(
            "no aggregator has begun: start `paceline aggregator` (or `paceline up`), or wait for "
            "one that is behind (`paceline doctor`); this command may be given again to follow it"
        )


async def _print(doors: Doors, found: Preview, first: int) -> None:
    from rich.console import Console  # noqa: PLC0415 - `--help` stays quick
    from rich.table import Table  # noqa: PLC0415 - the same

    from paceline.sql.engine import reading  # noqa: PLC0415 - the same
    from paceline.sql.org import load_org  # noqa: PLC0415 - the same

    console = Console(highlight=False)
    if not found.same_place:
        console.print("events came all the while: some differences are theirs", style="yellow")
    about = f"{found.numbers} numbers of {found.tenant} compared at position {found.position}"
    if not found.differences:
        console.print(f"{about}: generation {found.held} has the same ones", soft_wrap=True)
        return
    console.print(f"{about}; {len(found.differences)} will differ:", soft_wrap=True)
    async with reading(doors.engine) as session:
        org = await load_org(session, doors.tenant)
    shown = [one for one in found.differences if not is_sketch(one.measure)]
    table = Table(box=None, pad_edge=False)
    for name in ("rep", "measure", "month", "now", "then", "difference"):
        table.add_column(name, justify="right" if name in ("now", "then", "difference") else "left")
    for one in shown[:first]:
        table.add_row(*row(one, _name(org, one.owner)))
    console.print(table)
    if len(shown) > first:
        console.print(f"  and {len(shown) - first} more (--first, or --json for all)")
    if len(shown) < len(found.differences):
        console.print(f"  and {len(found.differences) - len(shown)} classes of durations")


def _name(org: Org | None, owner: str) -> str:
    connection, _, id_ = owner.partition("/")
    rep = org.rep_of(connection, id_) if org else None
    return rep.name if rep else (owner if id_ else f"{connection}: nobody")


def is_sketch(measure: str) -> bool:
    """Whether it is a class of a distribution of durations, and no number by itself.

    >>> is_sketch("cycle:117"), is_sketch("won:USD")
    (True, False)
    """
    return measure.partition(":")[0] in ("cycle", "resp")


def row(one: Difference, name: str) -> tuple[str, ...]:
    """One difference as the cells of the table; money in major units.

    >>> from paceline.rebuild.preview import Difference
    >>> one = Difference(owner="crm/7", measure="won:USD", month="2026-11", now=120050, then=0)
    >>> row(one, "Ana")
    ('Ana', 'won:USD', '2026-11', '1,200.50', '0.00', '-1,200.50')
    """
    from kpi.currency import FAMILIES  # noqa: PLC0415 - `--help` stays quick
    from kpi.money import EXPONENTS  # noqa: PLC0415 - the same

    family, _, currency = one.measure.partition(":")
    digits = EXPONENTS.get(currency[:3], 2) if family in FAMILIES and currency else 0
    cells = [f"{amount / 10**digits:,.{digits}f}" for amount in (one.now, one.then)]
    difference = f"{(one.then - one.now) / 10**digits:+,.{digits}f}"
    return name, one.measure, one.month, *cells, difference
