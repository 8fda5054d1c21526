"""Planning: whose inbox an alert comes into, and where it is delivered to, when.

In: an alert, its rule, the organisation, subscriptions. Out: recipients and deliveries. Guarantee:
pure; ids are made of alert, change and place, so planning again plans the same; webhooks are told
at once, people within their own working life.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from kpi.alerts import Rule
from kpi.calendar.hours import Hours
from paceline.progress.judging.desk import presence_of
from paceline.progress.reading.directory import Known
from paceline.sql.alerts import Filters, Planned
from paceline.sql.stored import Alerting
from schemas.alerts import Alert
from services.notifier.recipients import ADMIN, Told, resolve
from services.notifier.times import muted, next_digest, pushable, workdays_later


class Taker(NamedTuple):
    """A subscription as planning sees it."""

    id: str
    kind: str
    filters: Filters


class Plan(NamedTuple):
    """What is to be written."""

    inboxes: list[tuple[str, int]]
    """(person, from when on)"""
    deliveries: list[Planned]


def plan(
    alert: Alert, rule: Rule | None, known: Known, takers: Iterable[Taker], settings: Alerting
) -> Plan:
    """Everything that an alert gives rise to."""
    told = resolve(known.org, rule.recipients, alert.subject) if rule else []
    channels = rule.channels if rule else ()
    inboxes: list[tuple[str, int]] = []
    deliveries: list[Planned] = []
    for one in told:
        hours = hours_of(known, one.person)
        begins = workdays_later(hours, alert.at, one.after_days) if one.after_days else alert.at
        if alert.what == "fired":
            inboxes.append((one.person, begins))
        if "email" in channels and _mailable(known, one, alert, rule):
            mail = _mail(alert, one, begins, hours, settings)
            if mail is not None:
                deliveries.append(mail)
    deliveries += [
        _posted(alert, taker, known, settings)
        for taker in takers
        if taker.filters.take(alert) or taker.id in channels
    ]
    return Plan(inboxes, deliveries)


def hours_of(known: Known, person: str) -> Hours:
    """When somebody works; of the administrators the tenant's own calendar and zone."""
    rep = known.org.reps.get(person)
    presence = presence_of(known.plan, known.plan.reps.get(person))
    return Hours(presence.calendar, rep.zone if rep else known.org.zone, tuple(presence.leaves))


def delivery_id(alert: str, what: str, place: str) -> str:
    """The id of a message: the same however often it is planned or tried."""
    digest = hashlib.sha256(f"{alert}\x1f{what}\x1f{place}".encode()).hexdigest()
    return f"msg_{digest[:24]}"


def _mailable(known: Known, one: Told, alert: Alert, rule: Rule | None) -> bool:
    rep = known.org.reps.get(one.person)
    address = rep.terms.email if rep else None
    wanted = alert.what == "fired" or bool(rule and rule.resolved)
    return bool(address) and one.person != ADMIN and wanted


def _mail(alert: Alert, one: Told, begins: int, hours: Hours, settings: Alerting) -> Planned | None:
    if muted(settings, hours, alert.rule.id, begins):
        return None
    if alert.late:
        due = next_digest(settings, hours, begins)
    else:
        due = pushable(settings, hours, begins + settings.wait_s * 1000)
    place = f"mail:{one.person}"
    return Planned(
        id=delivery_id(alert.id, alert.what, place),
        person=one.person,
        due_at=due,
    )


def _posted(alert: Alert, taker: Taker, known: Known, settings: Alerting) -> Planned:
    due = alert.at
    if taker.kind != "webhook":
        hours = hours_of(known, ADMIN)
        if alert.late or muted(settings, hours, alert.rule.id, alert.at):
            due = next_digest(settings, hours, alert.at)
    return Planned(
        id=delivery_id(alert.id, alert.what, f"to:{taker.id}"),
        subscription=taker.id,
        due_at=due,
    )
