"""Numbers at the edge: exact values become what JSON can say.

In: integers and fractions of the domain. Out: integers or floats. Guarantee: nothing is computed
with the result; money is whole minor units, durations whole seconds (half to even), counts stay
integers where they are whole, ratios are floats.
"""

from __future__ import annotations

from fractions import Fraction

from paceline.progress.answers.kpis import Number, Unit


def number(value: Fraction | int | None, unit: Unit) -> Number | None:
    """A value of a unit; None stays None.

    >>> number(Fraction(9, 5), "count"), number(Fraction(8), "count"), number(Fraction(1), "ratio")
    (1.8, 8, 1.0)
    >>> number(Fraction(803571429, 1000), "money")
    803571
    """
    return None if value is None else said(value, unit)


def said(value: Fraction | int, unit: Unit) -> Number:
    """A value that is there."""
    if unit in {"money", "duration"}:
        return round(value)
    if unit == "count" and value == int(value):
        return int(value)
    return float(value)


def share(value: Fraction | int | None) -> float | None:
    """A ratio of two values of any unit."""
    return None if value is None else float(value)
