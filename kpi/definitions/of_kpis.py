"""The functions of the language that read other KPIs and their targets.

In: a call in a formula. Out: its shape and term; ``Wrong`` shows how it is written. Guarantee: a
KPI that is named is evaluated before this one.
"""

from __future__ import annotations

from fractions import Fraction

from kpi.definitions.attainment import attained, missing
from kpi.definitions.attainment import weighted as weighted_of
from kpi.definitions.binding import Binder, Typed, Wrong, usage_of
from kpi.definitions.shapes import RATIO, Shape, single
from kpi.definitions.tree import Call, Name, Node, Number, Text
from kpi.definitions.view import Found, View

_MOST_WEIGHT = 1_000_000


def _kpi_named(binder: Binder, call: Call, node: Node) -> str:
    """The id of the KPI that an argument names."""
    match node:
        case Name(id=id_) | Text(value=id_):
            if id_ in binder.scope.kpis:
                return id_
            guess = binder.suggestion(id_, binder.scope.kpis) or "; see docs/metrics.md"
            raise Wrong(node.at, f'unknown KPI "{id_}"{guess}')
    raise usage_of(binder, call)


def _one_kpi(binder: Binder, call: Call) -> tuple[str, Shape] | None:
    """The KPI that is the one argument; None where it is wrong itself."""
    if len(call.arguments) != 1 or call.named:
        raise usage_of(binder, call)
    id_ = _kpi_named(binder, call, call.arguments[0])
    shape = binder.scope.shapes.get(id_)
    return None if shape is None else (id_, shape)


def kpi(binder: Binder, call: Call) -> Typed | None:
    """The value of a KPI, whatever its id."""
    found = _one_kpi(binder, call)
    return None if found is None else binder.kpi(found[0])


def target(binder: Binder, call: Call) -> Typed | None:
    """The target of a KPI, of what the KPI measures."""
    found = _one_kpi(binder, call)
    if found is None:
        return None
    id_, shape = found

    def read(view: View) -> Found:
        target = view.targets.get(id_)
        return "no_target" if target is None else target

    return Typed(single(shape), read)


def attainment(binder: Binder, call: Call) -> Typed | None:
    """The attainment of a KPI's target."""
    found = _one_kpi(binder, call)
    return None if found is None else Typed(RATIO, attained(binder.scope.kpis[found[0]]))


def gap(binder: Binder, call: Call) -> Typed | None:
    """What is missing to a KPI's target; "covered" when nothing is."""
    found = _one_kpi(binder, call)
    if found is None:
        return None
    id_, shape = found
    if binder.scope.kpis[id_].direction == "lower":
        raise Wrong(
            call.at, f"nothing is missing to {id_}, where lower is better; write attainment({id_})"
        )
    return Typed(single(shape), missing(id_))


def weighted(binder: Binder, call: Call) -> Typed | None:
    """Weights by name, and for ids that are no names as pairs: ``"conversion:demo", 20``."""
    pairs: list[tuple[Node, Node]] = list(
        zip(call.arguments[::2], call.arguments[1::2], strict=False)
    )
    pairs += [(Name(name, weight.at), weight) for name, weight in call.named]
    if len(call.arguments) % 2 or not pairs:
        raise usage_of(binder, call)
    weights: dict[str, Fraction] = {}
    for named, weight in pairs:
        try:
            _add_weight(binder, call, named, weight, weights)
        except Wrong as wrong:
            binder.mistakes.append(wrong)
    if len(weights) < len(pairs) or not weights.keys() <= binder.scope.shapes.keys():
        return None
    kpis = binder.scope.kpis
    return Typed(RATIO, weighted_of({attained(kpis[id_]): of for id_, of in weights.items()}))


def _add_weight(
    binder: Binder, call: Call, named: Node, weight: Node, weights: dict[str, Fraction]
) -> None:
    id_ = _kpi_named(binder, call, named)
    if not isinstance(weight, Number) or not 0 < weight.value <= _MOST_WEIGHT:
        raise Wrong(weight.at, "a weight is a number above 0, such as 30")
    if id_ in weights:
        raise Wrong(named.at, f"{id_} has two weights; remove one")
    weights[id_] = weight.value
