"""From the full target of some days to that of a person: days at work, and the ramp's steps.

In: a piece (days of one version within one month, and what they ask for in full), the person's
presence and runs of the ramp. Out: segments of the line. Guarantee: without leave, joining, leaving
and ramp a piece keeps its amount; a ramp of 100 % changes nothing; any cut of the days sums to the
whole.

Proration: target x own workdays / workdays of the same days (FIELD, "Targets").
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from kpi.organisation import intersect
from kpi.periods import Span
from kpi.targets.distribution import worked
from kpi.targets.model import Presence, Segment, TargetVersion, Tiers
from kpi.targets.ramp import Run, length

ONE = Fraction(1)
_NOTHING = Fraction(0)


class Piece(NamedTuple):
    """Days of one version within one month.

    `unit` are the days of the month that the target is set for, whichever version holds on them;
    `full` is what they ask for by this version (None where no target is set), `days` are those of
    them that were asked about and on which it holds, `of_month` is their share of the month.
    """

    unit: Span
    days: tuple[Span, ...]
    full: Tiers | None
    of_month: Fraction
    version: TargetVersion | None


def at_work(presence: Presence, days: Span) -> Fraction:
    """Own workdays / workdays; where there is no workday, employed days / days."""
    employed = intersect(days, presence.employed)
    if employed is None:
        return _NOTHING
    if of := worked(presence.calendar, days):
        return worked(presence.calendar, employed, presence.leaves) / of
    return Fraction(length(employed), length(days))


def spread(presence: Presence, whole: Span, days: Span) -> Fraction:
    """The share of a straight piece of the line that falls on some of its days.

    By own workdays; where there is none, by days of employment; else by days.
    """
    if days == whole:
        return ONE
    for measure in (_own, _employed):
        if of := measure(presence, whole):
            return measure(presence, days) / of
    return Fraction(length(days), length(whole))


def segments(
    piece: Piece, runs: Sequence[Run], presence: Presence, lowered: Fraction
) -> list[Segment]:
    """The segments of a piece, one for each run and stretch of days asked about.

    `lowered` is the factor of proration for the whole unit. A run weighs by its civil days: the
    unit asks for the mean over the days on the ramp.
    """
    days = sum(length(run) for run in runs)
    return [
        _segment(piece, run, cut, factor * spread(presence, Span(run.first, run.last), cut))
        for run in runs
        if piece.full is not None or run.amount is not None
        for factor in [lowered * Fraction(length(run), days)]
        for span in piece.days
        if (cut := intersect(Span(run.first, run.last), span))
    ]


def _segment(piece: Piece, run: Run, days: Span, factor: Fraction) -> Segment:
    version = piece.version
    return Segment(
        first=days.first,
        last=days.last,
        amount=_asked(piece, run).times(factor),
        asked=version.tiers.base if version else None,
        per_cent=run.per_cent,
        id=version.id if version else "",
        version=version.version if version else 0,
    )


def _asked(piece: Piece, run: Run) -> Tiers:
    if run.amount is not None:
        return Tiers(run.amount * piece.of_month)
    full = piece.full or Tiers(_NOTHING)
    return full if run.per_cent is None else full.times(run.per_cent / 100)


def _own(presence: Presence, days: Span) -> Fraction:
    employed = intersect(days, presence.employed)
    return worked(presence.calendar, employed, presence.leaves) if employed else _NOTHING


def _employed(presence: Presence, days: Span) -> Fraction:
    employed = intersect(days, presence.employed)
    return Fraction(length(employed)) if employed else _NOTHING
