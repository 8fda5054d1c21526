"""Panes: where in Redis a fact falls.

In: facts ``{(owner key, measure, instant): delta}``, the meaning, and the present. Out: increments per pane hash.
Guarantee: the panes of a grain partition time, so a period is a sum of few panes. Take the difference first:
spreading comes last.

| grain | holds | span (one key) | pane | kept |
|---|---|---|---|---|
| m | flows by UTC minute | UTC day number | minute of the day | 25 hours |
| h | flows by UTC hour | UTC week number (7 days from the epoch) | hour of the week | 8 days |
| d | flows by local civil day | YYYYMM | day of the month | 800 days |
| M | flows by local civil month | YYYY | month 1..12 | 10 years |
| gd | gauge deltas by local civil day | YYYYMM | day of the month | 800 days |
| gM | gauge deltas by local civil month | ``all`` | year * 12 + month - 1 | always: it is the base of every level |

The field of a pane hash is ``<measure>:<pane>``.
"""

from __future__ import annotations

from typing import NamedTuple

from kpi.civil import local_day, zone_of
from kpi.contributions import Contributions
from schemas.meaning import Meaning

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WEEK = 7 * DAY

MINUTES_KEPT = 25 * HOUR
HOURS_KEPT = 8 * DAY
DAYS_KEPT = 800 * DAY
MONTHS_KEPT = 3_653 * DAY

GAUGES = frozenset(("open", "open_n", "qual", "qual_n", "x_open_no_amount", "x_qual_no_amount"))

_ZONE_SLACK = 2 * DAY
"""A civil span ends at another instant in every zone; expiry waits for the last of them."""


class PaneKey(NamedTuple):
    """One hash of panes."""

    owner: str
    grain: str
    span: str


class Pane(NamedTuple):
    """A pane hash, the pane within it, and the instant (ms UTC) at which the hash may go; 0 = never."""

    grain: str
    span: str
    pane: int
    expires: int


Increments = dict[PaneKey, dict[str, int]]


def is_gauge(measure: str) -> bool:
    """Whether a measure is a level (summed up to a moment) rather than a flow (summed over a period)."""
    return measure.partition(":")[0] in GAUGES


def spread(
    facts: Contributions, meaning: Meaning, now: int
) -> tuple[Increments, dict[PaneKey, int]]:
    """(increments per pane hash, expiry instant per pane hash); panes past their retention are left out."""
    increments: Increments = {}
    expiries: dict[PaneKey, int] = {}
    for (owner, measure, instant), delta in facts.items():
        for grain, span, pane, expires in panes_of(
            measure, instant, zone_of(meaning, owner, instant)
        ):
            if 0 < expires <= now:
                continue
            key = PaneKey(owner, grain, span)
            fields = increments.get(key)
            if fields is None:
                fields = increments[key] = {}
                expiries[key] = expires
            field = f"{measure}:{pane}"
            fields[field] = fields.get(field, 0) + delta
    return increments, expiries


def panes_of(measure: str, instant: int, zone: str) -> tuple[Pane, ...]:
    """All panes that a fact of this measure at this instant falls into."""
    year, month, day, month_end = _civil(instant, zone)
    if is_gauge(measure):
        return (
            Pane("gd", f"{year:04}{month:02}", day, month_end + DAYS_KEPT),
            Pane("gM", "all", year * 12 + month - 1, 0),
        )
    utc_day, utc_week = instant // DAY, instant // WEEK
    return (
        Pane("m", str(utc_day), instant % DAY // MINUTE, (utc_day + 1) * DAY + MINUTES_KEPT),
        Pane("h", str(utc_week), instant % WEEK // HOUR, (utc_week + 1) * WEEK + HOURS_KEPT),
        Pane("d", f"{year:04}{month:02}", day, month_end + DAYS_KEPT),
        Pane("M", f"{year:04}", month, month_end + MONTHS_KEPT + 366 * DAY),
    )


def _civil(instant: int, zone: str) -> tuple[int, int, int, int]:
    """(year, month, day, an instant by which the month is over everywhere)."""
    local = local_day(instant, zone)
    month_end = instant + (32 - local.day) * DAY + _ZONE_SLACK
    return local.year, local.month, local.day, month_end
