"""Deals at a moment: they add up to the gauges, and slips are the slips that are counted."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from kpi.contributions import contributions
from kpi.deal import civil_day
from kpi.entity import Entity, apply, new
from kpi.pipeline.deals import open_deal, slips
from schemas.envelope import EntityPatch, Scalar
from schemas.meaning import Meaning
from tests.kpi.laws.histories import Told, histories, instants, law, meanings
from tests.kpi.pipeline.test_waterfall_laws import deals_of
from tests.kpi.telling import CRM, DAY, meaning

NOON = 1_774_872_000_000
"""30 March 2026, 12:00 UTC."""


def levels_at(deal: Entity, told: Meaning, instant: int) -> Counter[str]:
    """Counts and sums of the pipeline gauges, from the deltas."""
    sums: Counter[str] = Counter()
    for (owner, measure, at), delta in contributions(deal, told).items():
        name, _, rest = measure.partition(":")
        if at <= instant and name in {"open_n", "qual_n", "stale_n", "open", "qual", "stale"}:
            front, _, day = rest.rpartition(":")
            known = day if day.isdigit() and civil_day(f"{day[:4]}-{day[4:6]}-{day[6:]}") else "-"
            sums[f"{owner} {name}:{front}{':' if front else ''}{known}"] += delta
    return Counter({key: size for key, size in sums.items() if size})


@law
@given(histories, meanings, instants)
def test_the_open_deals_of_a_moment_are_its_gauges(
    told: list[Told], said: Meaning, instant: int
) -> None:
    """Each deal's amount, currency, close day, owner, and whether it is qualified or stale."""
    for key, deal in deals_of(told, said):
        found = open_deal(key, deal, said, instant)
        expected: Counter[str] = Counter()
        if found is not None:
            day = f"{found.close_on:%Y%m%d}" if found.close_on else "-"
            names = ["open"] + (["qual"] if found.counted else []) + ["stale"] * found.stale
            for name in names:
                expected[f"{found.owner} {name}_n:{day}"] += 1
                if found.amount:
                    expected[f"{found.owner} {name}:{found.currency}:{day}"] += found.amount
        assert levels_at(deal, said, instant) == expected


@law
@given(histories, meanings, st.tuples(instants, instants))
def test_named_slips_are_the_counted_ones(
    told: list[Told], said: Meaning, span: tuple[int, int]
) -> None:
    """Of deals that were not deleted; by owner, instant and amount."""
    start, end = sorted(span)
    for key, deal in deals_of(told, said):
        named = Counter(
            (one.owner, one.at, one.amount) for one in slips(key, deal, said, start, end)
        )
        facts = contributions(deal, said)
        counted = {(owner, at) for owner, name, at in facts if name == "slip_n"}
        if not counted and any(change[4] == "1" for change in deal.deleted):
            continue  # a deleted deal takes its flows back
        assert {(owner, at) for owner, at, _ in named} == {
            (owner, at) for owner, at in counted if start <= at < end
        }


def test_a_quiet_deal_is_overdue_stale_and_still_named() -> None:
    """100k expected on 15 March, nothing heard since 20 February: the list says all of it."""
    told: list[tuple[int, dict[str, Scalar]]] = [
        (-60, {"stage": "demo", "owner": "ana", "amount": "100000", "name": "Lin Mei bikes"}),
        (-50, {"stage": "qualified", "close_on": "2026-02-28"}),
        (-38, {"close_on": "2026-03-15"}),
    ]
    deal = new("deal", CRM)
    for n, (days, fields) in enumerate(told):
        patch = EntityPatch(
            entity="deal",
            id="9001",
            op="create" if n == 0 else "set",
            occurred_at=NOON + days * DAY,
            received_at=NOON,
            fields=fields,
        )
        deal = apply(deal, f"evt-{n}", patch)
    found = open_deal("d:9001", deal, meaning(), NOON)
    assert found is not None
    assert (found.name, found.amount, found.stage) == ("Lin Mei bikes", 10_000_000, "qualified")
    assert (found.stale, found.qualified, found.counted) == (True, True, False)
    assert found.overdue(date(2026, 3, 30))
    assert not found.overdue(date(2026, 3, 15))
    assert found.last_touch == NOON - 38 * DAY
    assert found.stage_since == NOON - 50 * DAY
    (slip,) = slips("d:9001", deal, meaning(), NOON - 100 * DAY, NOON)
    assert (slip.before, slip.after) == (date(2026, 2, 28), date(2026, 3, 15))
