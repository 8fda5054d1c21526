"""The shipped KPIs, each against a number worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from kpi.definitions import (
    CATALOGUE,
    Facts,
    Kind,
    compile_book,
    composite,
    evaluate,
    outcomes,
    stage_conversions,
)
from tests.kpi.definitions.quarter import DAY, MEI, facts

BOOK = compile_book([*CATALOGUE, *stage_conversions(["demo"])])
TARGETS = {
    "won_amount": Fraction(10_000_000),
    "pipeline_built": Fraction(24_000_000),
    "meetings": Fraction(40),
    "new_customer_visits": Fraction(10),
}

BY_HAND: dict[str, Fraction | int] = {
    "calls": 120,
    "emails": 80,
    "meetings": 30,
    "visits": 12,
    "new_customer_visits": 4,
    "follow_ups": 37,
    "demos": 9,
    "proposals": 6,
    "activities_total": 270,
    "selling_share": Fraction(257, 270),
    "selling_time_share": Fraction(7, 8),
    "activity_to_meeting": Fraction(3, 20),
    "meeting_to_opportunity": Fraction(7, 10),
    "opportunities_created": 21,
    "opportunities_qualified": 15,
    "disqualified": 3,
    "stale_deals": 3,
    "stale_pipeline": 3_300_000,
    "pipeline_built": 30_000_000,
    "open_pipeline": 14_700_000,
    "open_pipeline_count": 7,
    "qualified_pipeline": 15_000_000,
    "qualified_pipeline_count": 4,
    # Closing on 1 October and 31 December, not the day before or after: 60,000 over 100,000 ...
    "coverage": Fraction(3, 5),
    # ... and over the 20,000 that are missing.
    "coverage_of_gap": 3,
    "required_coverage": 3,
    "required_coverage_money": 4,
    "slipped_deals": 2,
    "slipped_amount": 1_100_000,
    "won_count": 5,
    "won_amount": 8_000_000,
    "won_credit": 10_500_000,
    "lost_count": 10,
    "lost_amount": 24_000_000,
    "average_deal": 2_000_000,
    "win_rate": Fraction(1, 3),
    "win_rate_money": Fraction(1, 4),
    "cycle_mean": 38 * DAY,
    "time_to_first_deal": 47 * DAY,
    "conversion:demo": Fraction(3, 4),
    # 50 × 80 % + 20 × 125 % + 15 × 75 % + 15 × 40 %, over 100.
    "composite": Fraction(8225, 10_000),
}
NEAR: dict[str, Fraction | int] = {
    "cycle_median": 30 * DAY,
    "cycle_p90": 60 * DAY,
    "first_response_median": 600,
    "first_response_p90": 7_200,
    # 15 × 20,000 × 1/3 over 30 days, in cents.
    "velocity": Fraction(1_000_000, 3),
}


@pytest.mark.parametrize("id_", sorted(BY_HAND))
def test_a_shipped_kpi_comes_to_what_is_worked_out_by_hand(id_: str) -> None:
    """Exactly: sums and fractions, no floats."""
    assert evaluate(BOOK, facts(), TARGETS, (id_,)) == {id_: BY_HAND[id_]}


@pytest.mark.parametrize("id_", sorted(NEAR))
def test_a_quantile_is_within_one_per_cent(id_: str) -> None:
    """What rests on the sketch is as near as the sketch."""
    found = evaluate(BOOK, facts(), TARGETS, (id_,))[id_]
    assert found is not None
    assert abs(found / NEAR[id_] - 1) <= Fraction(1, 100)


def test_every_shipped_kpi_is_worked_out_here() -> None:
    """None is added without a number of its own."""
    assert set(BOOK.order) == {*BY_HAND, *NEAR}


def test_the_catalogue_has_forty_kpis_in_both_languages() -> None:
    """Names and the one sentence with its moment, whole sentences."""
    assert len(CATALOGUE) >= 40
    for one in CATALOGUE:
        assert one.name
        assert one.name_zh
        assert one.says.endswith((".", '".'))
        assert one.says_zh.endswith("。")


FLOWS = {
    *("calls", "emails", "meetings", "visits", "new_customer_visits", "follow_ups", "demos"),
    *("proposals", "activities_total", "opportunities_created", "opportunities_qualified"),
    *("disqualified", "pipeline_built", "slipped_deals", "slipped_amount", "won_count"),
    *("won_amount", "won_credit", "lost_count", "lost_amount"),
}
LEVELS = {
    *("stale_deals", "stale_pipeline", "open_pipeline", "open_pipeline_count"),
    *("qualified_pipeline", "qualified_pipeline_count"),
}
DURATIONS = {
    *("cycle_median", "cycle_p90", "cycle_mean", "first_response_median", "first_response_p90"),
    "time_to_first_deal",
}


def test_what_flows_has_a_pace_and_nothing_else() -> None:
    """The kind of every shipped KPI."""

    def of(kind: Kind) -> set[str]:
        return {id_ for id_, one in BOOK.compiled.items() if one.kind == kind}

    assert of("flow") == FLOWS
    assert of("level") == LEVELS
    assert of("duration") == DURATIONS
    assert of("ratio") == set(BOOK.order) - FLOWS - LEVELS - DURATIONS


def test_people_sum_to_their_team_on_all_that_adds_up_but_overlay_credit() -> None:
    """Overlay credit has a pace, and would count a deal twice in a sum."""
    additive = {id_ for id_, one in BOOK.compiled.items() if one.additive}
    assert additive == (FLOWS | LEVELS) - {"won_credit"}


def test_overlay_credit_is_shown_to_the_person_and_counted_once_in_the_team() -> None:
    """The team has the deal by its owner already."""
    assert evaluate(BOOK, facts(person=False), {}, ("won_credit",)) == {"won_credit": 8_000_000}


def test_where_less_is_better_is_said() -> None:
    """Stale, slipped, lost, slow."""
    lower = {one.id for one in CATALOGUE if one.direction == "lower"}
    assert lower == {
        *DURATIONS,
        *("stale_deals", "stale_pipeline", "slipped_deals", "slipped_amount"),
        *("lost_count", "lost_amount", "disqualified"),
        *("required_coverage", "required_coverage_money"),
    }


def test_an_empty_quarter_has_counts_of_zero_and_says_why_the_rest_is_missing() -> None:
    """Nothing divides by zero, nothing is made up."""
    nothing = Facts(sums={}, currency="USD", first=facts().first, last=facts().last)
    found = outcomes(BOOK, nothing, {})
    assert {id_ for id_, one in found.items() if one.value == 0} == FLOWS | LEVELS
    assert found["win_rate"] == (None, "no_denominator")
    assert found["cycle_median"] == (None, "no_data")
    assert found["time_to_first_deal"] == (None, "no_data")
    assert found["coverage"] == (None, "no_target")
    assert found["composite"] == (None, "no_target")


def test_only_the_asked_kpis_are_returned_however_many_they_rest_on() -> None:
    """Velocity rests on seven others."""
    assert set(evaluate(BOOK, facts(), {}, ("velocity",))) == {"velocity"}
    assert BOOK.compiled["velocity"].needs == (
        "opportunities_qualified",
        "average_deal",
        "win_rate",
        "cycle_median",
    )


def test_a_kpi_knows_the_stored_measures_that_it_reads() -> None:
    """Through other KPIs too, so that a reader fetches what is needed and no more."""
    assert BOOK.compiled["average_deal"].measures == ("won:", "won_n", "x:won_no_amount")
    assert BOOK.compiled["required_coverage"].measures == ("lost_n", "won_n")
    assert BOOK.compiled["coverage"].measures == ("qual:", "won:")


def test_a_composite_is_made_of_a_tenants_weights() -> None:
    """80 % of the money at weight 3, 75 % of the conversions at weight 1."""
    weights = {"won_amount": 3, "conversion:demo": 1}
    shipped = [one for one in CATALOGUE if one.id != "composite"]
    book = compile_book([*shipped, *stage_conversions(["demo"]), composite(weights)])
    targets = {"won_amount": Fraction(10_000_000), "conversion:demo": Fraction(1)}
    assert evaluate(book, facts(), targets, ("composite",)) == {"composite": Fraction(315, 400)}


def test_a_new_hire_is_not_marked_down_for_what_is_not_asked_yet() -> None:
    """In the first month of the ramp the money target is 0 and pipeline has none."""
    first_month = {"won_amount": Fraction(0), "meetings": Fraction(20)}
    assert evaluate(BOOK, facts(), first_month, ("composite",)) == {"composite": Fraction(3, 2)}


def test_a_conversion_is_named_by_any_stage_id() -> None:
    """Spaces, quotes, Chinese: a CRM knows no rule."""
    stages = ['谈判 "A"', "a\\b", "100%", "it's", "demo", "demo"]
    book = compile_book(stage_conversions(stages))
    assert set(book.order) == {f"conversion:{stage}" for stage in stages}
    sums = {"stage:%E8%B0%88%E5%88%A4%20%22A%22": 4, "conv:%E8%B0%88%E5%88%A4%20%22A%22": 1}
    found = evaluate(book, facts(sums), {})
    assert found['conversion:谈判 "A"'] == Fraction(1, 4)
    assert found["conversion:demo"] is None


def test_every_shipped_measure_that_is_read_is_one_that_is_stored() -> None:
    """The quarter's sums hold each, so a misspelt name would show as a zero."""
    for one in BOOK.compiled.values():
        for stored in one.measures:
            assert any(known == stored or known.startswith(stored) for known in MEI) or (
                stored in {f"act_min:{kind}" for kind in ("email", "visit", "demo", "proposal")}
            ), stored
