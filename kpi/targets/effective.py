"""The target in force for a span: chosen, derived, ramped, prorated, and explained.

In: the versions for one subject and KPI, the subject's presence, a ramp, a span of civil days. Out:
one `Effective`, or None where nothing is set. Guarantees, for a KPI that adds up: months sum to
their quarter, parts to the whole, and the parts of a line (`part`, `line`) to its target.

A ratio, level, duration or any other KPI that does not add up has its target as it is: the version
in force on the day of reading, or the step of the ramp.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction

from kpi.calendar.fiscal import FiscalCalendar
from kpi.organisation import intersect, joined, without
from kpi.periods import Span
from kpi.targets.choice import ONE, Periods, Question, chosen, pieces, rank
from kpi.targets.distribution import months_of
from kpi.targets.model import Effective, Nature, Presence, Segment, Source, TargetVersion, Tiers
from kpi.targets.proration import Piece, segments, spread
from kpi.targets.ramp import OnRamp, Run
from kpi.targets.reasons import Told, reasons
from kpi.targets.versions import by_period, in_force, total

_NOTHING = Fraction(0)


def effective(
    versions: Iterable[TargetVersion],
    nature: Nature,
    span: Span,
    presence: Presence,
    fiscal: FiscalCalendar,
    *,
    ramp: OnRamp | None = None,
    day: date | None = None,
) -> Effective | None:
    """The target of one subject for one KPI over a span.

    `versions` are all of this subject and KPI, of any period and state. `day` is the day of reading
    (the last of the span where absent); only a KPI that does not add up looks at it. A ramp does
    not touch a KPI whose lower values are better: a part of a cap would be stricter.
    """
    on = ramp if nature.direction == "higher" else None
    question = Question(nature, span, presence, fiscal, on)
    periods = by_period(versions)
    if nature.adds_up:
        return _as_a_line(question, periods)
    return _as_it_is(question, periods, day or span.last)


def line(target: Effective, presence: Presence, day: date) -> Tiers:
    """What is expected by the end of a day: the segments up to it, a part of the one it lies in.

    A change of target bends the line at its effective date and never before.
    """
    return part(target, presence, [Span(date.min, day)])


def part(target: Effective, presence: Presence, days: Iterable[Span]) -> Tiers:
    """What falls on some of the target's days: the elapsed ones, or a stay in a team.

    `presence` is the one that the target was computed with. Parts that partition the target's span
    sum to the target. A KPI that does not add up has no parts: each has the whole target.
    """
    if not target.segments:
        return Tiers(target.base, target.stretch, target.commit)
    wanted = joined(days)
    cuts = [_cut(one, presence, span) for one in target.segments for span in wanted]
    return total([one.amount.times(Fraction(0)) for one in target.segments] + cuts)


def _cut(segment: Segment, presence: Presence, days: Span) -> Tiers:
    whole = Span(segment.first, segment.last)
    cut = intersect(whole, days)
    return segment.amount.times(spread(presence, whole, cut) if cut else Fraction(0))


def _as_a_line(question: Question, periods: Periods) -> Effective | None:
    parts = sorted(pieces(question, chosen(question, periods)), key=lambda one: one.days)
    found = sorted(
        (one for piece in parts for one in _segments(question, piece)), key=lambda one: one.first
    )
    covered = [days for piece in parts if piece.version for days in piece.days]
    covered += [Span(one.first, one.last) for one in found]
    return _told(question, parts, found, joined(covered)) if covered else None


def _segments(question: Question, piece: Piece) -> list[Segment]:
    steps = question.runs(piece.unit)
    return segments(piece, steps, question.presence, question.lowered(piece))


def _told(
    question: Question, parts: Sequence[Piece], found: Sequence[Segment], covered: list[Span]
) -> Effective:
    amount = total(one.amount for one in found)
    full = _full(question, parts, found)
    versions = [piece.version for piece in parts if piece.version]
    missing = _by_month(question, without([question.span], covered))
    return _effective(question, amount, full, versions, missing=missing, segments=tuple(found))


def _effective(
    question: Question,
    amount: Tiers,
    full: Fraction,
    versions: Sequence[TargetVersion],
    *,
    missing: tuple[Span, ...] = (),
    segments: tuple[Segment, ...] = (),
    steps: Sequence[Run] | None = None,
) -> Effective:
    taken = question.runs(question.span) if steps is None else steps
    last = versions[-1] if versions else None
    return Effective(
        base=amount.base,
        stretch=amount.stretch,
        commit=amount.commit,
        full=full,
        share=amount.base / full if full else ONE,
        id=last.id if last else "",
        version=last.version if last else 0,
        state=last.state if last else "published",
        because=reasons(_telling(question, versions, missing, taken)),
        source=_source(question.span, versions, taken),
        missing=missing,
        segments=segments,
    )


def _full(question: Question, parts: Sequence[Piece], found: Sequence[Segment]) -> Fraction:
    """The base before proration and ramp; a ramp's own amounts are as full as it gets."""
    bare = [one.amount.base for one in found if one.version == 0]
    return sum((_full_of(question, piece) for piece in parts), sum(bare, _NOTHING))


def _full_of(question: Question, piece: Piece) -> Fraction:
    """Of the full amount of a piece's unit, that of the days asked about."""
    if piece.full is None or piece.version is None:
        return _NOTHING
    if piece.days == (piece.unit,):
        return piece.full.base
    whole = question.share_of(piece.version, piece.unit)
    days = sum((question.share_of(piece.version, one) for one in piece.days), _NOTHING)
    return piece.full.base * days / whole if whole else _NOTHING


def _by_month(question: Question, spans: Sequence[Span]) -> tuple[Span, ...]:
    return tuple(
        cut
        for span in spans
        for month in months_of(question.fiscal, span)
        if (cut := intersect(span, month))
    )


def _source(span: Span, versions: Sequence[TargetVersion], steps: Sequence[Run]) -> Source:
    if any(run.amount is not None or run.per_cent not in {None, 100} for run in steps):
        return "ramp"
    periods = {one.period for one in versions}
    if periods <= {span}:
        return "own"
    return "sum" if any(intersect(one, span) == one for one in periods) else "derived"


def _telling(
    question: Question,
    versions: Sequence[TargetVersion],
    missing: tuple[Span, ...],
    steps: Sequence[Run],
) -> Told:
    lowered = question.nature.prorates and (not versions or any(one.prorate for one in versions))
    return Told(
        span=question.span,
        versions=tuple(versions),
        missing=missing,
        steps=tuple(steps),
        presence=question.lowering if lowered else None,
    )


def _as_it_is(question: Question, periods: Periods, day: date) -> Effective | None:
    """Of the first period, by rank, that has a version for the day."""
    day = min(max(day, question.span.first), question.span.last)
    ranked = sorted(periods, key=lambda one: rank(one, question.span))
    holding = [found for one in ranked if (found := in_force(periods[one], day))][:1]
    steps = question.runs(Span(day, day))
    amount = _step([one.tiers for one in holding], steps)
    if amount is None:
        return None
    full = holding[0].tiers.base if holding else amount.base
    return _effective(question, amount, full, holding, steps=steps)


def _step(holding: Sequence[Tiers], steps: Sequence[Run]) -> Tiers | None:
    for run in steps:
        if run.amount is not None:
            return Tiers(run.amount)
        if run.per_cent is not None and holding:
            return holding[0].times(run.per_cent / 100)
    return holding[0] if holding else None
