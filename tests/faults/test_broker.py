"""The embedded broker keeps its log in memory: killed and started again, it is another log."""

from __future__ import annotations

import asyncio

from tests.faults.site import Site


async def test_a_broker_born_again_under_live_consumers_loses_nothing(embedded: Site) -> None:
    """The journal produces everything again; what was counted before is not counted twice."""
    embedded.start("services.ledger.main")
    embedded.start()
    embedded.start()
    await embedded.crm.send(4_000)
    await embedded.exact()
    # The last ones are acknowledged, and perhaps gone before anybody read them.
    await embedded.crm.send(1_000, per_second=100_000)
    await asyncio.to_thread(embedded.restart_broker)
    await embedded.new_log()
    await embedded.crm.produce_again()
    await embedded.exact()
    await embedded.stays_exact()


async def test_a_log_longer_than_the_last_one_is_still_another_log(embedded: Site) -> None:
    """Born again and filled beyond the old position before anybody looked."""
    worker = embedded.start()
    await embedded.crm.send(500)
    await embedded.exact()
    worker.pause()
    await asyncio.to_thread(embedded.restart_broker)
    await embedded.new_log()
    await embedded.crm.produce_again()
    await embedded.crm.send(2_000)
    worker.resume()
    await embedded.exact()
    await embedded.stays_exact()
