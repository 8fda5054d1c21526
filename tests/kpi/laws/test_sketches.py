"""Laws of the sketch: near the truth, mergeable, retractable."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.sketch import bucket, quantile, value
from tests.kpi.laws.histories import law
from tests.oracle.plain import cycle_bucket

TEN_YEARS = 10 * 366 * 86_400

cycles = st.one_of(st.integers(0, 200), st.integers(0, TEN_YEARS))
shares = st.sampled_from((0.01, 0.25, 0.5, 0.9, 1.0))


def sketch(seconds: list[int]) -> Counter[int]:
    """The buckets of some sales cycles."""
    return Counter(bucket(one) for one in seconds)


@law
@given(cycles)
def test_a_bucket_is_within_one_percent_of_all_that_is_in_it(seconds: int) -> None:
    """To the second up to a hundred seconds."""
    assert abs(value(bucket(seconds)) - seconds) <= Fraction(seconds, 100)


@law
@given(cycles)
def test_a_duration_falls_into_the_bucket_that_the_recount_walks_to(seconds: int) -> None:
    """The bounds are the same integers on every machine."""
    assert bucket(seconds) == cycle_bucket(seconds)


@law
@given(cycles, cycles)
def test_buckets_keep_the_order_of_durations(one: int, other: int) -> None:
    """A longer cycle is never in a lower bucket."""
    assert (one <= other) <= (bucket(one) <= bucket(other))


@law
@given(st.lists(cycles, min_size=1, max_size=50), shares)
def test_a_quantile_is_within_one_percent_of_the_true_one(seconds: list[int], q: float) -> None:
    """By the nearest rank."""
    rank = -(-round(q * 100) * len(seconds) // 100)
    true = sorted(seconds)[rank - 1]
    found = quantile(sketch(seconds), q)
    assert found is not None
    assert abs(found - true) <= Fraction(true, 100)


@law
@given(st.lists(cycles, max_size=20), st.lists(cycles, max_size=20))
def test_the_sketch_of_a_team_is_the_sum_of_its_members(ana: list[int], ben: list[int]) -> None:
    """Merge = whole; and taking one back leaves the other."""
    whole = sketch(ana + ben)
    assert sketch(ana) + sketch(ben) == whole
    assert whole - sketch(ben) == sketch(ana)


@pytest.mark.parametrize(("seconds", "expected"), [(-5, 0), (0, 0), (1, 1), (99, 99), (100, 100)])
def test_short_durations_are_exact_and_negative_ones_are_none(seconds: int, expected: int) -> None:
    """A win told before the creation took no time."""
    assert value(bucket(seconds)) in {expected, expected + 1}
    assert seconds >= 100 or value(bucket(seconds)) == expected


def test_nothing_won_has_no_quantile() -> None:
    """Neither zero nor an error; also when all that was won has been taken back."""
    assert quantile({}, 0.5) is None
    assert quantile({7: 0}, 0.5) is None
