"""`paceline doctor`: what is reachable, how far each part is, and what to do about what is wrong.

In: the settings. Out: a table for people, JSON for programs. Guarantee: it only looks; the exit
code is 1 where something is wrong.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from paceline.checkup.facts import Lag, Report

_OFF = False
_WRONG = 1
_MIB = 1 << 20

Json = typer.Option(_OFF, "--json", help="Print one JSON document.")
DataDir = typer.Option(
    Path("paceline-data"), "--data-dir", help="Of `paceline up`; used where nothing is set."
)


def doctor(
    as_json: bool = Json,  # noqa: FBT001 - typer's way of a flag
    data_dir: Path = DataDir,
) -> None:
    """Look at Kafka, Redis, SQL, the journal and every partition; 1 where something is wrong."""
    import msgspec  # noqa: PLC0415 - `--help` stays quick

    from paceline.checkup.report import report  # noqa: PLC0415 - the same
    from paceline.settings import Settings, load  # noqa: PLC0415 - the same
    from paceline.supervisor.settings import adopt  # noqa: PLC0415 - the same

    adopt(data_dir)
    found = asyncio.run(report(load(Settings)))
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        _show(found)
    if not found.healthy:
        raise typer.Exit(_WRONG)


def _show(found: Report) -> None:
    from rich.console import Console  # noqa: PLC0415 - `--help` stays quick

    console = Console(highlight=False)
    for line in _lines(found):
        console.print(line, markup=False, soft_wrap=True)
    console.print(_table(found.partitions))
    for problem in found.problems:
        console.print(f"✗ {problem.what}", style="red", markup=False, soft_wrap=True)
        console.print(f"  → {problem.fix}", markup=False, soft_wrap=True)
    if found.healthy:
        console.print("✓ nothing is wrong", style="green")


def _lines(found: Report) -> list[str]:
    lines = []
    if found.kafka is not None:
        topics = ", ".join(f"{name} ({n})" for name, n in found.kafka.topics.items())
        lines.append(f"Kafka    {', '.join(found.kafka.brokers)}; topics: {topics}")
        lines.append(f"         incarnation {found.kafka.incarnation or 'none'}")
    if found.redis is not None:
        one = found.redis
        limit = f"{one.maxmemory / _MIB:.0f} MiB" if one.maxmemory else "no limit"
        memory = f"{one.memory / _MIB:.1f} MiB used, {limit}"
        lines.append(f"Redis    {one.address}; {one.version}, {one.policy}, {memory}")
    if found.sql is not None:
        lines.append(f"SQL      revision {found.sql.revision}; {len(found.sql.tenants)} tenants")
        dead = ", ".join(f"{reason} {n}" for reason, n in sorted(found.sql.dead.items()))
        lines.append(
            f"Dead     {sum(found.sql.dead.values())} letters{f': {dead}' if dead else ''}"
        )
    return [*lines, f"Journal  {found.journal_bytes} bytes"]


def _table(partitions: list[Lag]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - `--help` stays quick

    table = Table(box=None, pad_edge=False)
    for name in ("partition", "log end", "in numbers", "lag", "archived", "ledger lag", "owner"):
        table.add_column(name, justify="left" if name == "owner" else "right")
    for one in partitions:
        counts = (one.end, one.next_offset, one.lag, one.archived, one.ledger_lag)
        told = ["?" if count is None else str(count) for count in counts]
        table.add_row(str(one.partition), *told, _owner(one))
    return table


def _owner(one: Lag) -> str:
    if one.restoring:
        return "restoring"
    return "claimed" if one.claimed else "none"
