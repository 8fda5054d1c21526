"""What a part of a formula measures: its dimension, and whether it adds up.

In: shapes of operands. Out: the shape of the result, or ``None`` where the operation makes no
sense. Guarantee: money and counts are never added; whether a KPI has a pace, and whether it may be
summed over people, follows from its formula and is never declared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from kpi.definitions.model import Kind, Unit


class Dimension(NamedTuple):
    """Exponents: money per deal is ``money=1, counted=-1``; a ratio has none."""

    money: int = 0
    time: int = 0
    counted: int = 0


Adds = Literal["constant", "flow", "level", "no"]
"""How values of two subjects or periods go together. ``flow``: within a period it only comes about
by adding, so it has a pace; ``level``: it stands at a moment; ``no``: not by adding."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A dimension, how it adds up, and two exceptions."""

    dimension: Dimension
    adds: Adds = "no"
    free: bool = False
    """A bare number (or a number of days): it fits counts and ratios alike."""
    own: bool = False
    """Each subject's own: it grows like a flow, but sums over people would count twice."""

    @property
    def additive(self) -> bool:
        """Whether the values of people sum to that of their team."""
        return self.adds in ("flow", "level") and not self.own


RATIO = Shape(Dimension())
CONSTANT = Shape(Dimension(), "constant", free=True)
COUNT = Shape(Dimension(counted=1), "flow")
MONEY = Shape(Dimension(money=1), "flow")
DURATION = Shape(Dimension(time=1), "flow")


def level(shape: Shape) -> Shape:
    """The same, standing at a moment."""
    return replace(shape, adds="level")


def single(shape: Shape) -> Shape:
    """The same, not by adding: an average, a quantile, a target."""
    return replace(shape, adds="no", own=False)


def number(shape: Shape) -> Shape:
    """A bare number of it, such as days of a duration."""
    return replace(shape, dimension=Dimension(), free=True)


def added(a: Shape, b: Shape) -> Shape | None:
    """The shape of a sum or difference; None where the two are not of one dimension."""
    dimension = _common(a, b)
    if dimension is None:
        return None
    adds: Adds = a.adds if a.adds == b.adds else "no"
    return Shape(dimension, adds, free=a.free and b.free, own=a.own or b.own)


def chosen(a: Shape, b: Shape) -> Shape | None:
    """The shape of the larger or smaller of two: of the same dimension, and never additive."""
    both = added(a, b)
    return both if both is None or both.adds == "constant" else single(both)


def multiplied(a: Shape, b: Shape) -> Shape:
    """The shape of a product: a constant multiple still adds up."""
    dimension = Dimension(
        *(one + other for one, other in zip(a.dimension, b.dimension, strict=True))
    )
    return _scaled(dimension, a, b)


def divided(a: Shape, b: Shape) -> Shape:
    """The shape of a quotient: over a constant it still adds up."""
    dimension = Dimension(
        *(one - other for one, other in zip(a.dimension, b.dimension, strict=True))
    )
    if b.adds != "constant":
        return Shape(dimension, free=a.free and b.free)
    return _scaled(dimension, a, b)


def unit_of(shape: Shape) -> Unit | None:
    """The unit of a result; None where it has none that could be shown.

    >>> [unit_of(divided(a, b)) for a, b in ((MONEY, COUNT), (MONEY, MONEY), (COUNT, MONEY))]
    ['money', 'ratio', None]
    """
    return _UNITS.get(shape.dimension)


def fits(shape: Shape, unit: Unit) -> bool:
    """Whether a result may be declared as of this unit."""
    return unit_of(shape) == unit or (shape.free and unit == "count")


def kind_of(shape: Shape) -> Kind:
    """How the result behaves: see ``model.Kind``."""
    if shape.adds == "flow":
        return "flow"
    if shape.adds == "level":
        return "level"
    return "duration" if unit_of(shape) == "duration" else "ratio"


def spoken(shape: Shape) -> str:
    """The dimension in words.

    >>> spoken(MONEY), spoken(divided(COUNT, MONEY)), spoken(CONSTANT)
    ('money', 'count / money', 'a bare number')
    """
    if shape.free:
        return "a bare number"
    over = [_power(name, n) for name, n in shape.dimension._asdict().items() if n > 0]
    under = [_power(name, -n) for name, n in shape.dimension._asdict().items() if n < 0]
    if not over and not under:
        return "a ratio"
    return " / ".join([" * ".join(over) or "1", *under])


_UNITS: dict[Dimension, Unit] = {
    Dimension(): "ratio",
    Dimension(counted=1): "count",
    Dimension(money=1): "money",
    Dimension(money=1, counted=-1): "money",
    Dimension(time=1): "duration",
    Dimension(time=1, counted=-1): "duration",
}


def _power(name: str, exponent: int) -> str:
    named = {"time": "duration", "counted": "count"}.get(name, name)
    return named if exponent == 1 else f"{named}^{exponent}"


def _scaled(dimension: Dimension, a: Shape, b: Shape) -> Shape:
    """A product or quotient of a and b, of which at most one is no constant if it adds up."""
    free = a.free and b.free
    if a.adds == "constant":
        return Shape(dimension, b.adds, free=free, own=b.own)
    if b.adds == "constant":
        return Shape(dimension, a.adds, free=free, own=a.own)
    return Shape(dimension, free=free)


def _common(a: Shape, b: Shape) -> Dimension | None:
    if a.dimension == b.dimension:
        return a.dimension
    for one, other in ((a, b), (b, a)):
        if one.free and other.dimension == Dimension(counted=1):
            return other.dimension
    return None
