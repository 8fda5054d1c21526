"""From a tree to a closure: names are looked up, units checked, and what adds up is found out.

In: a tree, and a ``Scope`` of what can be named. Out: ``Typed``, a shape and a term that reads a
``View``; or mistakes with their places. Guarantee: one walk finds all mistakes of a formula; a
part that depends on a wrong part is not complained about again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from kpi.definitions.measures import BUILT_IN, Measure, Sketch, ratio
from kpi.definitions.model import Definition
from kpi.definitions.shapes import CONSTANT, Shape, added, divided, multiplied, spoken
from kpi.definitions.tree import Binary, Call, Name, Negative, Node, Number, Text, quoted
from kpi.definitions.view import Found, Term, View

_LONGEST_GUESS = 64
_GUESSES = 10
"""In one formula: to look for what is near takes time."""


class Typed(NamedTuple):
    """A part of a formula that makes sense."""

    shape: Shape
    read: Term


Bind = Callable[["Binder", Call], Typed | None]


class Function(NamedTuple):
    """A function of the language: how it is written, and how a call of it is bound."""

    usage: str
    bind: Bind


class Wrong(ValueError):
    """A part of a formula that makes no sense: where (1-based), and what to do."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(what)
        self.position = position
        self.what = what


def usage_of(binder: Binder, call: Call) -> Wrong:
    """The mistake of a call that is not written as it should be."""
    return Wrong(
        call.at, f"{call.function} is written {binder.scope.functions[call.function].usage}"
    )


@dataclass(frozen=True, slots=True)
class Scope:
    """What a formula can name."""

    kpis: Mapping[str, Definition]
    shapes: Mapping[str, Shape]
    """Of the KPIs bound so far; one that is absent is wrong itself."""
    declared: Mapping[str, Measure]
    functions: Mapping[str, Function]
    selling: tuple[str, ...]
    """Kinds of activity that count as selling."""
    known: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Function -> the ids that it can name; one that is absent takes any text."""


def measure_of(id_: str, declared: Mapping[str, Measure]) -> Measure | None:
    """The measure of a bare name: a built-in one goes before one that the tenant declares."""
    return BUILT_IN.get(id_) or declared.get(id_)


def is_kpi(id_: str, own: str, scope: Scope) -> bool:
    """Whether a bare name is a KPI: in its own formula a KPI's name is the measure of that name."""
    return id_ in scope.kpis and (id_ != own or measure_of(id_, scope.declared) is None)


class Binder:
    """The walk over one formula."""

    def __init__(self, own: str, scope: Scope) -> None:
        self.own = own
        self.scope = scope
        self.mistakes: list[Wrong] = []
        self.stored: set[str] = set()
        """Stored measures that the formula reads; one that ends in ``:`` is a prefix."""

    def bind(self, node: Node) -> Typed | None:
        """The node's shape and term; None after a mistake was noted."""
        try:
            return self._bind(node)
        except Wrong as wrong:
            self.mistakes.append(wrong)
            return None

    def _bind(self, node: Node) -> Typed | None:
        match node:
            case Number():
                value = node.value.numerator if node.value.denominator == 1 else node.value
                return Typed(CONSTANT, lambda _view: value)
            case Name():
                return self.name(node)
            case Negative():
                operand = self.bind(node.operand)
                return None if operand is None else Typed(operand.shape, _negative(operand.read))
            case Binary():
                return self.binary(node)
            case Call():
                return self.call(node)
            case Text():
                what = f"a quoted text is no number; for a KPI write kpi({quoted(node.value)})"
                raise Wrong(node.at, what)

    def suggestion(self, word: str, known: Iterable[str]) -> str:
        """``; did you mean "won_count"?``; nothing where nothing is near, or most is wrong."""
        if len(self.mistakes) >= _GUESSES:
            return ""
        near = get_close_matches(word[:_LONGEST_GUESS], list(known), n=1, cutoff=0.6)
        return f'; did you mean "{near[0]}"?' if near else ""

    def name(self, node: Name) -> Typed | None:
        """A measure or a KPI by its bare name."""
        if is_kpi(node.id, self.own, self.scope):
            return self.kpi(node.id)
        measure = measure_of(node.id, self.scope.declared)
        if measure is not None:
            return self.measure(measure, node.id, node.at)
        if node.id in self.scope.functions:
            raise Wrong(
                node.at, f"{node.id} is a function; write {self.scope.functions[node.id].usage}"
            )
        guess = self.suggestion(
            node.id, [*BUILT_IN, *self.scope.declared, *self.scope.kpis, *self.scope.functions]
        )
        raise Wrong(node.at, f'unknown name "{node.id}"{guess or "; see docs/metrics.md"}')

    def kpi(self, id_: str) -> Typed | None:
        """Another KPI's value; it is computed before this one."""
        shape = self.scope.shapes.get(id_)
        return None if shape is None else Typed(shape, lambda view: view.values[id_])

    def measure(self, one: Measure, name: str, at: int) -> Typed:
        """A measure as a number."""
        if isinstance(one, Sketch):
            raise Wrong(
                at, f"{name} is a distribution; write median({name}), quantile({name}, 0.9) or mean"
            )
        self.stored.update(one.stored)
        return Typed(one.shape, one.read)

    def binary(self, node: Binary) -> Typed | None:
        """Two operands and the sign between them."""
        left, right = self.bind(node.left), self.bind(node.right)
        if left is None or right is None:
            return None
        read = _ARITHMETIC[node.operator](left.read, right.read)
        if node.operator == "*":
            return Typed(multiplied(left.shape, right.shape), read)
        if node.operator == "/":
            if isinstance(node.right, Number) and not node.right.value:
                raise Wrong(node.at, "this always divides by zero; divide by something else")
            return Typed(divided(left.shape, right.shape), read)
        shape = added(left.shape, right.shape)
        if shape is None:
            raise Wrong(node.at, _unlike(node.operator, left.shape, right.shape))
        return Typed(shape, read)

    def call(self, node: Call) -> Typed | None:
        """A function of the language."""
        known = self.scope.functions.get(node.function)
        if known is not None:
            return known.bind(self, node)
        if measure_of(node.function, self.scope.declared) or node.function in self.scope.kpis:
            raise Wrong(node.at, f"{node.function} is no function; leave out the brackets")
        guess = self.suggestion(node.function, [*self.scope.functions, *BUILT_IN])
        known_ones = f"; known: {', '.join(sorted(self.scope.functions))}"
        raise Wrong(node.at, f'unknown function "{node.function}"{guess or known_ones}')


def _sum(left: Term, right: Term) -> Term:
    def read(view: View) -> Found:
        a, b = left(view), right(view)
        if isinstance(a, str):
            return a
        return b if isinstance(b, str) else a + b

    return read


def _difference(left: Term, right: Term) -> Term:
    def read(view: View) -> Found:
        a, b = left(view), right(view)
        if isinstance(a, str):
            return a
        return b if isinstance(b, str) else a - b

    return read


def _product(left: Term, right: Term) -> Term:
    def read(view: View) -> Found:
        a, b = left(view), right(view)
        if isinstance(a, str):
            return a
        return b if isinstance(b, str) else a * b

    return read


def _negative(operand: Term) -> Term:
    def read(view: View) -> Found:
        a = operand(view)
        return a if isinstance(a, str) else -a

    return read


_ARITHMETIC: dict[str, Callable[[Term, Term], Term]] = {
    "+": _sum,
    "-": _difference,
    "*": _product,
    "/": ratio,
}


def _unlike(sign: str, left: Shape, right: Shape) -> str:
    verb = "added to" if sign == "+" else "subtracted from"
    first, second = (left, right) if sign == "+" else (right, left)
    return (
        f"{spoken(first)} cannot be {verb} {spoken(second)}; both sides must measure the same "
        "thing (divide money by money, or a count by a count, to compare them)"
    )
