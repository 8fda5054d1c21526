"""A timeline: the whole history of one field, as a set of changes sorted by their order.

In: changes in any order, with duplicates. Out: the value at an instant. Guarantee: inserting is
commutative and idempotent, because the order of a change never depends on its arrival and is never
ambiguous.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter

Change = tuple[int, int, int, str, str]
"""(occurred at ms, vendor sequence, semantic rank, event id, canonical value); ``""``: none."""

Timeline = tuple[Change, ...]

_instant = itemgetter(0)


def insert(timeline: Timeline, change: Change) -> Timeline:
    """The timeline with the change in its place; the same object when it is there already."""
    if not timeline or timeline[-1] < change:
        return (*timeline, change)
    index = bisect_left(timeline, change)
    if timeline[index] == change:
        return timeline
    return (*timeline[:index], change, *timeline[index:])


def latest(timeline: Timeline) -> str:
    """The value as it stands after all changes; ``""`` where there is none."""
    return timeline[-1][4] if timeline else ""


def known_at(timeline: Timeline, instant: int) -> str:
    """The value at an instant, changes of that millisecond included; ``""`` before the first."""
    index = bisect_right(timeline, instant, key=_instant)
    return timeline[index - 1][4] if index else ""


def credited_at(timeline: Timeline, instant: int) -> str:
    """As ``known_at``, but before the first change the first value that was ever set.

    A CRM announces a new deal and its owner as two events a moment apart: the deal was his from
    the start.
    """
    index = bisect_right(timeline, instant, key=_instant)
    if index:
        return timeline[index - 1][4]
    return next((change[4] for change in timeline if change[4]), "")
