"""The order of changes: never arrival, never ambiguous."""

from __future__ import annotations

from itertools import permutations

import pytest

from kpi.entity import apply, new
from kpi.timeline import Timeline, credited_at, insert, known_at, latest
from schemas.envelope import EntityPatch, Op, Scalar
from tests.kpi.telling import Story, ms
from tests.oracle.folding import folded

NOON = "2026-03-28 12:00"


def patch(op: Op = "set", *, when: str = NOON, sequence: int = 0, **fields: Scalar) -> EntityPatch:
    """One patch of the deal 9001."""
    at = ms(when)
    return EntityPatch(
        entity="deal",
        id="9001",
        op=op,
        occurred_at=at,
        received_at=at,
        sequence=sequence,
        fields=fields,
    )


def test_one_vendor_id_may_name_two_changes_of_one_millisecond() -> None:
    """The canonical value decides, so both arrivals end in the same owner."""
    story = Story().deal("2026-03-28 09:00", "create", owner="ana")
    story.tell("evt-7", patch(owner="ben")).tell("evt-7", patch(owner="chen"))
    story.deal("2026-03-29 12:00", stage="signed")
    assert story.flow("chen", "won_n", "2026-03") == 1
    assert story.flow("ben", "won_n", "2026-03") == 0


def test_two_values_that_read_alike_still_have_one_order() -> None:
    """``true``, ``1`` and ``"1"`` under one event id: whichever wins, it wins in every order."""
    values: list[Scalar] = [True, 1, "1"]
    ends = {
        repr(_register([values[i] for i in order])) for order in permutations(range(len(values)))
    }
    assert len(ends) == 1


def _register(values: list[Scalar]) -> Scalar:
    entity = new("activity", "hubspot-main")
    for value in values:
        entity = apply(entity, "evt-7", patch(new_customer=value))
    return entity.read("new_customer")


def test_the_vendors_sequence_decides_within_a_millisecond() -> None:
    """The later number counts, though its event id sorts first."""
    story = Story().deal("2026-03-28 09:00", "create", owner="ana", amount="100")
    story.tell("evt-b", patch(sequence=1, amount="40000"))
    story.tell("evt-a", patch(sequence=2, amount="50000"))
    story.deal("2026-03-29 12:00", stage="signed")
    assert story.flow("ana", "won:USD", "2026-03") == 5_000_000


@pytest.mark.parametrize("sequence", [2**62 + 1, 2**64, -(2**64)])
def test_a_change_counts_in_its_own_millisecond_whatever_its_sequence(sequence: int) -> None:
    """A vendor's sequence may be any integer, a 64-bit one with the top bit set too."""
    timeline = insert((), (1_000, sequence, 1, "evt-1", "ben"))
    assert known_at(timeline, 1_000) == "ben"
    assert credited_at(timeline, 1_000) == "ben"
    assert known_at(timeline, 999) == ""


def test_within_a_millisecond_a_creation_comes_first_and_a_restore_last() -> None:
    """create, set, merge, delete, restore: so an undo in the same millisecond holds."""
    story = Story()
    story.tell("evt-1", patch("restore")).tell("evt-2", patch("delete"))
    story.tell("evt-3", patch(owner="ben")).tell("evt-4", patch("create", owner="ana"))
    assert story.flow("ben", "created", "2026-03") == 1


def test_a_clock_in_the_year_2100_wins_over_everything_told_later() -> None:
    """Why such a clock is a dead letter at the door: once applied it locks the owner for ever."""
    story = Story().deal("2026-03-28 09:00", "create", owner="ana")
    story.deal("2100-01-01 00:00", owner="nobody")
    story.deal("2026-04-01 09:00", owner="ben")
    entity = folded(story.told, story.meaning).entity("d:hubspot-main:9001")
    assert entity is not None
    assert latest(entity.owner) == "nobody"
    assert credited_at(entity.owner, ms("2026-05-01 09:00")) == "ben"


def test_a_late_event_finds_its_place_in_the_past() -> None:
    """The owner of March is told in June; the win of April stays with the owner of April."""
    story = Story().deal("2026-03-02 09:00", "create").deal("2026-04-10 09:00", owner="ben")
    story.deal("2026-04-20 09:00", stage="signed")
    story.deal("2026-03-01 09:00", owner="ana")
    assert story.flow("ana", "created", "2026-03") == 1
    assert story.flow("ben", "won_n", "2026-04") == 1


def test_a_timeline_is_a_sorted_set() -> None:
    """Any order of insertion, with duplicates, gives the same tuple."""
    changes = [(3, 0, 1, "c", "x"), (1, 0, 1, "a", "y"), (2, 0, 1, "b", "z")]
    ends: set[Timeline] = set()
    for order in permutations(changes):
        timeline: Timeline = ()
        for change in (*order, *order):
            timeline = insert(timeline, change)
        ends.add(timeline)
    assert ends == {tuple(sorted(changes))}


def test_a_change_told_twice_leaves_the_very_same_timeline() -> None:
    """A retry costs nothing: the same object comes back."""
    timeline = insert((), (1, 0, 1, "evt-1", "ana"))
    assert insert(timeline, (1, 0, 1, "evt-1", "ana")) is timeline
