"""Random calendars, leaves and days for the laws."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st

from kpi.calendar.fiscal import FiscalCalendar
from kpi.calendar.workdays import Leave, WorkCalendar

days = st.dates(date(2015, 1, 1), date(2035, 12, 31))
near = st.dates(date(2026, 9, 1), date(2027, 3, 1))
"""Days close enough for leaves, holidays and spans to meet."""

fiscals = st.builds(
    FiscalCalendar,
    start_month=st.integers(1, 12),
    pattern=st.sampled_from(("months", "4-4-5", "4-5-4", "5-4-4")),
    week_start=st.integers(0, 6),
    year_end=st.sampled_from(("last", "nearest")),
    named_by=st.sampled_from(("start", "end")),
)

_weeks = st.tuples(*[st.integers(0, 2)] * 7)


@st.composite
def calendars(draw: st.DrawFn) -> WorkCalendar:
    """A work calendar with holidays, working weekends, half days, and big and small weeks."""
    off = draw(st.frozensets(near, max_size=12))
    other = draw(st.none() | _weeks)
    return WorkCalendar(
        id="drawn",
        week=draw(_weeks),
        other_week=other,
        other_from=None if other is None else draw(near),
        off=off,
        on=draw(st.frozensets(near, max_size=6)) - off,
        half=draw(st.frozensets(near, max_size=6)),
    )


leaves = st.lists(
    st.builds(
        lambda first, length, halves: Leave(first, first + timedelta(days=length), halves),
        near,
        st.integers(-1, 40),
        st.integers(1, 2),
    ),
    max_size=5,
)
