"""What an activity contributes, and which deal it touches.

In: an activity and the generation's meaning. Out: counts by type at the instant it took place,
under its owner as he stands now. Guarantee: an activity counts once it is created, done and not
deleted; a planned, cancelled or missed one does not, but for measures declared of its creation.
"""

from __future__ import annotations

from kpi.credit import Credit
from kpi.declared import Rule, rules_of, take_all
from kpi.entity import Entity, alive, instant, timelines
from kpi.fields import ALWAYS, TYPES, View, activity_type
from kpi.money import whole
from kpi.stages import currency_of
from kpi.timeline import latest
from schemas.envelope import owner_key
from schemas.meaning import Meaning

MINUTES_A_DAY = 1_440
"""An activity that says to have taken longer is mistaken about its unit."""

_MINUTE = 60_000
_FOLLOWING_UP = frozenset(("call", "email", "meeting", "visit"))

Contributions = dict[tuple[str, str, int], int]


def activity_contributions(entity: Entity, meaning: Meaning) -> Contributions:
    """``act:<type>``, ``act_min:<type>``, ``visit_new``, ``follow_up`` and declared measures.

    ``x:act_no_creation`` where only edits are known; ``x:bad_minutes`` where the minutes are no
    whole number from 0 to 1440.
    """
    if not alive(entity):
        return {}
    rules = rules_of(meaning).activities
    done = _done(entity)
    if not done and "created" not in rules:
        return {}
    owner = owner_key(entity.connection, latest(entity.owner))
    if entity.created is None:
        return {(owner, "x:act_no_creation", _first_seen(entity)): 1} if done else {}
    facts = _counted(entity, owner) if done else {}
    if rules:
        _declared(facts, entity, meaning, rules, done=done)
    return facts


def _counted(entity: Entity, owner: str) -> Contributions:
    kind, at = activity_type(entity), _moment(entity)
    counted = {(owner, f"act:{kind}", at): 1}
    new_customer = entity.read("new_customer")
    if kind == "visit" and new_customer is True:
        counted[owner, "visit_new", at] = 1
    elif kind in _FOLLOWING_UP and new_customer is False:
        counted[owner, "follow_up", at] = 1
    minutes = entity.read("minutes")
    if minutes not in (None, ""):
        size = whole(minutes)
        if size is not None and 0 <= size <= MINUTES_A_DAY:
            counted[owner, f"act_min:{kind}", at] = size
        else:
            counted[owner, "x:bad_minutes", at] = 1
    return counted


def _declared(
    facts: Contributions,
    entity: Entity,
    meaning: Meaning,
    rules: dict[str, tuple[Rule, ...]],
    *,
    done: bool,
) -> None:
    credit = Credit(owner_key(entity.connection, latest(entity.owner)))
    view = View(entity, ALWAYS, latest(entity.amount), currency_of(entity, meaning))
    moments = {"created": entity.created or 0, "done": _moment(entity) if done else None}
    for name, at in moments.items():
        if at is not None and name in rules:
            take_all(facts, rules[name], view, credit, at)


def touched(entity: Entity | None) -> tuple[str, int] | None:
    """(vendor id of the deal that the activity names, UTC minute number); None: it touches none."""
    if entity is None or entity.created is None or not alive(entity) or not _done(entity):
        return None
    deal = entity.read("deal")
    return (str(deal), _moment(entity) // _MINUTE) if deal not in (None, "") else None


def last_change(entity: Entity) -> int:
    """The latest instant that the activity speaks of, ms UTC: what eviction looks at."""
    instants = [register[0] for register in entity.registers.values()]
    instants += [timeline[-1][0] for timeline in timelines(entity) if timeline]
    return max([*instants, entity.created or 0, _moment(entity)])


def _done(entity: Entity) -> bool:
    return entity.read("status") in (None, "", "done")


def _moment(entity: Entity) -> int:
    at = instant(entity.read("at"))
    return at if at is not None else entity.created or 0


def _first_seen(entity: Entity) -> int:
    instants = [register[0] for register in entity.registers.values()]
    instants += [timeline[0][0] for timeline in (entity.owner, entity.deleted) if timeline]
    return min(instants, default=0)


__all__ = [
    "TYPES",
    "activity_contributions",
    "activity_type",
    "last_change",
    "touched",
]
