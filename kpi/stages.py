"""The way of a deal through its stages, read with the generation's stage map.

In: a deal's stage and pipeline timelines. Out: steps in order. Guarantee: stages that the map does
not know are open and marked, never guessed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from kpi.entity import Entity
from kpi.timeline import Change, credited_at
from schemas.meaning import ANY_PIPELINE, Category, Meaning


class Step(NamedTuple):
    """From ``at`` (ms UTC) on, the deal is in this stage."""

    at: int
    stage: str
    category: Category | None
    """None while the stage is unknown."""
    mapped: bool
    order: tuple[str, ...] = ()
    """The stages of the pipeline that the deal is in, in order; empty: no order is known."""


def steps(entity: Entity, meaning: Meaning) -> list[Step]:
    """One step per change of stage or pipeline, in their order."""
    known = meaning.connections.get(entity.connection)
    stages = known.stages if known else {}
    orders = known.steps if known else {}
    walk: list[Step] = []
    stage = ""
    for change, is_stage in _merged(entity):
        stage = change[4] if is_stage else stage
        pipeline = credited_at(entity.pipeline, change[0])
        category = _category(stages, pipeline, stage)
        order = (orders.get(pipeline) or orders.get(ANY_PIPELINE, ())) if orders else ()
        there = category or ("open" if stage else None)
        walk.append(Step(change[0], stage, there, category is not None, order))
    return walk


def closing(walk: list[Step]) -> Step | None:
    """The start of the last unbroken run of won (or lost, or disqualified) steps; None if open."""
    if not walk or walk[-1].category not in ("won", "lost", "disqualified"):
        return None
    close = walk[-1]
    for step in reversed(walk):
        if step.category != close.category:
            break
        close = step
    return close


def category_at(walk: list[Step], instant: int) -> Category | None:
    """The category as it stands when a millisecond is over; None before the first stage."""
    category = None
    for step in walk:
        if step.at > instant:
            break
        category = step.category
    return category


def qualification(walk: list[Step]) -> Step | None:
    """The first entry into a qualified stage, or into a won one where none was before."""
    return next((step for step in walk if step.category in ("qualified", "won")), None)


def passed(walk: list[Step]) -> dict[str, bool]:
    """By stage: whether the deal, after its first entry into it, entered one further on.

    Further on in the order of the pipeline that the deal was in by then; a lost or disqualified
    stage is not. A stage skipped was not entered, so it is not here.
    """
    got_on: dict[str, bool] = {}
    furthest: dict[tuple[str, ...], int] = {}
    for step in reversed(walk):  # so that of several entries the first has the last word
        if step.stage:
            got_on[step.stage] = any(
                places(order).get(step.stage, place) < place for order, place in furthest.items()
            )
        place = places(step.order).get(step.stage)
        if place is not None and step.category not in ("lost", "disqualified"):
            furthest[step.order] = max(place, furthest.get(step.order, 0))
    return got_on


@lru_cache(maxsize=1_024)
def places(order: tuple[str, ...]) -> dict[str, int]:
    """Each stage's place in an order."""
    return {stage: place for place, stage in enumerate(order)}


def currency_of(entity: Entity, meaning: Meaning) -> str:
    """The deal's currency, else its connection's, else ``XXX`` (ISO 4217: no currency)."""
    own = entity.read("currency")
    if isinstance(own, str) and own:
        return own
    known = meaning.connections.get(entity.connection)
    return known.currency if known else "XXX"


def _merged(entity: Entity) -> list[tuple[Change, bool]]:
    """Changes of stage (True) and pipeline; within a millisecond the pipeline is looked at last.

    A deal moved to another pipeline and stage at once was never in its old stage of the new
    pipeline.
    """
    both = [(change, True) for change in entity.stage]
    if entity.pipeline:
        both += [(change, False) for change in entity.pipeline]
        both.sort(key=lambda one: (one[0][0], not one[1], one[0]))
    return both


def _category(stages: dict[str, dict[str, Category]], pipeline: str, stage: str) -> Category | None:
    own = stages.get(pipeline)
    if own is not None and stage in own:
        return own[stage]
    return stages.get(ANY_PIPELINE, {}).get(stage)
