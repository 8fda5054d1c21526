"""Laws of pace: it never divides by zero, more never looks worse, probabilities are ones."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from kpi.definitions.model import Bands
from kpi.pace import (
    History,
    Like,
    Outlook,
    Past,
    Prediction,
    Progress,
    Segment,
    help_score,
    pace,
    predict,
    prior_of,
)
from tests.kpi.laws.histories import law
from tests.kpi.pace.telling import RANK

numbers = st.one_of(
    st.integers(-30, 300).map(Fraction),
    st.fractions(-1_000, 10**9, max_denominator=100),
)
days = st.one_of(st.integers(0, 70).map(Fraction), st.integers(0, 90).map(lambda n: Fraction(n, 2)))
amounts = st.lists(st.integers(-20, 200), min_size=2, max_size=8)
likes = amounts.map(lambda each: Like(len(each) - 1, tuple(accumulate(each))))
segments = st.lists(st.builds(Segment, numbers, st.fractions(0, 1, max_denominator=20)), max_size=3)
progresses = st.builds(
    Progress,
    actual=st.none() | numbers,
    target=st.none() | numbers,
    kind=st.sampled_from(["flow", "flow", "flow", "level", "ratio", "duration"]),
    unit=st.sampled_from(["count", "money", "ratio", "duration"]),
    direction=st.sampled_from(["higher", "lower"]),
    bands=st.sampled_from([Bands(), Bands(ahead=100, on_track=100, at_risk=0)]),
    too_early_below=st.integers(0, 10),
    basis=st.sampled_from(["workday", "linear", "historical"]),
    elapsed_days=days,
    total_days=days,
    elapsed_workdays=days,
    total_workdays=days,
    likes=st.lists(likes, max_size=6).map(tuple),
    segments=segments.map(tuple),
    happened=st.booleans(),
    average_size=st.none() | numbers,
    incomplete_since=st.none() | st.none() | st.integers(0, 10**13),
)


@law
@given(progresses)
def test_pace_never_divides_by_zero(progress: Progress) -> None:
    """Nor fails in any other way: any field may be 0, negative, or absent."""
    told = pace(progress)
    assert told == pace(progress)
    assert help_score([told]) == help_score([pace(progress)]) >= 0


@law
@given(progresses, st.fractions(0, 1_000, max_denominator=10))
def test_more_never_looks_worse_where_higher_is_better(progress: Progress, more: Fraction) -> None:
    """The verdict never falls by selling; of what is lower-is-better it never rises."""
    assume(progress.actual is not None)
    assume(progress.target is not None)
    assert progress.actual is not None
    held = replace(progress, incomplete_since=None, happened=True)
    lesser, greater = pace(held), pace(replace(held, actual=progress.actual + more))
    if progress.direction == "higher":
        assert RANK[greater.status] >= RANK[lesser.status]
    else:
        assert RANK[greater.status] <= RANK[lesser.status]


@law
@given(progresses)
def test_every_curve_ends_at_the_target(progress: Progress) -> None:
    """Whatever its way, and whatever segments the target has; and it leads to the actual."""
    over = replace(progress, kind="flow", elapsed_days=progress.total_days)
    told = pace(over)
    assume(over.target is not None)
    for curve in (told.linear, told.workday):
        assert curve is not None
        assert curve.expected == over.target
        assert curve.projection == over.actual
    if told.historical is not None:
        assert told.historical.expected == over.target


@law
@given(progresses, days)
def test_expected_never_falls_as_days_go_by(progress: Progress, more: Fraction) -> None:
    """By days and by workdays, for a target that is no less than nothing."""
    assume(progress.target is not None)
    assert progress.target is not None
    early = replace(progress, kind="flow", target=abs(progress.target), segments=())
    late = replace(
        early,
        elapsed_days=early.elapsed_days + more,
        elapsed_workdays=early.elapsed_workdays + more,
    )
    for name in ("linear", "workday"):
        before, after = getattr(pace(early), name), getattr(pace(late), name)
        if before is not None and after is not None:
            assert before.expected <= after.expected


pasts = st.lists(st.integers(0, 12), min_size=1, max_size=25).map(
    lambda events: Past(tuple(500 * each for each in events), tuple(events))
)
histories = st.lists(pasts, max_size=6).map(lambda each: History(tuple(each)))
outlooks = st.builds(
    Outlook,
    actual=st.integers(-50, 100_000),
    events=st.integers(0, 200),
    target=st.integers(-10, 200_000).map(float),
    elapsed=st.integers(0, 25).map(float),
    total=st.integers(0, 25).map(float),
    done=st.none() | st.floats(0, 1),
    money=st.booleans(),
    direction=st.sampled_from(["higher", "lower"]),
    others_events=st.integers(0, 2_000),
    others_expected=st.floats(0, 2_000),
)


def predicted(told: list[History], outlook: Outlook) -> Prediction | None:
    """By the whole team's past, for its first."""
    one = outlook if outlook.money else replace(outlook, events=max(0, outlook.actual))
    return predict(prior_of(told, money=one.money), told[0], one)


@law
@given(st.lists(histories, min_size=1, max_size=4), outlooks)
def test_a_probability_is_one_and_intervals_lie_within_each_other(
    told: list[History], outlook: Outlook
) -> None:
    """Between 0 and 1; what is counted is not lost; 50 % lies within 80 %; the same twice."""
    found = predicted(told, outlook)
    assume(found is not None)
    assert found is not None
    assert 0.0 <= found.probability <= 1.0
    assert outlook.actual <= found.interval[0] <= found.half[0]
    assert found.half[0] <= found.half[1] <= found.interval[1]
    assert found == predicted(told, outlook)


@law
@given(st.lists(histories, min_size=1, max_size=4), outlooks, st.integers(0, 500))
def test_a_higher_target_is_never_likelier_and_a_higher_actual_never_less(
    told: list[History], outlook: Outlook, more: int
) -> None:
    """And the other way round where lower is better."""
    found = predicted(told, outlook)
    farther = predicted(told, replace(outlook, target=outlook.target + more))
    nearer = predicted(told, replace(outlook, actual=outlook.actual + more))
    assume(found is not None)
    assert found is not None
    assert farther is not None
    assert nearer is not None
    sign = 1 if outlook.direction == "higher" else -1
    assert sign * (found.probability - farther.probability) >= -1e-9
    assert sign * (nearer.probability - found.probability) >= -1e-9
