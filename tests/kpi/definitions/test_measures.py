"""What a formula reads: built-in measures, declared ones, other currencies, nothing."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from kpi import panes
from kpi.definitions import (
    CATALOGUE,
    Outcome,
    attainment,
    compile_book,
    evaluate,
    other_currencies,
    outcomes,
)
from kpi.definitions.view import LEVELS
from kpi.sketch import bucket
from schemas.meaning import DeclaredMeasure, MeasureFilter
from tests.kpi.definitions.quarter import MEI, facts, kind, kpi, outcome, value

WON_BIG = DeclaredMeasure(
    entity="deal",
    moment="won",
    take="sum",
    of="amount",
    filters=(MeasureFilter(field="amount", at_least=5_000_000),),
)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ('activities("call", "one_on_one")', 125),
        ("activities()", 270),
        ("selling_activities()", 257),
        ('disqualified_for("no_budget")', 2),
        ('disqualified_for("no_need")', 0),
        ('unmet("budget")', 4),
        ('converted("demo")', 6),
        ('incomplete("won_no_amount")', 1),
        ("overlay_won_count", 1),
        ("closing(open_count)", 4),
        ("closing(stale_count)", 3),
        ("samples(cycle)", 5),
        ("samples(first_response)", 8),
        ("open_without_amount", 0),
        ("min(calls, emails, visits)", 12),
        ("max(calls, 200)", 200),
        ("-calls + 2 * -emails", -280),
        ("measure(calls)", 120),
        ('measure("calls")', 120),
    ],
)
def test_a_measure_is_read(formula: str, expected: int) -> None:
    """Of Mei's quarter."""
    assert value(formula) == expected


def test_which_activities_are_selling_is_the_tenants_word() -> None:
    """Here visits and one-on-ones alone."""
    book = compile_book([kpi("selling_activities()")], selling=("visit", "one_on_one"))
    assert evaluate(book, facts(), {}) == {"asked": 17}
    book = compile_book([kpi("selling_activities()")], selling=())
    assert evaluate(book, facts(), {}) == {"asked": 0}


def test_declared_counts_and_sums_are_named_by_their_id() -> None:
    """Bare, or between quotes."""
    of = facts({"m:big:USD": 6_000_000, "m:big:EUR": 1, "m:seats": 44})
    seats = DeclaredMeasure(entity="deal", moment="won", take="sum", of="seats")
    assert outcome("big", "money", of=of, big=WON_BIG).value == 6_000_000
    assert outcome('measure("big")', "money", of=of, big=WON_BIG).value == 6_000_000
    assert outcome("seats", of=of, seats=seats).value == 44
    assert kind("big", "money", big=WON_BIG) == ("flow", True)


def test_a_declared_mean_is_a_sum_over_its_own_count() -> None:
    """Money per deal, or a bare number; with nothing counted there is none."""
    deal = DeclaredMeasure(entity="deal", moment="won", take="mean", of="amount")
    seats = DeclaredMeasure(entity="deal", moment="won", take="mean", of="seats")
    of = facts({"m:deal:USD": 900, "m:deal:n": 2, "m:seats": 7, "m:seats:n": 2})
    assert outcome("deal", "money", of=of, deal=deal).value == 450
    assert outcome("seats", "count", of=of, seats=seats).value == Fraction(7, 2)
    assert outcome("deal", "money", deal=deal) == Outcome(None, "no_denominator")
    assert kind("deal", "money", deal=deal) == ("ratio", False)


def test_distinct_values_count_while_anything_refers_to_them() -> None:
    """Two accounts, one of them visited three times; a third was taken back."""
    accounts = DeclaredMeasure(entity="activity", moment="done", take="distinct", of="account")
    of = facts({"m:accounts:=a1": 3, "m:accounts:=b2": 1, "m:accounts:=c3": 0})
    assert outcome("accounts", of=of, accounts=accounts).value == 2
    assert kind("accounts", accounts=accounts) == ("flow", False)


def test_a_declared_distribution_has_quantiles() -> None:
    """Cycles are durations, other registers counts."""
    cycles = DeclaredMeasure(entity="deal", moment="lost", take="quantile", of="cycle")
    seats = DeclaredMeasure(entity="deal", moment="won", take="quantile", of="seats")
    of = facts({f"m:cycles:{bucket(n)}": 1 for n in (10, 20, 30)} | {f"m:seats:{bucket(40)}": 1})
    assert outcome("median(cycles)", "duration", of=of, cycles=cycles).value == 20
    assert outcome('quantile(measure("seats"), 0.9)', of=of, seats=seats).value == 40


def test_a_declared_level_closes_in_the_period_like_any_other() -> None:
    """Counts, sums, and the mean of the deals that have an amount."""
    count = DeclaredMeasure(entity="deal", moment="open")
    total = DeclaredMeasure(entity="deal", moment="open", take="sum", of="amount")
    mean = DeclaredMeasure(entity="deal", moment="open", take="mean", of="amount")
    sums = {f"g:big:n:{day}": n for day, n in (("20261231", 2), ("20270101", 4), ("-", 1))}
    sums |= {f"g:big:USD:{day}": n for day, n in (("20261231", 100), ("20270101", 500))}
    of = facts(sums | {"g:big:x:20261231": 1})
    assert outcome("big", of=of, big=count).value == 7
    assert outcome("closing(big)", of=of, big=count).value == 2
    assert outcome("closing(big)", "money", of=of, big=total).value == 100
    assert outcome("closing(big)", "money", of=of, big=mean).value == 100
    assert outcome("big", "money", of=of, big=mean).value == 100
    assert kind("big", "money", big=total) == ("level", True)


def test_the_families_of_levels_are_those_that_are_stored_as_such() -> None:
    """What the panes keep as a gauge is read by its close day here."""
    assert {one for one in LEVELS if panes.is_gauge(f"{one}:20261231")} >= LEVELS
    assert LEVELS | {"g"} >= panes.GAUGES


def test_an_unknown_close_day_closes_in_no_period() -> None:
    """It is part of the whole all the same."""
    of = facts({"qual:USD:-": 500}, first=date(1, 1, 1), last=date(9999, 12, 31))
    assert outcome("open_qualified", "money", of=of).value == 500
    assert outcome("closing(open_qualified)", "money", of=of).value == 0


def test_money_in_another_currency_is_not_added_but_named() -> None:
    """By KPI, so that the right number is marked as incomplete."""
    sums = MEI | {"won:EUR": 5, "qual:CNY:20261231": 7, "lost:JPY": 0, "stage:GBP": 3, "m:a:SEK": 1}
    book = compile_book(CATALOGUE)
    mixed = facts(sums)
    assert evaluate(book, mixed, {}, ("won_amount",)) == {"won_amount": 8_000_000}
    assert other_currencies(mixed) == ("CNY", "EUR", "SEK")
    assert other_currencies(mixed, book.compiled["won_amount"]) == ("EUR",)
    assert other_currencies(mixed, book.compiled["coverage"]) == ("CNY", "EUR")
    assert other_currencies(mixed, book.compiled["lost_amount"]) == ()
    assert other_currencies(facts(), book.compiled["won_amount"]) == ()


@pytest.mark.parametrize(
    ("actual", "target", "higher", "lower"),
    [
        (75, 100, Fraction(3, 4), Fraction(4, 3)),
        (100, 100, Fraction(1), Fraction(1)),
        (150, 100, Fraction(3, 2), Fraction(2, 3)),
        (0, 100, Fraction(0), Fraction(2)),
        (10, 100, Fraction(1, 10), Fraction(2)),
        (0, 0, None, Fraction(1)),
        (5, 0, None, Fraction(0)),
        (5, -1, None, None),
    ],
)
def test_attainment_is_turned_round_where_lower_is_better(
    actual: int, target: int, higher: Fraction | None, lower: Fraction | None
) -> None:
    """Target over actual, at most 200 %: nothing is infinite, nothing divides by zero."""
    assert attainment(actual, target) == higher
    assert attainment(actual, target, "lower") == lower


def test_attainment_in_a_formula_is_that_of_the_kpis_own_direction() -> None:
    """Three stale deals against at most six are 200 %; three against two are 67 %."""
    stale = kpi("stale_count", id="stale", direction="lower")
    calls = kpi("calls", id="calls")

    def of(id_: str, target: int) -> Outcome:
        targets = {id_: Fraction(target)}
        return outcome(f"attainment({id_})", "ratio", targets=targets, among=(stale, calls))

    assert of("stale", 6) == Outcome(Fraction(2))
    assert of("stale", 2) == Outcome(Fraction(2, 3))
    assert of("calls", 100) == Outcome(Fraction(6, 5))
    assert of("calls", 0) == Outcome(None, "no_denominator")


def test_what_is_missing_is_told_until_the_target_is_covered() -> None:
    """A gap is of what the KPI measures; where lower is better there is none."""
    calls = kpi("calls", id="calls")

    def of(target: int | None) -> Outcome:
        goal = None if target is None else Fraction(target)
        return outcome("gap(calls)", targets={"calls": goal}, among=(calls,))

    assert of(150) == Outcome(Fraction(30))
    assert of(120) == Outcome(None, "covered")
    assert of(100) == Outcome(None, "covered")
    assert of(None) == Outcome(None, "no_target")


@pytest.mark.parametrize(
    "formula", ["{} + 1", "1 + {}", "{} - {}", "2 * {}", "{} / 2", "2 / {}", "-{}", "max(1, {})"]
)
def test_a_missing_part_is_a_missing_whole_with_its_reason(formula: str) -> None:
    """No arithmetic makes a number of nothing."""
    asked = formula.replace("{}", "days(median(cycle))")
    found = outcomes(compile_book([kpi(asked, "ratio")]), facts({"act:call": 1}), {})
    assert found["asked"] == Outcome(None, "no_data")
