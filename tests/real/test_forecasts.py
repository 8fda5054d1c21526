"""Forecasts on the real data set: the default is better than every plain rule, at every level."""

from __future__ import annotations

from datetime import date

import pytest

from benchmarks.forecasting import (
    DEFAULT,
    SIMPLE,
    Group,
    Month,
    forecasts,
    judged,
    months,
    read,
)
from tests.real import files
from tests.support.need import require_shared

pytestmark = pytest.mark.shared

FOLDER = "data/crm-sales-opportunities"


@pytest.fixture(scope="module")
def deals() -> Group:
    """All engaged deals."""
    return read(require_shared(FOLDER))


def test_the_default_is_better_than_the_best_plain_rule(deals: Group) -> None:
    """WAPE over 36 mornings of April to December: of everybody, of managers, of agents."""
    found = judged(deals)
    assert {grouping: one[DEFAULT].pairs for grouping, one in found.items()} == {
        "organisation": 36,
        "manager": 6 * 36,
        "agent": 30 * 36,
    }
    for methods in found.values():
        ours, bias = methods[DEFAULT].wape, methods[DEFAULT].bias
        assert ours is not None
        assert bias is not None
        assert abs(bias) < 0.02
        for name in SIMPLE:
            theirs = methods[name].wape
            assert theirs is not None
            assert ours < theirs


def test_what_a_month_ended_at_is_what_the_files_say(deals: Group) -> None:
    """The deals that are forecast from add up to every month of the oracle."""
    won = files.won(files.deals(require_shared(FOLDER)))
    for month in months():
        if month.today.day != 1:
            continue
        label = f"{month.first:%Y-%m}"
        total = sum(amount for (_, each), (_, amount) in won.items() if each == label)
        ended = sum(one.value for one in deals if one.closed and _within(month, one.closed))
        assert ended == total


def test_a_forecast_knows_nothing_of_what_comes_later(deals: Group) -> None:
    """Whatever is closed or engaged from that morning on is taken away: the forecast stays."""
    for month in months():
        if month.today != date(2017, month.first.month, 15):
            continue
        known = tuple(
            one._replace(closed=None, value=0) if one.closed and one.closed >= month.today else one
            for one in deals
            if one.engaged < month.today
        )
        assert forecasts(known, known, month) == forecasts(deals, deals, month)


def _within(month: Month, day: date) -> bool:
    return month.first <= day <= month.last
