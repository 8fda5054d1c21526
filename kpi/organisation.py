"""Who belonged where, and when: dated memberships, teams as a tree, zones.

In: memberships, managers and zones with their days. Out: spans of civil days, clipped to a period.
Guarantee: the stays of one person in the teams of a partition cover each employed day that has a
membership exactly once, so that a mover's results and target are counted in one team each day.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from kpi.periods import Span

_DAY = timedelta(days=1)


class Membership(msgspec.Struct, frozen=True):
    """Days in a team, both included; None is open. `overlay` shares credit, never in sums."""

    team: str
    first: date | None = None
    last: date | None = None
    overlay: bool = False

    @property
    def span(self) -> Span:
        """The same with real ends."""
        return Span(self.first or date.min, self.last or date.max)


class ZoneSpan(msgspec.Struct, frozen=True):
    """The IANA zone of a person from a civil day on; None is from the beginning."""

    zone: str
    first: date | None = None


def employment(hired: date | None, left: date | None) -> Span:
    """From the day of hire to the last day at work, both included."""
    return Span(hired or date.min, left or date.max)


def moves(steps: Iterable[tuple[str, date | None]], employed: Span) -> tuple[Membership, ...]:
    """Memberships from "in this team from that day on": each ends where the next begins.

    A move to the team "" is a time without any. Of two moves on one day the later listed counts;
    those that lie outside the employment are left out.

    >>> [one.last for one in moves([("west", None), ("east", date(2026, 11, 16))],
    ...                            employment(date(2026, 1, 5), None))]
    [datetime.date(2026, 11, 15), datetime.date(9999, 12, 31)]
    """
    teams = {begin or date.min: team for team, begin in steps}
    starts = sorted(teams)
    ends = [start - _DAY for start in starts[1:]] + [date.max]
    found = (
        (teams[start], intersect(Span(start, end), employed))
        for start, end in zip(starts, ends, strict=False)
    )
    return tuple(Membership(team, *span) for team, span in found if team and span)


def stays(memberships: Sequence[Membership], teams: Container[str], span: Span) -> list[Span]:
    """When somebody was in any of the teams within a span, in order, touching stays joined.

    Overlay memberships are no stays: their credit is shown to the person alone.

    >>> stays([Membership("west", None, date(2026, 11, 15))], {"west"},
    ...       Span(date(2026, 11, 1), date(2026, 11, 30)))
    [Span(first=datetime.date(2026, 11, 1), last=datetime.date(2026, 11, 15))]
    """
    inside = [one.span for one in memberships if one.team in teams and not one.overlay]
    return joined(cut for one in inside if (cut := intersect(one, span)))


def gaps(memberships: Sequence[Membership], employed: Span, span: Span) -> list[Span]:
    """Employed days of a span without any team."""
    wanted = intersect(employed, span)
    covered = joined(one.span for one in memberships if not one.overlay)
    return without([wanted], covered) if wanted else []


def team_on(memberships: Sequence[Membership], day: date) -> str | None:
    """The team of a day, None where there is none."""
    for one in memberships:
        if not one.overlay and one.span.first <= day <= one.span.last:
            return one.team
    return None


def doubled(memberships: Sequence[Membership]) -> list[Span]:
    """Days that two memberships claim; empty for every legal list."""
    ordered = sorted(one.span for one in memberships if not one.overlay)
    found: list[Span] = []
    reach = date.min
    for place, span in enumerate(ordered):
        if place and span.first <= reach:
            found.append(Span(span.first, min(span.last, reach)))
        reach = max(reach, span.last)
    return joined(found)


def with_managed(
    memberships: Sequence[Membership], managed: Sequence[Membership], employed: Span
) -> tuple[Membership, ...]:
    """A manager who sells counts in the team that is managed, on days without a team of their own.

    Of several managed teams the first in the list takes the day, so that no day counts twice.
    """
    found = list(memberships)
    for one in managed:
        found += [Membership(one.team, *free) for free in gaps(found, employed, one.span)]
    return tuple(sorted(found, key=lambda one: one.span))


def subtree(parents: Mapping[str, str | None], team: str) -> frozenset[str]:
    """A team with all teams below it; `parents` names each team's own, None at the top."""
    found = {team}
    while grown := {one for one, above in parents.items() if above in found} - found:
        found |= grown
    return frozenset(found)


def zone_on(zones: Sequence[ZoneSpan], day: date, default: str) -> str:
    """The zone of a civil day: that of the latest span begun, else the tenant's."""
    begun = [one for one in zones if (one.first or date.min) <= day]
    return max(begun, key=lambda one: one.first or date.min).zone if begun else default


def intersect(one: Span, other: Span) -> Span | None:
    """The days of both, None where there are none."""
    first, last = max(one.first, other.first), min(one.last, other.last)
    return Span(first, last) if first <= last else None


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same days in order, as few spans as can be."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and (found[-1].last == date.max or span.first <= found[-1].last + _DAY):
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return found


def without(spans: Sequence[Span], taken: Iterable[Span]) -> list[Span]:
    """The days of the first that none of the second has."""
    left = list(spans)
    for hole in taken:
        left = [piece for span in left for piece in _minus(span, hole)]
    return left


def _minus(span: Span, hole: Span) -> list[Span]:
    if not intersect(span, hole):
        return [span]
    before = [Span(span.first, hole.first - _DAY)] if span.first < hole.first else []
    return before + ([Span(hole.last + _DAY, span.last)] if hole.last < span.last else [])
