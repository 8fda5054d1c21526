"""Judging: from sums and targets to each KPI's value, target, pace and verdict.

In: a subject's sums, its standing, its past. Out: KPIs as they are answered, and what the whole
needs of them. Guarantee: pure; a team's values are computed from its added sums, never from its
people's values; the same in gives the same out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import msgspec

from kpi.definitions import Book, Compiled, Facts, Outcome, attainment, other_currencies, outcomes
from kpi.pace import Curve, History, Outlook, Pace, Prior, Progress, help_score, pace, predict
from kpi.targets.cascade import Cascade
from kpi.targets.model import Effective, Reason
from paceline.progress.answers.kpis import (
    Allocated,
    Because,
    CurveView,
    KpiProgress,
    Number,
    PaceView,
    TargetView,
    Unit,
)
from paceline.progress.answers.numbers import number, said, share
from paceline.progress.judging.standing import Clock, Standing, stretches
from paceline.progress.reading.likes import Weights

OVERLAID = {"won_count": "ov_won_n", "won_amount": "ov_won"}
"""KPIs beside which a person's overlay credit is shown, and the stored measure it is in."""

_NOTHING = Fraction(0)
_MIXED = Outcome(None, "mixed_currencies")


class Learnt(msgspec.Struct, frozen=True):
    """What the past says of one KPI; ``curve``: periods of the running one's kind and place."""

    history: History
    prior: Prior
    curve: History


class Case(msgspec.Struct, kw_only=True):
    """One subject before the judge."""

    sums: Mapping[str, int]
    standing: Standing
    clock: Clock
    targets: Mapping[str, Effective]
    kpis: Sequence[str]
    """In the order in which they are answered."""
    counting: frozenset[str]
    person: bool
    currency: str
    since: int | None = None
    """ms UTC since when the data is incomplete."""
    first_deal_days: int | None = None
    learnt: Callable[[str], Learnt | None]
    cascades: Mapping[str, Cascade] = {}


class Verdict(msgspec.Struct, frozen=True):
    """The KPIs of a subject, and how much it needs help by those that count."""

    kpis: list[KpiProgress]
    help: int


def judge(book: Book, weights: Weights, case: Case) -> Verdict:
    """Every KPI asked for."""
    bases = {kpi: target.base for kpi, target in case.targets.items()}
    facts = Facts(
        sums=case.sums,
        currency=case.currency,
        first=case.standing.whole.first,
        last=case.standing.whole.last,
        person=case.person,
        first_deal_days=case.first_deal_days,
    )
    values = outcomes(book, facts, bases, case.kpis)
    foreign = other_currencies(facts)
    paces: list[Pace] = []
    kpis: list[KpiProgress] = []
    for kpi in case.kpis:
        one = book.compiled[kpi]
        others = other_currencies(facts, one) if foreign else ()
        outcome = _MIXED if others and _shares(one) else values[kpi]
        found = _pace(one, weights, case, outcome.value)
        kpis.append(_kpi(one, case, outcome, found, others))
        if kpi in case.counting:
            paces.append(found)
    return Verdict(kpis, help_score(paces))


def _shares(one: Compiled) -> bool:
    """Money over a count: the count is of all currencies, so the money must be too."""
    return one.kind == "ratio" and one.definition.unit == "money"


def _pace(one: Compiled, weights: Weights, case: Case, actual: Fraction | None) -> Pace:
    kpi, definition, clock = one.definition.id, one.definition, case.clock
    target = case.targets.get(kpi)
    flows = one.kind == "flow" and target is not None
    learnt = case.learnt(kpi) if flows and clock.total_workdays else None
    progress = Progress(
        actual=actual,
        target=target.base if target else None,
        kind=one.kind,
        unit=definition.unit,
        direction=definition.direction,
        bands=definition.bands,
        too_early_below=definition.too_early_below,
        basis=definition.basis,
        elapsed_days=clock.elapsed_days,
        total_days=clock.total_days,
        elapsed_workdays=clock.elapsed_workdays,
        total_workdays=clock.total_workdays,
        likes=learnt.curve.likes() if learnt else (),
        segments=stretches(target, case.standing, clock.total_workdays) if target else (),
        happened=bool(actual) or _happened(one, case.sums),
        average_size=_size(definition.unit, learnt),
        incomplete_since=case.since,
    )
    if learnt is None or actual is None or target is None:
        return pace(progress)
    found = pace(progress)
    outlook = _outlook(one, weights, case, actual, target, found)
    return pace(progress, predict(learnt.prior, learnt.history, outlook))


def _outlook(
    one: Compiled, weights: Weights, case: Case, actual: Fraction, target: Effective, found: Pace
) -> Outlook:
    kpi, money = one.definition.id, one.definition.unit == "money"
    counted = round(actual)
    curve = found.historical
    return Outlook(
        actual=counted,
        events=weights.counts(kpi, case.sums) if money else counted,
        target=float(target.base),
        elapsed=float(case.clock.elapsed_workdays),
        total=float(case.clock.total_workdays),
        done=_done(curve.expected if curve else None, target.base),
        money=money,
        direction=one.definition.direction,
    )


def _done(expected: Fraction | None, target: Fraction) -> float | None:
    """The share that the historical curve has done by now."""
    return None if expected is None or target <= 0 else min(1.0, float(expected / target))


def _happened(one: Compiled, sums: Mapping[str, int]) -> bool:
    """Whether anything was counted that the KPI reads, even if corrections took it back."""
    exact = {name for name in one.measures if not name.endswith(":")}
    prefixes = tuple(name for name in one.measures if name.endswith(":"))
    return any(name in exact or name.startswith(prefixes) for name in sums)


def _size(unit: str, learnt: Learnt | None) -> Fraction | None:
    if unit != "money" or learnt is None or learnt.prior.size <= 0:
        return None
    return Fraction(round(learnt.prior.size))


def _kpi(
    one: Compiled, case: Case, outcome: Outcome, found: Pace, others: Sequence[str]
) -> KpiProgress:
    definition, unit, actual = one.definition, one.definition.unit, outcome.value
    target = case.targets.get(definition.id)
    cascade = case.cascades.get(definition.id)
    return KpiProgress(
        id=definition.id,
        version=definition.version,
        kind=one.kind,
        counts=definition.id in case.counting,
        actual=number(actual, unit),
        reason=outcome.reason,
        other_currencies=list(others),
        target=_target(target, unit) if target else None,
        attainment=_attainment(actual, target, one),
        status=found.status,
        incomplete_since=case.since,
        pace=_view(found, case.clock, unit) if target else None,
        allocated=_allocated(cascade, unit) if cascade else None,
        overlay=_overlay(definition.id, case, unit) if case.person else None,
    )


def _attainment(actual: Fraction | None, target: Effective | None, one: Compiled) -> float | None:
    if actual is None or target is None:
        return None
    return share(attainment(actual, target.base, one.definition.direction))


def _target(target: Effective, unit: Unit) -> TargetView:
    return TargetView(
        base=said(target.base, unit),
        stretch=number(target.stretch, unit),
        commit=number(target.commit, unit),
        full=said(target.full, unit),
        id=target.id,
        version=target.version,
        state=target.state,
        source=target.source,
        reasons=list(target.reasons),
        because=[_because(why) for why in target.because],
    )


def _because(why: Reason) -> Because:
    return Because(
        kind=why.kind,
        first=why.first.isoformat(),
        last=why.last.isoformat(),
        days=float(why.days),
        of=float(why.of),
        per_cent=None if why.per_cent is None else float(why.per_cent),
    )


def _allocated(cascade: Cascade, unit: Unit) -> Allocated:
    return Allocated(
        allocated=said(cascade.allocated, unit), difference=said(cascade.difference, unit)
    )


def _overlay(kpi: str, case: Case, unit: Unit) -> Number | None:
    stored = OVERLAID.get(kpi)
    if stored is None:
        return None
    name = stored if unit == "count" else f"{stored}:{case.currency}"
    amount = case.sums.get(name, 0)
    return amount or None


def _view(found: Pace, clock: Clock, unit: Unit) -> PaceView:
    low_high = found.interval
    return PaceView(
        basis=found.basis,
        expected=number(found.expected, unit),
        difference=number(found.difference, unit),
        of_expected=share(found.of_expected),
        projection=number(found.projection, unit),
        linear=_curve(found.linear, unit),
        workday=_curve(found.workday, unit),
        historical=_curve(found.historical, unit),
        historical_note=found.historical_note,
        remaining=number(found.remaining, unit),
        required_per_workday=number(found.required_per_workday, unit),
        remaining_workdays=float(found.remaining_workdays),
        elapsed_workdays=float(clock.elapsed_workdays),
        total_workdays=float(clock.total_workdays),
        probability=found.probability,
        interval=None if low_high is None else (_end(low_high[0], unit), _end(low_high[1], unit)),
        caution=found.caution,
    )


def _end(value: float, unit: Unit) -> Number:
    return round(value) if unit != "ratio" else value


def _curve(curve: Curve | None, unit: Unit) -> CurveView | None:
    if curve is None:
        return None
    return CurveView(
        expected=number(curve.expected, unit),
        projection=number(curve.projection, unit),
        of_expected=share(curve.of_expected),
    )
