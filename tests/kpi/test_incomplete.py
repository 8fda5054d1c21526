"""What is missing is counted beside the number, and what is too much is refused."""

from __future__ import annotations

import pytest

from kpi.entity import MAX_REGISTERS, Entity, TooManyChangesError, apply, changes, new
from schemas.envelope import MAX_CHANGES, EntityPatch
from tests.kpi.telling import Story, meaning, ms


def test_twelve_won_and_four_without_amount() -> None:
    """The count has all twelve, the sum has eight, and four are said to be missing."""
    story = Story()
    for n in range(12):
        amount = "1000" if n < 8 else "to be agreed"
        story.change(
            "deal", f"{n}", "2026-03-02 09:00", "create", owner="ana", stage="signed", amount=amount
        )
    assert story.flow("ana", "won_n", "2026-03") == 12
    assert story.flow("ana", "x:won_no_amount", "2026-03") == 4
    assert story.flow("ana", "won:USD", "2026-03") == 800_000


def test_an_amount_that_comes_late_completes_the_win() -> None:
    """In the month of the win, not of the news."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", stage="signed")
    assert story.flow("ana", "x:won_no_amount", "2026-03") == 1
    story.deal("2026-04-02 09:00", amount="1000")
    assert story.flow("ana", "x:won_no_amount", "2026-03") == 0
    assert story.flow("ana", "won:USD", "2026-03") == 100_000


def test_a_win_without_an_owner_is_kept_under_nobody() -> None:
    """Listed as unknown, and moved when an owner is named."""
    story = Story().deal("2026-03-02 09:00", "create", stage="signed", amount="10")
    assert story.flow("", "won:USD", "2026-03") == 1_000
    story.deal("2026-03-09 09:00", owner="ana")
    assert story.flow("", "won:USD", "2026-03") == 0
    assert story.flow("ana", "won:USD", "2026-03") == 1_000


def test_a_deal_without_a_creation_has_a_win_but_no_cycle_and_no_creation() -> None:
    """Only what does not rest on the creation is counted, and the gap is shown."""
    story = Story().deal("2026-03-02 09:00", owner="ana").deal("2026-03-20 09:00", stage="signed")
    assert story.flow("ana", "won_n", "2026-03") == 1
    assert story.flow("ana", "created", "2026-03") == 0
    assert story.flow("ana", "x:deal_no_creation", "2026-03") == 1
    story.deal("2026-02-01 09:00", "create")
    assert story.flow("ana", "created", "2026-02") == 1
    assert story.flow("ana", "x:deal_no_creation", "2026-03") == 0


def test_the_earliest_creation_that_is_told_is_the_creation() -> None:
    """An import tells an old deal as created today, with its true date beside."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana")
    story.deal("2026-02-01 09:00", "create")
    assert story.flow("ana", "created", "2026-02") == 1
    assert story.flow("ana", "created", "2026-03") == 0


def test_an_amount_beyond_all_bounds_is_no_amount() -> None:
    """A typing error of fifteen zeros must not be the record of the year."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", stage="signed", amount="1e99")
    assert story.flow("ana", "won_n", "2026-03") == 1
    assert story.flow("ana", "x:won_no_amount", "2026-03") == 1


def amount_patch(n: int) -> EntityPatch:
    """The n-th change of an amount."""
    return EntityPatch(
        entity="deal",
        id="9001",
        op="set",
        occurred_at=n,
        received_at=n,
        fields={"amount": f"{n}"},
    )


def full_deal() -> Entity:
    """A deal with as many changes as are kept."""
    entity = new("deal", "hubspot-main")
    for n in range(MAX_CHANGES):
        entity = apply(entity, f"evt-{n}", amount_patch(n))
    return entity


def test_a_deal_keeps_256_changes_and_refuses_the_next() -> None:
    """A CRM script that saves every second is a dead letter, not a growing entity."""
    entity = full_deal()
    assert changes(entity) == MAX_CHANGES == 256
    with pytest.raises(TooManyChangesError, match="256"):
        apply(entity, "evt-256", amount_patch(256))


def test_a_full_deal_still_takes_what_it_has_and_what_is_no_change() -> None:
    """Retries are no growth, and a name is not a timeline."""
    entity = full_deal()
    assert apply(entity, "evt-7", amount_patch(7)) == entity
    named = EntityPatch(
        entity="deal", id="9001", op="set", occurred_at=1, received_at=1, fields={"name": "Acme"}
    )
    assert apply(entity, "evt-name", named).read("name") == "Acme"


def test_an_entity_keeps_so_many_fields_and_refuses_one_more() -> None:
    """The fields of one entity are bounded too."""

    def fields(count: int) -> EntityPatch:
        named = {f"field_{n}": n for n in range(count)}
        return EntityPatch(
            entity="deal", id="9001", op="set", occurred_at=1, received_at=1, fields=dict(named)
        )

    entity = apply(new("deal", "hubspot-main"), "evt-1", fields(MAX_REGISTERS))
    assert len(entity.registers) == MAX_REGISTERS
    with pytest.raises(TooManyChangesError, match="fields"):
        apply(entity, "evt-2", fields(MAX_REGISTERS + 1))


@pytest.mark.parametrize(
    "beyond",
    [
        ms("0001-01-01 00:00"),  # the smallest time of a well-known platform, sent for "not set"
        -1,
        1_774_692_000_000_000,  # microseconds taken for milliseconds
        10**30,
    ],
)
def test_an_instant_that_no_calendar_of_sales_has_is_no_instant(beyond: int) -> None:
    """Before 1970 or after the year 3000: the deal's creation is that of its event instead."""
    at = ms("2026-03-28 10:00")
    story = Story(under=meaning(zone="America/New_York"))
    created = EntityPatch(
        entity="deal",
        id="9001",
        op="create",
        occurred_at=at,
        received_at=at,
        created_at=beyond,
        fields={"owner": "ana"},
    )
    story.tell("evt-1", created).activity("2026-03-28 11:00", owner="ana", type="call", at=beyond)
    assert story.on("ana", "created", "2026-03-28") == 1
    assert story.on("ana", "act:call", "2026-03-28") == 1


def test_true_is_no_instant() -> None:
    """Though Python would count it as the first millisecond of 1970."""
    story = Story().activity("2026-03-28 11:00", owner="ana", type="call", at=True)
    assert story.on("ana", "act:call", "2026-03-28") == 1
