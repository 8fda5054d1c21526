"""Workers that die, sleep, come and go, on the embedded broker and on Apache Kafka."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.faults.site import SESSION_S, Site, eventually
from tests.support.servers import Server


async def test_a_killed_and_a_paused_worker_lose_nothing(site: Site) -> None:
    """Two workers: SIGKILL for one; SIGSTOP for the other past its session, a third, SIGCONT."""
    killed, paused = site.start(), site.start()
    await site.crm.send(2_000)
    await site.exact()
    sending = asyncio.create_task(site.crm.send(8_000, per_second=700))
    await site.counted(3_000)
    killed.kill()
    await site.counted(4_000)
    before = await site.claims()
    paused.pause()
    site.start()
    await eventually(lambda: _all_new(site, before), SESSION_S * 8, "all partitions claimed anew")
    paused.resume()
    await sending
    await site.exact()
    await site.stays_exact()
    assert paused.pid is not None


async def _all_new(site: Site, before: list[str]) -> bool:
    return not set(before) & set(await site.claims())


@pytest.mark.parametrize("seconds", [15])
async def test_a_rebalance_every_second_loses_nothing(site: Site, seconds: int) -> None:
    """Workers join and leave each second; whoever has a partition goes on where it was left."""
    site.start()
    await site.crm.send(500)
    await site.exact()
    sending = asyncio.create_task(site.crm.send(600 * seconds, per_second=600))
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    guests: list[Server] = []
    while loop.time() < until:
        guests.append(site.start())
        await _passed(loop.time() + 1.0)
        if len(guests) > 1:
            guests.pop(0).kill()
    await sending
    await site.exact(90)
    await site.stays_exact()


async def _passed(moment: float) -> None:
    """The rhythm of the rebalances is the fault itself, not a wait for something."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(moment):
            await asyncio.Event().wait()


async def test_a_worker_that_is_asked_to_end_ends(site: Site) -> None:
    """SIGTERM under load: exit code 0 within 10 s, and its successor goes on at once."""
    worker = site.start()
    await site.crm.send(500)
    await site.exact()
    sending = asyncio.create_task(site.crm.send(2_000, per_second=1_000))
    await site.counted(1_000)
    asked = asyncio.to_thread(worker.stop, 10.0)
    successor = site.start()
    await asked
    assert worker.ended(1.0) == 0
    await sending
    await site.exact()
    await site.stays_exact()
    assert successor.pid is not None
