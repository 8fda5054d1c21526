"""Workers that die, sleep, come and go, on the embedded broker and on Apache Kafka."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.faults.site import SESSION_S, Site, eventually

SECONDS = 15
STAY = 5
"""Seconds that a guest stays: long enough to be given partitions."""


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
    assert paused.pid is not None or paused.ended(1.0) == 1  # Fenced out, it may also end itself.


async def _all_new(site: Site, before: list[str]) -> bool:
    return not set(before) & set(await site.claims())


async def test_a_rebalance_every_second_loses_nothing(site: Site) -> None:
    """Each second a worker joins and one that has stayed a while is killed or asked to leave."""
    site.start()
    await site.crm.send(500)
    await site.exact()
    sending = asyncio.create_task(site.crm.send(600 * SECONDS, per_second=600))
    loop = asyncio.get_running_loop()
    before = await site.claims()
    for second in range(SECONDS):
        arrived = loop.time()
        site.guest()
        if second >= STAY:
            leaving = site.guests[second - STAY]
            (leaving.kill if second % 2 else leaving.terminate)()
        await _passed(arrived + 1.0)
    await sending
    await site.exact(90)
    await site.stays_exact()
    assert await site.claims() != before


async def _passed(moment: float) -> None:
    """The rhythm of the rebalances is the fault itself, not a wait for something."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(moment):
            await asyncio.Event().wait()


async def test_a_worker_that_is_asked_to_end_ends(embedded: Site) -> None:
    """SIGTERM under load: exit code 0 within 10 s, and its successor goes on at once."""
    worker = embedded.start()
    await embedded.crm.send(500)
    await embedded.exact()
    sending = asyncio.create_task(embedded.crm.send(2_000, per_second=1_000))
    await embedded.counted(1_000)
    asked = asyncio.to_thread(worker.stop, 10.0)
    successor = embedded.start()
    await asked
    assert worker.ended(1.0) == 0
    await sending
    await embedded.exact()
    await embedded.stays_exact()
    assert successor.pid is not None
