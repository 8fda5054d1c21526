"""Units are checked, and what has a pace or adds up follows from the formula."""

from __future__ import annotations

import pytest

from kpi.definitions import Kind, Unit
from tests.kpi.definitions.quarter import kind, kpi, mistake, mistakes, value


@pytest.mark.parametrize(
    ("formula", "position", "words"),
    [
        ("won_amount + calls", 12, "money cannot be added to count"),
        ("won_amount - 100", 12, "a bare number cannot be subtracted from money"),
        ("median(cycle) + won_count", 15, "duration cannot be added to count"),
        ("won_count / lost_count + won_count", 24, "a ratio cannot be added to count"),
        (
            "won_amount / won_count - won_amount",
            24,
            "money cannot be subtracted from money / count",
        ),
        ("max(won_amount, calls)", 17, "count cannot be compared with money"),
        ("days(calls)", 6, "count is no duration"),
        ("won_count * won_count", 0, "count^2, which is no unit"),
        ("calls / won_amount", 0, "count / money, which is no unit"),
        ("1 / calls", 0, "1 / count, which is no unit"),
        ("won_amount * minutes()", 0, "money * duration, which is no unit"),
    ],
)
def test_what_does_not_belong_together_is_refused(formula: str, position: int, words: str) -> None:
    """At the sign that joins it; the whole formula where its result has no unit."""
    at, what = mistake(formula)
    assert (at, words in what) == (position, True), what


@pytest.mark.parametrize(
    ("formula", "unit"),
    [
        ("won_amount / won_count", "money"),
        ("won_amount / lost_amount", "ratio"),
        ("won_count / lost_count", "ratio"),
        ("1 - won_count / lost_count", "ratio"),
        ("won_count + 1", "count"),
        ("2 * won_amount", "money"),
        ("mean(cycle) - median(cycle)", "duration"),
        ("minutes() / activities()", "duration"),
        ("mean(cycle) / median(cycle)", "ratio"),
        ("days(median(cycle))", "count"),
        ("calls / days(median(cycle))", "count"),
        ("calls * won_amount / calls", "money"),
        ("42", "count"),
        ("42", "ratio"),
    ],
)
def test_a_unit_follows_from_the_formula(formula: str, unit: Unit) -> None:
    """And has to be declared as such."""
    assert mistakes(kpi(formula, unit)) == ()
    wrong: Unit = "duration" if unit != "duration" else "money"
    ((_, field, position, what),) = mistakes(kpi(formula, wrong))
    assert (field, position) == ("unit", 0)
    assert what.startswith(f"declared as {wrong}, but the formula gives ")


@pytest.mark.parametrize(
    ("formula", "unit", "expected", "additive"),
    [
        ("calls + 2 * emails - visits / 3", "count", "flow", True),
        ("-slipped", "count", "flow", True),
        ("won_amount - lost_amount", "money", "flow", True),
        ('minutes("call")', "duration", "flow", True),
        ('days(minutes("call"))', "count", "flow", True),
        ("calls + 1", "count", "ratio", False),
        ("max(calls, emails)", "count", "ratio", False),
        ("calls + open_count", "count", "ratio", False),
        ("open_qualified - stale_amount", "money", "level", True),
        ("closing(open_qualified)", "money", "level", True),
        ("won_amount + overlay_won_amount", "money", "flow", False),
        ("won_amount / won_count", "money", "ratio", False),
        ("won_count * won_count / won_count", "count", "ratio", False),
        ("2 / 3", "ratio", "ratio", False),
        ("median(cycle)", "duration", "duration", False),
        ("2 * median(cycle)", "duration", "duration", False),
    ],
)
def test_what_flows_and_what_adds_up_follows_from_the_formula(
    formula: str, unit: Unit, expected: Kind, additive: object
) -> None:
    """Sums, differences and constant multiples of flows flow; nothing is declared."""
    assert kind(formula, unit) == (expected, additive)


def test_minutes_are_kept_as_seconds_like_every_duration() -> None:
    """600 minutes of calls are ten hours."""
    assert value('minutes("call")', "duration") == 36_000
    assert value('hours(minutes("call"))') == 10
