"""Everybody's targets for one KPI and span, laid out as the tree of teams.

In: the company (people with their presence, memberships and ramps; teams) and all versions. Out:
the tree that `cascade.levels` compares. Guarantee: a mover counts in each team with the part of the
target that falls on the stay, so that the teams' sums make up the people's targets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from kpi.calendar.fiscal import FiscalCalendar
from kpi.organisation import Membership, gaps, intersect, stays, without
from kpi.periods import Span
from kpi.targets.cascade import Level
from kpi.targets.effective import effective, part
from kpi.targets.model import Effective, Nature, Presence, SubjectKind, TargetVersion
from kpi.targets.ramp import OnRamp

Key = tuple[str, SubjectKind, str]
"""KPI, kind of subject, subject."""

Held = Mapping[Key, tuple[TargetVersion, ...]]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A rep with what decides about targets; `kpis` are those that count for role and person."""

    id: str
    kpis: frozenset[str]
    presence: Presence
    memberships: tuple[Membership, ...] = ()
    ramp: OnRamp | None = None


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of a tenant: `parents` maps each team to the one above it, None at the top."""

    id: str
    people: tuple[Person, ...]
    parents: Mapping[str, str | None]
    natures: Mapping[str, Nature]
    presence: Presence
    fiscal: FiscalCalendar


def held(versions: Iterable[TargetVersion]) -> Held:
    """The versions by KPI and subject."""
    found: dict[Key, list[TargetVersion]] = {}
    for one in versions:
        found.setdefault((one.kpi, one.subject_kind, one.subject), []).append(one)
    return {key: tuple(some) for key, some in found.items()}


def of_person(
    company: Company, targets: Held, person: Person, kpi: str, span: Span
) -> Effective | None:
    """The target in force of one person."""
    versions = targets.get((kpi, "rep", person.id), ())
    nature = company.natures[kpi]
    return effective(versions, nature, span, person.presence, company.fiscal, ramp=person.ramp)


def of_group(
    company: Company, targets: Held, kind: SubjectKind, group: str, kpi: str, span: Span
) -> Effective | None:
    """The own target of a team or of the organisation."""
    versions = targets.get((kpi, kind, group), ())
    return effective(versions, company.natures[kpi], span, company.presence, company.fiscal)


def tree(company: Company, targets: Held, kpi: str, span: Span) -> Level:
    """The organisation with its teams and people; the KPI is one that adds up."""
    everyone = [
        (person, of_person(company, targets, person, kpi, span))
        for person in company.people
        if kpi in person.kpis and intersect(person.presence.employed, span)
    ]

    def level(kind: SubjectKind, group: str, above: str | None) -> Level:
        own = of_group(company, targets, kind, group, kpi, span)
        below = sorted(team for team, parent in company.parents.items() if parent == above)
        return Level(
            id=group,
            own=own.base if own else None,
            members=_teamless(everyone, span) if above is None else _members(everyone, group, span),
            below=tuple(level("team", team, team) for team in below),
        )

    return level("organisation", company.id, None)


def _members(
    everyone: Iterable[tuple[Person, Effective | None]], team: str, span: Span
) -> dict[str, Fraction | None]:
    return {
        person.id: part(target, person.presence, stayed).base if target else None
        for person, target in everyone
        if (stayed := stays(person.memberships, {team}, span))
    }


def _teamless(
    everyone: Iterable[tuple[Person, Effective | None]], span: Span
) -> dict[str, Fraction | None]:
    """The parts of targets that fall on days without a team count in the organisation itself.

    Not those of overlay people: what they share is counted where it was won.
    """
    return {
        person.id: part(target, person.presence, alone).base if target else None
        for person, target in everyone
        if (alone := _alone(person, span))
    }


def _alone(person: Person, span: Span) -> list[Span]:
    overlay = [one.span for one in person.memberships if one.overlay]
    return without(gaps(person.memberships, person.presence.employed, span), overlay)
