"""How much of a target is reached, what is missing, and the weighted score of several.

In: values and targets in the same stored unit. Out: exact fractions (1 = the target), or why there
are none. Guarantee: no division by zero, and no value that is infinite: a KPI of which less is
better cannot outweigh the rest of a score because it stands at 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from kpi.definitions.model import Definition, Direction
from kpi.definitions.view import Found, Term, View

BEST_OF_LOWER = 2
"""Where lower is better, half of the target or less is 200 %, and no more."""


def attainment(
    actual: Fraction | int, target: Fraction | int, direction: Direction = "higher"
) -> Fraction | None:
    """Actual over target; where lower is better target over actual, at most 2.

    None for a target of 0 where higher is better (everything and nothing reach it), and for a
    negative one. Where lower is better a target of 0 is reached by 0 alone.

    >>> attainment(75, 100), attainment(10, 8, "lower"), attainment(0, 8, "lower")
    (Fraction(3, 4), Fraction(4, 5), Fraction(2, 1))
    """
    if direction == "higher":
        return Fraction(actual, target) if target > 0 else None
    if target < 0:
        return None
    if actual <= 0:
        return Fraction(BEST_OF_LOWER if target else 1)
    return min(Fraction(target, actual), Fraction(BEST_OF_LOWER))


def attained(one: Definition) -> Term:
    """The attainment of a KPI's target."""
    id_, direction = one.id, one.direction

    def read(view: View) -> Found:
        target = view.targets.get(id_)
        if target is None:
            return "no_target"
        actual = view.values[id_]
        if isinstance(actual, str):
            return actual
        found = attainment(actual, target, direction)
        return "no_denominator" if found is None else found

    return read


def missing(id_: str) -> Term:
    """Target less value, while that is above 0; else the target is covered."""

    def read(view: View) -> Found:
        target = view.targets.get(id_)
        if target is None:
            return "no_target"
        actual = view.values[id_]
        if isinstance(actual, str):
            return actual
        return target - actual if target > actual else "covered"

    return read


def weighted(weights: Mapping[Term, Fraction]) -> Term:
    """The weighted mean of attainments.

    One without a value or a target (or with a target of 0, as in the first month of a ramp) is left
    out and the other weights count for more: nobody is marked down for what was not asked of them.
    """

    def read(view: View) -> Found:
        total = of = Fraction(0)
        for term, weight in weights.items():
            value = term(view)
            if not isinstance(value, str):
                total += weight * value
                of += weight
        return total / of if of else "no_target"

    return read
