"""Alerts end to end, with aggregators and notifiers killed and frozen while they work."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

import kpi
from paceline.admin.items import put_item
from paceline.admin.targets import import_targets
from paceline.admin.values import Actor
from paceline.alerting.secrets import new_secret
from paceline.sql import models
from paceline.sql.engine import engine_for, writing
from schemas import keys
from tests.faults.site import CRM, REPS, TENANTS, Site, eventually
from tests.notifier.farm import Receiver, answering, farm

TENANT = TENANTS[0]
TARGET = 60
PERCENTS = (25, 50, 75, 100, 150)
NOTIFIER = "services.notifier.main"
HAND = Actor("test:alerts")


async def found(site: Site, receiver: Receiver) -> None:
    """An organisation whose reps have a target of calls, a rule, and a receiver."""
    engine = engine_for(site.sql)
    try:
        await _organisation(engine, receiver)
    finally:
        await engine.dispose()


async def _organisation(engine: AsyncEngine, receiver: Receiver) -> None:
    async with writing(engine) as session:
        settings = {"currency": "USD", "stale_after_days": 30, "entity_retention_days": 90}
        session.add(
            models.Tenant(
                id=TENANT, name="Acme", name_zh=None, zone="Europe/Berlin", settings=settings
            )
        )
        session.add(models.Team(tenant=TENANT, id="sales", name="Sales", parent_id=None))
        session.add(
            models.Connection(
                id=CRM,
                tenant=TENANT,
                kind="hubspot",
                enabled=True,
                settings={"currency": "USD", "zone": "Europe/Berlin", "stages": {}},
            )
        )
        for rep in REPS:
            session.add(models.Rep(tenant=TENANT, id=rep, name=rep.title(), team_id="sales"))
            session.add(models.RepOwner(tenant=TENANT, connection=CRM, owner_id=rep, rep_id=rep))
        session.add(
            models.Subscription(
                tenant=TENANT,
                id="tasks",
                name="Tasks",
                kind="webhook",
                url=receiver.url,
                secrets=[new_secret()],
                filters={},
                language="en",
                enabled=True,
                why_disabled="",
                sequence=0,
                created_at=0,
                author="test",
            )
        )
    month = f"{datetime.now(ZoneInfo('Europe/Berlin')):%Y-%m}"
    lines = ["kpi,rep,period,base", *(f"calls,{rep},{month},{TARGET}" for rep in REPS)]
    await import_targets(engine, TENANT, "\n".join(lines).encode(), actor=HAND)
    body = {"kpi": "calls", "percents": list(PERCENTS)}
    await put_item(engine, TENANT, "rules", "rep-milestones", body, actor=HAND, code=kpi.CODE)


def expected(site: Site) -> set[tuple[str, int]]:
    """What must have been told, by the log alone: distinct calls of each rep."""
    calls: dict[str, str] = {}
    for _, raw in site.crm.journal:
        event = json.loads(raw)
        fields = event["data"].get("fields", {})
        if event["tenant"] == TENANT and fields.get("type") == "call":
            calls[event["data"]["id"]] = fields["owner"]
    made = Counter(calls.values())
    return {
        (rep, percent)
        for rep, count in made.items()
        for percent in PERCENTS
        if count * 100 >= percent * TARGET
    }


def told(receiver: Receiver) -> dict[tuple[str, int], set[str]]:
    """(rep, per cent) -> the ids that it was told under."""
    by: dict[tuple[str, int], set[str]] = {}
    for got in receiver.got:
        data = got.said["data"]
        by.setdefault((data["subject"]["id"], data["percent"]), set()).add(data["id"])
    return by


async def ready(site: Site) -> None:
    """Wait until every rep was looked at once."""

    async def looked() -> bool:
        return await site._client.hlen(keys.alert_states(0, TENANT)) == len(REPS)

    await eventually(looked, 60, "the first look at everybody")


def faults(site: Site, seed: int) -> Iterator[None]:
    """One after the other is killed and another one started, or frozen for longer than a session.

    Which one of several it hits is drawn.
    """
    random = Random(seed)
    while True:
        for kind, kills in (
            ("services.aggregator.main", True),
            (NOTIFIER, False),
            ("services.aggregator.main", False),
            (NOTIFIER, True),
        ):
            name = kind.split(".")[1]
            alive = [one for one in site.workers if one.name == name and one.pid is not None]
            victim = random.choice(alive)
            if kills:
                victim.kill()
                site.start(kind, delivery_allow="127.0.0.0/8")
            else:
                victim.pause()
            yield
            victim.resume()


async def test_each_milestone_is_told_under_one_id_whoever_dies(embedded: Site) -> None:
    """None is missing, none invented, none under two ids; the oracle reads the log itself."""
    async with farm(answering) as (receiver,):
        await found(embedded, receiver)
        for module in ("services.aggregator.main", NOTIFIER) * 2:
            embedded.start(module, delivery_allow="127.0.0.0/8")
        await embedded.owned(60)
        await ready(embedded)
        fault = faults(embedded, 11)
        for _ in range(4):
            sending = asyncio.create_task(embedded.crm.send(1_500, per_second=400))
            next(fault)
            await asyncio.sleep(0)  # the sending goes on while somebody is away
            await sending
            await asyncio.to_thread(time.sleep, 5)  # longer than a session
        next(fault)
        await embedded.exact()

        async def all_told() -> bool:
            return set(told(receiver)) >= expected(embedded)

        await eventually(all_told, 90, "every milestone")
    assert set(told(receiver)) == expected(embedded)
    assert len(expected(embedded)) > 12
    twice = {place: ids for place, ids in told(receiver).items() if len(ids) > 1}
    assert not twice
