"""Money of past periods, from the facts: what was won in them, what was open at their start.

In: a book of facts, owners, spans of civil days in the tenant's zone. Out: exact fractions of the
reporting currency. Guarantee: each day's money by its own rate; money without a rate is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from fractions import Fraction

from sqlalchemy.ext.asyncio import AsyncSession

from kpi import sketch
from kpi.civil import day_start, local_day
from kpi.currency import Rates, currency_of
from kpi.periods import Span
from kpi.pipeline.coverage import Season
from paceline.sql import facts
from paceline.sql.facts import Wanted

_DAY_S = 86_400
MOST_CYCLES = 2_000


async def won(
    session: AsyncSession,
    book: int,
    owners: Sequence[str],
    spans: Iterable[Span],
    view: tuple[str, Rates],
) -> list[Fraction]:
    """What these owners won in each span; ``view``: (zone, rates)."""
    return [await _won(session, book, owners, span, view) for span in spans]


async def seasons(
    session: AsyncSession,
    book: int,
    owners: Sequence[str],
    spans: Sequence[Span],
    view: tuple[str, Rates],
) -> list[Season]:
    """Each span: qualified money open at its start and expected to close in it, and money won."""
    zone, rates = view
    found: list[Season] = []
    for span in spans:
        before = Wanted(
            book=book, owners=owners, measures=("qual:",), end=day_start(span.first, zone)
        )
        opened = Fraction(0)
        for measure, amount in (await facts.totals(session, before)).items():
            if _closes_in(measure, span):
                worth = rates.convert(amount, currency_of(measure), span.first - timedelta(days=1))
                opened += worth or Fraction(0)
        found.append(Season(opened, await _won(session, book, owners, span, view)))
    return found


async def cycles(
    session: AsyncSession, book: int, owners: Sequence[str], start: int, end: int
) -> list[int]:
    """Days from creation to win of the deals won in [start, end), ascending."""
    wanted = Wanted(book=book, owners=owners, measures=("cycle:",), start=start, end=end)
    days: list[int] = []
    for measure, count in (await facts.totals(session, wanted)).items():
        length = sketch.value(int(measure.partition(":")[2])) // _DAY_S
        days += [length] * min(max(0, count), MOST_CYCLES)
    return sorted(days)


async def _won(
    session: AsyncSession, book: int, owners: Sequence[str], span: Span, view: tuple[str, Rates]
) -> Fraction:
    zone, rates = view
    wanted = Wanted(
        book=book,
        owners=owners,
        measures=("won:",),
        start=day_start(span.first, zone),
        end=day_start(span.last + timedelta(days=1), zone),
    )
    total = Fraction(0)
    for (_, measure, at), amount in (await facts.sums(session, wanted)).items():
        total += rates.convert(amount, currency_of(measure), local_day(at, zone)) or Fraction(0)
    return total


def _closes_in(measure: str, span: Span) -> bool:
    day = measure.rpartition(":")[2]
    return day.isdigit() and f"{span.first:%Y%m%d}" <= day <= f"{span.last:%Y%m%d}"
