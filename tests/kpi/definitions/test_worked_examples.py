"""The field's worked examples, where they concern the formula of a KPI."""

from __future__ import annotations

from fractions import Fraction

import pytest

from kpi.definitions import CATALOGUE, Outcome, compile_book, evaluate, outcomes
from kpi.sketch import bucket
from tests.kpi.definitions.quarter import DAY, facts

BOOK = compile_book(CATALOGUE)
K = 100_000
"""A thousand dollars in cents."""


def read(id_: str, sums: dict[str, int], **targets: int) -> Fraction | None:
    """One shipped KPI of these sums."""
    goals = {kpi: Fraction(target) for kpi, target in targets.items()}
    return evaluate(BOOK, facts(sums), goals, (id_,))[id_]


@pytest.mark.parametrize(
    ("won", "lost", "times"), [(33, 67, "3.03"), (22, 78, "4.55"), (12, 88, "8.33")]
)
def test_required_coverage_is_one_over_the_win_rate(won: int, lost: int, times: str) -> None:
    """33 % needs 3×, 22 % needs 4.5×, 12 % needs 8.3×."""
    found = read("required_coverage", {"won_n": won, "lost_n": lost})
    assert found == Fraction(100, won)
    assert f"{float(found):.2f}" == times


def test_a_win_rate_by_count_lies_about_money() -> None:
    """Won 3 × 10k, lost 7 × 100k: 3.3× is needed by count, 24× by money."""
    sums = {"won_n": 3, "won:USD": 30 * K, "lost_n": 7, "lost:USD": 700 * K}
    assert read("win_rate", sums) == Fraction(3, 10)
    assert read("win_rate_money", sums) == Fraction(3, 73)
    assert read("required_coverage", sums) == Fraction(10, 3)
    assert read("required_coverage_money", sums) == Fraction(73, 3)


def test_open_deals_are_out_of_the_win_rate() -> None:
    """Won over won and lost, however much is open."""
    sums = {"won_n": 1, "lost_n": 1, "open_n:20261120": 98, "disq_n": 5}
    assert read("win_rate", sums) == Fraction(1, 2)


def test_coverage_is_pipeline_over_target_and_not_upside_down() -> None:
    """300k of open qualified pipeline that closes in the quarter cover a target of 100k 3×."""
    sums = {"qual:USD:20261115": 300 * K, "won:USD": 40 * K}
    assert read("coverage", sums, won_amount=100 * K) == 3
    assert read("coverage_of_gap", sums, won_amount=100 * K) == 5


def test_one_and_a_half_times_on_day_ten_is_half_of_three() -> None:
    """A level against its target as it is: nobody is ahead of 1× because the month is young."""
    sums = {"qual:USD:20261115": 150 * K}
    assert read("coverage", sums, won_amount=100 * K) == Fraction(3, 2)
    assert BOOK.compiled["coverage"].kind == "ratio"


@pytest.mark.parametrize("won", [100 * K, 120 * K])
def test_a_target_that_is_met_is_covered(won: int) -> None:
    """Instead of a division by zero, or a negative coverage."""
    sums = {"qual:USD:20261115": 300 * K, "won:USD": won}
    found = outcomes(BOOK, facts(sums), {"won_amount": Fraction(100 * K)}, ("coverage_of_gap",))
    assert found == {"coverage_of_gap": Outcome(None, "covered")}


def test_a_cycle_that_is_a_fifth_shorter_sells_a_quarter_faster() -> None:
    """Velocity over days: −20 % → +25 %."""

    def velocity(days: int) -> Fraction:
        sums = {"built_n": 40, "won_n": 10, "won:USD": 200 * K, "lost_n": 30}
        found = read("velocity", {**sums, f"cycle:{bucket(days * DAY)}": 10})
        assert found is not None
        return found

    assert abs(velocity(80) / velocity(100) - Fraction(5, 4)) < Fraction(1, 50)
    # 40 opportunities × 20k × 25 % in 100 days are 2,000 USD a day.
    assert abs(velocity(100) / (2 * K) - 1) < Fraction(1, 100)


def test_the_shares_of_a_team_are_pooled_and_not_averaged() -> None:
    """9k of 10k and 200k of 1,000k: the mean of the ratios is 55 %, the team's is 20.7 %."""
    small = {"won:USD": 9 * K, "lost:USD": 1 * K}
    large = {"won:USD": 200 * K, "lost:USD": 800 * K}
    team = {key: small[key] + large[key] for key in small}
    found = read("win_rate_money", team)
    assert found == Fraction(209, 1010)
    assert f"{float(found):.1%}" == "20.7%"
