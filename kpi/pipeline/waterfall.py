"""The waterfall: why the pipeline is another one at the end of a span than it was at its start.

In: deals, whose pipeline, a half-open span of instants. Out: movements, one for each change of each
deal, and their sums by kind. Guarantee: start + all parts = end, exactly, per currency and in the
reporting currency; both ends are the gauges of those moments. The waterfalls of two adjoining spans
add up to the one of the whole.

Kinds, in the order in which a change of several things at once is taken apart:

| kind | the deal |
|---|---|
| ``created`` | is in the pipeline for the first time of its life |
| ``reopened`` | is back after it was won, lost, disqualified or deleted |
| ``won``, ``lost``, ``disqualified``, ``deleted`` | left it so (``deleted``: or has no stage now) |
| ``qualified``, ``unqualified`` | of the qualified pipeline: entered or left a qualified stage |
| ``stale``, ``revived`` | of the qualified pipeline: was quiet for too long, was touched again |
| ``transferred_in``, ``transferred_out`` | came from, went to an owner who is not asked about |
| ``pulled_in``, ``pushed_out`` | its expected close moved into, out of the days asked about |
| ``grown``, ``shrunk`` | has another amount |
| ``rate_change`` | is the same, and worth more or less in the reporting currency |

"Transferred" and "pulled" are told of deals that stay open; a deal that is created under an owner
asked about is ``created``, whoever gets it afterwards. Source of the kinds: the usual pipeline
change reports, with a kind for each field that a gauge depends on, so that nothing is left over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date
from fractions import Fraction
from typing import Literal, NamedTuple

from kpi.civil import local_day
from kpi.entity import DELETED, Entity
from kpi.gauges import Level, levels
from kpi.money import minor_units
from kpi.stages import Step, category_at, currency_of, steps
from kpi.timeline import known_at
from schemas.meaning import Meaning

Kind = Literal[
    "created",
    "reopened",
    "won",
    "lost",
    "disqualified",
    "deleted",
    "qualified",
    "unqualified",
    "stale",
    "revived",
    "transferred_in",
    "transferred_out",
    "pulled_in",
    "pushed_out",
    "grown",
    "shrunk",
    "rate_change",
]
Convert = Callable[[int, str, date], Fraction | None]
"""(minor units, currency, civil day) -> minor units of the reporting currency; None: no rate."""


_DAY = len("20260331")


class Scope(NamedTuple):
    """Whose pipeline, and which part of it."""

    owners: Collection[str]
    """Owner keys."""
    qualified: bool
    """Only deals in a qualified stage that are not stale; else all open ones."""
    first: date | None = None
    """Only deals expected to close from this civil day ..."""
    last: date | None = None
    """... to this one; both or none. With them a deal without a close day is outside."""


class Movement(NamedTuple):
    """One change of one deal: from an instant (ms UTC) on the pipeline has so much more."""

    deal: str
    """Entity key."""
    at: int
    kind: Kind
    owner: str
    """Owner key: whose it is then; of a deal that left, whose it was."""
    currency: str
    number: int
    """Deals: 1 entered, -1 left, 0 stayed."""
    minor: int
    """Minor units of the deal's own currency. A deal without a usable amount adds 0."""


class Ends(NamedTuple):
    """What is in the pipeline at a moment."""

    number: int
    amounts: dict[str, int]
    """Minor units by currency."""


class Waterfall(NamedTuple):
    """``end = start + sum of the movements``, for the count and for each currency."""

    start: Ends
    end: Ends
    movements: list[Movement]
    """In the order of time; of one instant in the order of the deals and of the kinds."""


def waterfall(
    deals: Iterable[tuple[str, Entity]], meaning: Meaning, scope: Scope, start: int, end: int
) -> Waterfall:
    """The change of the pipeline by what happens from ``start`` on and before ``end`` (ms UTC)."""
    before, after = Ends(0, {}), Ends(0, {})
    found: list[Movement] = []
    for key, entity in deals:
        first, moved, last = _of_deal(key, entity, meaning, scope, start, end)
        before, after = _with(before, first), _with(after, last)
        found += moved
    found.sort(key=lambda one: (one.at, one.deal))
    return Waterfall(before, after, found)


def parts(movements: Iterable[Movement]) -> dict[Kind, Ends]:
    """Movements by kind: how many deals came or went, and how much; kinds without any left out."""
    sums: dict[Kind, Ends] = {}
    for one in movements:
        sums[one.kind] = _with(
            sums.get(one.kind, Ends(0, {})), _Share(one.number, one.currency, one.minor)
        )
    return sums


class Converted(NamedTuple):
    """A waterfall in the reporting currency: exact fractions of its minor units."""

    start: Fraction
    end: Fraction
    parts: dict[Kind, Fraction]
    """They sum to ``end - start``; ``rate_change`` is what is left when all others are told."""
    apart: dict[str, int]
    """Currency without a rate on one of the days -> its change; it is in none of the sums."""


def converted(change: Waterfall, convert: Convert, zone: str, start: int, end: int) -> Converted:
    """The waterfall in the reporting currency: each movement by the rate of its day.

    ``zone``: whose civil days; the ends are taken by the rates of the last day before them.
    """
    days = (local_day(start - 1, zone), local_day(end - 1, zone))
    currencies = {*change.start.amounts, *change.end.amounts}
    currencies |= {one.currency for one in change.movements if one.minor}
    told = {one: _in_reporting(change, one, convert, zone, days) for one in sorted(currencies)}
    whole = [one for one in told.values() if one is not None]
    kinds = {kind for one in whole for kind in one.parts}
    return Converted(
        sum((one.start for one in whole), Fraction(0)),
        sum((one.end for one in whole), Fraction(0)),
        {
            kind: sum((one.parts.get(kind, Fraction(0)) for one in whole), Fraction(0))
            for kind in sorted(kinds)
        },
        {
            currency: change.end.amounts.get(currency, 0) - change.start.amounts.get(currency, 0)
            for currency, one in told.items()
            if one is None
        },
    )


def _in_reporting(
    change: Waterfall, currency: str, convert: Convert, zone: str, days: tuple[date, date]
) -> Converted | None:
    """One currency's part; None without a rate on any of the days that matter."""
    ends = [
        convert(one.amounts.get(currency, 0), currency, day)
        for one, day in zip((change.start, change.end), days, strict=True)
    ]
    sums: dict[Kind, Fraction] = {}
    for one in change.movements:
        if one.currency == currency and one.minor:
            size = convert(one.minor, currency, local_day(one.at, zone))
            if size is None:
                return None
            sums[one.kind] = sums.get(one.kind, Fraction(0)) + size
    first, last = ends
    if first is None or last is None:
        return None
    left = last - first - sum(sums.values(), Fraction(0))
    if left:
        sums["rate_change"] = left
    return Converted(first, last, sums, {})


class _Share(NamedTuple):
    """What one deal is in the pipeline."""

    number: int
    currency: str
    minor: int


def _with(ends: Ends, share: _Share) -> Ends:
    if not share.number and not share.minor:
        return ends
    amounts = dict(ends.amounts)
    amounts[share.currency] = amounts.get(share.currency, 0) + share.minor
    return Ends(ends.number + share.number, {one: minor for one, minor in amounts.items() if minor})


def _of_deal(
    key: str, entity: Entity, meaning: Meaning, scope: Scope, start: int, end: int
) -> tuple[_Share, list[Movement], _Share]:
    walk = steps(entity, meaning)
    currency = currency_of(entity, meaning)
    moved: list[Movement] = []
    was = first = _Share(0, currency, 0)
    level: Level | None = None
    lived = False
    for instant, following in levels(entity, meaning, walk):
        if instant >= end:
            break
        left = _leaving(entity, walk, instant)
        for kind, owner, now in _steps(level, following, scope, left, lived=lived):
            share = _share(now, scope, currency)
            if instant >= start and share != was:
                moved.append(_movement(key, instant, kind, owner, was, share))
            was = share
        level, lived = following, lived or following is not None
        if instant < start:
            first = was
    return first, moved, was


def _movement(key: str, at: int, kind: Kind, owner: str, was: _Share, now: _Share) -> Movement:
    if kind == "grown" and now.minor < was.minor:
        kind = "shrunk"
    return Movement(
        key, at, kind, owner, now.currency, now.number - was.number, now.minor - was.minor
    )


def _steps(
    before: Level | None, after: Level | None, scope: Scope, left: Kind, *, lived: bool
) -> Iterator[tuple[Kind, str, Level | None]]:
    """From one level to the next, one thing at a time: kind, whose it is, level so far."""
    if after is None:
        yield left, before.owner if before else "", None
        return
    if before is None:
        yield "reopened" if lived else "created", after.owner, after
        return
    now = before
    if after.owner != now.owner:
        now = now._replace(owner=after.owner)
        into = after.owner in scope.owners
        yield (
            "transferred_in" if into else "transferred_out",
            after.owner if into else before.owner,
            now,
        )
    if after.close_day != now.close_day:
        now = now._replace(close_day=after.close_day)
        inside = _expected(now, scope)
        yield "pulled_in" if inside else "pushed_out", now.owner, now
    if after.qualified != now.qualified:
        now = now._replace(qualified=after.qualified)
        yield "qualified" if after.qualified else "unqualified", now.owner, now
    if after.stale != now.stale:
        now = now._replace(stale=after.stale)
        yield "stale" if after.stale else "revived", now.owner, now
    if after.amount != now.amount:
        yield "grown", now.owner, now._replace(amount=after.amount)


def _share(level: Level | None, scope: Scope, currency: str) -> _Share:
    """What a level adds to the pipeline asked about, as ``kpi.gauges`` counts it."""
    if level is None or level.owner not in scope.owners or not _expected(level, scope):
        return _Share(0, currency, 0)
    if scope.qualified and (level.stale or not level.qualified):
        return _Share(0, currency, 0)
    return _Share(1, currency, minor_units(level.amount, currency) or 0)


def _expected(level: Level, scope: Scope) -> bool:
    """Whether it is expected to close on one of the days asked about."""
    if scope.first is None or scope.last is None:
        return True
    day = level.close_day  # as it was told: it may be none
    readable = len(day) == _DAY and day.isdigit()
    return readable and f"{scope.first:%Y%m%d}" <= day <= f"{scope.last:%Y%m%d}"


def _leaving(entity: Entity, walk: list[Step], instant: int) -> Kind:
    """Why a deal is in no pipeline any more."""
    if known_at(entity.deleted, instant) == DELETED:
        return "deleted"
    match category_at(walk, instant):
        case "won":
            return "won"
        case "lost":
            return "lost"
        case "disqualified":
            return "disqualified"
        case _:
            return "deleted"
