"""Which facts a figure is made of: by the panes that hold them, against civil days by zoneinfo."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.contributions import Contributions
from kpi.reading import Slice, add, civil_slices, fold, gauge_slices, rolling_slices
from paceline.progress.reading.reader import hashes_of
from schemas.meaning import Meaning
from services.api.explaining.counted import bounds_of, spans_of, sums_of, times_counted
from services.api.explaining.known import contents_of_facts

ANA = "crm/ana"
MOVED = datetime(2017, 3, 20, 10, tzinfo=UTC)
ZONES = ("Pacific/Auckland", "America/Los_Angeles")
MEANING = Meaning(
    code=1,
    zone="UTC",
    owner_zones={ANA: ((0, ZONES[0]), (round(MOVED.timestamp()) * 1000, ZONES[1]))},
)
FLOWS, LEVELS = ("won:USD", "won_n", "act:call"), ("open:USD", "qual_n")
ASKED = datetime(2017, 6, 1, tzinfo=UTC)
NOW = round(ASKED.timestamp()) * 1000

minutes = st.integers(0, 200 * 1440)
facts = st.dictionaries(
    st.tuples(
        st.just(ANA),
        st.sampled_from(FLOWS + LEVELS),
        minutes.map(
            lambda m: (round(datetime(2016, 12, 1, tzinfo=UTC).timestamp()) + m * 60) * 1000
        ),
    ),
    st.integers(-50_000, 50_000),
    max_size=40,
)
days = st.integers(0, 150).map(lambda n: date(2017, 1, 1) + timedelta(days=n))


def local(instant: int) -> date:
    """The civil day where Ana was then."""
    at = datetime.fromtimestamp(instant / 1000, UTC)
    return at.astimezone(ZoneInfo(ZONES[at >= MOVED])).date()


def expected(found: Contributions, first: date, last: date) -> dict[str, int]:
    """Flows of her days and levels up to the last one, by hand."""
    sums: dict[str, int] = {}
    for (_, measure, instant), delta in found.items():
        begun = measure in LEVELS or first <= local(instant)
        if begun and local(instant) <= last:
            sums[measure] = sums.get(measure, 0) + delta
    return {measure: amount for measure, amount in sums.items() if amount}


@settings(max_examples=80, deadline=None)
@given(found=facts, ends=st.tuples(days, days))
def test_counted_facts_sum_to_the_figure_of_a_civil_period(
    found: Contributions, ends: tuple[date, date]
) -> None:
    """Counted one by one, folded from panes, and by hand: one number, across a move of zone."""
    first, last = min(ends), max(ends)
    slices = [*civil_slices(first, last), *gauge_slices(last)]
    contents = contents_of_facts(found, MEANING, NOW, hashes_of([ANA], slices))
    folded = add(fold(contents[ANA, one.grain, one.span], one) for one in slices)
    assert sums_of(found.items(), slices, MEANING) == folded == expected(found, first, last)


@settings(max_examples=80, deadline=None)
@given(found=facts, ends=st.tuples(days, days))
def test_no_counted_fact_lies_outside_the_bounds_it_is_looked_up_in(
    found: Contributions, ends: tuple[date, date]
) -> None:
    """What the bounds leave out, no pane of the period holds."""
    first, last = min(ends), max(ends)
    slices = [*civil_slices(first, last), *gauge_slices(last)]
    bounds = bounds_of(slices)
    assert bounds is not None
    outside = [key for key in found if not bounds.start <= key[2] < bounds.end]
    assert not any(times_counted(key, slices, MEANING) for key in outside)


@settings(max_examples=80, deadline=None)
@given(found=facts, ends=st.tuples(days, days))
def test_the_spans_of_a_figure_hold_its_facts_and_no_others(
    found: Contributions, ends: tuple[date, date]
) -> None:
    """What SQL finds between exact instants is what the panes hold, flows and levels apart."""
    first, last = min(ends), max(ends)
    flows, levels = civil_slices(first, last), gauge_slices(last)
    for slices, kinds in ((flows, FLOWS), (levels, LEVELS)):
        spans = spans_of(slices, MEANING, ANA)
        within = [
            (key, amount)
            for key, amount in found.items()
            if key[1] in kinds and any(span.start <= key[2] < span.end for span in spans)
        ]
        counted = [one for one in found.items() if times_counted(one[0], slices, MEANING)]
        assert within == counted


def test_the_last_hour_counts_the_call_of_half_an_hour_ago_and_not_yesterdays() -> None:
    """A rolling span is by the UTC minute, whatever the zone."""
    rolling = rolling_slices(NOW, 3_600_000)
    assert rolling is not None
    calls = [((ANA, "act:call", NOW - 1_800_000), 1), ((ANA, "act:call", NOW - 86_400_000), 1)]
    assert sums_of(calls, rolling.slices, MEANING) == {"act:call": 1}


def test_an_open_deal_is_not_taken_for_something_that_happened_that_day() -> None:
    """Of flows alone, levels are not counted, even on the very day."""
    slices = [Slice("d", "201704", 1, 30)]
    opened = ((ANA, "open:USD", NOW - 40 * 86_400_000), 9_900)
    assert sums_of([opened], slices, MEANING) == {}


def test_nothing_asked_has_no_bounds() -> None:
    """Somebody who was never in the team has no slices."""
    assert bounds_of(()) is None
