"""Which version of a target holds on which day, and how much of it.

In: the versions of one period's target. Out: stretches of days, each with the version in force and
the figure that its days are a share of. Guarantee: of several versions the one published last wins,
from its effective date on; an earlier day's share never moves because of a later effective date.

A replacing version asks for its figure in the whole period, so its days have what the days before
it did not: 100k then 120k from the 16th is 50k by the 15th and 70k after it. The line bends, it
does not jump, so a change of target is no deviation. Where less is asked for than was expected by
then (or no workday is left), the whole line is drawn anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction

import msgspec

from kpi.periods import Span
from kpi.targets.model import TargetVersion, Tiers

ShareOf = Callable[[TargetVersion, Span], Fraction]
"""The share of a version's period that falls on some of its days."""


class Stretch(msgspec.Struct, frozen=True):
    """Days whose part of the target is `figure` times their share of the period."""

    first: date
    last: date
    figure: Tiers
    version: TargetVersion

    @property
    def span(self) -> Span:
        """Its days."""
        return Span(self.first, self.last)


def by_period(versions: Iterable[TargetVersion]) -> dict[Span, list[TargetVersion]]:
    """The versions that count, by the period that they are set for, in the order of publishing."""
    found: dict[Span, list[TargetVersion]] = {}
    for one in sorted(versions, key=lambda one: (one.version, one.id)):
        if one.counts:
            found.setdefault(one.period, []).append(one)
    return found


def stretches(versions: Sequence[TargetVersion], share_of: ShareOf) -> list[Stretch]:
    """The versions of one period in the order of publishing, as stretches in the order of days."""
    found: list[Stretch] = []
    for one in versions:
        if (begins := max(one.effective or one.first, one.first)) <= one.last:
            found = _taken_over(found, one, begins, share_of)
    return found


def in_force(versions: Sequence[TargetVersion], day: date) -> TargetVersion | None:
    """The version that holds on a day of the period."""
    holding = [one for one in versions if (one.effective or one.first) <= day <= one.last]
    return holding[-1] if holding else None


def _taken_over(
    found: list[Stretch], one: TargetVersion, begins: date, share_of: ShareOf
) -> list[Stretch]:
    kept = [_until(old, begins) for old in found if old.first < begins]
    if one.change == "prorata":
        return [*kept, Stretch(begins, one.last, one.tiers, one)]
    figure = _rest(one, kept, share_of(one, Span(begins, one.last)), share_of)
    if figure is None:
        return [Stretch(one.first, one.last, one.tiers, one)]
    return [*kept, Stretch(begins, one.last, figure, one)]


def _until(old: Stretch, begins: date) -> Stretch:
    return msgspec.structs.replace(old, last=min(old.last, begins - timedelta(days=1)))


def _rest(
    one: TargetVersion, kept: Sequence[Stretch], left: Fraction, share_of: ShareOf
) -> Tiers | None:
    """What the days from the change on are a share of; None where the line would have to fall."""
    before = total(old.figure.times(share_of(old.version, old.span)) for old in kept)
    if not left or one.tiers.base < before.base:
        return None
    return Tiers(
        (one.tiers.base - before.base) / left,
        _above(one.tiers.stretch, before.stretch or before.base, left),
        _above(one.tiers.commit, before.commit or before.base, left),
    )


def _above(tier: Fraction | None, before: Fraction, left: Fraction) -> Fraction | None:
    return None if tier is None else (tier - before) / left


def total(parts: Iterable[Tiers]) -> Tiers:
    """The sum; a tier that is set in some of them only is, in the others, the base."""
    every = list(parts)
    return Tiers(
        sum((one.base for one in every), Fraction(0)),
        _tier([(one.base, one.stretch) for one in every]),
        _tier([(one.base, one.commit) for one in every]),
    )


def _tier(pairs: Sequence[tuple[Fraction, Fraction | None]]) -> Fraction | None:
    if all(tier is None for _, tier in pairs):
        return None
    return sum((base if tier is None else tier for base, tier in pairs), Fraction(0))
