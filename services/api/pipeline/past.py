"""The organisation's past, deal by deal: what chances by stage and conversion are learnt from.

In: a scene. Out: chances, like periods, who sold what lately. Guarantee: only the tenant's own;
made at most once in ``KEPT_S`` for a tenant, generation, day and period.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from fractions import Fraction

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.calendar.fiscal import Period
from kpi.civil import day_start
from kpi.periods import Span
from kpi.pipeline.coverage import Season
from kpi.pipeline.forecast import Ended
from kpi.pipeline.learning import ended, stage_chances
from paceline.progress.reading.likes import pasts_of
from paceline.progress.teller import Teller
from paceline.sql import facts
from paceline.sql.engine import reading
from services.api.pipeline import money
from services.api.pipeline.scene import MOST, Scene

KEPT_S = 600.0
_LIMIT = 200
_YEAR = timedelta(days=365)


class OrgPast(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody's past says."""

    chances: Mapping[str, Fraction]
    cycles: Sequence[int]
    like: Sequence[Span]
    """Periods of the same place in the season, oldest first."""
    recent: Sequence[Span]
    won_like: Sequence[Fraction]
    won_recent: Fraction
    ended: Sequence[Ended]
    """The like periods at the same point of them."""
    season_spans: Sequence[Span]
    """The like periods, or the recent ones where there was no pipeline in those."""
    seasons: Sequence[Season]


class Pasts:
    """Remembers them."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[object, ...], tuple[float, OrgPast]] = OrderedDict()

    async def of(self, scene: Scene, teller: Teller, engine: AsyncEngine) -> OrgPast:
        """The past of the scene's organisation."""
        key = (
            scene.caller.org.tenant,
            scene.generation,
            scene.book.id,
            scene.caller.digest,
            scene.today,
            scene.period,
            scene.as_of,
        )
        held = self._held.get(key)
        if held is None or time.monotonic() - held[0] > KEPT_S:
            held = (time.monotonic(), await _read(scene, teller, engine))
            self._held[key] = held
            self._held.move_to_end(key)
            if len(self._held) > _LIMIT:
                self._held.popitem(last=False)
        return held[1]


async def _read(scene: Scene, teller: Teller, engine: AsyncEngine) -> OrgPast:
    spans = pasts_of(scene.question, scene.period)
    zone, view = scene.zone, (scene.zone, scene.rates)
    end = day_start(scene.today, zone)
    start = day_start(scene.today - _YEAR, zone)
    earliest = min([start, *(day_start(span.first, zone) for span in spans.likes)])
    async with reading(engine) as session:
        book = scene.book.id
        owners = await facts.owners(session, book)
        keys = (await facts.entities_of(session, book, owners, earliest))[-MOST:]
        won_like = await money.won(session, book, owners, spans.likes, view)
        won_recent = await money.won(session, book, owners, spans.learn, view)
        cycles = await money.cycles(session, book, owners, start, end)
        season_spans: Sequence[Span] = spans.likes
        seasons = await money.seasons(session, book, owners, season_spans, view)
        if not any(one.opened for one in seasons):
            season_spans = spans.learn
            seasons = await money.seasons(session, book, owners, season_spans, view)
    place = teller.reader.place(scene.caller.org.tenant, scene.caller.org.connections)
    deals = await teller.reader.entities(place, scene.generation, keys)
    meaning = scene.meaning
    return OrgPast(
        chances=stage_chances(deals, meaning, start, end),
        cycles=cycles,
        like=spans.likes,
        recent=spans.learn,
        won_like=won_like,
        won_recent=sum(won_recent, Fraction(0)),
        ended=[
            ended(deals, meaning, *_point(scene.period, scene, span), scene.worth)
            for span in spans.likes
        ],
        season_spans=season_spans,
        seasons=seasons,
    )


def _point(period: Period, scene: Scene, span: Span) -> tuple[int, int]:
    """(the same point of a like period, its end), ms UTC."""
    gone = (scene.today - period.first).days
    day = min(span.first + timedelta(days=gone), span.last)
    end = day_start(span.last + timedelta(days=1), scene.zone)
    return day_start(day, scene.zone), end
