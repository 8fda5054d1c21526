"""Like periods: which past periods a running one is compared with, and what a person did in them.

In: a period, a fiscal calendar, the day panes of past months. Out: amounts per civil day and KPI.
Guarantee: pure; only complete periods before the running one; only KPIs that add up, whose amount
of a day is a sum of stored measures times constants, found out from the formula itself.

| period | its curve is of | the model learns from | month hashes a rep |
|---|---|---|---|
| month | the same place in the quarter, the last six | the last six months | 10 |
| quarter | the last four | the same | 12 or 13 |
| week | the last twelve | the same | 3 or 4 |
| year | none | the last four quarters | 12 or 13 |
| day, rolling | none | nothing: no probability | 0 |

Single days are kept 800 days; a period of which a day is gone is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

from kpi.calendar.fiscal import Period, period_of, previous
from kpi.calendar.years import FiscalCalendar
from kpi.currency import Rates
from kpi.definitions import Book, Facts, evaluate
from kpi.periods import Span
from kpi.reading import Slice
from paceline.progress.reading.windows import Question, day_slices, kept

_MONTHS_APART = 3
_LIKES = {"month": 6, "quarter": 4, "week": 12}
_FIRST_DAYS = timedelta(days=7)
"""Holidays at a span's beginning are no sign of a source that was not there."""
_NEVER = date(2000, 1, 1)

Days = dict[date, int]
"""Civil day -> what was counted on it."""


class Series:
    """What a person did on past days: amounts and numbers of events per KPI."""

    __slots__ = ("amounts", "begun", "events")

    def __init__(self) -> None:
        self.amounts: dict[str, Days] = {}
        self.events: dict[str, Days] = {}
        self.begun = date.max
        """The first day of which anything is known."""

    def add(self, kpi: str, day: date, amount: int, events: int) -> None:
        """Count more of a day."""
        self.begun = min(self.begun, day)
        if amount:
            held = self.amounts.setdefault(kpi, {})
            held[day] = held.get(day, 0) + amount
        if events:
            held = self.events.setdefault(kpi, {})
            held[day] = held.get(day, 0) + events


class Pasts(NamedTuple):
    """Past periods, oldest first: those of the curve, and those that the model learns from."""

    likes: tuple[Span, ...]
    learn: tuple[Span, ...]


def pasts_of(question: Question, period: Period | None) -> Pasts:
    """Those whose days are all still kept."""
    if period is None:
        return Pasts((), ())
    fiscal = question.fiscal
    if period.kind == "year":
        quarter = period_of(fiscal, "quarter", period.first)
        return Pasts((), _readable(question, _before(fiscal, quarter, 1)))
    if period.kind == "month":
        likes = _before(fiscal, period, _MONTHS_APART)
        return Pasts(_readable(question, likes), _readable(question, _before(fiscal, period, 1)))
    found = _readable(question, _before(fiscal, period, 1))
    return Pasts(found, found)


def _before(fiscal: FiscalCalendar, period: Period, apart: int) -> list[Span]:
    found: list[Span] = []
    for _ in range(_LIKES.get(period.kind, 0)):
        for _ in range(apart):
            period = previous(fiscal, period)
        found.append(Span(period.first, period.last))
    return found[::-1]


def _readable(question: Question, spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(span for span in spans if all(kept(question, one) for one in day_slices(*span)))


def heard(spans: Sequence[Span], series: Iterable[Series]) -> tuple[Span, ...]:
    """The spans from the first one in which the source was there: before it, silence is no zero.

    A source that was connected in the middle of a month did not see that month.
    """
    begun = min((one.begun for one in series), default=date.max)
    return tuple(span for span in spans if begun <= span.first + _FIRST_DAYS)


def months_of(spans: Iterable[Span]) -> tuple[Slice, ...]:
    """The slices of single days that hold some spans, each month once."""
    return tuple(
        dict.fromkeys(Slice("d", one.span, 1, 31) for span in spans for one in day_slices(*span))
    )


class Weights:
    """How much one of a stored measure adds to each flow; worked out once for each measure."""

    def __init__(self, book: Book, rates: Rates) -> None:
        self._book, self._currency, self.rates = book, rates.currency, rates
        self.flows = tuple(
            id_
            for id_, one in book.compiled.items()
            if one.kind == "flow" and one.definition.unit in {"count", "money"}
        )
        self._money = frozenset(
            id_ for id_ in self.flows if book.compiled[id_].definition.unit == "money"
        )
        self._counted = {id_: self._events_of(id_) for id_ in self._money}
        self._known: dict[str, tuple[tuple[str, Fraction, int], ...]] = {}

    def of(self, measure: str) -> tuple[tuple[str, Fraction, int], ...]:
        """(KPI, weight, events that one of the measure stands for) of every flow it is part of."""
        found = self._known.get(measure)
        if found is None:
            found = self._known[measure] = tuple(self._probe(measure))
        return found

    def counts(self, kpi: str, sums: Mapping[str, int]) -> int:
        """How many events a flow is made of."""
        return sum(
            amount * events
            for measure, amount in sums.items()
            for one, _, events in self.of(measure)
            if one == kpi
        )

    def _probe(self, measure: str) -> Iterable[tuple[str, Fraction, int]]:
        facts = Facts(
            sums={measure: 1}, currency=self._currency, first=_NEVER, last=_NEVER, person=True
        )
        values = evaluate(self._book, facts, {}, self.flows)
        for kpi, value in values.items():
            events = self._events(kpi, measure, value)
            if value or events:
                yield kpi, value or Fraction(0), events

    def _events(self, kpi: str, measure: str, value: Fraction | None) -> int:
        if kpi in self._money:
            return int(measure in self._counted[kpi])
        return int(bool(value))

    def _events_of(self, kpi: str) -> frozenset[str]:
        """``won:`` is counted by ``won_n``; a declared sum of money counts by days."""
        families = {name.partition(":")[0] for name in self._book.compiled[kpi].measures}
        return frozenset(f"{family}_n" for family in families)


def series_of(
    weights: Weights, contents: Iterable[tuple[Slice, Mapping[str, int]]], into: Series
) -> Series:
    """The days of some month hashes, added to what is there already."""
    for one, held in contents:
        year, month = int(one.span[:4]), int(one.span[4:])
        for field, amount in held.items():
            measure, _, pane = field.rpartition(":")
            day = date(year, month, int(pane))
            name, worth = weights.rates.reported(measure, amount, day)
            for kpi, weight, events in weights.of(name):
                into.add(kpi, day, round(worth * weight), worth * events)
    return into


def within(series: Iterable[tuple[Series, tuple[Span, ...]]]) -> Series:
    """Several people as one, each only on their own days: a team's past."""
    total = Series()
    for one, spans in series:
        total.begun = min(total.begun, one.begun)
        for kpi, days in one.amounts.items():
            _add(total.amounts, kpi, days, spans)
        for kpi, days in one.events.items():
            _add(total.events, kpi, days, spans)
    return total


def _add(total: dict[str, Days], kpi: str, days: Days, spans: tuple[Span, ...]) -> None:
    held = total.setdefault(kpi, {})
    for day, amount in days.items():
        if any(span.first <= day <= span.last for span in spans):
            held[day] = held.get(day, 0) + amount
