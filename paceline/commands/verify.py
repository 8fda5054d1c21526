"""`paceline verify`: every live number counted again from the archive, and compared.

In: the settings. Out: the drift per measure and the first places, for people or as JSON. Guarantee:
it only reads, at any time; exit code 0 where everything is right, 1 where anything differs, 2 where
it could not be told.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from paceline.settings import Settings
    from paceline.verify.places import Checked, Place
    from paceline.verify.tenants import Result

_OFF = False

Tenant = typer.Option(None, "--tenant", "-t", help="Only this one; else all of them.")
Json = typer.Option(_OFF, "--json", help="One JSON document a run.")
Watch = typer.Option(
    None,
    "--watch",
    min=1.0,
    help="Again and again, with so many seconds between; metrics on PACELINE_METRICS_PORT.",
)
First = typer.Option(20, "--first", min=0, help="How many places to name, for each tenant.")
Wait = typer.Option(
    30.0, "--wait", min=0.0, help="Seconds that the ledger may take to archive what was counted."
)
DataDir = typer.Option(
    Path("paceline-data"), "--data-dir", help="Of `paceline up`; used where nothing is set."
)


def verify(
    tenant: str | None = Tenant,
    as_json: bool = Json,  # noqa: FBT001 - typer's way of a flag
    watch: float | None = Watch,
    first: int = First,
    wait: float = Wait,
    data_dir: Path = DataDir,
) -> None:
    """Count every number again from the archive; 1 where Redis differs, 2 where nobody can say."""
    from paceline.settings import Settings, load  # noqa: PLC0415 - `--help` stays quick
    from paceline.supervisor.settings import adopt  # noqa: PLC0415 - the same
    from paceline.verify.tenants import status  # noqa: PLC0415 - the same

    adopt(data_dir)
    settings = load(Settings)

    async def once() -> list[Result]:
        results = await _once(settings, tenant, first, wait)
        _print(results, as_json=as_json)
        return results

    if watch is None:
        code = status(asyncio.run(once()))
        if code:
            raise typer.Exit(code)
        return
    asyncio.run(_watch(settings, once, watch))


async def _once(settings: Settings, tenant: str | None, first: int, wait: float) -> list[Result]:
    from paceline.redis import make_client  # noqa: PLC0415 - `--help` stays quick
    from paceline.sql.engine import engine_for  # noqa: PLC0415 - the same
    from paceline.sql.migrate import require_current  # noqa: PLC0415 - the same
    from paceline.verify.archive import SqlArchive  # noqa: PLC0415 - the same
    from paceline.verify.tenants import verify as verify_tenants  # noqa: PLC0415 - the same

    async with AsyncExitStack() as stack:
        # It only reads, so that trying again is harmless.
        redis = make_client(settings.redis, connections=2, retries=2)
        stack.push_async_callback(redis.aclose)
        engine = engine_for(settings.sql)
        stack.push_async_callback(engine.dispose)
        await require_current(engine)
        return await verify_tenants(
            redis,
            SqlArchive(engine),
            settings.partitions,
            tenant,
            first=first,
            patience_s=wait,
        )


async def _watch(
    settings: Settings, once: Callable[[], Awaitable[list[Result]]], every: float
) -> None:
    """Until SIGINT or SIGTERM; what is away is logged, and looked at again."""
    from prometheus_client import start_http_server  # noqa: PLC0415 - `--help` stays quick
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - the same

    from paceline.sql.migrate import SchemaError  # noqa: PLC0415 - the same

    if settings.metrics_port:
        start_http_server(settings.metrics_port, settings.metrics_host)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    while not told.is_set():
        began = time.monotonic()
        try:
            measure(await once(), time.monotonic() - began)
        except (SQLAlchemyError, SchemaError, OSError) as error:
            measure([], time.monotonic() - began)
            sys.stderr.write(f"not verified: {str(error).splitlines()[0]}\n")
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), every)


def measure(results: list[Result], seconds: float) -> None:
    """What Prometheus is told of a run; no results: not even the tenants could be read."""
    from paceline import metrics  # noqa: PLC0415 - `--help` stays quick
    from paceline.verify.places import KINDS, Checked  # noqa: PLC0415 - the same

    checked = [one for one in results if isinstance(one, Checked)]
    for kind in KINDS:
        metrics.VERIFY_DRIFT.labels(kind).set(sum(one.kinds.get(kind, 0) for one in checked))
    wrong = sum(bool(one.places) for one in checked)
    outcomes = {"right": len(checked) - wrong, "wrong": wrong}
    outcomes["unchecked"] = len(results) - len(checked) if results else 1
    for outcome, count in outcomes.items():
        metrics.VERIFY_TENANTS.labels(outcome).set(count)
    metrics.VERIFY_SECONDS.set(seconds)
    metrics.VERIFY_AT.set(time.time())


def _print(results: list[Result], *, as_json: bool) -> None:
    if as_json:
        import msgspec  # noqa: PLC0415 - `--help` stays quick

        sys.stdout.write(msgspec.json.encode(results).decode() + "\n")
        sys.stdout.flush()
        return
    from rich.console import Console  # noqa: PLC0415 - `--help` stays quick

    from paceline.verify.places import Checked  # noqa: PLC0415 - the same

    console = Console(highlight=False)
    for one in results:
        if isinstance(one, Checked):
            _show(console, one)
        else:
            about = f"{one.tenant}: " if one.tenant else ""
            console.print(f"? {about}{one.why}", style="yellow", markup=False, soft_wrap=True)
            console.print(f"  → {one.fix}", markup=False, soft_wrap=True)


def _show(console: Console, one: Checked) -> None:
    at = f"{one.position}" + (f" + {one.backfill} of history" if one.backfill else "")
    looked = (
        f"{one.tenant}: {one.records} events, {one.entities} deals and activities, {one.panes} "
        f"hashes of panes; generation {one.generation}, partition {one.partition}, "
        f"position {at}; {one.seconds:.1f} s"
    )
    console.print(looked, markup=False, soft_wrap=True)
    if not one.places:
        console.print("✓ no drift" + _FACTS[one.facts], style="green")
        return
    console.print(f"✗ {one.places} places differ", style="red")
    console.print(_table(one))
    for place in one.first:
        console.print(f"  {said(place)}", markup=False, soft_wrap=True)
    if one.places > len(one.first):
        console.print(f"  and {one.places - len(one.first)} more", markup=False)
    console.print(f"  → {_FIX.format(one.tenant)}", markup=False, soft_wrap=True)


_FIX = "`paceline rebuild -t {}` counts it anew from the archive, beside what is shown"
_FACTS = {
    True: ", in the ledger's facts neither",
    False: "; the ledger's facts are not all there yet, and were not compared",
}


def _table(one: Checked) -> Table:
    from rich.table import Table  # noqa: PLC0415 - `--help` stays quick

    table = Table(box=None, pad_edge=False)
    for name in ("measure", "owners", "places", "drift"):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for drift in one.drift:
        table.add_row(drift.measure, str(drift.owners), str(drift.places), str(drift.total))
    return table


def said(place: Place) -> str:
    """One place in one line.

    >>> from paceline.verify.places import Place
    >>> said(Place(kind="pane", owner="crm/7", grain="d", span="202611", field="won_n:20",
    ...            stored=2, right=1))
    'crm/7 d 202611 won_n:20: stored 2, right 1'
    """
    kind = "" if place.kind == "pane" else place.kind
    where = [kind, place.owner, place.grain, place.span, place.field]
    stored = "nothing" if place.stored is None else place.stored
    right = "nothing" if place.right is None else place.right
    return f"{' '.join(part for part in where if part)}: stored {stored}, right {right}"
