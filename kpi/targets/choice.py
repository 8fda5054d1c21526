"""Which target counts for which days of a span, and the pieces that it is made of.

In: what is asked, and all versions of one subject and KPI. Out: pieces, each the days of one
version within one month. Guarantee: no day has two pieces; a day has none only where nothing is
set for it.

Which target counts for a day, best first:

1. that of the very span asked for;
2. those of periods inside it, of four weeks or more, the longest first (a quarter from its months);
3. those of periods around it, the shortest first (a month from its quarter, a week from its month);
4. any other that touches it, the shortest first (a week over two months, a month from its weeks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from kpi.calendar.fiscal import FiscalCalendar
from kpi.organisation import intersect, without
from kpi.periods import Span
from kpi.targets.distribution import months_of, share
from kpi.targets.model import Nature, Presence, TargetVersion
from kpi.targets.proration import Piece, at_work
from kpi.targets.ramp import OnRamp, Run, length, lowering_leave, runs
from kpi.targets.versions import Stretch, stretches

ONE = Fraction(1)

_MONTH_LIKE = 28
"""Days of the shortest month in any fiscal calendar."""

Periods = Mapping[Span, Sequence[TargetVersion]]


class Question(msgspec.Struct, frozen=True):
    """What all steps of an answer need to know."""

    nature: Nature
    span: Span
    presence: Presence
    fiscal: FiscalCalendar
    ramp: OnRamp | None

    def share_of(self, version: TargetVersion, days: Span) -> Fraction:
        """The share of a version's period that falls on some of its days."""
        return share(version.period, days, self.presence.calendar, self.fiscal, version.monthly)

    def lowered(self, piece: Piece) -> Fraction:
        """The factor of proration of a piece."""
        if not self.prorated(piece.version):
            return ONE
        return at_work(self.lowering, piece.unit)

    def prorated(self, version: TargetVersion | None) -> bool:
        """Whether leave, joining and leaving lower what a version asks for."""
        return self.nature.prorates and (version is None or version.prorate)

    @property
    def lowering(self) -> Presence:
        """The presence without the leave that moves the curve of the ramp instead."""
        if self.ramp is None:
            return self.presence
        leaves = lowering_leave(self.ramp, self.nature.kpi, self.presence.leaves)
        return msgspec.structs.replace(self.presence, leaves=leaves)

    def runs(self, unit: Span) -> list[Run]:
        """The steps of the ramp on the employed days of a unit; without a ramp all is one run."""
        if self.ramp is None:
            return [Run(*unit, None, None)]
        employed = intersect(unit, self.presence.employed)
        leaves = self.presence.leaves
        return runs(self.ramp, self.nature.kpi, leaves, employed) if employed else []


def chosen(question: Question, periods: Periods) -> list[tuple[Stretch, list[Span]]]:
    """The stretches that count, each with the days of the span for which it does."""
    left, found = [question.span], []
    for period in sorted(periods, key=lambda one: rank(one, question.span)):
        if not intersect(period, question.span):
            continue
        for stretch in stretches(periods[period], question.share_of):
            days = [cut for span in left if (cut := intersect(stretch.span, span))]
            left = without(left, days)
            found += [(stretch, days)] if days else []
    return found


def rank(period: Span, span: Span) -> tuple[int, int, Span]:
    """Sorts periods that touch a span: the better its target suits the span, the earlier."""
    if period == span:
        return 0, 0, period
    days, common = length(period), intersect(period, span)
    if common == period and days >= _MONTH_LIKE:
        return 1, -days, period
    return (2 if common == span else 3), days, period


def pieces(question: Question, chosen: Sequence[tuple[Stretch, list[Span]]]) -> list[Piece]:
    """The chosen stretches cut into months, and the months for which a ramp has its own amounts."""
    found = [
        piece
        for stretch, days in chosen
        for month in months_of(question.fiscal, stretch.span)
        if (piece := _piece(question, stretch, days, month))
    ]
    if question.ramp is None:
        return found
    left = without([question.span], [day for piece in found for day in piece.days])
    bare = [month for span in left for month in months_of(question.fiscal, span)]
    for month in dict.fromkeys(bare):
        days = tuple(cut for span in left if (cut := intersect(span, month)))
        found.append(Piece(month, days, None, ONE, None))
    return found


def _piece(question: Question, stretch: Stretch, days: Sequence[Span], month: Span) -> Piece | None:
    # The unit is all of the month that the target is set for, not the days of one version: a ramp
    # asks for the mean over it, and a change of target must not move that.
    unit = intersect(stretch.version.period, month)
    cuts = tuple(cut for span in days if unit and (cut := intersect(unit, span)))
    if unit is None or not cuts:
        return None
    full = stretch.figure.times(question.share_of(stretch.version, unit))
    of_month = share(month, unit, question.presence.calendar, question.fiscal)
    return Piece(unit, cuts, full, of_month, stretch.version)
