"""Accuracy of forecasts over several periods: pooled, never a mean of accuracies.

In: what was forecast and what came true. Out: WAPE and bias. Guarantee: exact; undefined (None)
where nothing came true, never infinite.

Sources: WAPE = sum |actual - forecast| / sum actual, bias = sum (forecast - actual) / sum actual,
as in the FIELD notes of the project; one period's accuracy = max(0, 1 - |actual - forecast| /
actual).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple


class Pair(NamedTuple):
    """One period of one person: the forecast as it stood at the stated moment, and the outcome."""

    forecast: Fraction
    actual: Fraction


class Accuracy(NamedTuple):
    """Over all pairs. ``bias`` above 0: too much was promised."""

    pairs: int
    wape: Fraction | None
    bias: Fraction | None


def accuracy(pairs: Iterable[Pair]) -> Accuracy:
    """WAPE and bias of a person's, a team's or a method's forecasts.

    >>> accuracy([Pair(Fraction(90), Fraction(100)), Pair(Fraction(40), Fraction(20))])
    Accuracy(pairs=2, wape=Fraction(1, 4), bias=Fraction(1, 12))
    >>> accuracy([Pair(Fraction(90), Fraction(0))]).wape is None
    True
    """
    known = list(pairs)
    actual = sum((one.actual for one in known), Fraction(0))
    if actual <= 0:
        return Accuracy(len(known), None, None)
    off = sum((abs(one.forecast - one.actual) for one in known), Fraction(0))
    over = sum((one.forecast - one.actual for one in known), Fraction(0))
    return Accuracy(len(known), off / actual, over / actual)


def of_one(pair: Pair) -> Fraction | None:
    """One period's accuracy, 0 to 1; None where nothing came true.

    >>> of_one(Pair(Fraction(80), Fraction(100)))
    Fraction(4, 5)
    """
    if pair.actual <= 0:
        return None
    return max(Fraction(0), 1 - abs(pair.actual - pair.forecast) / pair.actual)
