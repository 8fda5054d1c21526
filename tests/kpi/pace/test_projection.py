"""The model: known values of its distributions, and that it learns what it should."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from msgspec.structs import replace

from kpi.pace import (
    History,
    Outlook,
    Past,
    Prediction,
    expected_events,
    help_score,
    pace,
    predict,
    prior_of,
)
from kpi.pace.distributions import (
    beta_below,
    count_at_least,
    count_quantiles,
    gamma_at_least,
    gamma_below,
    gamma_quantile,
)
from kpi.pace.model import Pace
from tests.kpi.pace.telling import month

STEADY = History((Past((0, *[1] * 20), (0, *[1] * 20)),) * 6)
"""One visit on each of 20 workdays, for six months."""
HALF = Outlook(actual=10, events=10, target=20.0, elapsed=10.0, total=20.0)


def said(history: History, outlook: Outlook, team: list[History] | None = None) -> Prediction:
    """What the model says, by one's own past where no team is given."""
    found = predict(prior_of(team or [history], money=outlook.money), history, outlook)
    assert found is not None
    return found


def test_seven_or_more_where_six_are_to_come_have_a_chance_of_42_per_cent() -> None:
    """Target 8 in 22 days, 1 by day 5, 17 days to go at 8 in 22."""
    assert round(count_at_least(7, 8 * 17 / 22, 8 * 17 / 22), 2) == 0.42


@pytest.mark.parametrize("mean", [0.3, 4.0, 55.0, 400.0])
@pytest.mark.parametrize("size", [0.7, 5.0, 90.0])
def test_the_count_is_the_sum_of_its_chances(mean: float, size: float) -> None:
    """Against the negative binomial's own formula, term by term."""

    def chance(n: int) -> float:
        ways = math.lgamma(size + n) - math.lgamma(size) - math.lgamma(n + 1)
        odds = size * math.log(size / (size + mean)) + n * math.log(mean / (size + mean))
        return math.exp(ways + odds)

    variance = mean + mean * mean / size
    for need in (1, 2, round(mean) + 1, round(2 * mean) + 3):
        below = math.fsum(chance(n) for n in range(need))
        assert count_at_least(need, mean, variance) == pytest.approx(1 - below, abs=1e-9)


def test_the_incomplete_gamma_and_beta_have_their_known_values() -> None:
    """Exponential, chi-squared (3.841 at 95 %), uniform, arcsine."""
    assert gamma_below(1.0, 2.0) == pytest.approx(1 - math.exp(-2), abs=1e-12)
    assert gamma_below(0.5, 3.841458820694124 / 2) == pytest.approx(0.95, abs=1e-12)
    assert gamma_below(0.5, 0.01) == pytest.approx(math.erf(0.1), abs=1e-12)
    assert beta_below(1.0, 1.0, 0.3) == pytest.approx(0.3, abs=1e-12)
    assert beta_below(0.5, 0.5, 0.25) == pytest.approx(1 / 3, abs=1e-12)
    assert beta_below(2.0, 3.0, 0.4) == pytest.approx(0.5248, abs=1e-12)


def test_quantiles_have_the_share_below_them_that_they_name() -> None:
    """Walked for few, by Wilson and Hilferty's gamma for many and for money."""
    assert count_quantiles((0.1, 0.25, 0.75, 0.9), 3.0, 3.0) == [1, 2, 4, 5]
    low, high = count_quantiles((0.1, 0.9), 400.0, 500.0)
    assert count_at_least(low, 400.0, 500.0) == pytest.approx(0.9, abs=0.02)
    assert count_at_least(high, 400.0, 500.0) == pytest.approx(0.1, abs=0.02)
    for level in (0.1, 0.5, 0.9):
        value = gamma_quantile(level, 10_000.0, 4e7)
        assert gamma_at_least(value, 10_000.0, 4e7) == pytest.approx(1 - level, abs=0.01)


def test_a_steady_seller_half_way_is_as_likely_as_not() -> None:
    """Ten of twenty, ten days to go at one a day."""
    found = said(STEADY, HALF)
    assert found.mean == pytest.approx(20)
    assert 0.5 < found.probability < 0.6  # "at least" includes exactly twenty


def test_what_is_reached_is_certain_and_what_is_over_is_settled() -> None:
    """Nothing is left to chance then."""
    assert said(STEADY, replace(HALF, target=10.0)).probability == 1.0
    over = replace(HALF, elapsed=20.0)
    assert said(STEADY, over).probability == 0.0
    assert said(STEADY, over).interval == (10.0, 10.0)
    money = replace(over, money=True, target=11.0)
    assert (said(STEADY, money).probability, said(STEADY, money).interval) == (0.0, (10.0, 10.0))


def test_lower_is_better_is_turned_round() -> None:
    """Not to pass twenty is what having twenty-one or more is not."""
    lower = said(STEADY, replace(HALF, direction="lower"))
    higher = said(STEADY, replace(HALF, target=21.0))
    assert lower.probability == pytest.approx(1 - higher.probability)


def test_a_new_hire_is_expected_to_be_like_the_team() -> None:
    """No past of one's own: the team's rate; with a past, one's own counts the more the longer."""
    slow = History((Past((0, *[0, 1] * 10), (0, *[0, 1] * 10)),) * 6)
    prior = prior_of([STEADY, STEADY, STEADY, slow], money=False)
    assert expected_events(prior, History(), 8.0) == pytest.approx(8 * prior.rate)
    short = History(slow.periods[:1])
    rates = [expected_events(prior, each, 20.0) for each in (History(), short, slow)]
    assert rates[0] > rates[1] > rates[2] > 10


def test_a_summer_slump_of_the_whole_team_is_seen_in_the_others() -> None:
    """The others have half of what was due: one's own rest is expected to be less."""
    team = [STEADY] * 5
    usual = said(STEADY, replace(HALF, others_events=40, others_expected=40.0), team)
    slump = said(STEADY, replace(HALF, others_events=20, others_expected=40.0), team)
    assert slump.mean < usual.mean
    assert slump.probability < usual.probability


def test_a_hockey_stick_leaves_most_of_it_to_the_end() -> None:
    """Usually a quarter is done half-way: five of twenty are then as good as on the line."""
    early = replace(HALF, actual=5, events=5)
    assert said(STEADY, replace(early, done=0.25)).probability > 0.5
    assert said(STEADY, early).probability < 0.1


def test_money_may_all_come_in_one_deal_or_in_none() -> None:
    """One win of 10,000 a month, nothing so far: the interval begins at nothing."""
    win = (0, *[0] * 19, 1)
    one = History((Past(tuple(10_000 * each for each in win), win),) * 6)
    start = Outlook(actual=0, events=0, target=10_000.0, elapsed=10.0, total=20.0, money=True)
    found = said(one, start)
    assert found.interval[0] == 0.0
    assert 0.1 < found.probability < 0.5


def test_without_any_past_there_is_no_probability() -> None:
    """Nothing was ever counted by anybody: nothing is known."""
    assert predict(prior_of([], money=False), History(), HALF) is None
    assert predict(prior_of([History()], money=True), History(), HALF) is None


def test_bands_and_probability_never_contradict_each_other_silently() -> None:
    """Behind by the band, yet likely; ahead, yet unlikely; agreed."""
    likely = Prediction(probability=0.7, mean=1.0, half=(0.0, 1.0), interval=(0.0, 2.0))
    unlikely = replace(likely, probability=0.3)
    behind, ahead = month(90, 200, 11), month(120, 200, 11)
    assert pace(behind, likely).caution == "likely_all_the_same"
    assert pace(ahead, unlikely).caution == "unlikely_all_the_same"
    assert pace(behind, unlikely).caution is None
    assert pace(ahead, likely).caution is None
    told = pace(ahead, likely)
    assert (told.probability, told.interval) == (0.7, (0.0, 2.0))


def test_a_silent_source_has_no_probability() -> None:
    """It would rest on numbers that are not whole."""
    likely = Prediction(probability=0.7, mean=1.0, half=(0.0, 1.0), interval=(0.0, 2.0))
    assert pace(month(90, 200, 11, incomplete_since=1), likely).probability is None


def test_who_needs_help_comes_first() -> None:
    """The worst verdict decides, then how much is missing; those on track come last."""
    little, much = Fraction(9, 10), Fraction(1, 10)
    people = {
        "at risk by much": [Pace(status="at_risk", basis="workday", of_expected=much)],
        "at risk": [Pace(status="at_risk", basis="workday", of_expected=Fraction(8, 10))],
        "behind on three": [Pace(status="behind", basis="workday", of_expected=little)] * 3,
        "behind": [Pace(status="behind", basis="workday", of_expected=little)],
        "too early": [Pace(status="too_early", basis="workday")],
        "silent": [Pace(status="incomplete", basis="workday")],
        "not started": [Pace(status="not_started", basis="workday")],
    }
    scores = [help_score(told) for told in people.values()]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
    assert help_score([]) == help_score([Pace(status="covered", basis="workday")]) == 0
