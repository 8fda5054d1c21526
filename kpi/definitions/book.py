"""A tenant's KPIs, checked together and ready to be evaluated.

In: definitions and declared measures. Out: a ``Book``. Guarantee: either every definition holds
(names known, no cycle, units as declared), or ``DefinitionError`` names every mistake of all of
them at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from kpi.definitions.binding import Binder, Scope, Typed, is_kpi
from kpi.definitions.checks import mistakes_of
from kpi.definitions.functions import FUNCTIONS
from kpi.definitions.measures import declared
from kpi.definitions.model import Definition, DefinitionError, Kind, Mistake, Unit
from kpi.definitions.shapes import Dimension, Shape, fits, kind_of, spoken, unit_of
from kpi.definitions.syntax import FormulaError, parse
from kpi.definitions.tree import Binary, Call, Name, Negative, Node, Text
from kpi.definitions.view import Term
from kpi.results import NO_REASON, OTHER_REASON
from schemas.meaning import DeclaredMeasure

SELLING = ("call", "email", "meeting", "visit", "demo", "proposal")
"""Kinds of activity that count as selling, where a tenant does not say."""

MAX_TERMS = 1_000
"""Numbers, names and texts of a formula and of all formulas below it. Every one can lengthen the
result by its own digits, so a few KPIs that multiply each other could otherwise fill the memory."""

_TOO_MANY = (
    f"rests on more than {MAX_TERMS:,} numbers and names, with those of the KPIs that it names; "
    "make it simpler"
)
_OF_KPIS = frozenset(("kpi", "target", "attainment", "gap", "weighted"))
_OF_MEASURES = frozenset(("measure", "closing", "quantile", "median", "mean", "samples"))
"""Functions whose names are KPIs, and those whose names are measures."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """One KPI, ready to be evaluated."""

    definition: Definition
    kind: Kind
    dimension: Dimension
    additive: bool
    """Whether people's values sum to their team's and, of a flow, months' to their quarter's."""
    tree: Node
    measures: tuple[str, ...]
    """Stored measures that it reads, through other KPIs too; one that ends in ``:`` is a prefix."""
    needs: tuple[str, ...]
    """KPIs that its own formula names."""
    chain: tuple[str, ...]
    """All KPIs that must be evaluated for it, in order, itself last."""
    read: Term


@dataclass(frozen=True, slots=True)
class Book:
    """All KPIs of a tenant; ``order`` has each after those that it needs."""

    order: tuple[str, ...]
    compiled: Mapping[str, Compiled]


def compile_book(
    definitions: Sequence[Definition],
    measures: Mapping[str, DeclaredMeasure] = {},
    *,
    selling: tuple[str, ...] = SELLING,
    stages: Collection[str] | None = None,
    reasons: Collection[str] | None = None,
    criteria: Collection[str] | None = None,
) -> Book:
    """The book of these KPIs; ``DefinitionError`` with all mistakes, each with its place.

    ``stages``, ``reasons``, ``criteria``: the ids that formulas can name, where they are to be
    checked (when a configuration is written; what is stored may name a stage of former times). The
    reasons ``none`` and ``other`` are always there.
    """
    mistakes = mistakes_of(definitions)
    kpis: dict[str, Definition] = {}
    for one in definitions:
        kpis.setdefault(one.id, one)
    trees = _parsed(kpis, mistakes)
    of = {id_: declared(id_, one) for id_, one in measures.items()}
    known = _known(stages, reasons, criteria)
    scope = Scope(kpis, {}, of, FUNCTIONS, selling, known)
    needs = {id_: references(tree, id_, scope) for id_, tree in trees.items()}
    order = _ordered(tuple(kpis), needs, mistakes)
    compiled: dict[str, Compiled] = {}
    shapes: dict[str, Shape] = {}
    terms: dict[str, int] = {}
    for id_ in order:
        binder = Binder(id_, Scope(kpis, shapes, of, FUNCTIONS, selling, known))
        typed = binder.bind(trees[id_])
        mistakes += [Mistake(id_, "formula", one.position, one.what) for one in binder.mistakes]
        if typed is None or any(need not in compiled for need in needs[id_]):
            continue
        terms[id_] = _leaves(trees[id_]) + sum(
            terms[need] for need, _ in _mentions(trees[id_], id_, scope)
        )
        if terms[id_] > MAX_TERMS:
            mistakes.append(Mistake(id_, "formula", 0, _TOO_MANY))
            continue
        shapes[id_] = typed.shape
        mistakes += _unit_mistakes(kpis[id_], typed)
        compiled[id_] = _compiled(kpis[id_], trees[id_], typed, binder.stored, needs[id_], compiled)
    if mistakes:
        places = {id_: n for n, id_ in enumerate(kpis)}
        raise DefinitionError(sorted(mistakes, key=lambda one: (places[one.kpi], one.position)))
    return Book(tuple(order), compiled)


def _known(
    stages: Collection[str] | None,
    reasons: Collection[str] | None,
    criteria: Collection[str] | None,
) -> dict[str, Collection[str]]:
    every = None if reasons is None else {*reasons, NO_REASON, OTHER_REASON}
    by_function = {
        "entered": stages,
        "converted": stages,
        "disqualified_for": every,
        "unmet": criteria,
    }
    return {function: ids for function, ids in by_function.items() if ids is not None}


def references(node: Node, own: str, scope: Scope) -> dict[str, int]:
    """The KPIs that a formula names, each with the place of its first mention."""
    found: dict[str, int] = {}
    for id_, at in _mentions(node, own, scope):
        found.setdefault(id_, at)
    return found


def _mentions(node: Node, own: str, scope: Scope) -> Iterable[tuple[str, int]]:
    match node:
        case Name():
            if is_kpi(node.id, own, scope):
                yield node.id, node.at
        case Negative():
            yield from _mentions(node.operand, own, scope)
        case Binary():
            yield from _mentions(node.left, own, scope)
            yield from _mentions(node.right, own, scope)
        case Call(function=function) if function in _OF_KPIS:
            named = [Name(name, value.at) for name, value in node.named]
            yield from _ids((*node.arguments, *named), scope)
        case Call(function=function) if function not in _OF_MEASURES:
            for argument in node.arguments:
                yield from _mentions(argument, own, scope)


def _ids(arguments: Iterable[Node], scope: Scope) -> Iterable[tuple[str, int]]:
    """Arguments that are KPIs, by name or in quotes."""
    for argument in arguments:
        match argument:
            case Name(id=id_, at=at) | Text(value=id_, at=at) if id_ in scope.kpis:
                yield id_, at


def _leaves(node: Node) -> int:
    match node:
        case Negative():
            return _leaves(node.operand)
        case Binary():
            return _leaves(node.left) + _leaves(node.right)
        case Call():
            inside = (*node.arguments, *(value for _, value in node.named))
            return max(1, sum(map(_leaves, inside)))
    return 1


def _parsed(kpis: Mapping[str, Definition], mistakes: list[Mistake]) -> dict[str, Node]:
    trees: dict[str, Node] = {}
    for id_, one in kpis.items():
        try:
            trees[id_] = parse(one.formula)
        except FormulaError as error:
            mistakes.append(Mistake(id_, "formula", error.position, error.what))
    return trees


def _ordered(
    ids: Sequence[str], needs: Mapping[str, Mapping[str, int]], mistakes: list[Mistake]
) -> list[str]:
    """Every KPI after those that it needs; those of a cycle, or above one, are left out.

    Without recursion: a chain may be as long as there are KPIs.
    """
    done: dict[str, bool] = {}
    order: list[str] = []
    for start in ids:
        path = [start] if start not in done and start in needs else []
        waiting = [iter(needs[start])] if path else []
        above = set(path)
        while path:
            need = next(waiting[-1], None)
            if need is None:
                waiting.pop()
                last = path.pop()
                above.discard(last)
                if last not in done:
                    done[last] = True
                    order.append(last)
            elif need in above:
                cycle = [*path[path.index(need) :], need]
                at = needs[path[-1]][need]
                mistakes.append(Mistake(path[-1], "formula", at, _circle(cycle)))
                done[path[-1]] = False
            elif need not in done and need in needs:
                path.append(need)
                above.add(need)
                waiting.append(iter(needs[need]))
    return order


def _circle(cycle: Sequence[str]) -> str:
    return f"a KPI cannot rest on itself: {' → '.join(cycle)}; take one of these out"


def _unit_mistakes(one: Definition, typed: Typed) -> list[Mistake]:
    if fits(typed.shape, one.unit) or one.unit not in get_args(Unit):
        return []
    derived = unit_of(typed.shape)
    if derived is None:
        what = f"the formula gives {spoken(typed.shape)}, which is no unit; divide or multiply it"
        return [Mistake(one.id, "formula", 0, what)]
    what = f"declared as {one.unit}, but the formula gives {derived}; write unit: {derived}"
    return [Mistake(one.id, "unit", 0, what)]


def _compiled(
    one: Definition,
    tree: Node,
    typed: Typed,
    stored: set[str],
    needs: Mapping[str, int],
    before: Mapping[str, Compiled],
) -> Compiled:
    below = [before[need] for need in needs]
    chain = dict.fromkeys(id_ for each in below for id_ in each.chain)
    return Compiled(
        definition=one,
        kind=kind_of(typed.shape),
        dimension=typed.shape.dimension,
        additive=typed.shape.additive,
        tree=tree,
        measures=tuple(sorted(stored.union(*(each.measures for each in below)))),
        needs=tuple(needs),
        chain=(*chain, one.id),
        read=typed.read,
    )
