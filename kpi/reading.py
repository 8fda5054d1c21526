"""Reading a period from panes: which hashes to fetch, and how to fold what comes back.

In: civil days or instants. Out: slices (a hash and the panes wanted of it), then sums per measure.
Guarantee: the slices of adjoining periods are disjoint and together those of the whole, so days
sum to months and months to years.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from kpi.panes import DAY, MINUTE

LONGEST_BY_MINUTE = 8 * DAY
LEVEL_GRAINS = frozenset(("gd", "gM"))
_EPOCH = date(1970, 1, 1)


class Slice(NamedTuple):
    """The panes ``low`` to ``high``, both included, of one owner's hash of a grain and span."""

    grain: str
    span: str
    low: int
    high: int


class Rolling(NamedTuple):
    """Slices of a rolling span and the bounds, ms UTC, half-open, that they really cover."""

    slices: list[Slice]
    start: int
    end: int


def civil_slices(first: date, last: date) -> list[Slice]:
    """Flows of the civil days ``first`` to ``last``, both included: whole months, edges as days."""
    slices: list[Slice] = []
    month = first.replace(day=1)
    while month <= last:
        following = next_month(month)
        if first <= month and following - timedelta(days=1) <= last:
            slices.append(Slice("M", f"{month.year:04}", month.month, month.month))
        else:
            low = max(first, month).day
            high = min(last, following - timedelta(days=1)).day
            slices.append(Slice("d", f"{month.year:04}{month.month:02}", low, high))
        month = following
    return _joined(slices)


def gauge_slices(day: date) -> list[Slice]:
    """A level at the end of a civil day: all months before, and the days of its month."""
    months = day.year * 12 + day.month - 1
    if (day + timedelta(days=1)).month != day.month:
        return [Slice("gM", "all", 0, months)]
    return [
        Slice("gM", "all", 0, months - 1),
        Slice("gd", f"{day.year:04}{day.month:02}", 1, day.day),
    ]


def rolling_slices(end: int, length: int) -> Rolling | None:
    """The last ``length`` ms up to ``end`` by the minute; None beyond 8 days (use days).

    The minute in which ``end`` lies counts as a whole; the bounds say so.
    """
    if length > LONGEST_BY_MINUTE:
        return None
    stop = -(-end // MINUTE) * MINUTE
    start = stop - -(-length // MINUTE) * MINUTE
    slices = []
    for day in range(start // DAY, (stop - 1) // DAY + 1):
        low = max(start - day * DAY, 0) // MINUTE
        high = (min(stop - day * DAY, DAY) - 1) // MINUTE
        slices.append(Slice("m", str(day), low, high))
    return Rolling(slices, start, stop)


def fold(contents: Mapping[str, int], wanted: Slice) -> dict[str, int]:
    """Sums per measure over the wanted panes of one hash (field -> integer); zeros are left out."""
    sums: dict[str, int] = {}
    for field, amount in contents.items():
        measure, _, pane = field.rpartition(":")
        if wanted.low <= int(pane) <= wanted.high:
            sums[measure] = sums.get(measure, 0) + amount
    return {measure: amount for measure, amount in sums.items() if amount}


def last_day(one: Slice) -> date:
    """The last civil day of a slice (of minutes: their UTC day).

    >>> last_day(Slice("gM", "all", 0, 2026 * 12 + 10)), last_day(Slice("gd", "202611", 1, 9))
    (datetime.date(2026, 11, 30), datetime.date(2026, 11, 9))
    """
    return _day_of(one, one.high)


def by_day(contents: Mapping[str, int], wanted: Slice) -> Iterator[tuple[str, date, int]]:
    """(measure, civil day, amount) of the wanted panes; a month's are of its last day.

    Minutes are of their UTC day.
    """
    days: dict[int, date] = {}
    for field, amount in contents.items():
        measure, _, pane = field.rpartition(":")
        at = int(pane)
        if wanted.low <= at <= wanted.high:
            day = days.get(at)
            if day is None:
                day = days[at] = _day_of(wanted, at)
            yield measure, day, amount


def _day_of(one: Slice, pane: int) -> date:
    if one.grain == "m":
        return _EPOCH + timedelta(days=int(one.span))
    if one.grain == "M":
        return next_month(date(int(one.span), pane, 1)) - timedelta(days=1)
    if one.grain == "gM":
        return next_month(date(pane // 12, pane % 12 + 1, 1)) - timedelta(days=1)
    return date(int(one.span[:4]), int(one.span[4:]), pane)


def add(sums: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Several folds as one; a team is the sum of its members."""
    total: dict[str, int] = {}
    for part in sums:
        for measure, amount in part.items():
            total[measure] = total.get(measure, 0) + amount
    return {measure: amount for measure, amount in total.items() if amount}


def next_month(day: date) -> date:
    """The first day of the month after."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _joined(slices: list[Slice]) -> list[Slice]:
    """Neighbouring months of one year as one slice, so that their hash is read once."""
    joined: list[Slice] = []
    for one in slices:
        if (
            joined
            and one.grain == "M"
            and joined[-1][:2] == one[:2]
            and joined[-1].high + 1 == one.low
        ):
            joined[-1] = Slice(one.grain, one.span, joined[-1].low, one.high)
        else:
            joined.append(one)
    return joined
