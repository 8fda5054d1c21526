"""Redis goes back in time, fails over to a replica that lags, or is emptied."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from tests.faults.site import Site, eventually
from tests.support.servers import RedisServer


async def test_a_redis_that_lost_its_last_writes_gets_them_again(
    embedded: Site, tmp_path: Path
) -> None:
    """Restarted from an earlier copy of its files, under load and once more in silence."""
    embedded.start()
    embedded.start()
    await embedded.crm.send(3_000)
    await embedded.exact()
    await asyncio.to_thread(embedded.redis.copy_data, tmp_path / "copy")
    sending = asyncio.create_task(embedded.crm.send(6_000, per_second=1_500))
    await embedded.counted(5_000)
    await asyncio.to_thread(embedded.redis.restart_from, tmp_path / "copy")
    await sending
    await embedded.exact()
    await asyncio.to_thread(embedded.redis.restart_from, tmp_path / "copy")
    # No event comes: the loss itself must be noticed.
    await embedded.exact(30)
    await embedded.stays_exact()


async def test_a_failover_to_a_lagging_replica_loses_nothing(grown: Site, tmp_path: Path) -> None:
    """The replica knows neither the last claims nor the last thousands of events."""
    grown.start()
    await grown.crm.send(2_000)
    await grown.exact()
    replica = RedisServer(tmp_path / "replica", binary=grown.redis.binary, replica_of=grown.redis)
    with replica:
        await grown.crm.send(1_000)
        await grown.exact()
        await grown.in_step(replica)
        await asyncio.to_thread(replica.detach)
        before = await grown.claims()
        grown.start()
        await grown.crm.send(3_000)
        await grown.exact()
        await eventually(lambda: _another_claim(grown, before), 40, "the second worker's claims")
        await grown.crm.send(500)
        await grown.exact()
        await asyncio.to_thread(_fail_over, grown.redis, replica)
    await grown.exact()
    await grown.stays_exact()


async def _another_claim(site: Site, before: list[str]) -> bool:
    return await site.claims() != before


def _fail_over(master: RedisServer, replica: RedisServer) -> None:
    """The replica's data answers at the master's address."""
    master.kill()
    replica.stop()
    shutil.rmtree(master.folder)
    shutil.copytree(replica.folder, master.folder)
    master.start()


async def test_an_emptied_redis_is_restored_from_archive_and_log(embedded: Site) -> None:
    """FLUSHALL: generations and numbers come back from the archive, the rest from the log."""
    embedded.start("services.ledger.main")
    embedded.start()
    await embedded.crm.send(5_000)
    await embedded.exact()
    sending = asyncio.create_task(embedded.crm.send(3_000, per_second=1_000))
    await embedded.counted(6_000)
    await embedded.empty()
    await sending
    await embedded.exact()
    await embedded.stays_exact()
