"""What a deal contributes: flows when they happened, gauges as deltas when they change.

In: a deal and the generation's meaning. Out: contributions per (owner key, measure, instant).

Moments. Created: the creation, credited to the owner then. Stage entry: the first entry into each
stage, owner then. Pipeline built: the first entry into a qualified (or won) stage, amount and
owner then. Won and lost: the start of the present unbroken run of won (lost) stages, owner then,
amount as it stands, so that a correction after the close corrects the win. A deleted or merged
deal takes its flows back; a gauge keeps its past.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from kpi.entity import Entity, alive
from kpi.gauges import gauge_contributions
from kpi.money import minor_units
from kpi.sketch import bucket
from kpi.stages import Step, closing, currency_of, steps
from kpi.timeline import credited_at, latest
from schemas.envelope import owner_key
from schemas.meaning import Meaning

Contributions = dict[tuple[str, str, int], int]


def deal_contributions(entity: Entity, meaning: Meaning) -> Contributions:
    """Flows and gauges of one deal."""
    walk = steps(entity, meaning)
    facts = gauge_contributions(entity, meaning, walk)
    if alive(entity):
        facts.update(_flows(entity, meaning, walk))
    return facts


def _flows(entity: Entity, meaning: Meaning, walk: list[Step]) -> Contributions:
    flows = _creation(entity)
    flows.update(_entries(entity, walk))
    flows.update(_built(entity, meaning, walk))
    flows.update(_closed(entity, meaning, walk))
    return flows


def _owner(entity: Entity, instant: int) -> str:
    return owner_key(entity.connection, credited_at(entity.owner, instant))


def _creation(entity: Entity) -> Contributions:
    if entity.created is not None:
        return {(_owner(entity, entity.created), "created", entity.created): 1}
    timelines = (entity.stage, entity.owner, entity.amount, entity.close_on, entity.pipeline)
    first = min((timeline[0][0] for timeline in timelines if timeline), default=None)
    return {} if first is None else {(_owner(entity, first), "x:deal_no_creation", first): 1}


def _entries(entity: Entity, walk: list[Step]) -> Contributions:
    facts: Contributions = {}
    entered: set[str] = set()
    for step in walk:
        if step.stage and step.stage not in entered:
            entered.add(step.stage)
            owner = _owner(entity, step.at)
            facts[owner, _entry(step.stage), step.at] = 1
            if not step.mapped:
                facts[owner, "x:unmapped_stage", step.at] = (
                    facts.get((owner, "x:unmapped_stage", step.at), 0) + 1
                )
    return facts


@lru_cache(maxsize=4_096)
def _entry(stage: str) -> str:
    return f"stage:{quote(stage, safe='')}"


def _built(entity: Entity, meaning: Meaning, walk: list[Step]) -> Contributions:
    at = next((step.at for step in walk if step.category in ("qualified", "won")), None)
    if at is None:
        return {}
    currency = currency_of(entity, meaning)
    return _money(_owner(entity, at), "built", at, credited_at(entity.amount, at), currency)


def _closed(entity: Entity, meaning: Meaning, walk: list[Step]) -> Contributions:
    close = closing(walk)
    if close is None or close.category is None:
        return {}
    owner = _owner(entity, close.at)
    facts = _money(
        owner, close.category, close.at, latest(entity.amount), currency_of(entity, meaning)
    )
    if close.category == "won" and entity.created is not None:
        facts[owner, f"cycle:{bucket((close.at - entity.created) // 1000)}", close.at] = 1
    return facts


def _money(owner: str, measure: str, at: int, amount: str, currency: str) -> Contributions:
    """Count and sum of one event; without a usable amount the count alone, marked incomplete."""
    minor = minor_units(amount, currency)
    if minor is None:
        return {(owner, f"{measure}_n", at): 1, (owner, f"x:{measure}_no_amount", at): 1}
    return {(owner, f"{measure}_n", at): 1, (owner, f"{measure}:{currency}", at): minor}
