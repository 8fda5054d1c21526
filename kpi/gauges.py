"""Gauges: the open and the open qualified pipeline as signed deltas at the moments they change.

In: a deal, its steps and the meaning. Out: deltas such that a gauge at T is the sum of all deltas
up to T. A deal that will go stale contributes its leaving in advance, so nothing has to happen for
it to go stale.

Measures: ``open:<currency>:<close day>``, ``open_n:<close day>`` and the same with ``qual``; the
close day is the expected close as ``YYYYMMDD``, a civil date that is never converted, or ``-``
while unknown.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from kpi.entity import DELETED, Entity
from kpi.money import minor_units
from kpi.stages import Step, currency_of
from kpi.timeline import Timeline, credited_at, known_at
from schemas.envelope import owner_key
from schemas.meaning import Category, Meaning

_DAY = 86_400_000
_HOUR = 3_600_000

Contributions = dict[tuple[str, str, int], int]


class Level(NamedTuple):
    """What a deal adds to the pipeline from some instant on."""

    owner: str
    qualified: bool
    amount: str
    close_day: str


def gauge_contributions(entity: Entity, meaning: Meaning, walk: list[Step]) -> Contributions:
    """Deltas of the pipeline gauges over the deal's life, its foreseeable future included."""
    if not any(step.category in ("open", "qualified") for step in walk):
        return {}
    currency = currency_of(entity, meaning)
    touches = _touches(entity)
    stale = _stale(touches, meaning.stale_after_days)
    facts: Contributions = {}
    before: Level | None = None
    for instant in sorted({*touches, *(start for start, _ in stale)}):
        level = _level(entity, walk, stale, instant)
        if level != before:
            _add(facts, before, instant, -1, currency)
            _add(facts, level, instant, 1, currency)
            before = level
    return {key: delta for key, delta in facts.items() if delta}


def _level(
    entity: Entity, walk: list[Step], stale: list[tuple[int, int]], instant: int
) -> Level | None:
    category = _category_at(walk, instant)
    if category not in ("open", "qualified") or known_at(entity.deleted, instant) == DELETED:
        return None
    qualified = category == "qualified" and not any(start <= instant < end for start, end in stale)
    owner = owner_key(entity.connection, credited_at(entity.owner, instant))
    close_day = known_at(entity.close_on, instant).replace("-", "") or "-"
    return Level(owner, qualified, known_at(entity.amount, instant), close_day)


def _category_at(walk: list[Step], instant: int) -> Category | None:
    category = None
    for step in walk:
        if step.at > instant:
            break
        category = step.category
    return category


def _touches(entity: Entity) -> list[int]:
    """All instants at which the deal changed or an activity named it, ascending."""
    instants = {hour * _HOUR for hour in entity.touches}
    for timeline in _timelines(entity):
        instants.update(change[0] for change in timeline)
    if entity.created is not None:
        instants.add(entity.created)
    return sorted(instants)


def _timelines(entity: Entity) -> tuple[Timeline, ...]:
    return (
        entity.stage,
        entity.owner,
        entity.amount,
        entity.close_on,
        entity.pipeline,
        entity.deleted,
    )


def _stale(touches: list[int], after_days: int | None) -> list[tuple[int, int]]:
    """Half-open spans in which the deal had been quiet; each ends with a touch, the last never."""
    if after_days is None or not touches:
        return []
    quiet = after_days * _DAY
    spans = [
        (touch + quiet, following)
        for touch, following in pairwise(touches)
        if following - touch > quiet
    ]
    return [*spans, (touches[-1] + quiet, 1 << 62)]


def _add(facts: Contributions, level: Level | None, instant: int, sign: int, currency: str) -> None:
    if level is None:
        return
    minor = minor_units(level.amount, currency)
    for name in ("open", "qual") if level.qualified else ("open",):
        _count(facts, (level.owner, f"{name}_n:{level.close_day}", instant), sign)
        if minor is None:
            _count(facts, (level.owner, f"x_{name}_no_amount:{level.close_day}", instant), sign)
        else:
            _count(
                facts, (level.owner, f"{name}:{currency}:{level.close_day}", instant), sign * minor
            )


def _count(facts: Contributions, key: tuple[str, str, int], by: int) -> None:
    facts[key] = facts.get(key, 0) + by
