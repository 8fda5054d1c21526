"""Laws of scrubbing: no sum moves, and what should go is gone, in any order."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi import CODE
from kpi.contributions import contributions
from kpi.entity import Entity, apply, new, pack
from paceline.privacy.scrub import NamedInMeasureError, clearing_event, eraser_of
from paceline.privacy.search import Search, earliest_creation
from schemas.envelope import PATCHED, EntityPatch, Event
from schemas.meaning import (
    ConnectionMeaning,
    Criterion,
    DeclaredMeasure,
    Disqualification,
    Meaning,
    MeasureFilter,
)

NOON = 1_774_872_000_000
MEANING = Meaning(
    code=CODE,
    zone="Asia/Shanghai",
    connections={
        "crm": ConnectionMeaning(currency="CNY", stages={"*": {"q": "qualified", "w": "won"}})
    },
    criteria={"budget": Criterion(field="budget")},
    disqualification=Disqualification(field="why", reasons={"no money": "budget"}),
    measures={
        "bikes": DeclaredMeasure(
            entity="deal",
            moment="won",
            filters=(MeasureFilter(field="product", in_=("bike",)),),
        ),
        "customers": DeclaredMeasure(entity="deal", moment="won", take="distinct", of="account"),
    },
)
FIELDS = {
    "stage": st.sampled_from(["new", "q", "w"]),
    "owner": st.sampled_from(["101", "102"]),
    "amount": st.sampled_from(["1200.50", "90", None]),
    "name": st.just("Bikes for Lin Mei"),
    "account": st.just("Lin Mei"),
    "product": st.sampled_from(["bike", "car"]),
    "phone": st.just("+86 139"),
    "budget": st.sampled_from(["yes", None]),
    "why": st.sampled_from(["no money", None]),
}


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """What a CRM tells of one deal."""
    said = draw(st.lists(st.fixed_dictionaries({}, optional=FIELDS), min_size=1, max_size=6))
    return [
        Event(
            id=f"e{i}",
            source="crm",
            type=PATCHED,
            tenant="acme",
            connection="crm",
            subject="d:crm:7",
            data=EntityPatch(
                entity="deal",
                id="7",
                op="create" if i == 0 else "set",
                occurred_at=NOON + i * 60_000,
                received_at=NOON + i * 60_000,
                fields=dict(fields),
            ),
        )
        for i, fields in enumerate(said)
    ]


def folded(events: list[Event]) -> Entity:
    """The deal after all of them."""
    entity = new("deal", "crm")
    for event in events:
        assert isinstance(event.data, EntityPatch)
        entity = apply(entity, event.id, event.data)
    return entity


@given(histories(), st.randoms())
def test_an_erased_deal_counts_as_before_and_names_nobody(
    events: list[Event], chance: Random
) -> None:
    """Scrubbed events and the clearing patch, shuffled: the same numbers, none of the names."""
    eraser = eraser_of([MEANING], "Lin Mei", "erased:7f")
    names = {name for event in events for name in event.data.fields}  # type: ignore[union-attr]
    clearing = clearing_event(
        events[0], eraser.clearing(names), earliest_creation(events), NOON + 10**9, "7f"
    )
    scrubbed = [*map(eraser.event, events), clearing]
    chance.shuffle(scrubbed)
    live, rebuilt = folded([*events, clearing]), folded(scrubbed)
    for entity in (live, rebuilt):
        held = pack(entity)
        assert "Lin Mei" not in held
        assert "+86 139" not in held
    before = contributions(folded(events), MEANING)
    distinct = {key for key in before if key[1].startswith("m:customers")}
    for entity in (live, rebuilt):
        after = contributions(entity, MEANING)
        counted = {key for key in after if key[1].startswith("m:customers")}
        assert len(counted) == len(distinct)
        plain = {key: size for key, size in before.items() if key not in distinct}
        assert {key: size for key, size in after.items() if key not in counted} == plain


def test_a_measure_that_names_the_customer_stands_in_the_way() -> None:
    """Under a pseudonym the customer would drop out of it, so that must be decided by a person."""
    named = DeclaredMeasure(
        entity="deal", moment="won", filters=(MeasureFilter(field="account", in_=("Lin Mei",)),)
    )
    meaning = msgspec.structs.replace(MEANING, measures={"mei": named})
    with pytest.raises(NamedInMeasureError, match="the measure mei names the customer 'Lin Mei'"):
        eraser_of([meaning], "Lin Mei", "erased:7f")
    assert eraser_of([meaning], "Wang Wu", "erased:7f").pseudonym == "erased:7f"


def test_the_activities_of_a_customers_deals_are_the_customers_too() -> None:
    """A call that names the deal belongs to it, though it says nothing of the account."""
    search = Search("Lin Mei")
    for kind, id_, fields in (
        ("deal", "7", {"account": "Lin Mei"}),
        ("deal", "8", {"account": "Wang Wu"}),
        ("activity", "70", {"deal": "7"}),
        ("activity", "80", {"deal": "8"}),
    ):
        patch = EntityPatch(
            entity=kind,  # type: ignore[arg-type]
            id=id_,
            op="create",
            occurred_at=NOON,
            received_at=NOON,
            fields=dict(fields),
        )
        search.look(
            Event(id=id_, source="crm", type=PATCHED, tenant="acme", connection="crm", data=patch)
        )
    assert search.found() == {"d:crm:7", "a:crm:70"}
