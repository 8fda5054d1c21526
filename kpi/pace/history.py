"""The past of one KPI and one subject, told by workdays: food for the curve and for the model.

In: what was counted per civil day (amounts, and for money how many events), and the workdays of
past periods. Out: ``History``. Guarantee: nothing is lost and nothing doubled: what happened on a
day off counts to the workday before it, or to position 0 before the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
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


def history_of(
    days: Mapping[date, int],
    counts: Mapping[date, int] | None,
    periods: Iterable[tuple[date, date]],
    workdays: Collection[date],
) -> History:
    """The history of one subject and one KPI.

    Where the days lie is remembered per (periods, workdays), so a team of one calendar costs little
    more than the days on which something was counted.

    Args:
        days: what was counted per civil day of the subject; days without anything may be absent.
            Counts as they are, money in minor units of one currency, durations in seconds.
        counts: how many events that were, per day. For a count pass ``days`` itself. For money
            pass the number of wins a day; None takes each day with an amount for one event.
        periods: first and last day of each past period, both included, oldest first, apart from
            each other. The last six like periods or at least twelve weeks; only such that ended
            before the running one.
        workdays: all workdays within them (half ones too); a frozenset is fastest.

    >>> saturday, monday, tuesday = date(2026, 8, 1), date(2026, 8, 3), date(2026, 8, 4)
    >>> sold = {saturday: 5, monday: 2}
    >>> history_of(sold, None, [(saturday, tuesday)], {monday, tuesday}).periods
    (Past(amounts=(5, 2, 0), events=(1, 1, 0)),)

    """
    lengths, places = _places(tuple(periods), frozenset(workdays))
    happened = counts if counts is not None else {day: 1 for day, n in days.items() if n}
    amounts = _spread(days, lengths, places)
    events = amounts if happened is days else _spread(happened, lengths, places)
    return History(tuple(map(Past, amounts, events)))


_Places = Mapping[date, tuple[int, int]]
"""Civil day -> which period, which position in it."""


@lru_cache(maxsize=256)
def _places(
    periods: tuple[tuple[date, date], ...], workdays: frozenset[date]
) -> tuple[tuple[int, ...], _Places]:
    lengths, places = [], {}
    for number, (first, last) in enumerate(periods):
        position = 0
        for day in _days(first, last):
            position += day in workdays
            places[day] = (number, position)
        lengths.append(position + 1)
    return tuple(lengths), places


def _spread(
    days: Mapping[date, int], lengths: tuple[int, ...], places: _Places
) -> list[tuple[int, ...]]:
    found = [[0] * length for length in lengths]
    for day, n in days.items():
        place = places.get(day)
        if place is not None:
            found[place[0]][place[1]] += n
    return [tuple(each) for each in found]


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
