"""The targets of a file or of a CSV: from what is written to what is kept.

In: a shape and what it speaks of (fiscal calendar, units of KPIs, people and teams). Out: a target,
or the sentences that say what is wrong with it. Guarantee: amounts are exact.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from kpi.calendar.fiscal import FiscalCalendar, Period, parse_label, parts
from kpi.definitions.model import Unit
from kpi.targets.model import SubjectKind
from paceline.config import plan_shapes as shape
from paceline.config.problems import meant
from paceline.sql.amounts import amount
from paceline.sql.targets import Target


class Scope(NamedTuple):
    """What a target may speak of."""

    tenant: str
    currency: str
    fiscal: FiscalCalendar
    units: Mapping[str, Unit]
    """KPI -> unit."""
    reps: Collection[str]
    teams: Collection[str]


class Wrong(NamedTuple):
    """One mistake of a target; ``key`` names the part of it."""

    key: str
    what: str


def target_of(said: shape.Target, scope: Scope) -> tuple[Target | None, list[Wrong]]:
    """The target, None where anything is wrong with it."""
    kind, subject = _subject(said)
    wrong = _unknown(said, kind, subject, scope)
    period = _period(said, scope, wrong)
    unit = scope.units.get(said.kpi, "count")
    tiers = [
        _tier(name, text, unit, scope.currency, wrong)
        for name, text in (("base", said.base), ("stretch", said.stretch), ("commit", said.commit))
    ]
    if wrong or period is None or tiers[0] is None:
        return None, wrong
    return Target(
        kpi=said.kpi,
        subject_kind=kind,
        subject=subject,
        first=period.first,
        last=period.last,
        base=tiers[0],
        stretch=tiers[1],
        commit=tiers[2],
        effective=_effective(said.effective, period),
        change=said.change,
        monthly=tuple(said.monthly),
        prorate=said.prorate,
        state=said.state,
        note=said.note,
    ), wrong


def _effective(said: date | None, period: Period) -> date | None:
    """From the first day is from the start."""
    return None if said == period.first else said


def _subject(said: shape.Target) -> tuple[SubjectKind, str]:
    if said.rep is not None:
        return "rep", said.rep
    return (
        ("team", said.team) if said.team is not None else ("organisation", said.organisation or "")
    )


def _unknown(said: shape.Target, kind: str, subject: str, scope: Scope) -> list[Wrong]:
    wrong: list[Wrong] = []
    known = {"rep": scope.reps, "team": scope.teams, "organisation": {scope.tenant}}[kind]
    if said.kpi not in scope.units:
        wrong.append(Wrong("kpi", f"unknown KPI `{said.kpi}`; {meant(said.kpi, scope.units)}"))
    if subject not in known:
        wrong.append(Wrong(kind, f"unknown {kind} `{subject}`; {meant(subject, known)}"))
    return wrong


def _period(said: shape.Target, scope: Scope, wrong: list[Wrong]) -> Period | None:
    try:
        period = parse_label(scope.fiscal, said.period)
    except ValueError as error:
        wrong.append(Wrong("period", str(error)))
        return None
    if said.effective and not period.first <= said.effective <= period.last:
        what = f"{said.effective} is not within {period.label}, {period.first} to {period.last}"
        wrong.append(Wrong("effective", f"{what}; write a day of the period"))
    if said.monthly:
        _monthly(len(said.monthly), period, scope.fiscal, wrong)
    return period


def _monthly(said: int, period: Period, fiscal: FiscalCalendar, wrong: list[Wrong]) -> None:
    months = len(parts(fiscal, period, "month")) if period.kind in ("quarter", "year") else 1
    if said != months:
        what = f"{said} percentages for the {months} months of {period.label}; write one for each"
        wrong.append(Wrong("monthly", what))


def _tier(
    key: str, text: str | None, unit: Unit, currency: str, wrong: list[Wrong]
) -> Fraction | None:
    if text is None:
        return None
    try:
        return amount(text, unit, currency)
    except ValueError as error:
        wrong.append(Wrong(key, str(error)))
        return None
