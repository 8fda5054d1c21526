"""The funnel: its entries and conversions are the measures, its stays are what the deals did."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from kpi.contributions import contributions
from kpi.pipeline.funnel import funnel, quantile
from schemas.meaning import Meaning
from tests.kpi.laws.histories import Told, histories, instants, law, meanings
from tests.kpi.pipeline.test_waterfall import ANA, BEN, BIKES, midnight
from tests.kpi.pipeline.test_waterfall_laws import OWNERS, deals_of
from tests.kpi.telling import meaning


@law
@given(histories, meanings, st.frozensets(st.sampled_from(OWNERS)), st.tuples(instants, instants))
def test_entries_and_conversions_are_the_measures(
    told: list[Told], said: Meaning, owners: frozenset[str], span: tuple[int, int]
) -> None:
    """Per stage, of whoever is asked about, within any span."""
    start, end = sorted(span)
    deals = [deal for _, deal in deals_of(told, said)]
    expected: Counter[str] = Counter()
    for deal in deals:
        for (owner, measure, at), size in contributions(deal, said).items():
            if owner in owners and start <= at < end and measure.startswith(("stage:", "conv:")):
                expected[measure] += size
    found: Counter[str] = Counter()
    for step in funnel(deals, said, owners, start, end):
        found[f"stage:{quote(step.stage, safe='')}"] += step.entered
        found[f"conv:{quote(step.stage, safe='')}"] += step.got_on
        assert len(step.stayed_s) == step.entered >= max(step.got_on, step.open)
        assert all(0 <= stay <= (end - start) // 1000 + 1 for stay in step.stayed_s)
    assert +found == expected


def test_a_deal_stays_18_days_in_a_demo_and_53_qualified() -> None:
    """Ana's demo of 10 March is qualified on the 28th and signed on 20 May; an offer follows."""
    steps = funnel([BIKES], meaning(), {ANA, BEN}, midnight("03-01"), midnight("06-01"))
    by_stage = {step.stage: step for step in steps}
    assert [days // 86_400 for days in by_stage["demo"].stayed_s] == [18]
    assert [days // 86_400 for days in by_stage["qualified"].stayed_s] == [53]
    assert by_stage["offer"].open == 1
    assert quantile(by_stage["demo"].stayed_s, Fraction(9, 10)) == 18 * 86_400


def test_a_span_in_which_nobody_entered_has_no_steps() -> None:
    """August: the deal is where it was."""
    assert funnel([BIKES], meaning(), {ANA, BEN}, midnight("08-01"), midnight("09-01")) == []
