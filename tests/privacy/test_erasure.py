"""Erasure in SQL: a customer and a person of one tenant go, another tenant is not touched."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.privacy.erasure import erase_customer, erase_person, find
from paceline.privacy.search import Search
from paceline.sql import alerts, archive, dead, held
from paceline.sql.engine import reading, writing
from paceline.sql.models import (
    ApiKeyRow,
    Archived,
    AuditRow,
    DeadLetterRow,
    ForecastRow,
    HelpCall,
    Rep,
    Team,
)
from schemas.alerts import SubjectRef
from schemas.dead import DeadLetter
from schemas.envelope import PATCHED, EntityKind, EntityPatch, Event, Scalar, encode
from tests.notifier.conftest import alert

NOON = 1_774_872_000_000
LOG = "log-1"


def said(n: int, tenant: str, kind: EntityKind, id_: str, **fields: Scalar) -> Event:
    """What the CRM said of a deal or an activity."""
    patch = EntityPatch(
        entity=kind,
        id=id_,
        op="create",
        occurred_at=NOON + n,
        received_at=NOON + n,
        fields=fields,
    )
    return Event(
        id=f"e{n}",
        source="crm",
        type=PATCHED,
        tenant=tenant,
        connection="crm",
        subject=f"{kind[0]}:crm:{id_}",
        data=patch,
    )


EVENTS = [
    said(0, "acme", "deal", "7", account="林梅", name="Bikes", amount="900", stage="w"),
    said(1, "acme", "activity", "70", deal="7", type="visit", notes="met 林梅 at home"),
    said(2, "acme", "deal", "8", account="Wang Wu", name="Cars", amount="100"),
    said(3, "globex", "deal", "7", account="林梅", name="Boats"),
]


async def archived(engine: AsyncEngine, events: Sequence[Event], start: int = 0) -> None:
    """The events in the archive, in the order in which they are."""
    rows = [
        archive.Row(offset=start + i, tenant=one.tenant, event_id=one.id, payload=encode(one))
        for i, one in enumerate(events)
    ]
    async with writing(engine) as session:
        await archive.append(session, LOG, 0, rows, start + len(rows))


async def payloads(engine: AsyncEngine, tenant: str) -> bytes:
    """Everything that is archived of a tenant."""
    async with reading(engine) as session:
        query = select(Archived.payload).where(Archived.tenant == tenant)
        return b"\n".join(await session.scalars(query))


async def test_an_erased_customer_is_nowhere_and_its_sums_are(engine: AsyncEngine) -> None:
    """Deal, visit and dead letter lose the name; amounts stay; so does the other tenant's 林梅."""
    await archived(engine, EVENTS)
    lost = DeadLetter(
        id="l1", stage="ingest", tenant="acme", connection="crm", reason="unmappable", detail="?",
        at=NOON, payload=b'{"who": "\\u6797\\u6885"}',
    )  # fmt: skip
    async with writing(engine) as session:
        await dead.store(session, [lost])
    sent: list[Event] = []

    async def publish(events: Sequence[Event]) -> None:
        sent.extend(events)
        await archived(engine, events, start=len(EVENTS))

    done = await erase_customer(engine, publish, "acme", Search("林梅"), actor="cli:eve")
    assert (done.entities, done.events, done.letters) == (2, 2, 1)
    assert {one.subject for one in sent} == {"d:crm:7", "a:crm:70"}
    left = await payloads(engine, "acme")
    assert "林梅".encode() not in left
    assert b"Bikes" not in left
    assert b"met " not in left
    assert b'"amount":"900"' in left
    assert b"Wang Wu" in left
    assert done.pseudonym.encode() in left
    assert "林梅".encode() in await payloads(engine, "globex")
    async with reading(engine) as session:
        assert list(await session.scalars(select(DeadLetterRow))) == []
        entry = await session.scalar(select(AuditRow))
    assert entry is not None
    assert (entry.action, entry.subject) == ("erase", done.pseudonym)
    assert (await find(engine, "acme", Search("林梅"))).entities == frozenset()


async def test_a_crash_before_the_archive_is_rewritten_is_mended_by_the_same_call(
    engine: AsyncEngine,
) -> None:
    """The clearing patches were sent, then the power went: the second call finds and finishes."""
    await archived(engine, EVENTS)

    async def crash(events: Sequence[Event]) -> None:
        await archived(engine, events, start=len(EVENTS))
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await erase_customer(engine, crash, "acme", Search("林梅"), actor="cli:eve")
    assert "林梅".encode() in await payloads(engine, "acme")

    async def publish(events: Sequence[Event]) -> None:
        await archived(engine, events, start=len(EVENTS) + 2)

    async with writing(engine) as session:
        session.add(
            HelpCall(tenant="acme", deal="d:crm:7", rep="li-wei", text="she will not sign",
                     author="key:pk1", asked_at=1, answer="she will", answered_by="key:pk2",
                     answered_at=2)
        )  # fmt: skip
        session.add(
            ForecastRow(tenant="acme", subject_kind="rep", subject="li-wei", label="2026-03",
                        commit=900, best_case=900, note="with 林梅", role="rep", author="key:pk1",
                        overrode=None, submitted_at=1)
        )  # fmt: skip
    done = await erase_customer(engine, publish, "acme", Search("林梅"), actor="cli:eve")
    assert done.entities == 2
    async with reading(engine) as session:
        assert list(await session.scalars(select(HelpCall.text))) == [""]
        assert list(await session.scalars(select(HelpCall.answer))) == [""]
        assert list(await session.scalars(select(ForecastRow.note))) == [f"with {done.pseudonym}"]
    assert "林梅".encode() not in await payloads(engine, "acme")


async def test_an_erased_person_keeps_an_id_and_loses_names_and_keys(engine: AsyncEngine) -> None:
    """李伟 left and asks for it: the row says li-wei, the key is revoked, the audit has no name."""
    async with writing(engine) as session:
        session.add(Team(tenant="acme", id="east", name="East", name_zh=None, parent_id=None))
        session.add(
            Rep(tenant="acme", id="li-wei", name="Li Wei", name_zh="李伟", team_id="east",
                zone=None, manages_team=None, terms={"email": "li.wei@acme.example"})
        )  # fmt: skip
        session.add(
            ApiKeyRow(id="pk1", hash=b"h", tenant="acme", label="Li Wei's phone", scopes=["read"],
                      rep_id="li-wei", team_id=None, created_at=1, expires_at=None,
                      revoked_at=None)
        )  # fmt: skip
        session.add(
            ForecastRow(tenant="acme", subject_kind="rep", subject="li-wei", label="2026-03",
                        commit=900, best_case=900, note="trust me", role="rep",
                        author="key:pk1 Li Wei's phone", overrode=None, submitted_at=1)
        )  # fmt: skip
        session.add(
            ForecastRow(tenant="acme", subject_kind="team", subject="east", label="2026-03",
                        commit=500, best_case=900, note="without 李伟", role="manager",
                        author="key:pk2 Eve", overrode=None, submitted_at=2)
        )  # fmt: skip
        session.add(
            HelpCall(tenant="acme", deal="d:crm:8", rep="li-wei", text="come along",
                     author="key:pk1 Li Wei's phone", asked_at=1, answer="Li Wei, I will",
                     answered_by="key:pk2 Eve", answered_at=2)
        )  # fmt: skip
        session.add(
            AuditRow(tenant="acme", at=1, actor="file:x", action="change", kind="rep",
                     subject="li-wei", before=None, after={"name": "Li Wei", "zh": "李伟"})
        )  # fmt: skip
        subject = SubjectRef(kind="rep", id="li-wei", name="Li Wei", name_zh="李伟")
        told = msgspec.structs.replace(alert(), subject=subject)
        await alerts.store_fired(session, [told])
        await alerts.recipients(session, [("acme", told.id, "li-wei", told.at)])
    async with reading(engine) as session:
        before = await held.person(session, "acme", "li-wei")
    assert [row["label"] for row in before["api_keys"]] == ["Li Wei's phone"]
    assert "hash" not in before["api_keys"][0]
    assert "李伟" in before["alerts"][0]["said"]
    names = await erase_person(engine, "acme", "li-wei", actor="cli:eve")
    assert names == ["Li Wei", "李伟", "li.wei@acme.example"]
    async with reading(engine) as session:
        after = await held.person(session, "acme", "li-wei")
    assert [row["name"] for row in after["reps"]] == ["li-wei"]
    assert after["api_keys"][0]["revoked_at"] is not None
    assert "Li Wei" not in str(after)
    assert "李伟" not in str(after)
    assert "li.wei@" not in str(after)
    assert after["alert_recipients"] == before["alert_recipients"]
    assert "李伟" not in str(after)
    [forecast], [call] = after["forecasts"], after["help_calls"]
    assert (forecast["commit"], forecast["note"], forecast["author"]) == (900, "", "key:pk1 erased")
    assert (call["text"], call["answer"]) == ("", "li-wei, I will")
    async with reading(engine) as session:
        notes = await session.scalars(select(ForecastRow.note).order_by(ForecastRow.id))
        assert list(notes) == ["", "without li-wei"]
    with pytest.raises(KeyError):
        await erase_person(engine, "globex", "li-wei", actor="cli:eve")
