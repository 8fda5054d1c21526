"""The one law: stored numbers equal a plain recount, however the log was told and cut."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kpi.entity import Entity, unpack
from kpi.panes import is_gauge
from schemas.envelope import EntityPatch
from schemas.meaning import Meaning
from tests.kpi.laws.histories import MEASURES, Told, deliveries, histories, law, meanings
from tests.oracle.folding import Folding, folded
from tests.oracle.plain import Recount

YEARS = (date(2020, 1, 1), date(2030, 12, 31))


def stored_by_day(folding: Folding) -> dict[tuple[str, str, date], int]:
    """What the day panes hold, flows and changes of gauges."""
    return {
        (pane.owner, field.rpartition(":")[0], _day(pane.span, field)): amount
        for pane, fields in folding.panes.items()
        if pane.grain in {"d", "gd"}
        for field, amount in fields.items()
    }


def stored_by_minute(folding: Folding) -> dict[tuple[str, str, int], int]:
    """What the minute panes hold, by minutes since 1970."""
    return {
        (pane.owner, field.rpartition(":")[0], int(pane.span) * 1440 + int(_pane(field))): amount
        for pane, fields in folding.panes.items()
        if pane.grain == "m"
        for field, amount in fields.items()
    }


def known_entities(folding: Folding) -> dict[str, Entity]:
    """The entities of which something is known.

    A deal named only by an activity that was corrected is stored in one order, not in the other.
    """
    stored = {key: unpack(packed) for key, packed in folding.packed.items()}
    return {
        key: entity
        for key, entity in stored.items()
        if entity != Entity(entity.kind, entity.connection)
    }


def _pane(field: str) -> str:
    return field.rpartition(":")[2]


def _day(span: str, field: str) -> date:
    return date(int(span[:4]), int(span[4:]), int(_pane(field)))


@law
@given(st.data(), histories, meanings)
def test_stored_numbers_equal_the_plain_recount(
    data: st.DataObject, history: list[Told], meaning: Meaning
) -> None:
    """Every number of every owner and civil day is what brute force over all patches finds."""
    folding = Folding(meaning)
    for batch in data.draw(deliveries(history)):
        folding.fold(batch)
    recount = Recount(history, meaning)
    assert stored_by_day(folding) == recount.by_day()
    assert stored_by_minute(folding) == recount.by_minute()


@law
@given(histories, meanings, st.sampled_from((1, 27, 40)))
def test_periods_and_levels_read_as_the_recount_says(
    history: list[Told], meaning: Meaning, step: int
) -> None:
    """Read through slices of panes, any period and any past level equal the recount."""
    folding, recount = folded(history, meaning), Recount(history, meaning)
    for owner, measure, day in recount.by_day():
        first, last = day - timedelta(days=step), day + timedelta(days=2 * step)
        if is_gauge(measure):
            for at in (first, day, last):
                assert folding.level(owner, measure, at) == recount.level(owner, measure, at)
        else:
            for span in ((first, last), (day, day), YEARS):
                assert folding.value(owner, measure, *span) == recount.value(owner, measure, *span)


@law
@given(st.data(), histories, meanings)
def test_order_duplicates_and_cuts_leave_the_same_state(
    data: st.DataObject, history: list[Told], meaning: Meaning
) -> None:
    """Two ways for the same things to arrive end in the same panes and the same entities."""
    one, other = Folding(meaning), Folding(meaning)
    for batch in data.draw(deliveries(history)):
        one.fold(batch)
    for batch in data.draw(deliveries(history)):
        other.fold(batch)
    assert one.panes == other.panes
    assert known_entities(one) == known_entities(other)


@law
@given(st.data(), histories, meanings)
def test_the_sum_of_all_facts_is_what_the_final_entities_contribute(
    data: st.DataObject, history: list[Told], meaning: Meaning
) -> None:
    """Edits, deletes, reassignments and merges are differences, and the differences add up."""
    folding = Folding(meaning)
    for batch in data.draw(deliveries(history)):
        folding.fold(batch)
    assert {key: n for key, n in folding.facts.items() if n} == folding.contributions()


@law
@given(histories, meanings)
def test_a_batch_replayed_after_a_crash_gives_no_facts(
    history: list[Told], meaning: Meaning
) -> None:
    """What was folded already changes nothing when the log is read again."""
    folding = folded(history, meaning)
    before = folding.state()
    assert folding.fold(history) == {}
    assert folding.state() == before


@law
@given(histories, meanings, st.integers(0, 30))
def test_a_rolled_back_state_catches_up_by_replaying_the_log(
    history: list[Told], meaning: Meaning, kept: int
) -> None:
    """A state that lost its tail, and the whole log folded onto it, is as if nothing was lost."""
    rolled_back = folded(history[:kept], meaning)
    rolled_back.fold(history)
    assert rolled_back.panes == folded(history, meaning).panes


@law
@given(histories, meanings)
def test_no_gauge_is_left_over_when_every_deal_is_deleted_in_the_end(
    history: list[Told], meaning: Meaning
) -> None:
    """A deleted deal leaves every gauge at zero and every flow taken back."""
    last = max((patch.occurred_at for _, _, patch in history), default=0) + 1
    deals = {(c, patch.id) for _, c, patch in history if patch.entity == "deal"}
    folding = folded([*history, *_deletions(deals, last)], meaning)
    of_deals = {m: n for m, n in _totals(folding).items() if not m.startswith(_OF_ACTIVITIES)}
    assert of_deals == {}


_OF_ACTIVITIES = (
    *("act", "visit", "follow_up", "x:act", "x:bad_minutes"),
    *(
        f"{prefix}:{name}"
        for name, measure in MEASURES.items()
        if measure.entity == "activity"
        for prefix in ("m", "x:m")
    ),
)


def _deletions(deals: set[tuple[str, str]], at: int) -> list[Told]:
    return [
        (
            "evt-end",
            connection,
            EntityPatch(entity="deal", id=deal, op="delete", occurred_at=at, received_at=at),
        )
        for connection, deal in deals
    ]


def _totals(folding: Folding) -> dict[str, int]:
    sums: dict[str, int] = {}
    for (_, measure, _), amount in folding.facts.items():
        sums[measure] = sums.get(measure, 0) + amount
    return {measure: amount for measure, amount in sums.items() if amount}
