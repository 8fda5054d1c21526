"""The measures that a formula can name, built in and declared, and how each is read.

In: a view of one subject's facts. Out: terms. Guarantee: money is read in the view's currency
alone; the stored names are those of ``docs/metrics.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from kpi import sketch
from kpi.definitions.shapes import COUNT, DURATION, MONEY, Shape, divided, level, number, single
from kpi.definitions.view import Found, Term, View
from schemas.meaning import DeclaredMeasure


@dataclass(frozen=True, slots=True)
class Flow:
    """What came about in the period (or an average of it)."""

    shape: Shape
    stored: tuple[str, ...]
    """Stored measures that are read; one that ends in ``:`` stands for all that begin so."""
    read: Term


@dataclass(frozen=True, slots=True)
class Level:
    """What stands at a moment, by expected close day."""

    shape: Shape
    stored: tuple[str, ...]
    read: Term
    closing: Term
    """The part that is expected to close within the period."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """A distribution: only its quantiles, mean and count are numbers."""

    shape: Shape
    family: str
    """``cycle``: buckets are stored as ``cycle:<bucket>``."""
    total: str = ""
    """The stored sum of what the buckets count; empty where none is stored."""


Measure = Flow | Level | Sketch


def summed(*stored: str) -> Term:
    """The sum of stored measures."""
    if len(stored) == 1:
        (only,) = stored
        return lambda view: view.sums.get(only, 0)
    return lambda view: sum(view.sums.get(one, 0) for one in stored)


def of_family(family: str) -> Term:
    """The sum of all stored measures of a family."""
    return lambda view: sum(view.group(family).values())


def in_currency(family: str) -> Term:
    """Money of a family, in the currency of the KPIs."""
    prefix = f"{family}:"
    return lambda view: view.sums.get(prefix + view.currency, 0)


def quantile_of(one: Sketch, q: float) -> Term:
    """A quantile of a sketch, true to 1 %."""
    family = one.family

    def read(view: View) -> Found:
        found = sketch.quantile(view.buckets(family), q)
        return "no_data" if found is None else found

    return read


def samples_of(one: Sketch) -> Term:
    """How many a sketch has counted."""
    family = one.family
    return lambda view: sum(view.buckets(family).values())


def times(term: Term, factor: Fraction) -> Term:
    """A constant multiple."""
    exact = factor.numerator if factor.denominator == 1 else factor

    def read(view: View) -> Found:
        value = term(view)
        return value if isinstance(value, str) else value * exact

    return read


def _count(stored: str) -> Flow:
    return Flow(COUNT, (stored,), summed(stored))


def _money(family: str) -> Flow:
    return Flow(MONEY, (f"{family}:",), in_currency(family))


def _counted_level(family: str, part: str = "") -> Level:
    return Level(
        level(COUNT),
        (f"{family}:{part}:" if part else f"{family}:",),
        lambda view: view.level(family, part),
        lambda view: view.closing(family, part),
    )


def _money_level(family: str) -> Level:
    return Level(
        level(MONEY),
        (f"{family}:",),
        lambda view: view.level(family, view.currency),
        lambda view: view.closing(family, view.currency),
    )


def _own(one: Flow) -> Flow:
    """Overlay credit: shown to the person, nothing in a team, which has the primary credit."""
    read = one.read
    shape = Shape(one.shape.dimension, one.shape.adds, own=True)
    return Flow(shape, one.stored, lambda view: read(view) if view.person else 0)


def _first_deal(view: View) -> Found:
    days = view.first_deal_days
    return "no_data" if days is None else days * 86_400


BUILT_IN: dict[str, Measure] = {
    "calls": _count("act:call"),
    "emails": _count("act:email"),
    "meetings": _count("act:meeting"),
    "visits": _count("act:visit"),
    "demos": _count("act:demo"),
    "proposals": _count("act:proposal"),
    "one_on_ones": _count("act:one_on_one"),
    "new_customer_visits": _count("visit_new"),
    "follow_ups": _count("follow_up"),
    "created": _count("created"),
    "qualified": _count("built_n"),
    "pipeline_built": _money("built"),
    "won_count": _count("won_n"),
    "won_amount": _money("won"),
    "lost_count": _count("lost_n"),
    "lost_amount": _money("lost"),
    "disqualified": _count("disq_n"),
    "disqualified_amount": _money("disq"),
    "slipped": _count("slip_n"),
    "slipped_amount": _money("slip"),
    "overlay_won_count": _own(_count("ov_won_n")),
    "overlay_won_amount": _own(_money("ov_won")),
    "open_pipeline": _money_level("open"),
    "open_count": _counted_level("open_n"),
    "open_qualified": _money_level("qual"),
    "open_qualified_count": _counted_level("qual_n"),
    "stale_count": _counted_level("stale_n"),
    "stale_amount": _money_level("stale"),
    "open_without_amount": _counted_level("x_open_no_amount"),
    "open_qualified_without_amount": _counted_level("x_qual_no_amount"),
    "cycle": Sketch(single(DURATION), "cycle", "cycle_s"),
    "first_response": Sketch(single(DURATION), "resp"),
    "first_deal": Flow(single(DURATION), (), _first_deal),
}
"""Name in a formula -> measure. Names that are also ids of shipped KPIs mean the same there."""


def declared(id_: str, one: DeclaredMeasure) -> Measure:
    """How a measure that the tenant declares is read; ``id_`` is its id."""
    stored = f"m:{id_}"
    if one.moment == "open":
        return _declared_level(f"g:{id_}", one)
    money = one.of == "amount"
    if one.take == "quantile":
        return Sketch(single(DURATION if one.of == "cycle" else COUNT), stored)
    if one.take == "distinct":
        return Flow(Shape(COUNT.dimension, "flow", own=True), (f"{stored}:",), _distinct(stored))
    if one.take == "count":
        return _count(stored)
    total = _money(stored) if money else _count(stored)
    if one.take == "sum":
        return total
    counted = _count(f"{stored}:n")
    shape = divided(MONEY, COUNT) if money else number(single(COUNT))
    return Flow(shape, (*total.stored, *counted.stored), ratio(total.read, counted.read))


def _declared_level(family: str, one: DeclaredMeasure) -> Level:
    counted = _counted_level(family, "n")
    if one.take == "count":
        return counted
    total = _money_level(family)
    if one.take == "sum":
        return total
    return Level(
        divided(total.shape, counted.shape),
        total.stored,
        ratio(total.read, lambda view: view.level(family, "n") - view.level(family, "x")),
        ratio(total.closing, lambda view: view.closing(family, "n") - view.closing(family, "x")),
    )


def _distinct(stored: str) -> Term:
    """Values that are referred to at least once; each has a reference count."""
    return lambda view: sum(
        1 for value, n in view.group(stored).items() if n > 0 and value.startswith("=")
    )


def ratio(over: Term, under: Term) -> Term:
    """A quotient; no number where the divisor is 0, or either has none."""

    def read(view: View) -> Found:
        top = over(view)
        if isinstance(top, str):
            return top
        bottom = under(view)
        if isinstance(bottom, str):
            return bottom
        if not bottom:
            return "no_denominator"
        return Fraction(top, bottom)

    return read
