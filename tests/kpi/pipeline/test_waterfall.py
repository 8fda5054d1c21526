"""The waterfall told as a story: a deal that is cut, handed over, pushed out, won and reopened."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

from kpi.entity import Entity, apply, new
from kpi.pipeline.waterfall import Ends, Scope, converted, parts, waterfall
from schemas.envelope import EntityPatch, Scalar
from tests.kpi.telling import CRM, meaning

ANA, BEN = f"{CRM}/ana", f"{CRM}/ben"


def at(day: str) -> int:
    """Noon of a day of 2026 UTC, ms."""
    return round(datetime.fromisoformat(f"2026-{day}T12:00:00+00:00").timestamp() * 1000)


def midnight(day: str) -> int:
    """Its beginning, ms."""
    return round(datetime.fromisoformat(f"2026-{day}T00:00:00+00:00").timestamp() * 1000)


def deal(*told: tuple[str, dict[str, Scalar]]) -> Entity:
    """A deal of which these things were said on these days."""
    entity = new("deal", CRM)
    for n, (day, fields) in enumerate(told):
        patch = EntityPatch(
            entity="deal",
            id="9001",
            op="create" if n == 0 else "set",
            occurred_at=at(day),
            received_at=at(day),
            fields=fields,
        )
        entity = apply(entity, f"evt-{n}", patch)
    return entity


BIKES = deal(
    ("03-10", {"stage": "demo", "owner": "ana", "amount": "100000", "close_on": "2026-06-30"}),
    ("03-28", {"stage": "qualified"}),
    ("04-05", {"amount": "40000"}),
    ("04-10", {"owner": "ben"}),
    ("04-20", {"close_on": "2026-07-15"}),
    ("05-04", {"close_on": "2026-06-20"}),
    ("05-20", {"stage": "signed"}),
    ("05-22", {"stage": "offer"}),
)
QUARTER = {"first": date(2026, 4, 1), "last": date(2026, 6, 30)}


def said(owners: tuple[str, ...], first: str, last: str) -> dict[str, int]:
    """Kind -> whole dollars of the qualified pipeline closing in the second quarter."""
    scope = Scope(owners, qualified=True, **QUARTER)
    change = waterfall([("d:9001", BIKES)], meaning(), scope, midnight(first), midnight(last))
    return {kind: one.amounts.get("USD", 0) // 100 for kind, one in parts(change.movements).items()}


def test_what_was_qualified_cut_and_handed_over_is_told_month_by_month() -> None:
    """100k qualified in March for Ana; in April 60k cut and 40k handed to Ben."""
    assert said((ANA,), "03-01", "04-01") == {"qualified": 100_000}
    assert said((ANA,), "04-01", "05-01") == {"shrunk": -60_000, "transferred_out": -40_000}
    assert said((ANA,), "05-01", "06-01") == {}


def test_the_new_owner_gets_it_loses_it_to_summer_and_gets_it_back() -> None:
    """Pushed out to July on 20 April, pulled in on 4 May, won, and open again two days later."""
    assert said((BEN,), "04-01", "05-01") == {"transferred_in": 40_000, "pushed_out": -40_000}
    assert said((BEN,), "05-01", "06-01") == {
        "pulled_in": 40_000,
        "won": -40_000,
        "reopened": 40_000,
    }


def test_for_both_together_nothing_was_handed_over() -> None:
    """The team's April: the cut, and the push into summer."""
    assert said((ANA, BEN), "04-01", "05-01") == {"shrunk": -60_000, "pushed_out": -40_000}


def test_a_dearer_currency_is_a_part_of_its_own() -> None:
    """40k dollars at 7 yuan on 30 April, at 8 on 20 May: won at 8, so 40k yuan came by the rate."""
    scope = Scope((BEN,), qualified=True)
    start, end = midnight("05-01"), midnight("05-21")
    change = waterfall([("d:9001", BIKES)], meaning(), scope, start, end)
    assert (change.start, change.end) == (Ends(1, {"USD": 4_000_000}), Ends(0, {}))

    def convert(minor: int, _currency: str, day: date) -> Fraction:
        return Fraction(minor * (7 if day < date(2026, 5, 10) else 8))

    told = converted(change, convert, "UTC", start, end)
    assert told.start == 28_000_000
    assert told.parts == {"won": -32_000_000, "rate_change": 4_000_000}
    assert told.end == 0
