"""The recount of ``verify``: the same numbers as the live fold and as the oracle, in any parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.contributions import Contributions
from kpi.entity import Entity
from kpi.recount import LATEST, Recount, Touch, recount
from schemas.envelope import EVICTED, PATCHED, EntityPatch, Event, Evict
from schemas.meaning import Meaning
from tests.kpi.laws.histories import BUSY, DAY, Told, deliveries, histories, meanings
from tests.kpi.laws.test_folding import known_entities, stored_by_day, stored_by_minute
from tests.oracle.folding import Folding, PaneKey
from tests.oracle.plain import Recount as Oracle

law = settings(max_examples=60, deadline=None)

Facts = Counter[tuple[str, str, int]]


def _event(event_id: str, connection: str, patch: EntityPatch) -> Event:
    return Event(
        id=event_id,
        source="/v1/webhooks",
        type=PATCHED,
        tenant="acme",
        data=patch,
        connection=connection,
    )


def _eviction(at: int) -> Event:
    return Event(id="evict", source="/v1/clock", type=EVICTED, tenant="", data=Evict(at=at))


def _known(entities: dict[str, Entity]) -> dict[str, Entity]:
    return {k: one for k, one in entities.items() if one != Entity(one.kind, one.connection)}


def _without_zeros(facts: Iterable[tuple[int, Contributions]], until: int = LATEST) -> Facts:
    total: Facts = Counter()
    for step, one in facts:
        if step <= until:
            total.update(one)
    return Counter({key: amount for key, amount in total.items() if amount})


@law
@given(st.data(), histories, meanings)
def test_the_recount_equals_the_live_fold_and_the_oracle(
    data: st.DataObject, history: list[Told], meaning: Meaning
) -> None:
    """Panes and entities as the fold stores them, and every number as brute force has it."""
    batches = data.draw(deliveries(history))
    folding = Folding(meaning)
    for batch in batches:
        folding.fold(batch)
    found = recount((_event(*one) for batch in batches for one in batch), meaning)
    assert _known(found.entities) == known_entities(folding)
    assert found.panes == {tuple(key): dict(fields) for key, fields in folding.panes.items()}
    folding.panes = {PaneKey(*key): Counter(fields) for key, fields in found.panes.items()}
    oracle = Oracle(history, meaning)
    assert stored_by_day(folding) == oracle.by_day()
    assert stored_by_minute(folding) == oracle.by_minute()


@law
@given(st.data(), histories, meanings)
def test_the_steps_add_up_to_what_was_known_at_each_of_them(
    data: st.DataObject, history: list[Told], meaning: Meaning
) -> None:
    """The facts up to a step are those of a recount that stops there; so are the entities."""
    batches = data.draw(deliveries(history))
    asked = data.draw(st.integers(0, len(batches) - 1))
    facts: list[tuple[int, Contributions]] = []
    whole = Recount(meaning, lambda *one: facts.append(one), seen_at=lambda _: asked)
    before: list[tuple[int, Contributions]] = []
    stopped = Recount(meaning, lambda *one: before.append(one))
    for step, batch in enumerate(batches):
        for one in batch:
            whole.tell(step, _event(*one))
            if step <= asked:
                stopped.tell(0, _event(*one))
    whole.finish()
    stopped.finish()
    assert _without_zeros(facts, asked) == _without_zeros(before)
    assert _known(whole.entities()) == _known(stopped.entities())


@law
@given(st.data(), histories, meanings)
def test_the_parts_of_a_tenant_add_up_to_it(
    data: st.DataObject, history: list[Told], meaning: Meaning
) -> None:
    """Activities by hash, their touches handed on, then deals by hash: nothing is told apart."""
    parts = data.draw(st.integers(1, 3))
    at = data.draw(st.sampled_from(BUSY)) + data.draw(st.sampled_from((90, 91, 200))) * DAY
    events = [_event(*one) for batch in data.draw(deliveries(history)) for one in batch]
    events.insert(data.draw(st.integers(0, len(events))), _eviction(at))
    facts: list[tuple[int, Contributions]] = []
    together = Recount(meaning, lambda *one: facts.append(one))
    for event in events:
        together.tell(0, event)
    together.finish()
    apart, entities = _in_parts(events, meaning, parts)
    assert _without_zeros(apart) == _without_zeros(facts)
    assert _known(entities) == _known(together.entities())


def _in_parts(
    events: list[Event], meaning: Meaning, parts: int
) -> tuple[list[tuple[int, Contributions]], dict[str, Entity]]:
    facts: list[tuple[int, Contributions]] = []
    touches: list[Touch] = []
    entities: dict[str, Entity] = {}
    for kind in ("activity", "deal"):
        for part in range(parts):
            one = Recount(meaning, lambda *told: facts.append(told), touched=touches.append)
            for event in events:
                if _is_of(event, kind, part, parts):
                    one.tell(0, event)
            if kind == "deal":
                for touch in touches:
                    if crc32(touch.deal.encode()) % parts == part:
                        one.touch(touch)
            one.finish()
            entities |= one.entities()
    return facts, entities


def _is_of(event: Event, kind: str, part: int, parts: int) -> bool:
    patch = event.data
    if not isinstance(patch, EntityPatch):
        return True
    key = f"{patch.entity[0]}:{event.connection}:{patch.id}"
    return patch.entity == kind and crc32(key.encode()) % parts == part
