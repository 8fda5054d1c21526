"""A level against the sum of the level below: what is not allocated yet, and what is too much.

In: the targets of an organisation's tree, for one KPI and span. Out: one `Cascade` a level.
Guarantee: allocated plus difference is the level's target; a level without its own target has the
sum of those below it, and says who is missing. Overlay people are never summed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Literal

import msgspec


class Cascade(msgspec.Struct, frozen=True, kw_only=True):
    """One level: `difference` over 0 is unallocated, under 0 is allocated too much.

    `target` is None where neither the level nor anybody below it has one; `missing` are the ids
    below without a target, in order.
    """

    target: Fraction | None
    source: Literal["own", "sum", "none"]
    allocated: Fraction
    difference: Fraction
    missing: tuple[str, ...] = ()


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """A team or the organisation: its own target, its people's, and the levels below.

    `members` maps each person who has the KPI to the target that counts in this level: for a mover
    the part of the stay (`effective.part`); None where there is no target. Those of `overlay` share
    credit that is counted elsewhere.
    """

    id: str
    own: Fraction | None = None
    members: Mapping[str, Fraction | None] = {}
    overlay: frozenset[str] = frozenset()
    below: tuple[Level, ...] = ()


def cascade(
    own: Fraction | None, below: Mapping[str, Fraction | None], overlay: Collection[str] = ()
) -> Cascade:
    """A level's own target against the primary targets below it.

    >>> east = cascade(Fraction(100), {"ana": Fraction(60), "ben": Fraction(30), "eli": None})
    >>> east.allocated, east.difference, east.missing
    (Fraction(90, 1), Fraction(10, 1), ('eli',))
    """
    primary = {one: target for one, target in below.items() if one not in overlay}
    set_ = [target for target in primary.values() if target is not None]
    allocated = sum(set_, Fraction(0))
    target = own if own is not None or not set_ else allocated
    return Cascade(
        target=target,
        source="own" if own is not None else "sum" if set_ else "none",
        allocated=allocated,
        difference=Fraction(0) if target is None else target - allocated,
        missing=tuple(sorted(one for one, target in primary.items() if target is None)),
    )


def levels(top: Level) -> dict[str, Cascade]:
    """Every level of a tree, the top first; a team below counts with its target, own or sum.

    Team and person ids may be alike, so a person who is missing is listed by the bare id and a
    team as `team/` and its id.
    """
    found: dict[str, Cascade] = {}
    below: dict[str, Fraction | None] = {
        member: target for member, target in top.members.items() if member not in top.overlay
    }
    for level in top.below:
        found |= levels(level)
        below[f"team/{level.id}"] = found[level.id].target
    return {top.id: cascade(top.own, below)} | found
