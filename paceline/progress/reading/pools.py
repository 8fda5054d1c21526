"""Pools: what the people of a team did before, as the model's prior for each of them.

In: series of the people of one team, their workdays, the like periods. Out: histories and priors.
Guarantee: made once a team, period and day of this process, so that a person's own page and the
row in the team say the same; at most ``MOST`` people of a team are learnt from, by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

from kpi.calendar.workdays import Leave, WorkCalendar, halves
from kpi.pace import History, Prior, history_of, prior_of
from kpi.periods import Span
from kpi.targets.model import Presence
from paceline.progress.reading.likes import Series, heard

MOST = 60

_ONE_DAY = timedelta(days=1)


class Pool:
    """The past of a team's people."""

    def __init__(self, people: Sequence[tuple[Series, Presence]], spans: tuple[Span, ...]) -> None:
        self._people = people
        self.spans = heard(spans, (series for series, _ in people))
        self._priors: dict[str, Prior] = {}

    def prior(self, kpi: str, *, money: bool) -> Prior:
        """The prior of a KPI."""
        found = self._priors.get(kpi)
        if found is None:
            past = [
                history(series, who, kpi, self.spans, money=money) for series, who in self._people
            ]
            found = self._priors[kpi] = prior_of(past, money=money)
        return found


def history(
    series: Series, presence: Presence, kpi: str, spans: Sequence[Span], *, money: bool
) -> History:
    """A subject's past periods of a KPI, of those in which it was employed throughout."""
    employed = presence.employed
    whole = tuple(s for s in spans if employed.first <= s.first and s.last <= employed.last)
    days = series.amounts.get(kpi, {})
    events = series.events.get(kpi) if money else days
    return history_of(days, events, whole, _workdays(presence.calendar, presence.leaves, whole))


@lru_cache(maxsize=1_024)
def _workdays(
    calendar: WorkCalendar, leaves: tuple[Leave, ...], spans: tuple[Span, ...]
) -> frozenset[date]:
    found: set[date] = set()
    for span in spans:
        day = span.first
        while day <= span.last:
            if halves(calendar, leaves, day):
                found.add(day)
            day += _ONE_DAY
    return frozenset(found)
