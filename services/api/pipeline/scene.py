"""The scene: a subject's deals, as they are in Redis, and from where one looks at them.

In: who asks, whose pipeline, of which period. Out: deals with their whole histories. Guarantee: the
ledger says which deals are an owner's, Redis what they are; an owner's levels are looked at where
his own last day ends, so a list of open deals sums to the level that progress answers show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.calendar.fiscal import Period
from kpi.civil import day_start, local_day
from kpi.currency import Rates
from kpi.entity import Entity
from kpi.fold import Tenant
from kpi.pipeline.deals import OpenDeal, open_deal
from kpi.reading import LEVEL_GRAINS
from paceline.progress.answers.progress import Bounds
from paceline.progress.reading.selection import Part, Selection
from paceline.progress.reading.windows import Question, hull, window
from paceline.progress.teller import Teller
from paceline.sql import books, facts
from paceline.sql.books import Book
from paceline.sql.engine import reading
from schemas.meaning import Meaning
from services.api.access import Caller
from services.api.pipeline.known import known_by
from services.api.problems import unavailable, unprocessable

MOST = 50_000
"""Deals of one answer; more are refused rather than read for seconds."""

Deals = list[tuple[str, Entity]]


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What everything else is computed from."""

    caller: Caller
    chosen: Selection
    question: Question
    period: Period
    generation: int
    meaning: Meaning
    book: Book
    parts: Sequence[Part]
    looked: Mapping[str, int]
    """Owner key -> the instant (ms UTC) at which his levels are looked at."""
    deals: Deals
    """Those that are open in an owner's hands, or changed there since the scene's start."""
    as_of: int | None = None
    """What was received after this instant (ms UTC) is not known here; None: all is."""

    @property
    def zone(self) -> str:
        """The tenant's."""
        return self.caller.plan.zone

    @property
    def rates(self) -> Rates:
        """The tenant's."""
        return self.caller.plan.rates

    @property
    def today(self) -> date:
        """The last civil day that counts, in the tenant's zone."""
        return self.question.day_in(self.zone)

    @property
    def instant(self) -> int:
        """The end of today in the tenant's zone, ms UTC."""
        return day_start(self.today + timedelta(days=1), self.zone) - 1

    @property
    def bounds(self) -> Bounds:
        """Of the period."""
        return hull([part.window for part in self.parts] or [window(self.question, self.zone)])

    def worth(self, minor: int, currency: str, at: int) -> Fraction | None:
        """An amount in the tenant's currency, by the rate of an instant's civil day."""
        return self.rates.convert(minor, currency, local_day(at, self.zone))

    def opened(self) -> list[OpenDeal]:
        """The deals that are open, each as its owner's day ends."""
        return list(_opened(self.deals, self.meaning, self.looked))


async def scene(
    teller: Teller,
    engine: AsyncEngine,
    caller: Caller,
    chosen: Selection,
    question: Question,
    since: date | None = None,
    as_of: int | None = None,
) -> Scene:
    """The scene, with deals that changed since a civil day (the period's first where not given).

    ``as_of``: as was known at an instant (ms UTC), which ``teller`` then speaks of too.

    422 for a period without civil days; 503 while the ledger is not whole.
    """
    zone = caller.plan.zone
    period = question.period_in(zone)
    if period is None:
        raise unprocessable(
            "unknown-period", "a rolling span has no pipeline", "day, week, month, quarter, year"
        )
    lines = await teller.lines(caller.known, chosen, question)
    if lines is None:
        raise unavailable("no numbers are live yet")
    async with reading(engine) as session:
        book = await books.find(session, caller.org.tenant, lines.generation)
        if book is None or not book.whole:
            raise unavailable("the ledger is still being filled; the pipeline follows")
        looked = _looked(lines.parts)
        start = day_start(since or period.first, zone)
        keys = await facts.entities_of(session, book.id, list(looked), start, as_of)
    if len(keys) > MOST:
        detail = f"{len(keys)} deals are too many for one answer"
        raise unprocessable("too-many-deals", detail, "a team or a rep")
    place = teller.reader.place(caller.org.tenant, caller.org.connections)
    if as_of is None:
        deals = await teller.reader.entities(place, lines.generation, keys)
    else:
        live = Tenant(lines.generation, lines.meaning)
        known = await known_by(engine, place.partition, caller.org.tenant, live, as_of)
        deals = [(key, known[key]) for key in keys if key in known]
    return Scene(
        caller=caller,
        chosen=chosen,
        question=question,
        period=period,
        generation=lines.generation,
        meaning=lines.meaning,
        book=book,
        parts=lines.parts,
        looked=looked,
        deals=deals,
        as_of=as_of,
    )


def _looked(parts: Iterable[Part]) -> dict[str, int]:
    """Owners who are there at the end of the last day that counts."""
    return {
        line.owner: part.window.end - 1
        for part in parts
        for line in part.lines
        if any(one.grain in LEVEL_GRAINS for one in line.slices)
    }


def _opened(
    deals: Iterable[tuple[str, Entity]], meaning: Meaning, looked: Mapping[str, int]
) -> Iterable[OpenDeal]:
    for key, entity in deals:
        for instant in sorted(set(looked.values())):
            found = open_deal(key, entity, meaning, instant)
            if found is not None and looked.get(found.owner) == instant:
                yield found
                break
