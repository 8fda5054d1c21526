"""The functions of the language, by name.

In: a call in a formula. Out: its shape and term; ``Wrong`` shows how it is written. Guarantee:
arguments are measures, KPIs or texts where the function wants them, never values made up at run
time, so what a KPI reads is known when it is compiled.
"""

from __future__ import annotations

from fractions import Fraction

from kpi.definitions import of_kpis, of_measures
from kpi.definitions.binding import Bind, Binder, Function, Typed, Wrong, usage_of
from kpi.definitions.measures import times
from kpi.definitions.shapes import DURATION, Shape, chosen, number, spoken
from kpi.definitions.tree import Call
from kpi.definitions.view import Found, Term, View

_HOUR, _DAY = 3_600, 86_400


def _extreme(binder: Binder, call: Call) -> Typed | None:
    least = 2
    if len(call.arguments) < least or call.named:
        raise usage_of(binder, call)
    bound = [binder.bind(argument) for argument in call.arguments]
    known = [one for one in bound if one is not None]
    if len(known) < len(bound):
        return None
    shape: Shape = known[0].shape
    for argument, one in zip(call.arguments[1:], known[1:], strict=True):
        both = chosen(shape, one.shape)
        if both is None:
            raise Wrong(
                argument.at,
                f"{spoken(one.shape)} cannot be compared with {spoken(shape)}; "
                f"all that {call.function}() takes must measure the same thing",
            )
        shape = both
    return Typed(shape, _choose(call.function, [one.read for one in known]))


def _choose(function: str, terms: list[Term]) -> Term:
    pick = min if function == "min" else max

    def read(view: View) -> Found:
        values: list[int | Fraction] = []
        for term in terms:
            value = term(view)
            if isinstance(value, str):
                return value
            values.append(value)
        return pick(values)

    return read


def _spans(seconds: int) -> Bind:
    """A function that makes a bare number of a duration."""

    def bind(binder: Binder, call: Call) -> Typed | None:
        if len(call.arguments) != 1 or call.named:
            raise usage_of(binder, call)
        found = binder.bind(call.arguments[0])
        if found is None:
            return None
        if found.shape.dimension != DURATION.dimension:
            raise Wrong(
                call.arguments[0].at,
                f"{spoken(found.shape)} is no duration; {call.function}() takes one such as "
                "median(cycle)",
            )
        return Typed(number(found.shape), times(found.read, Fraction(1, seconds)))

    return bind


FUNCTIONS: dict[str, Function] = {
    "activities": Function(
        'activities("call", …), or activities() for all', of_measures.activities
    ),
    "minutes": Function('minutes("call", …), or minutes()', of_measures.minutes),
    "selling_activities": Function("selling_activities()", of_measures.selling),
    "selling_minutes": Function("selling_minutes()", of_measures.selling_minutes),
    "entered": Function('entered("stage id")', of_measures.named("stage")),
    "converted": Function('converted("stage id")', of_measures.named("conv")),
    "disqualified_for": Function('disqualified_for("reason id")', of_measures.named("disq_for")),
    "unmet": Function('unmet("criterion id")', of_measures.named("unmet")),
    "incomplete": Function('incomplete("won_no_amount")', of_measures.incomplete),
    "measure": Function('measure("id of a measure")', of_measures.measure),
    "closing": Function("closing(open_qualified)", of_measures.closing),
    "quantile": Function(
        "quantile(cycle, 0.9), with a number above 0 and up to 1", of_measures.quantile
    ),
    "median": Function("median(cycle)", of_measures.median),
    "mean": Function("mean(cycle)", of_measures.mean),
    "samples": Function("samples(cycle)", of_measures.samples),
    "kpi": Function('kpi("id of a KPI")', of_kpis.kpi),
    "target": Function("target(won_amount)", of_kpis.target),
    "attainment": Function("attainment(won_amount)", of_kpis.attainment),
    "gap": Function("gap(won_amount)", of_kpis.gap),
    "weighted": Function("weighted(won_amount=50, meetings=20)", of_kpis.weighted),
    "min": Function("min(calls, emails)", _extreme),
    "max": Function("max(calls, emails)", _extreme),
    "days": Function("days(median(cycle))", _spans(_DAY)),
    "hours": Function('hours(minutes("call"))', _spans(_HOUR)),
}
"""Name -> function. What each one means is said in ``docs/metrics.md``."""
