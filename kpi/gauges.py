"""Gauges: the open, qualified and stale pipeline as signed deltas at the moments they change.

In: a deal, its steps and the meaning. Out: deltas such that a gauge at T is the sum of all deltas
up to T. A deal that will go stale contributes its leaving in advance, so nothing has to happen for
it to go stale.

Measures: ``open:<currency>:<close day>``, ``open_n:<close day>``; the same with ``qual`` for the
qualified ones that are not stale, and with ``stale`` for the open and qualified ones that were
quiet for too long; declared levels ``g:<id>:…``. The close day is the expected close as
``YYYYMMDD``, a civil date that is never converted, or ``-`` while unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from kpi.credit import owner_at
from kpi.declared import Rule, rules_of
from kpi.entity import DELETED, Entity, timelines
from kpi.fields import View
from kpi.money import minor_units
from kpi.stages import Step, category_at, currency_of
from kpi.timeline import known_at
from schemas.meaning import Meaning

_DAY = 86_400_000
_MINUTE = 60_000

Contributions = dict[tuple[str, str, int], int]

Standing = dict[tuple[str, str], int]
"""(owner key, measure) -> what a deal adds to it while it stands as it does."""


class Level(NamedTuple):
    """What a deal adds to the pipeline from some instant on."""

    owner: str
    qualified: bool
    stale: bool
    amount: str
    close_day: str
    declared: tuple[Rule, ...] = ()
    """Declared levels whose conditions it meets."""


def gauge_contributions(entity: Entity, meaning: Meaning, walk: list[Step]) -> Contributions:
    """Deltas of the pipeline gauges over the deal's life, its foreseeable future included."""
    currency = currency_of(entity, meaning)
    facts: Contributions = {}
    standing: Standing = {}
    for instant, level in levels(entity, meaning, walk):
        held, standing = standing, _standing(level, currency) if level else {}
        _add(facts, held, standing, instant)
    return facts


def levels(
    entity: Entity, meaning: Meaning, walk: list[Step]
) -> Iterator[tuple[int, Level | None]]:
    """What the deal adds to the pipeline from each instant (ms UTC) on at which that changes.

    None: nothing from then on, because it is closed or deleted. The last one may be far ahead: the
    instant at which a deal goes stale if nobody touches it.
    """
    if not any(step.category in ("open", "qualified") for step in walk):
        return
    currency = currency_of(entity, meaning)
    rules = rules_of(meaning).levels
    level: Level | None = None
    for instant, stale in _moments(entity, meaning.stale_after_days):
        before, level = level, _level(entity, walk, instant, stale=stale)
        if rules and level is not None:
            level = level._replace(declared=_declared(rules, entity, instant, level, currency))
        if level != before:
            yield instant, level


def _level(entity: Entity, walk: list[Step], instant: int, *, stale: bool) -> Level | None:
    category = category_at(walk, instant)
    if category not in ("open", "qualified") or known_at(entity.deleted, instant) == DELETED:
        return None
    close_day = known_at(entity.close_on, instant).replace("-", "") or "-"
    amount = known_at(entity.amount, instant)
    return Level(owner_at(entity, instant), category == "qualified", stale, amount, close_day)


def _declared(
    rules: tuple[Rule, ...], entity: Entity, instant: int, level: Level, currency: str
) -> tuple[Rule, ...]:
    view = View(entity, instant, level.amount, currency)
    return tuple(rule for rule in rules if rule.holds(view))


def _moments(entity: Entity, after_days: int | None) -> list[tuple[int, bool]]:
    """All instants at which the level may change, ascending, and whether the deal is stale then.

    An activity that names a deal which is not stale changes no level.
    """
    told = {change[0] for timeline in timelines(entity) if timeline for change in timeline}
    if after_days is None:
        return [(instant, False) for instant in sorted(told)]
    spans = list(_stale(_touches(entity, told), after_days * _DAY))
    starts = {start for start, _ in spans}
    ends = {end for _, end in spans[:-1]}
    return [(instant, instant in starts) for instant in sorted(told | starts | ends)]


def _touches(entity: Entity, told: set[int]) -> list[int]:
    """All instants at which the deal changed or an activity named it, ascending."""
    instants = told | {minute * _MINUTE for minute in entity.touches}
    if entity.created is not None:
        instants.add(entity.created)
    return sorted(instants)


def _stale(touches: list[int], quiet: int) -> Iterator[tuple[int, int]]:
    """Half-open spans in which the deal had been quiet; each ends with a touch, the last never."""
    for touch, following in pairwise(touches):
        if following - touch > quiet:
            yield touch + quiet, following
    yield touches[-1] + quiet, 1 << 62


def _add(facts: Contributions, held: Standing, standing: Standing, instant: int) -> None:
    """The differences between what the deal stood for and what it stands for from now on."""
    for key, size in standing.items():
        change = size - held.get(key, 0)
        if change:
            facts[*key, instant] = change
    for key, size in held.items():
        if size and key not in standing:
            facts[*key, instant] = -size


def _standing(level: Level, currency: str) -> Standing:
    minor = minor_units(level.amount, currency)
    owner, day = level.owner, level.close_day
    standing: Standing = {}
    for name in _pipelines(level):
        standing[owner, f"{name}_n:{day}"] = 1
        if minor is not None:
            standing[owner, f"{name}:{currency}:{day}"] = minor
        elif name != "stale":
            standing[owner, f"x_{name}_no_amount:{day}"] = 1
    for rule in level.declared:
        standing[owner, f"{rule.name}:n:{day}"] = 1
        if rule.money:
            what, size = ("x", 1) if minor is None else (currency, minor)
            standing[owner, f"{rule.name}:{what}:{day}"] = size
    return standing


def _pipelines(level: Level) -> tuple[str, ...]:
    if level.stale:
        return ("open", "stale")
    return ("open", "qual") if level.qualified else ("open",)
