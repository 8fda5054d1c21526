"""A tenant in a real database, a sender whose clock the test turns, receivers on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.alerting.secrets import new_secret
from paceline.sql import alerts as sql
from paceline.sql import models
from paceline.sql.engine import engine_for, reading, writing
from paceline.sql.migrate import upgrade_engine
from schemas.alerts import Alert, Figure, RuleRef, SubjectRef
from services.notifier.guard import Guard
from services.notifier.planning import delivery_id
from services.notifier.post import Poster
from services.notifier.sending import Sender

NOON = 1_779_105_600_000


def alert(number: int = 1, tenant: str = "acme", **more: object) -> Alert:
    """Maria's won amount is at risk."""
    made = Alert(
        id=f"alr_{number:04}",
        sequence=number,
        what="fired",
        tenant=tenant,
        rule=RuleRef(
            id="rep-won-at-risk",
            version=2,
            name="A rep's won amount is at risk",
            name_zh="销售代表成交金额有风险",
            when="pace",
        ),
        severity="warning",
        subject=SubjectRef(kind="rep", id="maria", name="Maria Lopez", name_zh="玛丽亚"),
        period="2026-05",
        began_at=NOON - 1000,
        at=NOON,
        figure=Figure(
            kpi="won_amount",
            version=1,
            name="Won amount",
            name_zh="成交金额",
            unit="money",
            currency="USD",
            exponent=2,
            value=200_000,
            target=2_100_000,
            attainment=0.0952,
            status="at_risk",
            basis="workday",
            expected=1_000_000,
            of_expected=0.2,
            projection=420_000,
            probability=0.04,
            required_per_workday=172_727,
            remaining_workdays=11,
        ),
        explain="/v1/explain?kpi=won_amount&period=2026-05&rep=maria",
        field="rep-won-at-risk|rep|maria",
        held='{"asked":"x"}',
    )
    return msgspec.structs.replace(made, **more)


@dataclass
class Post:
    """A sender of its own, and its clock."""

    engine: AsyncEngine
    sender: Sender
    clock: list[float] = field(default_factory=lambda: [NOON / 1000])

    async def subscribe(
        self, id_: str, url: str, kind: str = "webhook", **more: object
    ) -> list[str]:
        """A subscription; its secrets."""
        secrets = more.pop("secrets", None) or [new_secret()]
        async with writing(self.engine) as session:
            session.add(
                models.Subscription(
                    tenant="acme",
                    id=id_,
                    name=id_,
                    kind=kind,
                    url=url,
                    secrets=secrets,
                    filters={},
                    language=str(more.get("language", "en")),
                    enabled=True,
                    why_disabled="",
                    sequence=0,
                    created_at=NOON,
                    author="test",
                )
            )
        return list(secrets)  # type: ignore[call-overload,no-any-return]

    async def plan(self, one: Alert, *places: str) -> None:
        """Deliveries of an alert to subscriptions, due at once."""
        planned = [
            sql.Planned(id=delivery_id(one.id, one.what, place), subscription=place, due_at=one.at)
            for place in places
        ]
        async with writing(self.engine) as session:
            await sql.plan(session, [(one, each) for each in planned], one.at)

    async def send(self) -> None:
        """Everything that is due by the clock, to its end."""
        while await self.sender.send():
            await self.sender.settled()
        await self.sender.settled()

    def later(self, seconds: float) -> None:
        """Turn the clock."""
        self.clock[0] += seconds

    async def delivery(self, place: str) -> models.Delivery:
        """The latest delivery to a place."""
        query = (
            select(models.Delivery)
            .where(models.Delivery.subscription == place)
            .order_by(models.Delivery.sequence.desc())
        )
        async with reading(self.engine) as session:
            found = (await session.scalars(query)).first()
            session.expunge_all()
        assert found is not None
        return found

    async def subscription(self, place: str) -> models.Subscription:
        """A subscription as it is now."""
        async with reading(self.engine) as session:
            found = await sql.subscription(session, "acme", place)
            session.expunge_all()
        assert found is not None
        return found


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """SQLite with the schema and one tenant."""
    made = engine_for(f"sqlite+aiosqlite:///{tmp_path / 'paceline.db'}")
    await upgrade_engine(made)
    async with writing(made) as session:
        session.add(
            models.Tenant(
                id="acme",
                name="Acme Instruments",
                name_zh="艾克美仪器",
                zone="America/New_York",
                settings={"currency": "USD", "stale_after_days": 30, "entity_retention_days": 90},
            )
        )
    yield made
    await made.dispose()


@pytest.fixture
async def post(engine: AsyncEngine) -> AsyncIterator[Post]:
    """A sender that may deliver to loopback."""
    poster = Poster(Guard(["127.0.0.0/8"]))
    sender = Sender(engine, poster, jitter=lambda: 0.0)
    made = Post(engine, sender)
    sender.clock = lambda: made.clock[0]
    yield made
    await poster.close()
