"""Forecasts on the real data set: the default is better than every plain rule, at every level."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks.forecasting import (
    DEFAULT,
    SIMPLE,
    Group,
    Month,
    covered_on,
    expected,
    forecasts,
    judged,
    months,
    read,
    seasons,
)
from tests.real import files
from tests.support.need import require_shared

pytestmark = pytest.mark.shared

FOLDER = "data/crm-sales-opportunities"

# Without types of its own.
arrow: Any = import_module("pyarrow")
compute: Any = import_module("pyarrow.compute")
csv: Any = import_module("pyarrow.csv")
_TEXTS = csv.ConvertOptions(
    column_types={"engage_date": arrow.string(), "close_date": arrow.string()},
    strings_can_be_null=True,
)


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


def test_every_sum_is_that_of_a_dataframe(deals: Group) -> None:
    """Won, decided and open money of every manager, agent and morning, by Arrow's own columns."""
    frame = _frame(require_shared(FOLDER))
    for grouping in ("manager", "agent"):
        for name in set(frame.column(grouping).to_pylist()):
            rows = frame.filter(compute.equal(frame[grouping], name))
            group = tuple(one for one in deals if getattr(one, grouping) == name)
            own = seasons(group)
            for month in months():
                decided, won = _sums(rows, month)
                assert own[month.first].won == won
                opened = rows.filter(_expected(rows, month))
                assert expected(group, month) == (compute.sum(opened["listed"]).as_py() or 0)
                ended = [one for one in group if one.closed and _within(month, one.closed)]
                assert len(ended) == decided


def test_coverage_is_worked_out_of_the_dataframes_sums(deals: Group) -> None:
    """Both ratios and the win rate of everybody on each morning, from Arrow's sums alone."""
    frame = _frame(require_shared(FOLDER))
    everybody = seasons(deals)
    for month in months():
        found = covered_on(deals, everybody, everybody, month)
        assert found is not None
        before = [date(2017, n, 1) for n in range(month.first.month - 1, 2, -1)]
        won, opened = Fraction(0), Fraction(0)
        for first in before:
            past = Month(first, date(2017, first.month + 1, 1) - timedelta(days=1), first)
            won += _sums(frame, past)[1]
            opened += compute.sum(frame.filter(_expected(frame, past))["listed"]).as_py() or 0
        # Everybody's own rate shrunk toward everybody's is everybody's.
        assert found.required == opened / won
        target = sum(everybody[one].won for one in before[:3]) / len(before[:3])
        so_far = Month(month.first, month.today - timedelta(days=1), month.first)
        rest = target - _sums(frame, so_far)[1]
        there = compute.sum(frame.filter(_expected(frame, month))["listed"]).as_py() or 0
        assert found.of_rest == (Fraction(there) / rest if rest > 0 else None)


def _frame(folder: Path) -> Any:
    """The data set as one table: agent, manager, engaged, closed, value (won), listed."""
    pipeline = csv.read_csv(folder / "sales_pipeline.csv", convert_options=_TEXTS)
    teams = csv.read_csv(folder / "sales_teams.csv")
    prices = csv.read_csv(folder / "products.csv")
    product = compute.replace_substring(pipeline["product"], "GTXPro", "GTX Pro")
    pipeline = pipeline.set_column(pipeline.schema.get_field_index("product"), "product", product)
    table = pipeline.join(teams, "sales_agent").join(prices, "product")
    engaged, closed = (_days(table[name]) for name in ("engage_date", "close_date"))
    won = compute.equal(table["deal_stage"], "Won")
    value = compute.if_else(won, compute.cast(table["close_value"], arrow.int64()), 0)
    made = arrow.table(
        {
            "agent": table["sales_agent"],
            "manager": table["manager"],
            "engaged": engaged,
            "closed": closed,
            "value": compute.fill_null(value, 0),
            "listed": table["sales_price"],
        }
    )
    return made.filter(compute.is_valid(made["engaged"]))


def _days(texts: Any) -> Any:
    parsed = compute.strptime(texts, format="%d-%m-%y", unit="s", error_is_null=True)
    return compute.cast(parsed, arrow.date32())


def _sums(frame: Any, month: Month) -> tuple[int, int]:
    """(deals decided, money won) from the month's first day to its last."""
    ended = compute.and_(
        compute.greater_equal(frame["closed"], month.first),
        compute.less_equal(frame["closed"], month.last),
    )
    rows = frame.filter(compute.fill_null(ended, fill_value=False))
    return rows.num_rows, compute.sum(rows["value"]).as_py() or 0


def _expected(frame: Any, month: Month) -> Any:
    """Open on the morning, and sixty days old within the month."""
    sixty = timedelta(days=60)
    closes_later = compute.greater_equal(frame["closed"], month.today)
    conditions = (
        compute.less(frame["engaged"], month.today),
        compute.fill_null(closes_later, fill_value=True),
        compute.greater_equal(frame["engaged"], month.first - sixty),
        compute.less_equal(frame["engaged"], month.last - sixty),
    )
    both = conditions[0]
    for one in conditions[1:]:
        both = compute.and_(both, one)
    return both
