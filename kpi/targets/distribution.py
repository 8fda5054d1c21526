"""How a target spreads over the days of its period: by per cent a month, and by workdays.

In: a period, per cents, a calendar. Out: the share of any part, as a fraction. Guarantee: the
shares of parts that make up the period sum to exactly 1, also where it has no workday at all (a
Sunday, the week of Spring Festival): there civil days count.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from kpi.calendar.fiscal import FiscalCalendar, between
from kpi.calendar.workdays import Leave, WorkCalendar, workdays
from kpi.organisation import intersect
from kpi.periods import Span
from kpi.targets.ramp import length

NOTHING = Fraction(0)

_WHOLE = 100


def months_of(fiscal: FiscalCalendar, span: Span) -> list[Span]:
    """The whole months of the fiscal calendar that a span touches, in order."""
    return [Span(one.first, one.last) for one in between(fiscal, "month", *span)]


def share(
    period: Span,
    part: Span,
    calendar: WorkCalendar,
    fiscal: FiscalCalendar,
    monthly: Sequence[int] = (),
) -> Fraction:
    """The share of a period's target that falls on a part of it; the part lies within.

    Per cents that do not fit the period (another number of months, another sum than 100) are left
    aside: the alignment report names them.
    """
    months = months_of(fiscal, period) if monthly else []
    if not fits(monthly, len(months)):
        return _by_workdays(period, part, calendar)
    cuts = (
        Fraction(per_cent, _WHOLE) * _by_workdays(month, cut, calendar)
        for per_cent, month in zip(monthly, months, strict=True)
        if (cut := intersect(month, part))
    )
    return sum(cuts, NOTHING)


def fits(monthly: Sequence[int], months: int) -> bool:
    """Whether per cents distribute a period of so many months: one each, 100 in all.

    >>> fits((30, 30, 40), 3), fits((50, 50), 3), fits((30, 30, 30), 3)
    (True, False, False)
    """
    return len(monthly) == months > 0 and sum(monthly) == _WHOLE and min(monthly) >= 0


def worked(calendar: WorkCalendar, span: Span, leaves: Sequence[Leave] = ()) -> Fraction:
    """Workdays of a span less leave."""
    return workdays(calendar, leaves, span.first, span.last)


def rounded(parts: Sequence[Fraction], unit: int = 1) -> list[int]:
    """Whole multiples of `unit` for display, whose sum is that of the parts, rounded half up.

    By the largest remainder, so that no part is a unit or more away from its exact value; of equal
    remainders the earlier part is rounded up.

    >>> rounded([Fraction(100, 3)] * 3)
    [34, 33, 33]
    """
    floors = [part // unit for part in parts]
    total = (sum(parts, NOTHING) / unit + Fraction(1, 2)) // 1
    order = sorted(
        range(len(parts)), key=lambda place: (parts[place] // unit - parts[place] / unit, place)
    )
    up = set(order[: total - sum(floors)])
    return [unit * (floor + (place in up)) for place, floor in enumerate(floors)]


def _by_workdays(period: Span, part: Span, calendar: WorkCalendar) -> Fraction:
    if part == period:
        return Fraction(1)
    if whole := worked(calendar, period):
        return worked(calendar, part) / whole
    return Fraction(length(part), length(period))
