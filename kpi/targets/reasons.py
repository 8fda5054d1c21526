"""Why a target is what it is: the reasons, in the order in which they were applied.

In: what the answer was made of. Out: `Reason`s. Guarantee: whatever moved the number has a reason
here, and nothing else has.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import msgspec

from kpi.organisation import intersect, joined
from kpi.periods import Span
from kpi.targets.distribution import worked
from kpi.targets.model import Presence, Reason, TargetVersion
from kpi.targets.ramp import Run


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer was made of; `presence` is None where nothing was prorated by it."""

    span: Span
    versions: tuple[TargetVersion, ...]
    missing: tuple[Span, ...]
    steps: tuple[Run, ...]
    presence: Presence | None


def reasons(told: Told) -> tuple[Reason, ...]:
    """Where it comes from, what changed it, who was away, how far the ramp is, what is missing."""
    return (
        *_origin(told),
        *_changes(told),
        *(_presence(told.span, told.presence) if told.presence else ()),
        *_ramp(told),
        *(Reason(kind="missing", first=one.first, last=one.last) for one in told.missing),
    )


def _origin(told: Told) -> Iterator[Reason]:
    periods = {one.period for one in told.versions} - {told.span}
    inside = {one for one in periods if intersect(one, told.span) == one}
    for one in joined(inside):
        yield Reason(kind="summed", first=one.first, last=one.last)
    for one in sorted(periods - inside):
        yield Reason(kind="derived", first=one.first, last=one.last)


def _changes(told: Told) -> Iterator[Reason]:
    for one in dict.fromkeys(told.versions):
        begins = one.effective
        if begins and told.span.first < begins <= told.span.last and begins > one.first:
            yield Reason(kind="changed", first=begins, last=one.last)


def _presence(span: Span, presence: Presence) -> Iterator[Reason]:
    employed = presence.employed
    if employed.first > span.first:
        yield Reason(kind="joined", first=employed.first, last=span.last)
    if employed.last < span.last:
        yield Reason(kind="left", first=span.first, last=employed.last)
    cut = intersect(employed, span)
    away = _away(presence, cut) if cut else Fraction(0)
    if away:
        of = worked(presence.calendar, span)
        yield Reason(kind="leave", first=span.first, last=span.last, days=away, of=of)


def _away(presence: Presence, days: Span) -> Fraction:
    if all(one.last < days.first or one.first > days.last for one in presence.leaves):
        return Fraction(0)
    own = worked(presence.calendar, days, presence.leaves)
    return worked(presence.calendar, days) - own


def _ramp(told: Told) -> Iterator[Reason]:
    for run in told.steps:
        if run.amount is not None or run.per_cent not in {None, 100}:
            yield Reason(
                kind="ramp",
                first=run.first,
                last=run.last,
                per_cent=run.per_cent,
                whole=len(told.steps) == 1,
            )
