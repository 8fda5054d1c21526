"""The facts of a book, as readers ask for them.

In: a book, owners, measures, spans of instants. Out: sums and facts. Guarantee: a book belongs to
one tenant and generation, so nobody sees another tenant's; sums are those of the rows, unrounded.

Measures are names as stored (``won:USD``) or, with a colon at the end, all that begin with it
(``open:USD:``). Instants are ms UTC, spans half-open. ``as_of``: only what was known by then (by
the receipt of its event, ms UTC, itself included).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import gt, lt
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from kpi.contributions import Contributions
from kpi.panes import is_gauge
from paceline.sql.models import FactRow, Incarnation
from paceline.sql.statements import storable

OWNERS_AT_ONCE = 400
"""Databases take a bounded number of parameters."""

Place = tuple[int, int, int, int]
"""Log number, lane, offset, n: which fact of a book."""


class Fact(msgspec.Struct, frozen=True):
    """One fact: by how much an event changed a measure of an owner at an instant."""

    place: Place
    entity: str
    owner: str
    measure: str
    at: int
    delta: int
    known_at: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which facts: of these owners and measures, in a span, known within another."""

    book: int
    owners: Sequence[str]
    measures: Sequence[str]
    start: int = 0
    end: int
    as_of: int | None = None
    since: int | None = None
    """Only what was not known by then."""


class Share(msgspec.Struct, frozen=True):
    """What an entity adds to a measure of an owner."""

    entity: str
    owner: str
    measure: str
    amount: int


async def sums(session: AsyncSession, wanted: Wanted) -> Contributions:
    """Sum per (owner, measure, instant) over all entities; no zeros."""
    found: Contributions = {}
    keys = (FactRow.owner, FactRow.measure, FactRow.at)
    amount = func.sum(FactRow.delta)
    for which in _parts(wanted):
        query = select(*keys, amount).where(which).group_by(*keys).having(amount != 0)
        for owner, measure, at, total in await session.execute(query):
            found[owner, measure, at] = int(total)
    return found


async def totals(session: AsyncSession, wanted: Wanted) -> dict[str, int]:
    """Sum per measure over all owners and instants; no zeros."""
    found: dict[str, int] = {}
    amount = func.sum(FactRow.delta)
    for which in _parts(wanted):
        query = select(FactRow.measure, amount).where(which).group_by(FactRow.measure)
        for measure, total in await session.execute(query):
            found[measure] = found.get(measure, 0) + int(total)
    return {measure: total for measure, total in found.items() if total}


async def learnt(
    session: AsyncSession, wanted: Wanted, bucket_ms: int
) -> dict[tuple[int, str], int]:
    """Sum per (bucket of the receipt, measure); buckets count from 1970, zeros are left out."""
    found: dict[tuple[int, str], int] = {}
    bucket = (FactRow.known_at - FactRow.known_at % bucket_ms).label("bucket")
    amount = func.sum(FactRow.delta)
    for which in _parts(wanted):
        query = select(bucket, FactRow.measure, amount).where(which)
        for at, measure, total in await session.execute(query.group_by(bucket, FactRow.measure)):
            key = (int(at) // bucket_ms, measure)
            found[key] = found.get(key, 0) + int(total)
    return {key: total for key, total in found.items() if total}


async def shares(session: AsyncSession, wanted: Wanted) -> list[Share]:
    """What each entity adds, over all instants of the span; no zeros, in no order."""
    keys = (FactRow.entity, FactRow.owner, FactRow.measure)
    amount = func.sum(FactRow.delta)
    found: list[Share] = []
    for which in _parts(wanted):
        query = select(*keys, amount).where(which).group_by(*keys).having(amount != 0)
        rows = await session.execute(query)
        found += [
            Share(entity, owner, measure, int(total)) for entity, owner, measure, total in rows
        ]
    return found


async def rows(session: AsyncSession, wanted: Wanted) -> list[Fact]:
    """All of them, unordered: for narrow spans."""
    return [
        fact
        for which in _parts(wanted)
        for fact in _typed(await session.execute(select(*_COLUMNS).where(which)))
    ]


async def page(
    session: AsyncSession, wanted: Wanted, after: tuple[int, Place] | None, limit: int
) -> list[Fact]:
    """The newest first; ``after``: instant and place of the last one of the page before."""
    found: list[Fact] = []
    for which in _parts(wanted):
        query = select(*_COLUMNS).where(which)
        if after is not None:
            query = query.where(_below((FactRow.at, *_PLACE), (after[0], *after[1])))
        ordered = query.order_by(*(column.desc() for column in (FactRow.at, *_PLACE))).limit(limit)
        found += _typed(await session.execute(ordered))
    return sorted(found, key=lambda one: (one.at, one.place), reverse=True)[:limit]


async def count(session: AsyncSession, wanted: Wanted) -> int:
    """How many."""
    return sum(
        [
            await session.scalar(select(func.count()).select_from(FactRow).where(which)) or 0
            for which in _parts(wanted)
        ]
    )


async def entities_of(
    session: AsyncSession,
    book: int,
    owners: Sequence[str],
    since: int,
    as_of: int | None = None,
) -> list[str]:
    """Deals that are open in the hands of any of the owners, or changed for one at or after.

    ``since``: ms UTC. Sorted entity keys. ``as_of``: as was known by then.
    """
    is_open = Wanted(book=book, owners=owners, measures=("open_n:",), end=_EVER, as_of=as_of)
    found = {share.entity for share in await shares(session, is_open)}
    recent = Wanted(book=book, owners=owners, measures=("",), start=since, end=_EVER, as_of=as_of)
    for which in _parts(recent):
        deals = _from("d:", FactRow.entity)
        query = select(FactRow.entity).where(which, deals).distinct()
        found.update(await session.scalars(query))
    return sorted(found)


async def owners(session: AsyncSession, book: int) -> list[str]:
    """Every owner that a book has facts of, sorted; one step of the index each."""
    found: list[str] = []
    last: str | None = ""
    while last is not None:
        query = select(func.min(FactRow.owner)).where(FactRow.book == book, FactRow.owner > last)
        last = await session.scalar(query)
        found += [last] if last is not None else []
    return found


async def ordered(session: AsyncSession, book: int, after: Place | None, limit: int) -> list[Fact]:
    """Facts of a book in the order of the log; ``after``: the place of the last one before."""
    query = select(*_COLUMNS).where(FactRow.book == book)
    if after is not None:
        query = query.where(_above(_PLACE, after))
    return _typed(await session.execute(query.order_by(*_PLACE).limit(limit)))


async def measures_of(session: AsyncSession, book: int, owner: str) -> list[str]:
    """Every measure that an owner has facts of, sorted."""
    found = await session.scalars(
        select(FactRow.measure)
        .where(FactRow.book == book, FactRow.owner == owner)
        .distinct()
        .order_by(FactRow.measure)
    )
    return list(found)


async def prune(session: AsyncSession, book: int, owner: str, before: int) -> None:
    """Delete an owner's flows before an instant, and of levels what has come to nothing by then."""
    for measure in await measures_of(session, book, owner):
        old = and_(
            FactRow.book == book,
            FactRow.owner == owner,
            FactRow.measure == measure,
            FactRow.at < before,
            FactRow.known_at < before,
        )
        if is_gauge(measure):
            over = select(FactRow.entity).where(old).group_by(FactRow.entity)
            old = and_(old, FactRow.entity.in_(over.having(func.sum(FactRow.delta) == 0)))
        await session.execute(delete(FactRow).where(old))


async def sums_before(
    session: AsyncSession, book: int, incarnation: str, lanes: Sequence[int], bucket_ms: int
) -> dict[tuple[str, str, int], int]:
    """Sum per (owner, measure, bucket of the instant) of what lies before a place in a log.

    ``lanes``: the first offset of each lane that is not asked for. Earlier logs are, as a whole.
    """
    log = await session.scalar(
        select(Incarnation.number).where(Incarnation.incarnation == incarnation)
    )
    before = [
        and_(FactRow.log == log, FactRow.lane == lane, FactRow.offset < end)
        for lane, end in enumerate(lanes)
    ]
    bucket = (FactRow.at - FactRow.at % bucket_ms).label("bucket")
    keys = (FactRow.owner, FactRow.measure, bucket)
    amount = func.sum(FactRow.delta)
    query = select(*keys, amount).where(FactRow.book == book, or_(FactRow.log < log, *before))
    found = await session.execute(query.group_by(*keys).having(amount != 0))
    return {
        (owner, measure, int(at) // bucket_ms): int(total) for owner, measure, at, total in found
    }


async def logs(session: AsyncSession) -> dict[int, str]:
    """The number of each log in a fact's place -> its incarnation."""
    found = await session.execute(select(Incarnation.number, Incarnation.incarnation))
    return dict(found.all())


_EVER = 1 << 62
_PLACE = (FactRow.log, FactRow.lane, FactRow.offset, FactRow.n)
_COLUMNS = (
    *_PLACE,
    FactRow.entity,
    FactRow.owner,
    FactRow.measure,
    FactRow.at,
    FactRow.delta,
    FactRow.known_at,
)


def _parts(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Conditions that together ask for it, each for so many owners."""
    owners_ = list(dict.fromkeys(storable(owner) for owner in wanted.owners))
    lists = [owners_[i : i + OWNERS_AT_ONCE] for i in range(0, len(owners_), OWNERS_AT_ONCE)]
    return [_which(wanted, some) for some in lists] if wanted.measures else []


def _which(wanted: Wanted, owners_: Sequence[str]) -> ColumnElement[bool]:
    parts = [
        FactRow.book == wanted.book,
        FactRow.owner.in_(owners_),
        _named(wanted.measures),
        FactRow.at >= wanted.start,
        FactRow.at < wanted.end,
    ]
    if wanted.as_of is not None:
        parts.append(FactRow.known_at <= wanted.as_of)
    if wanted.since is not None:
        parts.append(FactRow.known_at > wanted.since)
    return and_(*parts)


def _named(measures: Iterable[str]) -> ColumnElement[bool]:
    whole: list[str] = []
    begins: list[str] = []
    for name in dict.fromkeys(map(storable, measures)):
        (begins if not name or name.endswith(":") else whole).append(name)
    parts = [_from(name, FactRow.measure) for name in begins]
    return or_(FactRow.measure.in_(whole), *parts) if whole else or_(*parts)


def _from(prefix: str, column: Any) -> ColumnElement[bool]:
    """Texts that begin with a prefix, as a range of the index; ``;`` comes after ``:``."""
    if not prefix:
        return and_(column >= "")
    return and_(column >= prefix, column < prefix[:-1] + ";")


def _below(columns: Sequence[Any], values: Sequence[int]) -> ColumnElement[bool]:
    """Rows that come before some values, in the order of the columns."""
    return _beyond(columns, values, lt)


def _above(columns: Sequence[Any], values: Sequence[int]) -> ColumnElement[bool]:
    """Rows that come after some values."""
    return _beyond(columns, values, gt)


def _beyond(
    columns: Sequence[Any], values: Sequence[int], than: Callable[[Any, Any], Any]
) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = []
    for i, (column, value) in enumerate(zip(columns, values, strict=True)):
        equal = [one == at for one, at in zip(columns[:i], values[:i], strict=True)]
        parts.append(and_(*equal, than(column, value)))
    return or_(*parts)


def _typed(found: Any) -> list[Fact]:
    return [Fact((row[0], row[1], row[2], row[3]), *row[4:]) for row in found]
