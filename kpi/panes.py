"""Panes: where in Redis a fact falls.

In: facts ``{(owner key, measure, instant): delta}``, the meaning, and the present. Out: increments
per pane hash. Guarantee: the panes of a grain partition time, so a period is a sum of few panes.
Take the difference first: spreading comes last.

| grain | holds | span (one key) | pane | kept |
|---|---|---|---|---|
| m | flows by UTC minute | UTC day number | minute of the day | 8 days |
| d | flows by local civil day | YYYYMM | day of the month | 800 days |
| M | flows by local civil month | YYYY | month 1..12 | 10 years |
| gd | gauge deltas by local civil day | YYYYMM | day of the month | 800 days |
| gM | gauge deltas by local civil month | ``all`` | year * 12 + month - 1 | always: the base |

The field of a pane hash is ``<measure>:<pane>``.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from kpi.civil import local_day, zone_of
from kpi.contributions import Contributions
from schemas.meaning import Meaning

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

MINUTES_KEPT = 8 * DAY + HOUR
DAYS_KEPT = 800 * DAY
MONTHS_KEPT = 3_653 * DAY

GAUGES = frozenset(
    ("open", "open_n", "qual", "qual_n", "x_open_no_amount", "x_qual_no_amount", "stale", "stale_n")
) | {"g"}
"""First parts of the names of levels; ``g``: declared ones."""

_EPOCH = date(1970, 1, 1)
_ZONE_SLACK = 2 * DAY
"""A civil span ends at another instant in every zone; expiry waits for the last of them."""


class Hash(NamedTuple):
    """A hash of panes of one owner, and the instant (ms UTC) at which it may go; 0 = never."""

    grain: str
    span: str
    expires: int


Panes = tuple[tuple[Hash, str], ...]
"""Where one instant falls: the hashes, and the end of the field's name in each."""

Increments = dict[tuple[str, Hash, str], int]
"""(owner key, hash, field) -> increment."""


def is_gauge(measure: str) -> bool:
    """Whether a measure is a level (summed up to a moment) rather than a flow (over a period)."""
    return measure.partition(":")[0] in GAUGES


def spread(facts: Contributions, meaning: Meaning, now: int) -> Increments:
    """The increments that facts make; panes past their retention at ``now`` are left out."""
    increments: Increments = {}
    held = increments.get
    zones = meaning.owner_zones
    for (owner, measure, instant), delta in facts.items():
        zone = zone_of(meaning, owner, instant) if owner in zones else meaning.zone
        for one, pane in panes_of(measure, instant, zone):
            if one.expires > now or not one.expires:
                key = (owner, one, measure + pane)
                increments[key] = held(key, 0) + delta
    return increments


def panes_of(measure: str, instant: int, zone: str) -> Panes:
    """All panes that a fact of this measure at this instant falls into."""
    if is_gauge(measure):
        return _gauge_panes(instant // MINUTE, zone)
    return _flow_panes(instant // MINUTE, zone)


@lru_cache(maxsize=65_536)
def _flow_panes(minute: int, zone: str) -> Panes:
    year, month, day, month_end = _civil(minute * MINUTE, zone)
    utc_day = minute // 1_440
    return (
        (Hash("m", str(utc_day), (utc_day + 1) * DAY + MINUTES_KEPT), f":{minute % 1_440}"),
        (Hash("d", f"{year:04}{month:02}", month_end + DAYS_KEPT), f":{day}"),
        (Hash("M", f"{year:04}", _year_end(year) + MONTHS_KEPT), f":{month}"),
    )


@lru_cache(maxsize=65_536)
def _gauge_panes(minute: int, zone: str) -> Panes:
    year, month, day, month_end = _civil(minute * MINUTE, zone)
    return (
        (Hash("gd", f"{year:04}{month:02}", month_end + DAYS_KEPT), f":{day}"),
        (Hash("gM", "all", 0), f":{year * 12 + month - 1}"),
    )


def _civil(instant: int, zone: str) -> tuple[int, int, int, int]:
    """(year, month, day, an instant by which the month is over everywhere)."""
    local = local_day(instant, zone)
    following = date(local.year + local.month // 12, local.month % 12 + 1, 1)
    return local.year, local.month, local.day, _midnight(following) + _ZONE_SLACK


def _year_end(year: int) -> int:
    return _midnight(date(year + 1, 1, 1)) + _ZONE_SLACK


def _midnight(day: date) -> int:
    return (day - _EPOCH).days * DAY
