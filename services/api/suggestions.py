"""Suggestions: what the last twelve weeks say a target could be.

In: people's days of the last twelve whole weeks. Out: suggestions per person and flow. Guarantee:
pure; a week before the hire, after the leave, or without a workday of one's own is no week.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from kpi.periods import Span
from kpi.targets.model import Presence
from kpi.targets.suggest import WEEKS, suggest
from paceline.progress.answers.numbers import said
from paceline.progress.judging.desk import presence_of
from paceline.progress.judging.standing import own_workdays
from paceline.progress.reading.directory import Known
from paceline.progress.reading.likes import Days, Series
from paceline.progress.reading.windows import Question
from paceline.sql.org import Rep
from services.api.answers.plan import Suggestion

Week = tuple[Rep, Series, tuple[Span, ...]]
"""A person, what happened, and the weeks, oldest first."""


def suggestions(
    known: Known,
    question: Question,
    weeks: Iterable[Week],
    kpi: str | None,
    percentile: int,
) -> list[Suggestion]:
    """One for each person and flow of which anything was counted."""
    flows = [one for one in known.kpis.weights.flows if kpi in {None, one}]
    found = (_suggestion(known, question, week, one, percentile) for week in weeks for one in flows)
    return [one for one in found if one is not None]


def _suggestion(
    known: Known, question: Question, week: Week, kpi: str, percentile: int
) -> Suggestion | None:
    rep, series, spans = week
    days = series.amounts.get(kpi)
    if not days:
        return None
    definition = known.kpis.book.compiled[kpi].definition
    presence = presence_of(known.plan, known.plan.reps.get(rep.id))
    length = WEEKS[question.period]
    sums = [_sum(days, span) if _there(presence, span) else None for span in spans]
    found = suggest(
        sums,
        length,
        percentile=percentile,
        direction=definition.direction,
        scale=_scale(known, question, presence, spans, length),
    )
    if found is None or not found.highest:
        return None
    unit = definition.unit
    return Suggestion(
        rep=rep.id,
        kpi=kpi,
        value=said(found.value, unit),
        percentile=found.percentile,
        windows=found.windows,
        window_weeks=found.window_weeks,
        scale=float(found.scale),
        lowest=said(found.lowest, unit),
        median=said(found.median, unit),
        highest=said(found.highest, unit),
        enough=found.enough,
    )


def _sum(days: Days, span: Span) -> int:
    return sum(amount for day, amount in days.items() if span.first <= day <= span.last)


def _there(presence: Presence, span: Span) -> bool:
    employed = presence.employed.first <= span.first and span.last <= presence.employed.last
    return employed and own_workdays(presence, [span]) > 0


def _scale(
    known: Known, question: Question, presence: Presence, spans: Sequence[Span], length: int
) -> Fraction:
    """Workdays of the period over those of a window of the past."""
    period = question.period_in(known.plan.zone)
    bare = Presence(calendar=presence.calendar)
    past = own_workdays(bare, spans)
    if period is None or not past or not spans:
        return Fraction(1)
    of_window = past * length / len(spans)
    return own_workdays(bare, [Span(period.first, period.last)]) / of_window
