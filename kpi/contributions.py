"""What an entity contributes to the numbers, and what changed between two states of it.

In: an entity and the generation's meaning. Out: ``{(owner key, measure, instant ms): integer}``.
Guarantee: a pure function of both, so an edit, a delete, a reassignment, a reopening or a late
event are all the one rule ``contributions(new) - contributions(old)``.
"""

from __future__ import annotations

from kpi.activity import activity_contributions
from kpi.deal import deal_contributions
from kpi.entity import Entity
from schemas.meaning import Meaning

Key = tuple[str, str, int]
Contributions = dict[Key, int]


def contributions(entity: Entity | None, meaning: Meaning) -> Contributions:
    """All that the entity adds to the numbers; nothing for an entity that is not there."""
    if entity is None:
        return {}
    if entity.kind == "a":
        return activity_contributions(entity, meaning)
    return deal_contributions(entity, meaning)


def diff(old: Contributions, new: Contributions) -> Contributions:
    """The facts that lead from one state to the other; no zeros."""
    facts = {
        key: amount - old.get(key, 0) for key, amount in new.items() if amount != old.get(key, 0)
    }
    for key, amount in old.items():
        if amount and key not in new:
            facts[key] = -amount
    return facts
