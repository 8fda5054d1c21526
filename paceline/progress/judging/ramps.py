"""Ramps: a new person's staircase, this month's goals, and the gates with where they stand.

In: a plan, the day of hire, leave, targets, what was reached so far. Out: ``RampView``. Guarantee:
pure; there from the first day on, before anything was counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

from kpi.calendar.fiscal import period_of
from kpi.definitions import Book, Facts, Unit, evaluate
from kpi.organisation import intersect
from kpi.periods import Span
from kpi.targets.ramp import OnRamp, month_start
from kpi.targets.staircase import DueGate, Staircase, staircase
from paceline.progress.answers.kpis import Number, RampGate, RampStep, RampView
from paceline.progress.answers.numbers import said
from paceline.progress.judging.standing import Standing, targets_in_force
from paceline.sql.plan import Plan, RepPlan

_LONGEST = 120
"""Months of tenure that are counted."""


def on_ramp(plan: Plan, person: RepPlan | None) -> OnRamp | None:
    """A person's plan and its first day; None without one."""
    if person is None or person.hired is None or person.ramp is None:
        return None
    return OnRamp(plan.ramps[person.ramp], person.hired)


def gates_of(on: OnRamp, person: RepPlan) -> tuple[DueGate, ...]:
    """The gates with their days."""
    return staircase(on, (), {}, person.leaves).gates


def view(
    plan: Plan,
    book: Book,
    person: RepPlan,
    on: OnRamp,
    counts: Sequence[str],
    standing: Standing,
    reached: Mapping[Span, Mapping[str, int]],
) -> RampView:
    """The whole of it; ``reached``: sums of the days of each gate so far."""
    day = standing.through
    kpis = _planned(on, counts, book)
    month = _month(plan, standing, day)
    goals = targets_in_force(book, month, plan.fiscal, plan.targets_of("rep", person.id), kpis)
    quotas = {kpi: goal.full for kpi, goal in goals.items()}
    stairs = staircase(on, kpis, quotas, person.leaves)
    named = plan.ramp_names[on.plan.id]
    return RampView(
        plan=on.plan.id,
        name=named.name,
        name_zh=named.name_zh,
        by=on.plan.by,
        hired=on.hired.isoformat(),
        month=_tenure(on, person, day),
        full_from=stairs.full_from.isoformat(),
        steps=_steps(stairs, book, day),
        goals={kpi: said(goal.base, _unit(book, kpi)) for kpi, goal in goals.items()},
        gates=[_gate(plan, book, gate, day, reached) for gate in stairs.gates],
    )


def over(found: RampView, day: date) -> bool:
    """Whether everything is asked in full and the last gate lies behind."""
    last = max([found.full_from, *(gate.by for gate in found.gates)])
    return day.isoformat() > last


def _planned(on: OnRamp, counts: Sequence[str], book: Book) -> list[str]:
    """What counts for the person and is staged, then what the plan stages besides."""
    named = [kpi for kpi in on.plan.steps if kpi in book.compiled]
    return list(dict.fromkeys([*(kpi for kpi in counts if on.plan.of(kpi)), *named]))


def _month(plan: Plan, standing: Standing, day: date) -> Standing:
    period = period_of(plan.fiscal, "month", day)
    whole = Span(period.first, period.last)
    employed = intersect(whole, standing.presence.employed)
    return Standing(
        whole=whole,
        days=(employed,) if employed else (),
        through=day,
        completed=standing.completed,
        presence=standing.presence,
        ramp=standing.ramp,
    )


def _tenure(on: OnRamp, person: RepPlan, day: date) -> int:
    month = 0
    while month < _LONGEST and month_start(on, person.leaves, month) <= day:
        month += 1
    return month


def _steps(stairs: Staircase, book: Book, day: date) -> list[RampStep]:
    current = stairs.on(day)
    return [
        RampStep(
            month=step.number,
            first=step.first.isoformat(),
            last=step.last.isoformat() if step.last else None,
            current=step is current,
            percent={k: float(value) for k, value in step.per_cent.items() if value is not None},
            targets=_said(book, step.goals),
        )
        for step in stairs.steps
    ]


def _said(book: Book, goals: Mapping[str, Fraction | None]) -> dict[str, Number]:
    return {kpi: said(v, _unit(book, kpi)) for kpi, v in goals.items() if v is not None}


def _gate(
    plan: Plan, book: Book, gate: DueGate, day: date, reached: Mapping[Span, Mapping[str, int]]
) -> RampGate:
    actual = _reached(plan, book, gate, reached)
    reached_it = actual is not None and actual >= gate.at_least
    unit = _unit(book, gate.kpi) if gate.kpi in book.compiled else "count"
    return RampGate(
        month=gate.month,
        by=gate.due.isoformat(),
        kpi=gate.kpi,
        at_least=said(gate.at_least, unit),
        state="reached" if reached_it else "ahead" if day <= gate.due else "missed",
        actual=None if actual is None else said(actual, unit),
    )


def _reached(
    plan: Plan, book: Book, gate: DueGate, reached: Mapping[Span, Mapping[str, int]]
) -> Fraction | None:
    sums = reached.get(Span(gate.first, gate.due))
    if sums is None or gate.kpi not in book.compiled:
        return None
    facts = Facts(sums=sums, currency=plan.currency, first=gate.first, last=gate.due, person=True)
    return evaluate(book, facts, {}, [gate.kpi])[gate.kpi]


def _unit(book: Book, kpi: str) -> Unit:
    return book.compiled[kpi].definition.unit
