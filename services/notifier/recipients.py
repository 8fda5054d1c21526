"""Recipients: who is told of an alert, and after how long.

In: the organisation, a rule's recipients, the subject. Out: people. Guarantee: pure; a person is
named once, with the shortest wait; nobody is their own manager.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kpi.alerts import Recipient
from paceline.sql.org import Org, Rep
from schemas.alerts import SubjectRef

ADMIN = ""
"""The administrators: whoever has a key that is bound to nobody."""


class Told(NamedTuple):
    """A person, and after how many workdays without an acknowledgement."""

    person: str
    after_days: int


def resolve(org: Org, recipients: Iterable[Recipient], subject: SubjectRef) -> list[Told]:
    """Who is told, in the order of the rule."""
    found: dict[str, int] = {}
    for one in recipients:
        person = _person(org, one, subject)
        if person is not None:
            found[person] = min(one.after_days, found.get(person, one.after_days))
    return [Told(person, days) for person, days in found.items()]


def managers(org: Org, subject: SubjectRef) -> list[str]:
    """Who leads the subject, the nearest first, then who leads them, and so on to the top."""
    if subject.kind == "rep":
        rep = org.reps.get(subject.id)
        team = rep.team if rep else None
    elif subject.kind == "team":
        team = subject.id
    else:
        return [one for root in _roots(org) for one in _leading(org, root)]
    found: list[str] = []
    while team is not None and team in org.teams:
        found += [one for one in _leading(org, team) if one != subject.id and one not in found][:1]
        team = org.teams[team].parent
    return found


def _person(org: Org, one: Recipient, subject: SubjectRef) -> str | None:
    if one.role == "admin":
        return ADMIN
    if one.role == "rep":
        return subject.id if subject.kind == "rep" and subject.id in org.reps else None
    if one.role == "person":
        return one.id if one.id in org.reps else None
    above = managers(org, subject)
    place = 0 if one.role == "manager" else 1
    return above[place] if len(above) > place else None


def _leading(org: Org, team: str) -> list[str]:
    led: list[Rep] = [rep for rep in org.reps.values() if rep.manages == team]
    return sorted(rep.id for rep in led)


def _roots(org: Org) -> list[str]:
    return sorted(one.id for one in org.teams.values() if one.parent is None)
