"""Laws of panes and of reading: panes partition time, so a period is a sum of few of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from kpi.civil import day_start, local_day
from kpi.panes import DAY, HOUR, MINUTE, panes_of
from kpi.periods import CIVIL, civil_period
from kpi.reading import Slice, add, civil_slices, fold, gauge_slices, rolling_slices
from tests.kpi.laws.histories import ANCHORS, law

ZONES = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC")

zones = st.sampled_from(ZONES)
days = st.dates(date(2015, 1, 1), date(2035, 12, 31))
instants = st.one_of(
    st.builds(int.__add__, st.sampled_from(ANCHORS), st.integers(-2 * HOUR, 2 * HOUR)),
    st.integers(ANCHORS[0] - 4_000 * DAY, ANCHORS[0] + 4_000 * DAY),
)


class Held(NamedTuple):
    """One pane of one hash."""

    grain: str
    span: str
    pane: int


def held(measure: str, instant: int, zone: str) -> dict[str, Held]:
    """Where an instant falls, by grain."""
    return {
        one.grain: Held(one.grain, one.span, int(pane.removeprefix(":")))
        for one, pane in panes_of(measure, instant, zone)
    }


def covered(slices: list[Slice]) -> Counter[Held]:
    """The panes that slices read, and how often."""
    return Counter(
        Held(one.grain, one.span, pane) for one in slices for pane in range(one.low, one.high + 1)
    )


def pane_of_day(grain: str, day: date) -> Held:
    """Where a civil day, or its month, is held."""
    if grain == "M":
        return Held("M", f"{day.year:04}", day.month)
    return Held("d", f"{day.year:04}{day.month:02}", day.day)


@law
@given(instants, zones)
def test_a_flow_falls_into_one_pane_of_each_grain(instant: int, zone: str) -> None:
    """The minute of UTC, the day and month of the zone: once each."""
    found = held("won_n", instant, zone)
    assert sorted(found) == ["M", "d", "m"]
    assert int(found["m"].span) * DAY + found["m"].pane * MINUTE == instant // MINUTE * MINUTE
    day = local_day(instant, zone)
    assert (found["d"], found["M"]) == (pane_of_day("d", day), pane_of_day("M", day))


@law
@given(st.sampled_from(ANCHORS), st.integers(-3, 3), zones)
def test_the_hours_of_a_day_are_as_many_as_the_zone_gives_it(
    anchor: int, shift: int, zone: str
) -> None:
    """With an event each quarter of an hour, every day has its 23, 24 or 25 hours of them."""
    day = local_day(anchor + shift * DAY, zone)
    start = day_start(day - timedelta(days=1), zone)
    quarters = Counter(held("won_n", start + n * 15 * MINUTE, zone)["d"] for n in range(4 * 96 + 8))
    length = day_start(day + timedelta(days=1), zone) - day_start(day, zone)
    assert quarters[pane_of_day("d", day)] == length // (15 * MINUTE)


@law
@given(days, st.integers(0, 800))
def test_the_slices_of_a_period_read_each_day_once(first: date, length: int) -> None:
    """Every civil day is in one day pane or in one month pane, never in both, never twice."""
    last = first + timedelta(days=length)
    read = covered(civil_slices(first, last))
    assert set(read.values()) == {1}
    for number in range(length + 1):
        day = first + timedelta(days=number)
        assert read[pane_of_day("d", day)] + read[pane_of_day("M", day)] == 1
    outside = (first - timedelta(days=1), last + timedelta(days=1))
    assert not any(read[pane_of_day(grain, day)] for grain in "dM" for day in outside)


@law
@given(days, st.integers(0, 500), st.integers(1, 500))
def test_adjoining_periods_share_no_pane(first: date, length: int, more: int) -> None:
    """What one read, the other does not, so nothing is counted twice at a border."""
    border = first + timedelta(days=length)
    one = covered(civil_slices(first, border))
    other = covered(civil_slices(border + timedelta(days=1), border + timedelta(days=more)))
    assert not one.keys() & other.keys()


@law
@given(st.lists(days, max_size=30), days)
def test_days_sum_to_months_months_to_quarters_and_quarters_to_years(
    wins: list[date], day: date
) -> None:
    """The same wins, read through every period that partitions the year."""
    hashes = _wins(wins)
    year = civil_period("year", day)
    for name in ("day", "month", "quarter"):
        parts, first = [], year.first
        while first <= year.last:
            span = civil_period(name, first)
            parts.append(_read(hashes, civil_slices(*span)))
            first = span.last + timedelta(days=1)
        assert add(parts) == _read(hashes, civil_slices(*year))
    assert add([_read(hashes, civil_slices(*year))]).get("won_n", 0) == sum(
        win.year == day.year for win in wins
    )


@law
@given(days, st.sampled_from(CIVIL))
def test_a_period_holds_its_day_and_is_the_period_of_all_its_days(day: date, name: str) -> None:
    """Periods of one name partition the calendar."""
    span = civil_period(name, day)
    assert span.first <= day <= span.last
    assert civil_period(name, span.first) == civil_period(name, span.last) == span
    assert civil_period(name, span.last + timedelta(days=1)).first == span.last + timedelta(days=1)


@law
@given(days, days)
def test_a_level_reads_every_delta_up_to_its_day_once(delta: date, day: date) -> None:
    """Whole months before, days within: each delta in one of the two, later ones in none."""
    noon = round(datetime(delta.year, delta.month, delta.day, 12, tzinfo=UTC).timestamp()) * 1000
    found = held("open_n:-", noon, "UTC")
    assert sorted(found) == ["gM", "gd"]
    read = sum(
        one.low <= pane.pane <= one.high
        for one in gauge_slices(day)
        for pane in found.values()
        if (one.grain, one.span) == (pane.grain, pane.span)
    )
    assert read == (1 if delta <= day else 0)


@law
@given(instants, st.integers(1, 8 * DAY))
def test_a_rolling_span_reads_just_the_minutes_within_its_bounds(end: int, length: int) -> None:
    """The bounds are true, and as long as was asked for, rounded up to whole minutes."""
    rolling = rolling_slices(end, length)
    assert rolling is not None
    assert 0 <= rolling.end - rolling.start - length < MINUTE
    assert rolling.end - MINUTE < end <= rolling.end
    wanted = Counter(
        Held("m", f"{at // DAY}", at % DAY // MINUTE)
        for at in range(rolling.start, rolling.end, MINUTE)
    )
    assert covered(rolling.slices) == wanted


def test_a_rolling_span_beyond_eight_days_is_read_by_the_day() -> None:
    """There are no minutes for it."""
    assert rolling_slices(ANCHORS[0], 8 * DAY + 1) is None


@law
@given(instants, zones)
def test_a_pane_outlives_every_instant_that_reads_it(instant: int, zone: str) -> None:
    """8 days, 800 days, 10 years: kept at least so long after the instant."""
    kept = {"m": 8 * DAY, "d": 800 * DAY, "M": 3_652 * DAY}
    for one, _ in panes_of("won_n", instant, zone):
        assert one.expires >= instant + kept[one.grain]


@law
@given(instants, instants, zones, zones)
def test_one_hash_expires_at_one_instant(one: int, other: int, zone: str, far: str) -> None:
    """Whatever fact came first, so that no retraction is dropped while its addition is kept."""
    expiries: dict[tuple[str, str], set[int]] = {}
    for measure in ("won_n", "open_n:-"):
        for instant, where in ((one, zone), (other, far)):
            for pane, _ in panes_of(measure, instant, where):
                expiries.setdefault((pane.grain, pane.span), set()).add(pane.expires)
    assert all(len(found) == 1 for found in expiries.values())


def _wins(wins: list[date]) -> dict[tuple[str, str], Counter[str]]:
    hashes: dict[tuple[str, str], Counter[str]] = {}
    for win in wins:
        for grain in ("d", "M"):
            at = pane_of_day(grain, win)
            hashes.setdefault((grain, at.span), Counter())[f"won_n:{at.pane}"] += 1
    return hashes


def _read(hashes: dict[tuple[str, str], Counter[str]], slices: list[Slice]) -> dict[str, int]:
    return add(fold(hashes.get((one.grain, one.span), {}), one) for one in slices)
