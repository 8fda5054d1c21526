"""Counted: which facts the panes of a figure hold.

In: the slices of an owner's line, facts as they leave the fold. Out: those that the line counts,
and bounds for looking them up. Guarantee: pure; a fact is counted exactly where ``kpi.panes`` puts
it, so counted facts sum to what folding the panes gives, whatever zones the owner lived in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from kpi.civil import day_start, zone_of
from kpi.contributions import Key
from kpi.panes import DAY, MINUTE, panes_of
from kpi.reading import Slice, next_month
from schemas.meaning import Meaning

_SLACK = DAY
"""A civil day begins up to 14 hours before it does in UTC, and ends up to 12 hours later."""

_EVER = 1 << 62


class Bounds(msgspec.Struct, frozen=True):
    """Half-open, ms UTC: wide enough for every zone, so facts within are still to be asked."""

    start: int
    end: int


def bounds_of(slices: Iterable[Slice]) -> Bounds | None:
    """Where the facts of some slices lie; None without slices. A level begins with time itself.

    >>> bounds_of([Slice("m", "1", 0, 59)])
    Bounds(start=86400000, end=90000000)
    """
    found = [_bounds(one) for one in slices]
    if not found:
        return None
    return Bounds(min(one.start for one in found), max(one.end for one in found))


def spans_of(slices: Iterable[Slice], meaning: Meaning, owner: str) -> list[Bounds]:
    """Where exactly the facts of an owner lie that some slices count: disjoint, ascending.

    An owner who moved has a span for each zone, as far as he lived by it. A level's begins with
    time itself. Flows and levels are asked for apart: their spans overlap.
    """
    lived = meaning.owner_zones.get(owner) or ((0, meaning.zone),)
    found: list[Bounds] = []
    for i, (since, zone) in enumerate(lived):
        until = lived[i + 1][0] if i + 1 < len(lived) else _EVER
        for one in slices:
            start, end = _exactly(one, zone)
            start, end = max(start, since if i else 0), min(end, until)
            if start < end:
                found.append(Bounds(start, end))
    return _joined(sorted(found, key=lambda one: one.start))


def times_counted(key: Key, slices: Sequence[Slice], meaning: Meaning) -> int:
    """In how many panes of the slices a fact lies: 0 or 1 where slices are disjoint, as they are.

    ``key`` is (owner key, measure, instant in ms UTC). Flows and levels never share a grain.
    """
    owner, measure, instant = key
    fallen = {
        (hashed.grain, hashed.span): int(pane[1:])
        for hashed, pane in panes_of(measure, instant, zone_of(meaning, owner, instant))
    }
    return sum(
        one.low <= fallen[one.grain, one.span] <= one.high
        for one in slices
        if (one.grain, one.span) in fallen
    )


def sums_of(
    facts: Iterable[tuple[Key, int]], slices: Sequence[Slice], meaning: Meaning
) -> dict[str, int]:
    """Sum per stored measure of the facts that the slices count; zeros are left out."""
    sums: dict[str, int] = {}
    for key, delta in facts:
        times = times_counted(key, slices, meaning)
        if times:
            sums[key[1]] = sums.get(key[1], 0) + times * delta
    return {measure: amount for measure, amount in sums.items() if amount}


def _exactly(one: Slice, zone: str) -> tuple[int, int]:
    if one.grain == "m":
        found = _bounds(one)
        return found.start, found.end
    if one.grain == "gM":
        return 0, day_start(next_month(date(one.high // 12, one.high % 12 + 1, 1)), zone)
    if one.grain == "M":
        first, last = date(int(one.span), one.low, 1), date(int(one.span), one.high, 1)
        return day_start(first, zone), day_start(next_month(last), zone)
    year, month = int(one.span[:4]), int(one.span[4:])
    last = date(year, month, one.high) + timedelta(days=1)
    return day_start(date(year, month, one.low), zone), day_start(last, zone)


def _joined(found: Iterable[Bounds]) -> list[Bounds]:
    joined: list[Bounds] = []
    for one in found:
        if joined and one.start <= joined[-1].end:
            joined[-1] = Bounds(joined[-1].start, max(one.end, joined[-1].end))
        else:
            joined.append(one)
    return joined


def _bounds(one: Slice) -> Bounds:
    if one.grain == "m":
        day = int(one.span) * DAY
        return Bounds(day + one.low * MINUTE, day + (one.high + 1) * MINUTE)
    if one.grain == "gM":
        return Bounds(0, _midnight(next_month(date(one.high // 12, one.high % 12 + 1, 1))) + _SLACK)
    if one.grain == "M":
        first, last = date(int(one.span), one.low, 1), date(int(one.span), one.high, 1)
        return Bounds(_midnight(first) - _SLACK, _midnight(next_month(last)) + _SLACK)
    year, month = int(one.span[:4]), int(one.span[4:])
    first, last = date(year, month, one.low), date(year, month, one.high)
    return Bounds(_midnight(first) - _SLACK, _midnight(last) + DAY + _SLACK)


def _midnight(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
