"""Alerts, inboxes, subscriptions and deliveries in SQL.

In: sessions, values. Out: rows. Guarantee: storing the same message again changes nothing; every
query names its tenant but those of the sender, which serves them all; secrets are read by nobody
but the sender and the one who made them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Select,
    Table,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql.models import (
    AlertNote,
    AlertRecipient,
    AlertRow,
    Delivery,
    DeliveryAttempt,
    MailOptOut,
    Subscription,
)
from paceline.sql.statements import insert_or_ignore, storable
from schemas.alerts import Alert, RuleRef, SubjectRef, encode

_ROWS = 500
"""In one statement."""
PENDING, DELIVERED, DEAD, DROPPED = "pending", "delivered", "dead", "dropped"


class Filters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which alerts a subscription takes; empty: all."""

    rules: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    """Kinds: rep, team, organisation, source."""
    resolved: bool = False
    """Whether it is told when an alert is over."""

    def take(self, alert: Alert) -> bool:
        """Whether an alert passes."""
        return (
            (not self.rules or alert.rule.id in self.rules)
            and (not self.severities or alert.severity in self.severities)
            and (not self.subjects or alert.subject.kind in self.subjects)
            and (alert.what == "fired" or self.resolved)
        )


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is to be made."""

    id: str
    subscription: str | None = None
    person: str | None = None
    due_at: int


async def store_fired(session: AsyncSession, fired: Sequence[Alert]) -> set[tuple[str, str]]:
    """Keep alerts; (tenant, id) of those that are new."""
    if not fired:
        return set()
    rows = [
        {
            "tenant": alert.tenant,
            "id": alert.id,
            "rule": alert.rule.id,
            "rule_version": alert.rule.version,
            "severity": alert.severity,
            "subject_kind": alert.subject.kind,
            "subject": alert.subject.id,
            "period": alert.period,
            "began_at": alert.began_at,
            "fired_at": alert.at,
            "late": alert.late,
            "body": encode(alert),
            "field": alert.field,
            "held": alert.held,
            "held_at": alert.at,
            "useful": 0,
        }
        for alert in fired
    ]
    new: set[tuple[str, str]] = set()
    for low in range(0, len(rows), _ROWS):
        statement = insert_or_ignore(session, AlertRow).values(rows[low : low + _ROWS])
        returned = await session.execute(statement.returning(AlertRow.tenant, AlertRow.id))
        new |= {(tenant, id_) for tenant, id_ in returned}
    return new


async def store_resolved(session: AsyncSession, alert: Alert) -> bool:
    """An alert is over; whether that was new."""
    query = (
        update(AlertRow)
        .where(AlertRow.tenant == alert.tenant, AlertRow.id == alert.id)
        .where(AlertRow.resolved_at.is_(None))
        .values(resolved_at=alert.at, held=alert.held, held_at=alert.at)
    )
    return _rows(await session.execute(query)) == 1


async def states(session: AsyncSession, tenant: str) -> dict[str, str]:
    """Field -> the latest state that a message led to: what restores a Redis that was lost."""
    rows = await session.execute(
        select(AlertRow.field, AlertRow.held)
        .where(AlertRow.tenant == tenant)
        .order_by(AlertRow.held_at)
    )
    return {field: held for field, held in rows if held}


async def recipients(session: AsyncSession, people: Sequence[tuple[str, str, str, int]]) -> None:
    """Put alerts into inboxes: (tenant, alert, person, from when on)."""
    rows = [
        {"tenant": tenant, "alert": alert, "person": person, "told_at": at, "cancelled": False}
        for tenant, alert, person, at in people
    ]
    for low in range(0, len(rows), _ROWS):
        some = rows[low : low + _ROWS]
        await session.execute(insert_or_ignore(session, AlertRecipient).values(some))


async def plan(
    session: AsyncSession,
    wanted: Sequence[tuple[Alert, Planned]],
    now: int,
    leased: Callable[[Planned, str], int] = lambda *_: 0,
) -> list[Delivery]:
    """Deliveries that are new. Each place's sequence numbers are in this order.

    ``leased``: until when (ms UTC) one of a tenant's belongs to the caller from the beginning; 0
    for those that anybody may take.
    """
    known: set[tuple[str, str]] = set()
    ids = [one.id for _, one in wanted]
    for low in range(0, len(ids), _ROWS):
        there = select(Delivery.tenant, Delivery.id).where(Delivery.id.in_(ids[low : low + _ROWS]))
        known |= {(tenant, id_) for tenant, id_ in await session.execute(there)}
    new = [(alert, one) for alert, one in wanted if (alert.tenant, one.id) not in known]
    counts = Counter(
        (alert.tenant, one.subscription) for alert, one in new if one.subscription is not None
    )
    after: dict[tuple[str, str | None], int] = {
        place: await _sequence(session, place[0], place[1] or "", count) - count
        for place, count in counts.items()
    }
    rows: list[dict[str, Any]] = []
    for alert, one in new:
        place = (alert.tenant, one.subscription)
        after[place] = after.get(place, -1) + 1
        rows.append(
            {
                "tenant": alert.tenant,
                "alert": alert.id,
                "what": alert.what,
                "sequence": after[place],
                "body": encode(alert),
                "state": PENDING,
                "attempts": 0,
                "leased_until": leased(one, alert.tenant),
                "created_at": now,
                "said": "",
            }
            | msgspec.structs.asdict(one)
        )
    added: set[tuple[str, str]] = set()
    for low in range(0, len(rows), _ROWS):
        statement = insert_or_ignore(session, Delivery).values(rows[low : low + _ROWS])
        returned = await session.execute(statement.returning(Delivery.tenant, Delivery.id))
        added |= {(tenant, id_) for tenant, id_ in returned}
    return [Delivery(**row) for row in rows if (row["tenant"], row["id"]) in added]


async def take_back(session: AsyncSession, tenant: str, alert: str) -> None:
    """What is over before it was told, or is dealt with, is told to nobody any more."""
    query = (
        update(Delivery)
        .where(Delivery.tenant == tenant, Delivery.alert == alert, Delivery.what == "fired")
        .where(Delivery.state == PENDING, Delivery.attempts == 0)
        .where(Delivery.person.is_not(None))
        .values(state=DROPPED, said="over before it was told")
    )
    await session.execute(query)


async def subscriptions(session: AsyncSession, tenant: str) -> list[Subscription]:
    """All of a tenant, by id."""
    query = select(Subscription).where(Subscription.tenant == tenant).order_by(Subscription.id)
    return list(await session.scalars(query))


async def subscription(session: AsyncSession, tenant: str, id_: str) -> Subscription | None:
    """One."""
    return await session.get(Subscription, (tenant, id_), populate_existing=True)


async def due(
    session: AsyncSession,
    now: int,
    busy: Mapping[tuple[str, str], int],
    per_endpoint: int,
    most: int,
) -> list[Delivery]:
    """Deliveries that are due and may be tried, the longest due first.

    ``busy``: place -> how many are under way there; ``per_endpoint`` at most, one to a person.
    """
    found: dict[tuple[str, str], Delivery] = {}
    under_way = Counter(busy)
    full: set[tuple[str, str]] = set()
    while len(found) < most:
        full |= {place for place, count in under_way.items() if count >= per_endpoint}
        page = list(await session.scalars(_due(now, full, most)))
        before = len(found)
        for one in page:
            place = place_of(one)
            # What waits for a person goes into one message.
            most_there = per_endpoint if one.subscription is not None else 1
            if (one.tenant, one.id) not in found and under_way[place] < most_there:
                under_way[place] += 1
                found[one.tenant, one.id] = one
        # A page may be the backlog of one place that takes no more: behind it are the others.
        if len(page) < most or len(found) == before:
            break
    session.expunge_all()
    return list(found.values())[:most]


def _due(now: int, full: Collection[tuple[str, str]], most: int) -> Select[Delivery]:
    query = (
        select(Delivery)
        .where(Delivery.state == PENDING, Delivery.due_at <= now, Delivery.leased_until <= now)
        .order_by(Delivery.due_at, Delivery.sequence)
        .limit(most)
    )
    for tenant, id_ in full:
        query = query.where(
            or_(
                Delivery.subscription.is_(None),
                Delivery.tenant != tenant,
                Delivery.subscription != id_,
            )
        )
    return query


async def lease(
    session: AsyncSession, wanted: Sequence[Delivery], now: int, until: int
) -> list[Delivery]:
    """Those of some deliveries that are ours until an instant; nobody else has them meanwhile."""
    query = (
        update(Delivery)
        .where(Delivery.id.in_([one.id for one in wanted]), Delivery.state == PENDING)
        .where(Delivery.leased_until <= now)
        .values(leased_until=until)
        .returning(Delivery.tenant, Delivery.id)
        .execution_options(synchronize_session=False)
    )
    ours = {(tenant, id_) for tenant, id_ in await session.execute(query)}
    return [one for one in wanted if (one.tenant, one.id) in ours]


def place_of(one: Delivery) -> tuple[str, str]:
    """Where a delivery goes: (tenant, subscription), or the mailbox of a person."""
    return one.tenant, one.subscription or f"mail:{one.person}"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended, and what becomes of the delivery."""

    tenant: str
    id: str
    number: int
    at: int
    took_ms: int
    status: int | None
    error: str
    excerpt: str
    state: str
    due_at: int
    said: str
    counted: bool = True
    """False: nothing was attempted, it is only put off."""


async def note(session: AsyncSession, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes down, and end the leases."""
    tried = [
        {
            "tenant": one.tenant,
            "delivery": one.id,
            "number": one.number,
            "at": one.at,
            "took_ms": one.took_ms,
            "status": one.status,
            "error": storable(one.error),
            "excerpt": storable(one.excerpt),
        }
        for one in outcomes
        if one.counted
    ]
    if tried:
        await session.execute(insert_or_ignore(session, DeliveryAttempt).values(tried))
    table = cast("Table", Delivery.__table__)
    query = (
        table.update()
        .where(table.c.tenant == bindparam("of"), table.c.id == bindparam("one"))
        .values(
            state=bindparam("new_state"),
            attempts=bindparam("tries"),
            due_at=bindparam("due"),
            leased_until=0,
            done_at=bindparam("done"),
            said=bindparam("words"),
        )
    )
    connection = await session.connection()
    await connection.execute(
        query,
        [
            {
                "of": one.tenant,
                "one": one.id,
                "new_state": one.state,
                "tries": one.number,
                "due": one.due_at,
                "done": one.at + one.took_ms if one.state != PENDING else None,
                "words": storable(one.said),
            }
            for one in outcomes
        ],
    )


async def disable(session: AsyncSession, tenant: str, id_: str, why: str) -> bool:
    """Deliver no more to a subscription; whether it was enabled."""
    query = (
        update(Subscription)
        .where(Subscription.tenant == tenant, Subscription.id == id_, Subscription.enabled)
        .values(enabled=False, why_disabled=why)
    )
    return _rows(await session.execute(query)) == 1


async def notice(session: AsyncSession, tenant: str, id_: str, why: str, at: int) -> None:
    """Tell the administrators, in their inbox, that a subscription is disabled."""
    alert = Alert(
        id=f"sub_{id_}_{at}",
        sequence=0,
        what="fired",
        tenant=tenant,
        rule=RuleRef(
            id="subscription-disabled",
            version=1,
            name=f"Deliveries to {id_} are disabled: {why}",
            name_zh=f"订阅 {id_} 已停用：{why}",
            when="subscription",
        ),
        severity="critical",
        subject=SubjectRef(kind="organisation", id=tenant, name=tenant),
        period="",
        began_at=at,
        at=at,
        field="",
        held="",
    )
    await store_fired(session, [alert])
    await recipients(session, [(tenant, alert.id, "", at)])


async def opted_out(session: AsyncSession, tenant: str, person: str) -> bool:
    """Whether a person takes no e-mail."""
    return await session.get(MailOptOut, (tenant, person)) is not None


async def opt_out(session: AsyncSession, tenant: str, person: str, at: int) -> None:
    """A person takes no e-mail from now on."""
    row = {"tenant": tenant, "person": person, "at": at}
    await session.execute(insert_or_ignore(session, MailOptOut), row)


async def failing(session: AsyncSession, tenant: str, id_: str, since: int | None) -> None:
    """Since when an endpoint has failed; None: it works."""
    query = update(Subscription).where(Subscription.tenant == tenant, Subscription.id == id_)
    if since is not None:
        query = query.where(Subscription.failing_since.is_(None))
    await session.execute(query.values(failing_since=since))


async def together(session: AsyncSession, one: Delivery, now: int, until: int) -> list[Delivery]:
    """What else waits for the same person or chat and is due, leased: it is one message."""
    query = (
        select(Delivery)
        .where(Delivery.tenant == one.tenant, Delivery.id != one.id, Delivery.what != "test")
        .where(Delivery.person.is_not_distinct_from(one.person))
        .where(Delivery.subscription.is_not_distinct_from(one.subscription))
        .where(Delivery.state == PENDING, Delivery.due_at <= now, Delivery.leased_until <= now)
        .order_by(Delivery.created_at)
    )
    found = list(await session.scalars(query))
    for each in found:
        each.leased_until = until
    await session.flush()
    session.expunge_all()
    return found


async def told_since(session: AsyncSession, tenant: str, person: str, since: int) -> int:
    """How many messages a person was sent since an instant."""
    query = (
        select(func.count(func.distinct(Delivery.done_at)))
        .where(Delivery.tenant == tenant, Delivery.person == person)
        .where(Delivery.state == DELIVERED, Delivery.done_at >= since)
    )
    return int(await session.scalar(query) or 0)


async def held_of(session: AsyncSession, tenant: str, rep: str) -> dict[str, list[dict[str, Any]]]:
    """Table -> what is held of alerts about a person, and of what the person was told and did."""
    own = select(AlertRow).where(
        AlertRow.tenant == tenant, AlertRow.subject_kind == "rep", AlertRow.subject == rep
    )
    told = select(AlertRecipient).where(
        AlertRecipient.tenant == tenant, AlertRecipient.person == rep
    )
    noted = select(AlertNote).where(AlertNote.tenant == tenant, AlertNote.author == f"rep:{rep}")
    mailed = select(Delivery).where(Delivery.tenant == tenant, Delivery.person == rep)
    out = select(MailOptOut).where(MailOptOut.tenant == tenant, MailOptOut.person == rep)
    return {
        "alerts": [
            {"id": one.id, "rule": one.rule, "fired_at": one.fired_at, "said": one.body.decode()}
            for one in await session.scalars(own)
        ],
        "alert_recipients": [
            {"alert": one.alert, "told_at": one.told_at} for one in await session.scalars(told)
        ],
        "alert_notes": [
            {"alert": one.alert, "at": one.at, "kind": one.kind, "text": one.text}
            for one in await session.scalars(noted)
        ],
        "deliveries": [
            {"id": one.id, "alert": one.alert, "state": one.state, "done_at": one.done_at}
            for one in await session.scalars(mailed)
        ],
        "mail_opt_outs": [{"at": one.at} for one in await session.scalars(out)],
    }


async def forget_person(
    session: AsyncSession, tenant: str, rep: str, clean: Callable[[str], str]
) -> None:
    """Take a person's names out of alerts, and what the person wrote; nothing more is mailed."""

    def cleaned(raw: bytes) -> bytes:
        return clean(raw.decode()).encode()

    for row in await session.scalars(select(AlertRow).where(AlertRow.tenant == tenant)):
        row.body = cleaned(row.body)
    for delivery in await session.scalars(select(Delivery).where(Delivery.tenant == tenant)):
        delivery.body = cleaned(delivery.body)
        if delivery.person == rep and delivery.state == PENDING:
            delivery.state, delivery.said = DROPPED, "this person was erased"
    for note in await session.scalars(select(AlertNote).where(AlertNote.tenant == tenant)):
        note.text = "" if note.author == f"rep:{rep}" else clean(note.text)


async def write_note(
    session: AsyncSession, tenant: str, alert: str, *, author: str, kind: str, text: str, at: int
) -> None:
    """What somebody did with an alert."""
    session.add(
        AlertNote(tenant=tenant, alert=alert, at=at, author=author, kind=kind, text=storable(text))
    )
    await session.flush()


def _is(tenant: str, id_: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Delivery.tenant == tenant, Delivery.id == id_


async def _sequence(session: AsyncSession, tenant: str, id_: str, count: int) -> int:
    """The last of so many new numbers of a place."""
    query = (
        update(Subscription)
        .where(Subscription.tenant == tenant, Subscription.id == id_)
        .values(sequence=Subscription.sequence + count)
        .returning(Subscription.sequence)
        .execution_options(synchronize_session=False)
    )
    return int(await session.scalar(query) or 0)


def _rows(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount
