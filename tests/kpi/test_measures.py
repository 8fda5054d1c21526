"""Sums put into words."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from kpi.measures import CATALOGUE, Measures, currencies, present
from kpi.sketch import bucket
from tests.kpi.laws.histories import MEANING, Told, histories, law
from tests.oracle.folding import folded


def test_the_catalogue_names_the_fields_of_the_answer() -> None:
    """Each line has a field, each field but the total a line."""
    fields = {field.name for field in msgspec.structs.fields(Measures)}
    assert {one.id for one in CATALOGUE} == fields - {"activities_total"}


def test_the_new_counts_have_their_places() -> None:
    """Reasons and stages by their own names."""
    said = present(
        {
            "disq_n": 3,
            "disq:USD": 900,
            "disq_for:too%20small": 2,
            "x:disq_no_amount": 1,
            "slip_n": 1,
            "slip:CNY": 70,
            "conv:d%C3%A9mo": 4,
            "act_min:call": 90,
            "follow_up": 6,
            "unmet:budget": 5,
            "ov_won_n": 1,
            "ov_won:JPY": 8,
            f"resp:{bucket(600)}": 3,
            "stale_n:20260331": 2,
            "stale:USD:20260331": 40,
        }
    )
    assert (said.disqualified.count, said.disqualified.without_amount) == (3, 1)
    assert said.disqualified_for == {"too small": 2}
    assert said.stage_conversions == {"démo": 4}
    assert said.activity_minutes == {"call": 90}
    assert (said.follow_ups, said.unmet_criteria) == (6, {"budget": 5})
    assert said.first_response.count == 3
    assert abs((said.first_response.median_s or 0) - 600) <= 6
    assert said.stale_pipeline.by_close_month["2026-03"].amounts == {"USD": 40}
    assert currencies(said) == {"USD", "CNY", "JPY"}


def test_what_only_definitions_read_is_passed_over() -> None:
    """Declared measures have no names here."""
    assert present({"m:wins": 1, "g:open:n:-": 1, "cycle_s": 5}) == Measures()


def test_a_measure_that_nobody_knows_is_an_error() -> None:
    """Never left out in silence."""
    with pytest.raises(ValueError, match="no such measure: karaoke:2"):
        present({"karaoke:2": 1})


@law
@given(histories)
def test_everything_that_is_counted_can_be_said(history: list[Told]) -> None:
    """No history makes a measure that has no words."""
    present({measure: 1 for _, measure, _ in folded(history, MEANING).contributions()})
