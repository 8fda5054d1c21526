"""Coverage: is there enough pipeline for the target, and if not, how much must be created when.

In: sums of money (minor units of one currency, or fractions of them), past periods, cycles. Out:
coverage, the coverage that is required, and the pipeline to create a week. Guarantee: exact
fractions wherever no chance is involved; nothing is divided by zero: what is met is "covered", and
where nothing is known the answer is None.

Sources: FIELD notes of the project on coverage (both denominators, required coverage as the inverse
of the win rate, money rather than count, new pipeline by its chance to close in time).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

PRIOR_WEIGHT = Fraction(2)
"""A person's win rate counts like so many periods of the team's, before there are own ones."""


class Coverage(NamedTuple):
    """Both ratios of the pipeline that can still be won in the period."""

    of_target: Fraction | None
    """Open qualified pipeline / target; None without a target above 0."""
    of_rest: Fraction | None
    """Open qualified pipeline / (target - won); None where nothing is left to win."""
    covered: bool
    """The target is met, so nothing has to be covered any more."""


def coverage(qualified: Fraction, target: Fraction | None, won: Fraction) -> Coverage:
    """The pipeline against the target, and against what is left of it.

    >>> coverage(Fraction(300), Fraction(200), Fraction(50))
    Coverage(of_target=Fraction(3, 2), of_rest=Fraction(2, 1), covered=False)
    >>> coverage(Fraction(300), Fraction(200), Fraction(210))
    Coverage(of_target=Fraction(3, 2), of_rest=None, covered=True)
    """
    if target is None or target <= 0:
        return Coverage(None, None, covered=target is not None and won >= target)
    rest = target - won
    return Coverage(qualified / target, qualified / rest if rest > 0 else None, rest <= 0)


class Season(NamedTuple):
    """One past period, like the present one (the same month of the quarter, say)."""

    opened: Fraction
    """Money of the qualified pipeline that was open at its start and expected to close in it."""
    won: Fraction
    """Money won within it, whenever that pipeline was created."""


def win_rate(own: Sequence[Season], team: Sequence[Season]) -> Fraction | None:
    """Money won per money open, of the person, shrunk toward the team's.

    Pooled, never a mean of rates. The team's pool stands in with the weight of ``PRIOR_WEIGHT`` of
    the person's usual periods, so that one lucky month is not taken for a skill. None where nobody
    ever had anything open. It may be above 1: what was created and won within the period counts.

    >>> team = [Season(Fraction(1_000), Fraction(250))]
    >>> win_rate([], team)
    Fraction(1, 4)
    >>> win_rate([Season(Fraction(100), Fraction(100))], team)
    Fraction(1, 2)
    """
    opened = sum((one.opened for one in team), Fraction(0))
    won = sum((one.won for one in team), Fraction(0))
    own_opened = sum((one.opened for one in own), Fraction(0))
    own_won = sum((one.won for one in own), Fraction(0))
    if not opened:
        return own_won / own_opened if own_opened else None
    if not own_opened:
        return won / opened
    weight = PRIOR_WEIGHT * own_opened / len(own)
    return (own_won + weight * won / opened) / (own_opened + weight)


def required_coverage(rate: Fraction | None) -> Fraction | None:
    """How many times the rest of the target must be open: 1 / win rate.

    >>> [round(float(required_coverage(Fraction(p, 100))), 1) for p in (33, 22, 12)]
    [3.0, 4.5, 8.3]
    """
    return 1 / rate if rate else None


class Creation(NamedTuple):
    """What to create so that the target can be met."""

    gap: Fraction
    """Pipeline that is missing now: required coverage times what is left to win, less what is."""
    per_week: Fraction | None
    """Qualified pipeline to create in each week that is left; None: no week helps any more."""
    chances: tuple[Fraction, ...]
    """Of what is created in the middle of each such week: the share that closes in time."""


def creation(
    qualified: Fraction, rest: Fraction, rate: Fraction, cycles: Sequence[int], days_left: int
) -> Creation:
    """What is missing, spread over the weeks that are left.

    What is created in a week helps as far as it can still close: the share of ``cycles`` (civil
    days from qualification to win, ascending) that fit into what is then left of the period, not a
    cliff at the median. A week's pipeline is created in its middle. A last week of fewer than seven
    days counts for its days.

    >>> creation(Fraction(100), Fraction(100), Fraction(1, 3), [7, 14, 57, 60], 28).per_week
    Fraction(160, 1)
    """
    gap = max(rest / rate - qualified, Fraction(0))
    chances = tuple(_chances(cycles, days_left))
    reach = sum(chances, Fraction(0))
    if not gap:
        return Creation(gap, Fraction(0), chances)
    return Creation(gap, gap / reach if reach else None, chances)


def _chances(cycles: Sequence[int], days_left: int) -> list[Fraction]:
    """Of each week: the share of cycles that fit behind its middle, by how much of a week it is."""
    weeks = []
    for first in range(0, days_left, 7):
        days = min(7, days_left - first)
        left = days_left - first - (days + 1) // 2
        fitting = bisect_right(cycles, left)
        weeks.append(Fraction(fitting, len(cycles)) * Fraction(days, 7) if cycles else Fraction(0))
    return weeks
