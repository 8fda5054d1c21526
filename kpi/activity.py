"""What an activity contributes, and which deal it touches.

In: an activity. Out: one count by type at the instant it took place, under its owner as he stands
now. Guarantee: an activity counts once it is created, done and not deleted; a planned, cancelled
or missed one does not.
"""

from __future__ import annotations

from kpi.entity import Entity, alive, instant
from kpi.timeline import latest
from schemas.envelope import owner_key

TYPES = ("call", "email", "meeting", "visit", "demo", "proposal", "one_on_one", "custom")

_HOUR = 3_600_000


def activity_contributions(entity: Entity) -> dict[tuple[str, str, int], int]:
    """``act:<type>``, ``visit_new``; ``x:act_no_creation`` where only edits are known."""
    if not alive(entity) or not _done(entity):
        return {}
    owner = owner_key(entity.connection, latest(entity.owner))
    if entity.created is None:
        return {(owner, "x:act_no_creation", _first_seen(entity)): 1}
    kind = activity_type(entity)
    counted = {(owner, f"act:{kind}", _moment(entity)): 1}
    if kind == "visit" and entity.read("new_customer") is True:
        counted[owner, "visit_new", _moment(entity)] = 1
    return counted


def activity_type(entity: Entity) -> str:
    """The activity's type, ``custom`` where it is none of ``TYPES``."""
    kind = entity.read("type")
    return kind if isinstance(kind, str) and kind in TYPES else "custom"


def touched(entity: Entity | None) -> tuple[str, int] | None:
    """(vendor id of the deal that the activity names, UTC hour number); None: it touches none."""
    if entity is None or entity.created is None or not alive(entity) or not _done(entity):
        return None
    deal = entity.read("deal")
    return (str(deal), _moment(entity) // _HOUR) if deal not in (None, "") else None


def last_change(entity: Entity) -> int:
    """The latest instant that the activity speaks of, ms UTC: what eviction looks at."""
    timelines = (entity.stage, entity.owner, entity.amount, entity.close_on, entity.pipeline)
    instants = [register[0] for register in entity.registers.values()]
    instants += [timeline[-1][0] for timeline in (*timelines, entity.deleted) if timeline]
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
