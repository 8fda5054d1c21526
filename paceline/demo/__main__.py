"""`python -m paceline.demo`: the simulated CRM as a process.

In: the address of a webhook and the name of the variable that holds its secret. Out: a told past,
then live events until it is told to end. Guarantee: it speaks HTTP only, like any other portal.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from random import Random

from paceline.demo.memory import Memory, first_id, keep, recall
from paceline.demo.organisation import SECRET_ENV, sellers
from paceline.demo.portal import Portal, Refused
from paceline.demo.story import next_scene, past
from paceline.demo.world import World

_KEEP_EVERY_S = 2.0


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 1 where the receiver refuses."""
    said = _parser().parse_args(arguments)
    secret = os.environ.get(said.secret_env, "")
    if not secret:
        sys.stderr.write(f"{said.secret_env} is not set: it holds the webhook's secret\n")
        return 2
    try:
        asyncio.run(_until_told(said, secret))
    except Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m paceline.demo", description=__doc__)
    parser.add_argument("--url", required=True, help="where a portal would post its webhooks")
    parser.add_argument("--secret-env", default=SECRET_ENV, help="the variable with the secret")
    parser.add_argument("--rate", type=float, default=3.0, help="live events a second; 0: none")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another story")
    parser.add_argument("--memory", type=Path, default=Path("crm.json"), help="kept over restarts")
    return parser


async def _until_told(said: argparse.Namespace, secret: str) -> None:
    work = asyncio.ensure_future(_live(said, secret))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        return


async def _live(said: argparse.Namespace, secret: str) -> None:
    memory = recall(said.memory, _now())
    # Every start draws other dice, but the same ones from the same memory.
    random = Random(f"{said.seed}:{memory.state.next_id}")  # noqa: S311 - a story, no secret
    world = World(random, sellers(), memory.state)
    portal = Portal(said.url, secret, random)
    try:
        if not memory.told:
            await _tell_past(world, random, portal, memory, said.memory)
        world.state.next_id = max(world.state.next_id, first_id(_now()))
        await _tell_present(world, random, portal, memory, said)
    finally:
        if memory.told:
            keep(said.memory, memory)
        await portal.close()


async def _tell_past(
    world: World, random: Random, portal: Portal, memory: Memory, file: Path
) -> None:
    # Kept before the first event is sent: a start that is cut short begins with the same past.
    keep(file, memory)
    events = past(world, random, memory.founded_at)
    started = time.monotonic()
    await portal.post_all(events)
    memory.told = True
    keep(file, memory)
    _say(f"told {len(events)} events of the past in {time.monotonic() - started:.1f} s")


async def _tell_present(
    world: World, random: Random, portal: Portal, memory: Memory, said: argparse.Namespace
) -> None:
    kept = time.monotonic()
    while True:
        if said.rate <= 0:
            await asyncio.Event().wait()
        scene = next_scene(world, random, _now())
        await asyncio.gather(portal.post(scene), asyncio.sleep(len(scene) / said.rate))
        if time.monotonic() - kept > _KEEP_EVERY_S:
            keep(said.memory, memory)
            kept = time.monotonic()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
