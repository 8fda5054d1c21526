"""Laws of one entity: any order, any duplicates, stored and read back, it is the same."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kpi.contributions import contributions, diff
from kpi.entity import Entity, apply, new, pack, touch, unpack
from schemas.envelope import EntityPatch, Op
from schemas.meaning import Meaning
from tests.kpi.laws.histories import HUBSPOT, Told, deal_changes, law, meanings

changes_of_a_deal = st.lists(deal_changes(), max_size=12)


def built(told: list[Told]) -> Entity:
    """One deal out of all changes."""
    entity = new("deal", HUBSPOT)
    for event, _, patch in told:
        entity = apply(entity, event, patch)
    return entity


@law
@given(st.data(), changes_of_a_deal)
def test_patches_commute(data: st.DataObject, told: list[Told]) -> None:
    """Two arrivals of the same patches make equal entities."""
    assert built(data.draw(st.permutations(told))) == built(told)


@law
@given(changes_of_a_deal)
def test_a_patch_applied_twice_changes_nothing(told: list[Told]) -> None:
    """Each one again, at the end and on the spot."""
    assert built([*told, *told]) == built(told)
    assert built([twice for one in told for twice in (one, one)]) == built(told)


@law
@given(changes_of_a_deal, st.dictionaries(st.integers(25_000_000, 30_000_000), st.integers(1, 3)))
def test_an_entity_is_read_back_as_it_was_stored(told: list[Told], minutes: dict[int, int]) -> None:
    """The packed text is all there is, whether it comes back as text or as bytes."""
    entity = built(told)
    for minute, count in minutes.items():
        entity = touch(entity, minute, count)
    assert unpack(pack(entity)) == entity
    assert unpack(pack(entity).encode()) == entity
    assert repr(unpack(pack(entity))) == repr(entity)


@st.composite
def crowded(draw: st.DrawFn) -> Told:
    """A change of one of two fields at one of two instants, under one of two event ids."""
    at = draw(st.sampled_from((1, 2)))
    op: Op = draw(st.sampled_from(("create", "set")))
    patch = EntityPatch(
        entity="deal",
        id="9001",
        op=op,
        occurred_at=at,
        received_at=at,
        sequence=draw(st.sampled_from((0, 1))),
        fields={
            draw(st.sampled_from(("name", "owner"))): draw(
                st.sampled_from(("ana", "ben", "1", 1, True, "", None, False))
            )
        },
    )
    return draw(st.sampled_from(("evt-1", "evt-2"))), HUBSPOT, patch


@law
@given(st.lists(crowded(), max_size=16), st.randoms(use_true_random=False))
def test_changes_of_one_millisecond_commute(told: list[Told], chance: Random) -> None:
    """Sequence, op, event id and value decide in turn; arrival never does."""
    shuffled = list(told)
    chance.shuffle(shuffled)
    assert built(shuffled) == built(told)
    assert repr(built(shuffled).registers) == repr(built(told).registers)


@law
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from((-1, 1))), max_size=12))
def test_touches_add_up_and_leave_no_zeros(touches: list[tuple[int, int]]) -> None:
    """A deal whose activities were all taken back is as if none had named it."""
    entity = new("deal", HUBSPOT)
    for minute, by in touches:
        entity = touch(entity, minute, by)
    sums = {m: sum(by for minute, by in touches if minute == m) for m in range(4)}
    assert entity.touches == {minute: count for minute, count in sums.items() if count}


@law
@given(changes_of_a_deal, changes_of_a_deal, meanings)
def test_a_difference_leads_from_the_one_to_the_other(
    earlier: list[Told], later: list[Told], meaning: Meaning
) -> None:
    """Old contributions plus facts are new contributions, and no fact is zero."""
    old = contributions(built(earlier), meaning)
    new_ = contributions(built([*earlier, *later]), meaning)
    facts = diff(old, new_)
    assert all(facts.values())
    for key in old.keys() | new_.keys() | facts.keys():
        assert old.get(key, 0) + facts.get(key, 0) == new_.get(key, 0)
