"""Standing: what one subject has done, at which point of its period, towards which targets.

In: a person's or a team's days, calendar, leave, ramp, versions of targets. Out: elapsed and total
days, the targets in force, what ``kpi.pace`` wants to know. Guarantee: pure; every day is counted
on the subject's own days only, so a mover's target and results are of the same days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction

import msgspec

from kpi.calendar.workdays import halves, workdays, worked_share
from kpi.calendar.years import FiscalCalendar
from kpi.definitions import Book
from kpi.organisation import intersect, without
from kpi.pace import Segment
from kpi.periods import Span
from kpi.targets.effective import effective, part
from kpi.targets.model import Effective, Nature, Presence, TargetVersion
from kpi.targets.ramp import OnRamp

_NOTHING = Fraction(0)


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """How far a subject's period has gone. Civil days and own workdays, halves possible."""

    elapsed_days: Fraction
    total_days: Fraction
    elapsed_workdays: Fraction
    total_workdays: Fraction


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Whose days: of a person employed and in the teams asked about; of a team all."""

    whole: Span
    """The period."""
    days: tuple[Span, ...]
    """The subject's days of it."""
    through: date
    """The last day that counts; levels and targets that do not add up are read on it."""
    completed: date
    """The last day that is over."""
    presence: Presence
    ramp: OnRamp | None = None


def clock(one: Standing, minute: int | None) -> Clock:
    """Elapsed and total; with a minute of today's local day its worked share counts too."""
    done = [cut for span in one.days if (cut := intersect(span, Span(date.min, one.completed)))]
    today = _today(one, minute)
    return Clock(
        elapsed_days=civil_days(done) + today[0],
        total_days=civil_days(one.days),
        elapsed_workdays=own_workdays(one.presence, done) + today[1],
        total_workdays=own_workdays(one.presence, one.days),
    )


def civil_days(spans: Iterable[Span]) -> Fraction:
    """How many days; both ends count."""
    return Fraction(sum((span.last - span.first).days + 1 for span in spans))


def own_workdays(presence: Presence, spans: Iterable[Span]) -> Fraction:
    """Own workdays, leave out."""
    worked = (workdays(presence.calendar, presence.leaves, *span) for span in spans)
    return sum(worked, _NOTHING)


def nature(book: Book, kpi: str) -> Nature:
    """What targets must know of a KPI."""
    one = book.compiled[kpi]
    unit, direction = one.definition.unit, one.definition.direction
    return Nature(kpi=kpi, kind=one.kind, unit=unit, direction=direction)


def targets_in_force(
    book: Book,
    one: Standing,
    fiscal: FiscalCalendar,
    versions: Sequence[TargetVersion],
    kpis: Iterable[str],
) -> dict[str, Effective]:
    """KPI -> its target for the subject's days; absent where nothing is set."""
    of: dict[str, list[TargetVersion]] = {}
    for version in versions:
        of.setdefault(version.kpi, []).append(version)
    found: dict[str, Effective] = {}
    for kpi in kpis:
        if kpi not in of and (one.ramp is None or one.ramp.plan.of(kpi) is None):
            continue
        whole = effective(
            of.get(kpi, ()),
            nature(book, kpi),
            one.whole,
            one.presence,
            fiscal,
            ramp=one.ramp,
            day=min(one.through, one.whole.last),
        )
        if whole is not None:
            found[kpi] = of_days(whole, one)
    return found


def of_days(whole: Effective, one: Standing) -> Effective:
    """The part of a target that falls on the subject's days: a mover's share in a team."""
    employed = intersect(one.whole, one.presence.employed)
    if not whole.segments or list(one.days) == [employed]:
        return whole
    tiers = part(whole, one.presence, one.days)
    share = tiers.base / whole.full if whole.full else whole.share
    return msgspec.structs.replace(
        whole, base=tiers.base, stretch=tiers.stretch, commit=tiers.commit, share=share
    )


def stretches(target: Effective, one: Standing, total: Fraction) -> tuple[Segment, ...]:
    """The target's stretches of different speed, as shares of the own workdays; none if even.

    Days for which nothing is set are a stretch that asks for nothing: a year of which one quarter
    has a target expects nothing before that quarter begins.
    """
    if not target.segments or not total:
        return ()
    covered = [Span(piece.first, piece.last) for piece in target.segments]
    found = [
        (
            piece.first,
            _stretch(msgspec.structs.replace(target, segments=(piece,)), one, span, total),
        )
        for piece, span in zip(target.segments, covered, strict=True)
    ]
    found += [
        (gap.first, Segment(_NOTHING, own_workdays(one.presence, [gap]) / total))
        for gap in without(one.days, covered)
    ]
    ordered = [each for _, each in sorted(found, key=lambda pair: pair[0]) if each.share]
    return tuple(ordered) if len(ordered) > 1 else ()


def _stretch(alone: Effective, one: Standing, days: Span, total: Fraction) -> Segment:
    spans = [cut for span in one.days if (cut := intersect(span, days))]
    share = own_workdays(one.presence, spans) / total
    amount = part(alone, one.presence, one.days).base
    return Segment(amount / share if share else _NOTHING, share)


def _today(one: Standing, minute: int | None) -> tuple[Fraction, Fraction]:
    """(part of a day, part of own workdays) that has passed of a day that is not over."""
    day = one.through
    inside = any(span.first <= day <= span.last for span in one.days)
    if minute is None or not inside or day <= one.completed:
        return _NOTHING, _NOTHING
    share = worked_share(one.presence.calendar, minute)
    return share, share * halves(one.presence.calendar, one.presence.leaves, day) / 2
