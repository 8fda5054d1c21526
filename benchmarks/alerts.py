"""From an event to the receipt of its alert, beside endpoints that never answer.

``python -m benchmarks.alerts [--seconds 40] [--rate 100]``: real processes (the embedded broker and
Redis, SQLite, one aggregator, one notifier). Ten teams of ten people; each call of a person reaches
a milestone, so that each event makes one alert; ten webhooks, one for each team's rule, of which
two accept connections and never answer. Prints percentiles from the moment at which the event is
given to the broker's client until the receiver has the request, over the eight that answer; and
how many were due, received, and received twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

import kpi
from paceline.admin.items import put_item
from paceline.admin.targets import import_targets
from paceline.admin.values import Actor
from paceline.alerting.secrets import new_secret
from paceline.kafka import make_producer
from paceline.sql import models
from paceline.sql.engine import engine_for, reading, writing
from schemas import keys, topics
from schemas.alerts import decode
from schemas.envelope import PATCHED, EntityPatch, Event, encode
from tests.faults.site import CRM, TENANTS, Site, eventually
from tests.notifier.farm import Receiver, answering, farm, silent
from tests.support.servers import RedisServer, Tansu

TENANT, TEAMS, PEOPLE, DEAD = TENANTS[0], 10, 10, 2
HAND = Actor("benchmark")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--rate", type=int, default=100)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Tansu(Path(folder) / "tansu") as tansu,
        RedisServer(Path(folder) / "redis") as redis,
    ):
        asyncio.run(_measure(Path(folder), tansu, redis, asked.seconds, asked.rate))


async def _measure(folder: Path, tansu: Tansu, redis: RedisServer, seconds: int, rate: int) -> None:
    behaviours = [silent] * DEAD + [answering] * (TEAMS - DEAD)
    async with Site(folder, tansu, redis) as site, farm(*behaviours) as receivers:
        await _found(site, receivers)
        site.start("services.aggregator.main", delivery_allow="127.0.0.0/8", fetch_wait_ms="20")
        site.start("services.notifier.main", delivery_allow="127.0.0.0/8", fetch_wait_ms="20")

        async def ready() -> bool:
            return await site._client.hlen(keys.alert_states(0, TENANT)) == TEAMS * PEOPLE  # noqa: SLF001

        await eventually(ready, 120, "the first look at everybody")
        sent = await _send(site, seconds, rate)
        due = sum(int(who.split("-")[1]) >= DEAD for who, _ in sent)

        async def received() -> bool:
            return len(_told(receivers[DEAD:])) >= due

        await eventually(received, 60, "every alert")
        stages = await _stages(site)
    _print(sent, _told(receivers[DEAD:]), due, receivers[DEAD:])
    for name, waits in stages.items():
        print(f"  {name:34} p50 {_at(waits, 0.5):7.0f} ms  p99 {_at(waits, 0.99):7.0f} ms")


async def _send(site: Site, seconds: int, rate: int) -> dict[tuple[str, int], float]:
    """(person, how many calls) -> when the call was given to the client."""
    producer = make_producer(site.broker.bootstrap, idempotent=False)
    await producer.start()
    sent: dict[tuple[str, int], float] = {}
    people = [f"rep-{team}-{number}" for team in range(TEAMS) for number in range(PEOPLE)]
    began = time.monotonic()
    for n in range(seconds * rate):
        who, nth = people[n % len(people)], n // len(people) + 1
        await asyncio.sleep(max(0.0, began + n / rate - time.monotonic()))
        sent[who, nth] = time.time()
        await producer.send(topics.EVENTS, _call(n, who), partition=0)
    await producer.stop()
    return sent


def _call(n: int, who: str) -> bytes:
    now = time.time_ns() // 1_000_000
    patch = EntityPatch(
        entity="activity",
        id=str(n),
        op="create",
        occurred_at=now,
        received_at=now,
        fields={"type": "call", "owner": who},
    )
    return encode(
        Event(id=f"c{n}", source="/b", type=PATCHED, tenant=TENANT, data=patch, connection=CRM)
    )


def _told(receivers: list[Receiver]) -> dict[tuple[str, int], float]:
    """(person, per cent) -> when it was first received."""
    found: dict[tuple[str, int], float] = {}
    for one in receivers:
        for got in one.got:
            data = json.loads(got.body)["data"]
            found.setdefault((data["subject"]["id"], data["percent"]), got.at)
    return found


async def _stages(site: Site) -> dict[str, list[float]]:
    """How long it took from the look to the delivery's row, and from there to the end."""
    engine = engine_for(site.sql)
    async with reading(engine) as session:
        query = select(models.Delivery).where(models.Delivery.done_at.is_not(None))
        rows = list(await session.scalars(query))
        planned = [one.created_at - decode(one.body).at for one in rows]
        done = [(one.done_at or 0) - one.created_at for one in rows]
    await engine.dispose()
    return {"look to plan": sorted(planned), "plan to receipt": sorted(done)}


def _at(waits: list[float], share: float) -> float:
    return waits[min(len(waits) - 1, int(share * len(waits)))]


def _print(
    sent: dict[tuple[str, int], float],
    told: dict[tuple[str, int], float],
    due: int,
    receivers: list[Receiver],
) -> None:
    waits = sorted(told[place] - at for place, at in sent.items() if place in told)
    ids = Counter(got.id for one in receivers for got in one.got)
    twice = sum(count > 1 for count in ids.values())
    print(f"{due} due at healthy endpoints, {len(told)} received, {twice} of them more than once")
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)):
        print(f"{name} {waits[min(len(waits) - 1, int(share * len(waits)))] * 1000:8.0f} ms")


async def _found(site: Site, receivers: list[Receiver]) -> None:
    engine = engine_for(site.sql)
    settings = {"currency": "USD", "stale_after_days": 30, "entity_retention_days": 90}
    zone = "Europe/Berlin"
    async with writing(engine) as session:
        session.add(models.Tenant(id=TENANT, name="A", name_zh=None, zone=zone, settings=settings))
        source = {"currency": "USD", "zone": zone, "stages": {}}
        session.add(
            models.Connection(id=CRM, tenant=TENANT, kind="hubspot", enabled=True, settings=source)
        )
        for number, receiver in enumerate(receivers):
            team = f"team-{number}"
            session.add(models.Team(tenant=TENANT, id=team, name=team, parent_id=None))
            for person in range(PEOPLE):
                rep = f"rep-{number}-{person}"
                session.add(models.Rep(tenant=TENANT, id=rep, name=rep, team_id=team))
                session.add(
                    models.RepOwner(tenant=TENANT, connection=CRM, owner_id=rep, rep_id=rep)
                )
            session.add(_subscription(number, receiver))
    month = f"{datetime.now(ZoneInfo(zone)):%Y-%m}"
    people = [f"rep-{team}-{number}" for team in range(TEAMS) for number in range(PEOPLE)]
    lines = ["kpi,rep,period,base", *(f"calls,{rep},{month},100" for rep in people)]
    await import_targets(engine, TENANT, "\n".join(lines).encode(), actor=HAND)
    for number in range(TEAMS):
        body = {
            "name": f"Calls of team {number}",
            "each": "rep",
            "team": f"team-{number}",
            "kpi": "calls",
            "when": "milestone",
            "percents": list(range(1, 101)),
            "to": ["rep"],
        }
        id_ = f"calls-{number}"
        await put_item(engine, TENANT, "rules", id_, body, actor=HAND, code=kpi.CODE)
    await engine.dispose()


def _subscription(number: int, receiver: Receiver) -> models.Subscription:
    return models.Subscription(
        tenant=TENANT,
        id=f"place-{number}",
        name=f"Place {number}",
        kind="webhook",
        url=receiver.url,
        secrets=[new_secret()],
        filters={"rules": [f"calls-{number}"]},
        language="en",
        enabled=True,
        why_disabled="",
        sequence=0,
        created_at=0,
        author="benchmark",
    )


if __name__ == "__main__":
    main()
