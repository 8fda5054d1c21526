"""`paceline restore`: a partition's numbers from the archive and the log, exact.

In: the settings. Out: the state of every partition, until all are whole. Guarantee: this command
never writes a number; the aggregators do, through the fence, and they notice by themselves that a
partition is empty. With `--empty` it deletes what Redis holds of a partition in one step, so that
nothing of the new numbers can be among what is deleted.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from paceline.commands.failures import UserError

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from sqlalchemy.ext.asyncio import AsyncEngine

    from paceline.checkup.restoring import Progress
    from paceline.settings import Settings

_OFF = False
_POLL_S = 0.25
_NOBODY_AFTER_S = 15.0

# All or nothing: a worker that sees its claim gone restores at once, and would be deleted from
# in the middle of it. Redis stands still for about a second per million keys.
_EMPTY = """
local count = 0
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':*')) do
  count = count + redis.call('UNLINK', key)
end
return count
"""

Empty = typer.Option(_OFF, "--empty", help="First delete what Redis holds of these partitions.")
Yes = typer.Option(_OFF, "--yes", "-y", help="Do not ask.")
Partition = typer.Option(None, "--partition", "-p", help="Only this one; may be repeated.")
DataDir = typer.Option(
    Path("paceline-data"), "--data-dir", help="Of `paceline up`; used where nothing is set."
)


def restore(
    empty: bool = Empty,  # noqa: FBT001 - typer's way of a flag
    yes: bool = Yes,  # noqa: FBT001 - the same
    partition: list[int] | None = Partition,
    data_dir: Path = DataDir,
) -> None:
    """Wait until the aggregators have put every number back from the archive."""
    from paceline.settings import Settings, load  # noqa: PLC0415 - `--help` stays quick
    from paceline.supervisor.settings import adopt  # noqa: PLC0415 - the same

    adopt(data_dir)
    settings = load(Settings)
    chosen = _chosen(partition, settings.partitions)
    if empty and not yes:
        question = f"Delete all numbers of {len(chosen)} partitions and restore them?"
        typer.confirm(question, abort=True)
    asyncio.run(_restore(settings, chosen, empty=empty))


def _chosen(wanted: list[int] | None, partitions: int) -> list[int]:
    chosen = sorted(set(wanted)) if wanted else list(range(partitions))
    if chosen[-1] >= partitions or chosen[0] < 0:
        raise UserError(f"there are partitions 0 to {partitions - 1}, no others")
    return chosen


async def _restore(settings: Settings, chosen: list[int], *, empty: bool) -> None:
    from paceline.kafka import read_incarnation  # noqa: PLC0415 - `--help` stays quick
    from paceline.redis import make_client  # noqa: PLC0415 - the same
    from paceline.sql.engine import engine_for  # noqa: PLC0415 - the same

    async with AsyncExitStack() as stack:
        redis = make_client(settings.redis, connections=4)
        stack.push_async_callback(redis.aclose)
        engine = engine_for(settings.sql)
        stack.push_async_callback(engine.dispose)
        if empty:
            await _empty(redis, chosen)
        incarnation = await read_incarnation(settings.kafka)
        last = await _wait(redis, engine, incarnation, chosen)
        _tell(last)


async def _empty(redis: Redis, chosen: list[int]) -> None:
    count = sum([int(await redis.eval(_EMPTY, 0, f"{{{p}}}")) for p in chosen])
    typer.echo(f"emptied: {count} keys")


async def _wait(
    redis: Redis, engine: AsyncEngine, incarnation: str | None, chosen: list[int]
) -> list[Progress]:
    from rich.progress import Progress as Bar  # noqa: PLC0415 - `--help` stays quick

    from paceline.checkup.restoring import progress  # noqa: PLC0415 - the same

    started = time.monotonic()
    with Bar() as bar:
        task = bar.add_task("archived records in the numbers", total=None)
        while True:
            found = await progress(redis, engine, incarnation, chosen)
            done, total = sum(one.done for one in found), sum(one.total for one in found)
            bar.update(task, completed=done, total=max(1, total))
            if all(one.whole for one in found):
                bar.update(task, completed=1, total=1)
                return found
            _check_somebody(found, time.monotonic() - started)
            await asyncio.sleep(_POLL_S)


def _check_somebody(found: list[Progress], waited: float) -> None:
    """End with a sentence where nobody works."""
    nobody = [str(one.partition) for one in found if one.epoch is None]
    if nobody and waited > _NOBODY_AFTER_S:
        raise UserError(
            f"no aggregator has taken partition {', '.join(nobody)} in {_NOBODY_AFTER_S:g} s: "
            "start `paceline aggregator` (or `paceline up`); it restores by itself, and this "
            "command may be given again to watch it"
        )


def _tell(found: list[Progress]) -> None:
    for one in found:
        typer.echo(
            f"partition {one.partition}: whole; {one.total} records archived, "
            f"position {one.position}, archive ends at {one.archive_end}"
        )
