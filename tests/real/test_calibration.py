"""The probabilities of ``kpi.pace`` on the real data set: better than the plain linear rule.

Every forecast knows only what was closed before its day. September to December are held back: no
default of the model was chosen by them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import pytest

from kpi.pace import (
    History,
    Outlook,
    Prediction,
    history_of,
    predict,
    prior_of,
)
from tests.real import files
from tests.support.need import require_shared

HELD_BACK = (9, 10, 11, 12)

pytestmark = pytest.mark.shared


@dataclass(frozen=True)
class Foretold:
    """What was said of an agent's month, and what came of it."""

    said: Prediction
    linear: bool
    reached: bool
    final: int


@pytest.fixture(scope="module")
def won() -> list[files.Deal]:
    """All won deals."""
    found = files.deals(require_shared("data/crm-sales-opportunities"))
    return [deal for deal in found if deal.stage == "Won" and deal.closed]


@pytest.mark.parametrize("kpi", ["won_amount", "won_count"])
def test_probabilities_beat_the_plain_linear_rule_on_held_back_months(
    won: list[files.Deal], kpi: str
) -> None:
    """By Brier score, and the base rate too; the 80 % interval holds between 70 and 90 %."""
    told = [each for month in HELD_BACK for each in foretold(won, month, money=kpi == "won_amount")]
    assert len(told) == 4 * 30 * 3
    ours = mean([(each.said.probability - each.reached) ** 2 for each in told])
    linear = mean([float(each.linear != each.reached) for each in told])
    rate = mean([float(each.reached) for each in told])
    within = mean([float(inside(each)) for each in told])
    assert ours < linear
    assert ours < rate * (1 - rate)
    assert 0.7 <= within <= 0.9


def test_what_comes_later_changes_no_forecast(won: list[files.Deal]) -> None:
    """Nothing of the future leaks in: without the deals after mid-October, the same is said."""
    day = date(2017, 10, 16)
    known = [deal for deal in won if deal.closed and deal.closed < day]
    assert said_on(won, day, money=True) == said_on(known, day, money=True)


def foretold(won: list[files.Deal], month: int, *, money: bool) -> list[Foretold]:
    """Of every agent, when a quarter, half and three quarters of the workdays are over."""
    days = weekdays(month)
    told = []
    for quarters in (1, 2, 3):
        elapsed = round(Fraction(quarters * len(days), 4))
        goals = targets(won, month, money=money)
        said = said_on(won, days[elapsed], money=money)
        for agent, goal in goals.items():
            final = total(won, agent, month, money=money)
            now = total(won, agent, month, money=money, before=days[elapsed])
            on_line = now * len(days) >= goal * elapsed
            told.append(Foretold(said[agent], on_line, final >= goal, final))
    return told


def said_on(won: list[files.Deal], day: date, *, money: bool) -> dict[str, Prediction]:
    """The predictions of the morning of a workday, as a page makes them: each person alone."""
    days = weekdays(day.month)
    elapsed = days.index(day)
    goals = targets(won, day.month, money=money)
    pasts = {agent: past(won, agent, day.month, money=money) for agent in goals}
    prior = prior_of(pasts.values(), money=money)
    wins = {agent: total(won, agent, day.month, money=False, before=day) for agent in goals}
    found = {}
    for agent in goals:
        outlook = Outlook(
            actual=total(won, agent, day.month, money=money, before=day),
            events=wins[agent],
            target=float(goals[agent]),
            elapsed=elapsed,
            total=len(days),
            money=money,
        )
        said = predict(prior, pasts[agent], outlook)
        assert said is not None
        found[agent] = said
    return found


def targets(won: list[files.Deal], month: int, *, money: bool) -> dict[str, int]:
    """The README's: 110 % of the mean of up to three months before, halves up."""
    before = range(max(3, month - 3), month)
    agents = sorted({deal.agent for deal in won})
    sums = {agent: sum(total(won, agent, each, money=money) for each in before) for agent in agents}
    return {
        agent: (sums[agent] * 11 * 2 + 10 * len(before)) // (20 * len(before)) for agent in agents
    }


def total(
    won: list[files.Deal], agent: str, month: int, *, money: bool, before: date = date.max
) -> int:
    """An agent's wins of a month, up to a day."""
    return sum(
        deal.value if money else 1
        for deal in won
        if deal.agent == agent and deal.closed and deal.closed.month == month
        if deal.closed < before
    )


def past(won: list[files.Deal], agent: str, month: int, *, money: bool) -> History:
    """Up to six months before, from March on."""
    wins: Counter[date] = Counter()
    amounts: Counter[date] = Counter()
    for deal in won:
        if deal.agent == agent and deal.closed and deal.closed.month < month:
            wins[deal.closed] += 1
            amounts[deal.closed] += deal.value
    months = range(max(3, month - 6), month)
    periods = [(date(2017, each, 1), date(2017, each + 1, 1) - timedelta(1)) for each in months]
    workdays = {day for each in months for day in weekdays(each)}
    return history_of(amounts if money else wins, wins, periods, workdays)


def weekdays(month: int) -> list[date]:
    """Monday to Friday."""
    days = [date(2017, month, 1) + timedelta(days=n) for n in range(31)]
    return [day for day in days if day.month == month and day.weekday() < 5]


def inside(told: Foretold) -> bool:
    """The final value lies within the 80 % interval."""
    low, high = told.said.interval
    return low <= told.final <= high


def mean(values: list[float]) -> float:
    """Of as many as there are."""
    return sum(values) / len(values)
