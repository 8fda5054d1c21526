"""`paceline verify` after a kill, after FLUSHALL, and after a number was changed by hand."""

from __future__ import annotations

import asyncio
from random import Random

import msgspec

from paceline.verify.places import Checked
from tests.faults.site import TENANTS, Site


async def test_verify_finds_nothing_after_a_kill_and_flushall_and_names_what_was_changed(
    embedded: Site,
) -> None:
    """A worker is killed at a random point under load; Redis is emptied; a number is falsified.

    Deaths at every point between two scripts: ``tests/verify/test_moving.py``.
    """
    embedded.start("services.ledger.main")
    worker = embedded.guest()
    await embedded.owned()
    sending = asyncio.create_task(embedded.crm.send(1_600, per_second=400))
    await embedded.counted(await embedded.count() + Random().randint(50, 400))
    worker.kill()
    embedded.guest()
    code, out = await embedded.verified()
    assert code == 0, out
    await sending
    await embedded.empty()
    await embedded.stays_exact()
    assert await _drift(embedded) == {}
    name = await embedded.damage(2)
    assert await _drift(embedded, status=1) == {TENANTS[2]: [("act:call", name)]}


async def _drift(site: Site, status: int = 0) -> dict[str, list[tuple[str, str]]]:
    """(measure, hash) of each place, by tenant."""
    code, out = await site.verified()
    found = {one.tenant: one for one in msgspec.json.decode(out, type=list[Checked])}
    assert (code, sorted(found)) == (status, sorted(TENANTS)), out
    assert all(one.records for one in found.values())
    return {
        tenant: [(p.measure, _hash(one, p.owner, p.grain, p.span)) for p in one.first]
        for tenant, one in found.items()
        if one.places
    }


def _hash(one: Checked, owner: str, grain: str, span: str) -> str:
    return f"{{{one.partition}}}:{one.tenant}:{one.generation}:w:{owner}:{grain}:{span}"
