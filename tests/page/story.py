"""A believable month of a small sales organisation, the same each time.

In: a world whose clock says when. Out: deals and activities up to that moment. Guarantee: seeded,
and every rep has something to show on the last day.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from tests.api import planning
from tests.api.world import OWNERS, World

KINDS = ("call", "call", "call", "email", "email", "meeting", "visit", "demo", "proposal")


def instant(moment: datetime) -> str:
    """RFC 3339."""
    return moment.isoformat(timespec="seconds")


async def tell_a_month(world: World) -> None:
    """Thirty days of everybody."""
    chance = random.Random(2026)
    now = datetime.fromtimestamp(world.now / 1000, UTC).replace(microsecond=0)
    for rep, owner in OWNERS.items():
        for number in range(chance.randint(18, 34)):
            await _activity(world, f"{rep}-{number}", owner, now, chance)
        for number in range(chance.randint(5, 8)):
            await _deal(world, f"{rep}-{number}", owner, now, chance)
        await world.activity(f"{rep}-now", instant(now - timedelta(minutes=5)), owner, "call")
    await world.deal(
        "stray",
        instant(now - timedelta(days=2)),
        "create",
        owner="77",
        stage="proposal",
        amount="18500",
        close_on=str((now + timedelta(days=40)).date()),
    )


COUNTED = ["won_amount", "pipeline_built", "coverage", "calls", "new_customer_visits", "win_rate"]
WANTED = {
    "won_amount": 60_000,
    "pipeline_built": 250_000,
    "coverage": 3,
    "calls": 9,
    "win_rate": 0.8,
}


async def plan_the_month(world: World) -> None:
    """Everybody's KPIs and this month's targets; Chen began on the first and is on a ramp."""
    today = datetime.fromtimestamp(world.now / 1000, UTC).date()
    steps = {"calls": {"percent": [50, 100]}, "won_amount": {"percent": [10, 40, 70]}}
    gate = {"month": 3, "kpi": "pipeline_built", "at_least": 900_000}
    await planning.put(
        world, "ramps", "start", id="start", name="Start", name_zh="起步", kpis=steps, gates=[gate]
    )
    await planning.put(world, "roles", "seller", id="seller", name="Seller", kpis=COUNTED)
    for rep in OWNERS:
        more = {"hired": str(today.replace(day=1)), "ramp": "start"} if rep == "chen" else {}
        await planning.rep(world, rep, role="seller", **more)
    month = f"{today:%Y-%m}"
    await planning.targets(
        world,
        *(f"{kpi},{rep},,,{month},{base}" for rep in OWNERS for kpi, base in WANTED.items()),
        f"won_amount,,east,,{month},200000",
    )


async def _activity(
    world: World, name: str, owner: str, now: datetime, chance: random.Random
) -> None:
    at = now - timedelta(hours=chance.uniform(0.2, 21 * 24))
    kind = chance.choice(KINDS)
    new = kind == "visit" and chance.random() < 0.7
    await world.activity(name, instant(at), owner, kind, new_customer=new)


async def _deal(world: World, name: str, owner: str, now: datetime, chance: random.Random) -> None:
    created = now - timedelta(days=chance.uniform(4, 20))
    amount = str(chance.randrange(18, 420) * 250)
    close = str((now + timedelta(days=chance.uniform(10, 110))).date())
    await world.deal(
        name, instant(created), "create", owner=owner, stage="lead", amount=amount, close_on=close
    )
    qualified = created + timedelta(days=chance.uniform(0.5, 3))
    await world.deal(name, instant(qualified), stage="proposal")
    end = chance.random()
    if end < 0.4:
        await world.deal(name, instant(qualified + timedelta(hours=18)), stage="won")
    elif end < 0.5:
        await world.deal(name, instant(qualified + timedelta(hours=12)), stage="lost")
