"""A target that was reached before: a percentile of what periods of its own length brought.

In: weekly sums (or the values of past periods). Out: a value, and what it rests on. Guarantee: the
value was reached in at least one window. A weekly 80th percentile times four is not the 80th
percentile of months: weeks that are good do not come four in a row, and it is reached about one
month in twenty, where that of four weeks together is reached about one in five (FIELD, "Targets").
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Literal

import msgspec

USUAL = 80
LOOK_BACK_WEEKS = 12
ENOUGH = 4
"""Windows from which a suggestion is more than an anecdote."""

WEEKS = {"week": 1, "month": 4, "quarter": 12}
"""The window for a period; a quarter has but one within the twelve weeks, and says so."""


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A value and its basis: how many windows, how long, and what they brought.

    `value` is that of the window at the percentile times `scale` (workdays of the period over those
    of a window); `lowest`, `median` and `highest` are of the windows as they were. `enough` is
    false below four windows. `left_out` windows had a week without the person.
    """

    value: Fraction
    percentile: int
    windows: int
    window_weeks: int
    left_out: int
    scale: Fraction
    lowest: Fraction
    median: Fraction
    highest: Fraction

    @property
    def enough(self) -> bool:
        """Whether there are windows enough to trust it."""
        return self.windows >= ENOUGH


def suggest(
    weekly: Sequence[Fraction | int | None],
    window_weeks: int,
    *,
    percentile: int = USUAL,
    direction: Literal["higher", "lower"] = "higher",
    scale: Fraction | int = 1,
) -> Suggestion | None:
    """From weekly sums, the oldest first, None for a week away; rolling windows of that length.

    None where no window is whole. The caller cuts the series to the last twelve weeks. For a KPI
    that does not add up use `suggest_of` with its values.
    """
    sums = [
        None if None in window else sum((Fraction(week or 0) for week in window), Fraction(0))
        for start in range(len(weekly) - window_weeks + 1)
        for window in [weekly[start : start + window_weeks]]
    ]
    return suggest_of(sums, window_weeks, percentile=percentile, direction=direction, scale=scale)


def suggest_of(
    values: Sequence[Fraction | None],
    window_weeks: int,
    *,
    percentile: int = USUAL,
    direction: Literal["higher", "lower"] = "higher",
    scale: Fraction | int = 1,
) -> Suggestion | None:
    """From the values of past periods. Where lower is better the percentile counts from below."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    rank = percentile if direction == "higher" else 100 - percentile
    return Suggestion(
        value=at_percentile(known, rank) * scale,
        percentile=percentile,
        windows=len(known),
        window_weeks=window_weeks,
        left_out=len(values) - len(known),
        scale=Fraction(scale),
        lowest=known[0],
        median=at_percentile(known, 50),
        highest=known[-1],
    )


def at_percentile(ordered: Sequence[Fraction], percentile: int) -> Fraction:
    """By nearest rank: the least value that so many per cent do not exceed.

    >>> at_percentile([Fraction(n) for n in range(1, 11)], 80)
    Fraction(8, 1)
    """
    return ordered[max(0, ceil(Fraction(percentile * len(ordered), 100)) - 1)]
