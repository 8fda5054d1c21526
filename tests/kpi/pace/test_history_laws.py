"""The past by workdays: nothing is lost, nothing doubled, and an oracle that walks day by day."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kpi.pace import history_of
from tests.kpi.laws.histories import law

FIRST = date(2026, 1, 1)
PERIODS = [(FIRST, date(2026, 1, 31)), (date(2026, 2, 10), date(2026, 2, 28))]
dates = st.integers(0, 70).map(lambda n: FIRST + timedelta(days=n))
sums = st.dictionaries(dates, st.integers(-5, 9), max_size=40)


@law
@given(sums, st.none() | sums, st.frozensets(dates, max_size=50))
def test_every_day_of_a_period_is_in_exactly_one_position(
    days: dict[date, int], counts: dict[date, int] | None, workdays: frozenset[date]
) -> None:
    """A workday opens a position; what follows belongs to it until the next one."""
    told = history_of(days, counts, PERIODS, workdays)
    for past, (first, last) in zip(told.periods, PERIODS, strict=True):
        amounts, events = [0], [0]
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            if day in workdays:
                amounts.append(0)
                events.append(0)
            amounts[-1] += days.get(day, 0)
            events[-1] += counts.get(day, 0) if counts is not None else int(days.get(day, 0) != 0)
        assert (list(past.amounts), list(past.events)) == (amounts, events)
