"""Whether the targets of a tenant add up: its plan as ``kpi.targets.align`` wants it.

In: a plan, the teams, the days. Out: findings. Guarantee: pure; the words are plain sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

from kpi.definitions import DefinitionError, Unit, compile_book
from kpi.organisation import employment, with_managed
from kpi.periods import Span
from kpi.targets.align import Finding, align
from kpi.targets.company import Company, Person
from kpi.targets.model import Nature, Presence
from kpi.targets.ramp import OnRamp
from paceline.sql.amounts import written
from paceline.sql.plan import Plan, RepPlan

_SAYS = {
    "unknown_kpi": "no such KPI",
    "no_owner": "nobody has this target: the subject is gone",
    "bad_distribution": "the monthly percentages do not fit the period",
    "gate_impossible": "the ramp asks for less than its gate",
    "unallocated": "more is asked for than is given to those below",
    "over_allocated": "less is asked for than is given to those below",
    "parts_differ": "the parts of the period do not sum to it",
    "no_target": "no target",
    "part_missing": "a part of the period has no target",
    "duplicate": "two targets of the same period",
    "draft_late": "a draft whose days have begun",
    "short_ramp": "the ramp is shorter than a sales cycle and a month",
    "unacknowledged": "not acknowledged yet",
}


def natures_of(plan: Plan) -> dict[str, Nature]:
    """What targets must know of each KPI; a book that no longer compiles gives none."""
    try:
        book = compile_book(plan.definitions, plan.measures, selling=plan.selling)
    except DefinitionError:
        return {}
    return {
        id_: Nature(
            kpi=id_,
            kind=one.kind,
            unit=one.definition.unit,
            direction=one.definition.direction,
        )
        for id_, one in book.compiled.items()
    }


def company_of(plan: Plan, parents: Mapping[str, str | None]) -> Company:
    """The tenant as the target functions see it; ``parents``: team -> the team above it."""
    everybody = Presence(calendar=plan.calendars[plan.calendar])
    return Company(
        id=plan.tenant,
        people=tuple(_person(plan, rep) for rep in plan.reps.values()),
        parents=parents,
        natures=natures_of(plan),
        presence=everybody,
        fiscal=plan.fiscal,
    )


def findings(
    plan: Plan, parents: Mapping[str, str | None], periods: Sequence[Span], today: date
) -> list[Finding]:
    """What does not fit, the gravest first."""
    versions = [one for each in plan.targets.values() for one in each]
    return align(versions, company_of(plan, parents), periods, today)


def sentence(found: Finding, units: Mapping[str, Unit], currency: str) -> str:
    """One line about a finding, amounts as people write them."""
    unit = units.get(found.kpi, "count")
    about = " ".join(part for part in (found.kpi, found.subject_kind, found.subject) if part)
    days = f" {found.first} to {found.last}" if found.first else ""
    numbers = _numbers(found.asked, found.found, unit, currency)
    names = f" ({', '.join(found.names)})" if found.names else ""
    return f"{found.severity}: {about}{days}: {_SAYS[found.kind]}{numbers}{names}"


def _numbers(asked: Fraction | None, found: Fraction | None, unit: Unit, currency: str) -> str:
    if asked is None or found is None:
        return ""
    return f": {_plain(asked, unit, currency)} against {_plain(found, unit, currency)}"


def _plain(value: Fraction, unit: Unit, currency: str) -> int | float | str:
    """Rounded: it is to be read, and shares of workdays have no end."""
    whole = unit in ("money", "duration")
    return written(Fraction(round(value)) if whole else round(value, 2), unit, currency)


def _person(plan: Plan, rep: RepPlan) -> Person:
    employed = employment(rep.hired, rep.left)
    ramp = plan.ramps.get(rep.ramp) if rep.ramp else None
    return Person(
        id=rep.id,
        kpis=frozenset(rep.kpis),
        presence=Presence(
            calendar=plan.calendars[rep.calendar], leaves=rep.leaves, employed=employed
        ),
        memberships=with_managed(rep.memberships, rep.managed, employed),
        ramp=OnRamp(ramp, rep.hired) if ramp and rep.hired else None,
    )
