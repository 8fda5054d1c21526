"""The whole way of a new rep, from the first day to full productivity, on one page.

In: a plan, the day of hire, leave, the full monthly targets. Out: the steps with their days and
goals, the gates with their dates. Guarantee: the steps follow each other without a gap from the
hire on; the last one is open and asks for everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction

import msgspec

from kpi.calendar.workdays import Leave
from kpi.targets.plans import PHASES, phase_of
from kpi.targets.ramp import Gate, OnRamp, Phase, Steps, month_start, step_starts

_FULL = Fraction(100)
_ORDER: tuple[Phase, ...] = ("activities", "pipeline", "revenue")


class Stair(msgspec.Struct, frozen=True, kw_only=True):
    """One step, counted from 1; `last` is None for the one that stays.

    `per_cent` of the full target and `goals` a month, per KPI; None where that cannot be said (an
    amount without a full target, a percentage of none). `phase` is what to build first: the
    earliest whose KPIs are not all at 100 %, None on full productivity.
    """

    number: int
    first: date
    last: date | None
    per_cent: dict[str, Fraction | None]
    goals: dict[str, Fraction | None]
    phase: Phase | None


class DueGate(msgspec.Struct, frozen=True, kw_only=True):
    """A gate with its days: reach `at_least` from `first` to `due`, both included."""

    kpi: str
    at_least: Fraction
    month: int
    first: date
    due: date


class Staircase(msgspec.Struct, frozen=True, kw_only=True):
    """The steps, the gates by due date, and the day from which everything is asked in full."""

    steps: tuple[Stair, ...]
    gates: tuple[DueGate, ...]
    full_from: date

    def on(self, day: date) -> Stair | None:
        """The step of a day, None before the hire."""
        begun = [step for step in self.steps if step.first <= day]
        return begun[-1] if begun else None


def staircase(
    on: OnRamp,
    kpis: Sequence[str],
    quotas: Mapping[str, Fraction | int],
    leaves: Sequence[Leave] = (),
    phases: Mapping[str, Phase] = PHASES,
) -> Staircase:
    """The way of one person over the KPIs that count for the role.

    `quotas` are the full targets of a month (for a ratio or level its target), where there are any.
    Full productivity is the first step from which no KPI is below 100 % any more.
    """
    settled = [named.settled for kpi in kpis if (named := on.plan.of(kpi))]
    starts = step_starts(on, leaves, max(settled, default=0) + 1)
    steps = tuple(_stair(on, place, starts, kpis, quotas, phases) for place in range(len(starts)))
    return Staircase(steps=steps, gates=due_gates(on, leaves), full_from=_full_from(steps))


def due_gates(on: OnRamp, leaves: Sequence[Leave] = ()) -> tuple[DueGate, ...]:
    """The gates with their days: a month of tenure ends the day before the next begins."""
    return tuple(
        sorted((_due(on, leaves, gate) for gate in on.plan.gates), key=lambda one: one.due)
    )


def _due(on: OnRamp, leaves: Sequence[Leave], gate: Gate) -> DueGate:
    due = month_start(on, leaves, gate.month) - timedelta(days=1)
    within = month_start(on, leaves, gate.month - 1)
    first = on.hired if gate.within == "since_hire" else within
    return DueGate(kpi=gate.kpi, at_least=gate.at_least, month=gate.month, first=first, due=due)


def _stair(
    on: OnRamp,
    place: int,
    starts: Sequence[date],
    kpis: Sequence[str],
    quotas: Mapping[str, Fraction | int],
    phases: Mapping[str, Phase],
) -> Stair:
    after = starts[place + 1 :]
    quota = {kpi: Fraction(quotas[kpi]) if kpi in quotas else None for kpi in kpis}
    per_cent = {kpi: _per_cent(on.plan.of(kpi), place, quota[kpi]) for kpi in kpis}
    return Stair(
        number=place + 1,
        first=starts[place],
        last=after[0] - timedelta(days=1) if after else None,
        per_cent=per_cent,
        goals={kpi: _goal(on.plan.of(kpi), place, quota[kpi]) for kpi in kpis},
        phase=_phase(per_cent, phases),
    )


def _per_cent(steps: Steps | None, place: int, quota: Fraction | None) -> Fraction | None:
    value = steps.at(place) if steps else None
    if steps is None or value is None:
        return _FULL
    if steps.mode == "percent":
        return value
    return value / quota * _FULL if quota else None


def _goal(steps: Steps | None, place: int, quota: Fraction | None) -> Fraction | None:
    value = steps.at(place) if steps else None
    if steps is not None and value is not None and steps.mode == "absolute":
        return value
    if quota is None:
        return None
    return quota if value is None else quota * value / _FULL


def _phase(per_cent: Mapping[str, Fraction | None], phases: Mapping[str, Phase]) -> Phase | None:
    behind = {phase_of(kpi, phases) for kpi, value in per_cent.items() if _below(value)}
    return next((phase for phase in _ORDER if phase in behind), None)


def _full_from(steps: Sequence[Stair]) -> date:
    full = steps[-1].first
    for step in reversed(steps):
        if any(_below(value) for value in step.per_cent.values()):
            break
        full = step.first
    return full


def _below(value: Fraction | None) -> bool:
    """An amount of which no full target is known is a step still."""
    return value is None or value < _FULL
