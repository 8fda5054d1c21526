"""The tree of a formula, and the tree as text again.

In: nodes, from ``syntax.parse``. Out: the shortest text with the same tree. Guarantee:
``parse(show(tree)) == tree``; where a node stood in the text (``at``) is no part of equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

Operator = Literal["+", "-", "*", "/"]

_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2}
_SIGN = 3
_ATOM = 4


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number, exactly; never negative."""

    value: Fraction
    at: int = field(compare=False, default=0)
    """1-based character of the formula at which the node begins; the same in every node."""


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text: the id of a stage, a reason, a kind of activity, a KPI."""

    value: str
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Name:
    """A measure or a KPI."""

    id: str
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus its operand."""

    operand: Node
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands; ``at`` is the operator's own place."""

    operator: Operator
    left: Node
    right: Node
    at: int = field(compare=False, default=0)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the language, its arguments in order, then the named ones."""

    function: str
    arguments: tuple[Node, ...] = ()
    named: tuple[tuple[str, Node], ...] = ()
    at: int = field(compare=False, default=0)


Node = Number | Text | Name | Negative | Binary | Call


def show(node: Node) -> str:
    """The node as text, with no more brackets than it needs.

    >>> show(Binary("*", Number(Fraction(1, 2)), Binary("+", Name("calls"), Name("emails"))))
    '0.5 * (calls + emails)'
    """
    return _show(node, 0)


def quoted(text: str) -> str:
    r"""A text between double quotes, with backslashes before ``"`` and ``\``."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _show(node: Node, around: int) -> str:
    """Bracketed where it binds less than what stands around it."""
    text, binds = _parts(node)
    return f"({text})" if binds < around else text


def _parts(node: Node) -> tuple[str, int]:
    match node:
        case Binary():
            binds = _BINDS[node.operator]
            left, right = _show(node.left, binds), _show(node.right, binds + 1)
            return f"{left} {node.operator} {right}", binds
        case Negative():
            return f"-{_show(node.operand, _SIGN)}", _SIGN
        case Call():
            named = [f"{name}={_show(value, 0)}" for name, value in node.named]
            inside = ", ".join([*(_show(one, 0) for one in node.arguments), *named])
            return f"{node.function}({inside})", _ATOM
        case Number():
            return decimal(node.value), _ATOM
        case Text():
            return quoted(node.value), _ATOM
        case Name():
            return node.id, _ATOM


def decimal(value: Fraction) -> str:
    """A fraction that is a decimal number, as one.

    >>> decimal(Fraction(3)), decimal(Fraction(1, 40))
    ('3', '0.025')
    """
    places = 0
    while value.denominator != 1:
        value, places = value * 10, places + 1
    digits = str(value.numerator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits
