"""The way of a deal through its stages, read with the generation's stage map.

In: a deal's stage and pipeline timelines. Out: steps in order. Guarantee: stages that the map does
not know are open and marked, never guessed.
"""

from __future__ import annotations

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


def steps(entity: Entity, meaning: Meaning) -> list[Step]:
    """One step per change of stage or pipeline, in their order."""
    known = meaning.connections.get(entity.connection)
    stages = known.stages if known else {}
    walk: list[Step] = []
    stage = ""
    for change, is_stage in _merged(entity):
        stage = change[4] if is_stage else stage
        pipeline = credited_at(entity.pipeline, change[0])
        category = _category(stages, pipeline, stage)
        walk.append(
            Step(change[0], stage, category or ("open" if stage else None), category is not None)
        )
    return walk


def closing(walk: list[Step]) -> Step | None:
    """The start of the last unbroken run of won (or lost) steps; None where the deal is open."""
    if not walk or walk[-1].category not in ("won", "lost"):
        return None
    close = walk[-1]
    for step in reversed(walk):
        if step.category != close.category:
            break
        close = step
    return close


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
