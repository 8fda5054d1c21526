"""Inboxes and deeds: what people see of alerts, and what they do with them.

In: sessions, a tenant. Out: rows. Guarantee: every query names its tenant; a deed is noted with its
author; an acknowledgement ends escalations and what still waits to be told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from paceline.sql import alerts as sql
from paceline.sql.models import (
    AlertNote,
    AlertRecipient,
    AlertRow,
    Delivery,
    DeliveryAttempt,
)

_OPEN_COUNTED = 1_000


class Wanted(NamedTuple):
    """Which alerts are asked for."""

    tenant: str
    open_only: bool = False
    person: str | None = None
    """Only what is in this inbox by now."""
    subjects: Collection[tuple[str, str]] | None = None
    """(kind, id) that may be seen; None: all."""
    rule: str = ""
    severity: str = ""
    after: tuple[int, str] | None = None
    """(fired at, id) of the last one of the page before."""


async def page(session: AsyncSession, wanted: Wanted, now: int, limit: int) -> list[AlertRow]:
    """Alerts, newest first."""
    query = _query(wanted, now).order_by(AlertRow.fired_at.desc(), AlertRow.id.desc()).limit(limit)
    if wanted.after is not None:
        at, id_ = wanted.after
        query = query.where(
            or_(AlertRow.fired_at < at, and_(AlertRow.fired_at == at, AlertRow.id < id_))
        )
    found = list(await session.scalars(query))
    session.expunge_all()
    return found


async def changed(session: AsyncSession, wanted: Wanted, since: int) -> list[AlertRow]:
    """What began, was over or was acknowledged since an instant, oldest first."""
    query = _query(wanted, since).where(
        or_(
            AlertRow.fired_at >= since,
            AlertRow.resolved_at >= since,
            AlertRow.acknowledged_at >= since,
        )
    )
    found = list(await session.scalars(query.order_by(AlertRow.fired_at)))
    session.expunge_all()
    return found


async def count_open(session: AsyncSession, wanted: Wanted, now: int) -> int:
    """How many are open, as far as is counted."""
    inner = _query(wanted._replace(open_only=True), now).limit(_OPEN_COUNTED).subquery()
    return int(await session.scalar(select(func.count()).select_from(inner)) or 0)


async def find(session: AsyncSession, tenant: str, id_: str) -> AlertRow | None:
    """One alert."""
    found = await session.get(AlertRow, (tenant, id_), populate_existing=True)
    if found is not None:
        session.expunge(found)
    return found


async def notes(session: AsyncSession, tenant: str, ids: Sequence[str]) -> list[AlertNote]:
    """Of some alerts, oldest first."""
    query = (
        select(AlertNote)
        .where(AlertNote.tenant == tenant, AlertNote.alert.in_(ids))
        .order_by(AlertNote.id)
    )
    return list(await session.scalars(query))


async def is_recipient(session: AsyncSession, tenant: str, alert: str, person: str) -> bool:
    """Whether an alert is in somebody's inbox."""
    return await session.get(AlertRecipient, (tenant, alert, person)) is not None


async def do(
    session: AsyncSession,
    tenant: str,
    alert: str,
    *,
    deed: str,
    author: str,
    at: int,
    text: str = "",
    until: int | None = None,
) -> bool:
    """Do something with an alert; False where there is none, or it was said already."""
    row = AlertRow.tenant == tenant, AlertRow.id == alert
    if await session.scalar(select(AlertRow.id).where(*row)) is None:
        return False
    if deed in {"useful", "not_useful"}:
        said = select(AlertNote.id).where(
            AlertNote.tenant == tenant,
            AlertNote.alert == alert,
            AlertNote.author == author,
            AlertNote.kind == deed,
        )
        if await session.scalar(said) is not None:
            return False
        by = 1 if deed == "useful" else -1
        await session.execute(update(AlertRow).where(*row).values(useful=AlertRow.useful + by))
    elif deed == "acknowledge":
        query = update(AlertRow).where(*row, AlertRow.acknowledged_at.is_(None))
        await session.execute(query.values(acknowledged_at=at, acknowledged_by=author))
        await _end_escalation(session, tenant, alert, at)
        await sql.take_back(session, tenant, alert)
    elif deed == "snooze":
        await session.execute(update(AlertRow).where(*row).values(snoozed_until=until))
        await sql.take_back(session, tenant, alert)
    await sql.write_note(session, tenant, alert, author=author, kind=deed, text=text, at=at)
    return True


async def precision(session: AsyncSession, tenant: str, since: int) -> list[Any]:
    """(rule, fired, acknowledged, useful, not useful) since an instant."""
    marked = (
        select(
            AlertNote.alert,
            func.sum(case((AlertNote.kind == "useful", 1), else_=0)).label("useful"),
            func.sum(case((AlertNote.kind == "not_useful", 1), else_=0)).label("not_useful"),
        )
        .where(AlertNote.tenant == tenant)
        .group_by(AlertNote.alert)
        .subquery()
    )
    query = (
        select(
            AlertRow.rule,
            func.count(),
            func.count(AlertRow.acknowledged_at),
            func.coalesce(func.sum(marked.c.useful), 0),
            func.coalesce(func.sum(marked.c.not_useful), 0),
        )
        .outerjoin(marked, marked.c.alert == AlertRow.id)
        .where(AlertRow.tenant == tenant, AlertRow.fired_at >= since)
        .group_by(AlertRow.rule)
        .order_by(AlertRow.rule)
    )
    return list(await session.execute(query))


async def deliveries(
    session: AsyncSession,
    tenant: str,
    *,
    subscription: str | None = None,
    alert: str | None = None,
    state: str | None = None,
    limit: int = 50,
) -> list[Delivery]:
    """Deliveries, newest first."""
    query = select(Delivery).where(Delivery.tenant == tenant)
    for column, value in (
        (Delivery.subscription, subscription),
        (Delivery.alert, alert),
        (Delivery.state, state),
    ):
        if value is not None:
            query = query.where(column == value)
    query = query.order_by(Delivery.created_at.desc(), Delivery.sequence.desc()).limit(limit)
    return list(await session.scalars(query))


async def attempts(session: AsyncSession, tenant: str, ids: Sequence[str]) -> list[DeliveryAttempt]:
    """Of some deliveries, in their order."""
    query = (
        select(DeliveryAttempt)
        .where(DeliveryAttempt.tenant == tenant, DeliveryAttempt.delivery.in_(ids))
        .order_by(DeliveryAttempt.delivery, DeliveryAttempt.number)
    )
    return list(await session.scalars(query))


async def replay(
    session: AsyncSession,
    tenant: str,
    now: int,
    *,
    ids: Sequence[str] = (),
    subscription: str | None = None,
    since: int | None = None,
) -> int:
    """Send what is dead again, under the same ids; how many."""
    query = (
        update(Delivery)
        .where(Delivery.tenant == tenant, Delivery.state.in_((sql.DEAD, sql.DELIVERED)))
        .values(state=sql.PENDING, due_at=now, leased_until=0, done_at=None)
        .execution_options(synchronize_session=False)
    )
    query = query.where(Delivery.id.in_(ids) if ids else Delivery.state == sql.DEAD)
    if subscription is not None:
        query = query.where(Delivery.subscription == subscription)
    if since is not None:
        query = query.where(Delivery.created_at >= since)
    return int((await session.execute(query)).rowcount)  # type: ignore[attr-defined]


async def _end_escalation(session: AsyncSession, tenant: str, alert: str, at: int) -> None:
    query = (
        update(AlertRecipient)
        .where(AlertRecipient.tenant == tenant, AlertRecipient.alert == alert)
        .where(AlertRecipient.told_at > at)
        .values(cancelled=True)
    )
    await session.execute(query)


def _query(wanted: Wanted, now: int) -> Any:
    query = select(AlertRow).where(AlertRow.tenant == wanted.tenant)
    if wanted.open_only:
        query = query.where(
            AlertRow.resolved_at.is_(None),
            AlertRow.acknowledged_at.is_(None),
            or_(AlertRow.snoozed_until.is_(None), AlertRow.snoozed_until <= now),
        )
    if wanted.person is not None:
        query = query.join(
            AlertRecipient,
            and_(AlertRecipient.tenant == AlertRow.tenant, AlertRecipient.alert == AlertRow.id),
        ).where(
            AlertRecipient.person == wanted.person,
            AlertRecipient.told_at <= now,
            AlertRecipient.cancelled.is_(False),
        )
    if wanted.subjects is not None:
        by_kind: dict[str, list[str]] = {}
        for kind, id_ in wanted.subjects:
            by_kind.setdefault(kind, []).append(id_)
        either = [
            and_(AlertRow.subject_kind == kind, AlertRow.subject.in_(ids))
            for kind, ids in by_kind.items()
        ]
        query = query.where(or_(*either)) if either else query.where(AlertRow.id == "")
    if wanted.rule:
        query = query.where(AlertRow.rule == wanted.rule)
    if wanted.severity:
        query = query.where(AlertRow.severity == wanted.severity)
    return query
