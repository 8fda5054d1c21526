"""How fast the recount of ``paceline verify`` is: archived records to entities and panes.

In: how many events of ``benchmarks.load``. Out: events per second of one process, and how large a
tenant may be counted in a minute. Guarantee: records are decoded from the bytes that the archive
holds, and every activity is in the panes once, or nothing is printed.
"""

from __future__ import annotations

import time
from collections import defaultdict

from benchmarks import load
from benchmarks.row import Row, row, table
from kpi.recount import recount
from schemas.envelope import Activate, decode
from schemas.meaning import Meaning

EVENTS = 60_000


def run(events: int = EVENTS) -> list[Row]:
    """One figure."""
    now = time.time_ns() // 1_000_000
    made = list(load.events(events, now))
    archived: dict[str, list[bytes]] = defaultdict(list)
    for one in made:
        archived[one.key.decode()].append(one.value)
    meanings = _meanings(now)
    began = time.perf_counter()
    counted = sum(_activities(values, meanings[tenant], now) for tenant, values in archived.items())
    seconds = time.perf_counter() - began
    if counted != sum(one.activity for one in made):
        raise AssertionError(f"{counted} activities of {sum(one.activity for one in made)}")
    return [row("recount for verify, one process", "events/s", events / seconds)]


def _meanings(now: int) -> dict[str, Meaning]:
    told = (decode(one.value) for one in load.activations(now))
    return {one.tenant: one.data.meaning for one in told if isinstance(one.data, Activate)}


def _activities(values: list[bytes], meaning: Meaning, now: int) -> int:
    found = recount((decode(value) for value in values), meaning, now)
    return sum(
        amount
        for (_, grain, _), fields in found.panes.items()
        if grain == "M"
        for field, amount in fields.items()
        if field.startswith("act:")
    )


if __name__ == "__main__":
    print(table(run()))
