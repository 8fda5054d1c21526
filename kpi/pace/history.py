"""The past of one KPI and one subject, told by workdays: food for the curve and for the model.

In: what was counted per civil day (amounts, and for money how many events), and the workdays of
past periods. Out: ``History``. Guarantee: nothing is lost and nothing doubled: what happened on a
day off counts to the workday before it, or to position 0 before the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate

import msgspec

from kpi.pace.model import Like


class Past(msgspec.Struct, frozen=True):
    """One past period: per position 0 … workdays what was counted, and by how many events.

    ``amounts[p]`` is what fell on workday ``p`` (1-based) and the days off after it; position 0 are
    the days off before the first workday. For a count both tuples are the same.
    """

    amounts: tuple[int, ...]
    events: tuple[int, ...]

    @property
    def workdays(self) -> int:
        """How many workdays the period had."""
        return len(self.amounts) - 1

    def like(self) -> Like:
        """The period as the historical curve wants it. ``ValueError`` without a workday.

        >>> Past((1, 2, 0), (1, 2, 0)).like().cumulative
        (1, 3, 3)
        """
        return Like(self.workdays, tuple(accumulate(self.amounts)))


class History(msgspec.Struct, frozen=True):
    """Past periods of one subject, oldest first, complete ones only: never the running one."""

    periods: tuple[Past, ...] = ()

    def likes(self) -> tuple[Like, ...]:
        """All of them as like periods, those without a workday left out."""
        return tuple(past.like() for past in self.periods if past.workdays)


def past_of(
    days: Mapping[date, int],
    counts: Mapping[date, int] | None,
    workdays: Sequence[date],
    first: date,
    last: date,
) -> Past:
    """One period. ``workdays`` are those of the period in order, half ones too.

    >>> saturday, monday, tuesday = date(2026, 8, 1), date(2026, 8, 3), date(2026, 8, 4)
    >>> past_of({saturday: 5, monday: 2}, None, [monday, tuesday], saturday, tuesday)
    Past(amounts=(5, 2, 0), events=(1, 1, 0))
    """
    amounts, events = [0], [0]
    working = frozenset(workdays)
    for day in _days(first, last):
        if day in working:
            amounts.append(0)
            events.append(0)
        amount = days.get(day, 0)
        amounts[-1] += amount
        events[-1] += counts.get(day, 0) if counts is not None else amount != 0
    return Past(tuple(amounts), tuple(events))


def history_of(
    days: Mapping[date, int],
    counts: Mapping[date, int] | None,
    periods: Iterable[tuple[date, date]],
    workdays: Collection[date],
) -> History:
    """The history of one subject and one KPI.

    Args:
        days: what was counted per civil day of the subject; days without anything may be absent.
            Counts as they are, money in minor units of one currency, durations in seconds.
        counts: how many events that were, per day. For a count pass ``days`` itself. For money
            pass the number of wins a day; None takes each day with an amount for one event.
        periods: first and last day of each past period, both included, oldest first. The last six
            like periods or at least twelve weeks; only such that ended before the running one.
        workdays: all workdays within them (half ones too); a set is fastest.

    """
    ordered = sorted(workdays)
    return History(
        tuple(
            past_of(days, counts, [day for day in ordered if first <= day <= last], first, last)
            for first, last in periods
        )
    )


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
