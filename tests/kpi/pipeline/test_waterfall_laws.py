"""Laws of the waterfall: its ends are the gauges, its parts are the change, spans add up."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kpi.contributions import contributions
from kpi.entity import Entity, unpack
from kpi.pipeline.waterfall import Ends, Scope, Waterfall, converted, parts, waterfall
from schemas.meaning import Meaning
from tests.kpi.laws.histories import HUBSPOT, ZOHO, Told, histories, instants, law, meanings
from tests.oracle.folding import folded

OWNERS = (f"{HUBSPOT}/ana", f"{HUBSPOT}/ben", f"{HUBSPOT}/chen", f"{HUBSPOT}/", f"{ZOHO}/ana")
QUARTER = (date(2026, 1, 1), date(2026, 3, 31))

scopes = st.builds(
    lambda owners, qualified, days: Scope(owners, qualified, *days),
    st.frozensets(st.sampled_from(OWNERS), min_size=1),
    st.booleans(),
    st.sampled_from([(None, None), QUARTER]),
)


def deals_of(told: list[Told], meaning: Meaning) -> list[tuple[str, Entity]]:
    """The deals of a history, as they are stored."""
    packed = folded(told, meaning).packed
    return [(key, unpack(raw)) for key, raw in packed.items() if key.startswith("d:")]


def gauge(deals: list[tuple[str, Entity]], meaning: Meaning, scope: Scope, before: int) -> Ends:
    """The level before an instant, from the deltas that the panes are made of."""
    name = "qual" if scope.qualified else "open"
    number, amounts = 0, Counter[str]()
    for _, deal in deals:
        for (owner, measure, at), delta in contributions(deal, meaning).items():
            what, _, rest = measure.partition(":")
            if what not in {name, f"{name}_n"}:
                continue
            day = rest.rpartition(":")[2]
            if at >= before or owner not in scope.owners or not _expected(day, scope):
                continue
            if what == f"{name}_n":
                number += delta
            elif what == name:
                amounts[rest.partition(":")[0]] += delta
    return Ends(number, {one: minor for one, minor in amounts.items() if minor})


def _expected(day: str, scope: Scope) -> bool:
    if scope.first is None or scope.last is None:
        return True
    if len(day) != len("20260331") or not day.isdigit():
        return False  # none, or none that can be read
    return scope.first <= date(int(day[:4]), int(day[4:6]), int(day[6:])) <= scope.last


def _change(one: Waterfall) -> tuple[int, Counter[str]]:
    change = Counter(one.end.amounts)
    change.subtract(one.start.amounts)
    return one.end.number - one.start.number, Counter({k: v for k, v in change.items() if v})


@law
@given(histories, meanings, scopes, st.tuples(instants, instants))
def test_both_ends_are_the_gauges_and_the_parts_are_what_lies_between(
    told: list[Told], meaning: Meaning, scope: Scope, span: tuple[int, int]
) -> None:
    """Per currency and in deals; whoever is asked about, whatever happened."""
    start, end = sorted(span)
    deals = deals_of(told, meaning)
    change = waterfall(deals, meaning, scope, start, end)
    assert change.start == gauge(deals, meaning, scope, start)
    assert change.end == gauge(deals, meaning, scope, end)
    number, amounts = 0, Counter[str]()
    for part in parts(change.movements).values():
        number += part.number
        amounts.update(part.amounts)
    assert (number, Counter({k: v for k, v in amounts.items() if v})) == _change(change)


@law
@given(histories, meanings, scopes, st.tuples(instants, instants, instants))
def test_two_adjoining_spans_are_the_whole(
    told: list[Told], meaning: Meaning, scope: Scope, span: tuple[int, int, int]
) -> None:
    """A week's waterfalls put one after another are the month's."""
    start, middle, end = sorted(span)
    deals = deals_of(told, meaning)
    whole = waterfall(deals, meaning, scope, start, end)
    first = waterfall(deals, meaning, scope, start, middle)
    second = waterfall(deals, meaning, scope, middle, end)
    assert first.movements + second.movements == whole.movements
    assert (first.start, first.end, second.end) == (whole.start, second.start, whole.end)


@law
@given(histories, meanings, scopes, st.tuples(instants, instants))
def test_what_one_hands_to_another_is_neither_made_nor_lost(
    told: list[Told], meaning: Meaning, scope: Scope, span: tuple[int, int]
) -> None:
    """Over each owner by himself, transfers out and in are the two sides of the same deals."""
    start, end = sorted(span)
    deals = deals_of(told, meaning)
    owners = sorted({owner for _, deal in deals for owner, _, _ in contributions(deal, meaning)})
    together = waterfall(deals, meaning, scope._replace(owners=owners), start, end)
    alone = [waterfall(deals, meaning, scope._replace(owners=(one,)), start, end) for one in owners]
    assert not {"transferred_in", "transferred_out"} & set(parts(together.movements))
    assert sum(one.end.number for one in alone) == together.end.number
    handed = [
        (one.deal, one.at, one.number, one.minor)
        for each in alone
        for one in each.movements
        if one.kind in {"transferred_in", "transferred_out"}
    ]
    gone = {(deal, at): (-number, -minor) for deal, at, number, minor in handed if number < 0}
    came = {(deal, at): (number, minor) for deal, at, number, minor in handed if number > 0}
    assert gone == came


@law
@given(histories, meanings, scopes, st.tuples(instants, instants))
def test_in_the_reporting_currency_nothing_is_left_over_either(
    told: list[Told], meaning: Meaning, scope: Scope, span: tuple[int, int]
) -> None:
    """The yen has a rate that moves every day, the euro none: it is told apart and never added."""
    start, end = sorted(span)
    change = waterfall(deals_of(told, meaning), meaning, scope, start, end)

    def convert(minor: int, currency: str, day: date) -> Fraction | None:
        if currency == "EUR":
            return None
        rate = Fraction(day.toordinal(), 10_000) if currency == "JPY" else Fraction(1)
        return minor * rate

    said = converted(change, convert, meaning.zone, start, end)
    assert sum(said.parts.values(), Fraction(0)) == said.end - said.start
    _, amounts = _change(change)
    assert said.apart.get("EUR", 0) == amounts.get("EUR", 0)
    if not {"JPY"} & {*change.start.amounts, *change.end.amounts}:
        moved = {one.currency for one in change.movements}
        assert "JPY" in moved or "rate_change" not in said.parts
