"""The alignment report: targets that do not add up, people without targets, targets without owner.

In: all versions, the company, the periods to look at, today. Out: findings, the gravest first. They
are findings and no errors: nothing is refused, everything is said. Guarantee: a report of targets
that fit is empty; the same input gives the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Literal

import msgspec

from kpi.organisation import intersect
from kpi.periods import Span
from kpi.targets.cascade import Cascade, levels
from kpi.targets.company import Company, Held, Person, held, of_person, tree
from kpi.targets.distribution import fits, months_of
from kpi.targets.effective import effective
from kpi.targets.model import SubjectKind, TargetVersion
from kpi.targets.ramp import RampPlan
from kpi.targets.staircase import DueGate, due_gates

Kind = Literal[
    "unknown_kpi",
    "no_owner",
    "bad_distribution",
    "gate_impossible",
    "unallocated",
    "over_allocated",
    "parts_differ",
    "no_target",
    "part_missing",
    "duplicate",
    "draft_late",
    "short_ramp",
    "unacknowledged",
]
Severity = Literal["error", "warning", "info"]

_ERRORS = {"unknown_kpi", "no_owner", "bad_distribution", "gate_impossible"}
_NOTES = {"unacknowledged", "short_ramp"}
_GRAVEST: tuple[Severity, ...] = ("error", "warning", "info")

_MONTH_DAYS = 30
"""A plan should last a sales cycle and a month to learn: 60 days ask for 90 (FIELD, "Targets")."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What does not fit, for whom, and by how much.

    `asked` and `found` are the two numbers that differ, where there are two: the level's target and
    the sum below it, the target of a period and the sum of its parts, the gate and what the plan
    asks for by then, the days that a plan should have and has. `names` are the ids that it concerns
    besides the subject: those without a target, the target's id, the plan.
    """

    kind: Kind
    subject_kind: SubjectKind | Literal["plan"]
    subject: str
    kpi: str = ""
    first: date | None = None
    last: date | None = None
    asked: Fraction | None = None
    found: Fraction | None = None
    names: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        """Errors make numbers wrong, warnings leave them open, notes are for the manager."""
        if self.kind in _ERRORS:
            return "error"
        return "info" if self.kind in _NOTES else "warning"

    @property
    def difference(self) -> Fraction | None:
        """Asked less found."""
        return None if self.asked is None or self.found is None else self.asked - self.found


def align(
    versions: Sequence[TargetVersion], company: Company, periods: Sequence[Span], today: date
) -> list[Finding]:
    """All findings, the gravest first.

    `periods` are those whose sums and holders are looked at, such as this month and quarter.
    Findings about versions concern all that are not over by `today`.
    """
    current = [one for one in versions if one.last >= today]
    targets = held(one for one in versions if one.kpi in company.natures)
    found = [
        *_of_versions(current, company, today),
        *(one for span in periods for one in _of_span(company, targets, span)),
        *(one for person in company.people for one in _gates(company, targets, person, today)),
    ]
    return sorted(found, key=_order)


def short_ramp(plan: RampPlan, cycle_days: int | None) -> list[Finding]:
    """A plan shorter than a sales cycle and a month asks for revenue before any deal can close."""
    changing = max((steps.settled for steps in plan.steps.values()), default=0)
    days = changing * plan.step_months * _MONTH_DAYS
    needed = (cycle_days or 0) + _MONTH_DAYS
    if cycle_days is None or not changing or days >= needed:
        return []
    return [
        Finding(
            kind="short_ramp",
            subject_kind="plan",
            subject=plan.id,
            asked=Fraction(needed),
            found=Fraction(days),
        )
    ]


def _order(one: Finding) -> tuple[int, str, str, str, str, date, date, tuple[str, ...]]:
    grave = _GRAVEST.index(one.severity)
    days = (one.first or date.min, one.last or date.max)
    return (grave, one.kind, one.subject_kind, one.subject, one.kpi, *days, one.names)


def _of_versions(
    current: Sequence[TargetVersion], company: Company, today: date
) -> Iterator[Finding]:
    latest = {one.id: one for one in sorted(current, key=lambda one: one.version)}
    for one in latest.values():
        yield from _of_version(one, company, today)
    yield from _duplicates(latest.values())


def _of_version(one: TargetVersion, company: Company, today: date) -> Iterator[Finding]:
    begins = max(one.effective or one.first, one.first)
    if one.kpi not in company.natures:
        yield _about(one, "unknown_kpi")
    if not _owned(one, company):
        yield _about(one, "no_owner")
    if one.monthly and not fits(one.monthly, len(months_of(company.fiscal, one.period))):
        yield _about(one, "bad_distribution", asked=Fraction(100), found=Fraction(sum(one.monthly)))
    if one.state == "draft" and begins <= today:
        yield _about(one, "draft_late")
    if one.state == "published" and one.subject_kind == "rep" and begins <= today:
        yield _about(one, "unacknowledged")


def _duplicates(latest: Iterable[TargetVersion]) -> Iterator[Finding]:
    seen: dict[object, TargetVersion] = {}
    for one in sorted(latest, key=lambda one: one.id):
        key = (one.kpi, one.subject_kind, one.subject, one.period)
        if one.counts and key in seen:
            yield _about(one, "duplicate", names=(seen[key].id, one.id))
        elif one.counts:
            seen[key] = one


def _owned(one: TargetVersion, company: Company) -> bool:
    if one.subject_kind == "organisation":
        return one.subject == company.id
    if one.subject_kind == "team":
        return one.subject in company.parents
    return any(
        person.id == one.subject and intersect(person.presence.employed, one.period)
        for person in company.people
    )


def _about(
    one: TargetVersion,
    kind: Kind,
    *,
    asked: Fraction | None = None,
    found: Fraction | None = None,
    names: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        kind=kind,
        subject_kind=one.subject_kind,
        subject=one.subject,
        kpi=one.kpi,
        first=one.first,
        last=one.last,
        asked=asked,
        found=found,
        names=names or (one.id,),
    )


def _of_span(company: Company, targets: Held, span: Span) -> Iterator[Finding]:
    for person in company.people:
        if intersect(person.presence.employed, span):
            yield from _without_target(company, targets, person, span)
    for kpi, nature in company.natures.items():
        if nature.adds_up:
            yield from _sums(company, targets, kpi, span)
            yield from _parts(company, targets, kpi, span)


def _without_target(
    company: Company, targets: Held, person: Person, span: Span
) -> Iterator[Finding]:
    for kpi in sorted(person.kpis & set(company.natures)):
        target = of_person(company, targets, person, kpi, span)
        if target is None:
            yield Finding(
                kind="no_target",
                subject_kind="rep",
                subject=person.id,
                kpi=kpi,
                first=span.first,
                last=span.last,
            )
            continue
        for gap in target.missing:
            if days := intersect(gap, person.presence.employed):
                yield Finding(
                    kind="part_missing",
                    subject_kind="rep",
                    subject=person.id,
                    kpi=kpi,
                    first=days.first,
                    last=days.last,
                )


def _sums(company: Company, targets: Held, kpi: str, span: Span) -> Iterator[Finding]:
    """Differences of less than one (a minor unit, a visit) are rounding."""
    for group, level in levels(tree(company, targets, kpi, span)).items():
        if level.source == "own" and abs(level.difference) >= 1:
            yield _level(company, group, kpi, span, level)


def _level(company: Company, group: str, kpi: str, span: Span, level: Cascade) -> Finding:
    return Finding(
        kind="unallocated" if level.difference > 0 else "over_allocated",
        subject_kind="organisation" if group == company.id else "team",
        subject=group,
        kpi=kpi,
        first=span.first,
        last=span.last,
        asked=level.target,
        found=level.allocated,
        names=level.missing,
    )


def _parts(company: Company, targets: Held, kpi: str, span: Span) -> Iterator[Finding]:
    """A period whose own target is not the sum of those of the periods within it."""
    for (of, kind, subject), versions in targets.items():
        if of != kpi or not any(one.period == span and one.counts for one in versions):
            continue
        inside = [one for one in versions if _within(one.period, span)]
        whole = effective(versions, company.natures[kpi], span, company.presence, company.fiscal)
        parts = effective(inside, company.natures[kpi], span, company.presence, company.fiscal)
        if whole and parts and not parts.missing and abs(whole.base - parts.base) >= 1:
            yield Finding(
                kind="parts_differ",
                subject_kind=kind,
                subject=subject,
                kpi=kpi,
                first=span.first,
                last=span.last,
                asked=whole.base,
                found=parts.base,
            )


def _within(period: Span, span: Span) -> bool:
    return period != span and intersect(period, span) == period


def _gates(company: Company, targets: Held, person: Person, today: date) -> Iterator[Finding]:
    if person.ramp is None:
        return
    for gate in due_gates(person.ramp, person.presence.leaves):
        if gate.due >= today:
            yield from _gate(company, targets, person, gate)


def _gate(company: Company, targets: Held, person: Person, gate: DueGate) -> Iterator[Finding]:
    asked = Fraction(0)
    kind: Kind = "unknown_kpi"
    if gate.kpi in company.natures:
        kind = "gate_impossible"
        target = of_person(company, targets, person, gate.kpi, Span(gate.first, gate.due))
        if target is None or target.missing or target.base >= gate.at_least:
            return
        asked = target.base
    yield Finding(
        kind=kind,
        subject_kind="rep",
        subject=person.id,
        kpi=gate.kpi,
        first=gate.first,
        last=gate.due,
        asked=gate.at_least,
        found=asked,
    )
