"""The language of formulas: text in, tree out.

In: a formula as its author wrote it. Out: a ``tree.Node``, or ``FormulaError`` with what is wrong,
at which character, and how to put it right. Guarantee: any text gives one or the other, soon: the
text is cut into words first, nothing but the language's own words gets through, and only those
reach the parser of Python's ``ast``; its tree is then rebuilt from a whitelist. Nothing is ever
evaluated as Python. Positions count characters, Chinese ones like any other.
"""

from __future__ import annotations

import ast
import keyword
import re
from fractions import Fraction
from typing import NamedTuple

from kpi.definitions.tree import Binary, Call, Name, Negative, Node, Number, Operator, Text

MAX_LENGTH = 2_000
MAX_DEPTH = 40
"""Of brackets, and of the tree: ``a + b + c`` is two deep."""
MAX_DIGITS = 15
MAX_TEXT = 200

_WORD = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<number>[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?|\.[0-9]+)
    |(?P<name>[^\W\d]\w*)
    |(?P<text>"(?:[^"\\\r\n]|\\["'\\])*"|'(?:[^'\\\r\n]|\\["'\\])*')
    |(?P<sign>\*\*|//|[-+*/(),=])""",
    re.VERBOSE,
)

_INSTEAD = {
    "**": "there are no powers; multiply",
    "//": "write / for a division",
    "×": "write *",
    "÷": "write /",
    "·": "write *",
    "−": "write - (the plain hyphen)",
    "–": "write - (the plain hyphen)",
    "，": "write a plain comma",
    "、": "write a plain comma",
    "\u3000": "write a plain space",
    "\u00a0": "write a plain space",
    "“": 'write plain quotes: "…"',
    "”": 'write plain quotes: "…"',
    "「": 'write plain quotes: "…"',
    "」": 'write plain quotes: "…"',
    "%": "there is no remainder, and a per cent is a number: 0.2 for 20 %",
    ".": 'nothing has attributes; a name with other characters is written measure("…") or kpi("…")',
    "[": "nothing has elements; round brackets group",
    "]": "nothing has elements; round brackets group",
    "{": "round brackets group",
    "}": "round brackets group",
    "#": "a formula has no comments; the sentences of the definition explain it",
    '"': "the quotes are not closed on this line, or hold a backslash before another character",
    "'": "the quotes are not closed on this line, or hold a backslash before another character",
    "\\": 'a backslash stands only in quotes, before \\, " or another quote',
}
_HAS = "; it has numbers, names, + - * / and functions"
_OPERATORS: dict[type[ast.operator], Operator] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}


class FormulaError(ValueError):
    """A text that is no formula: what is wrong, and at which character (1-based; 0: all of it)."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(what)
        self.position = position
        self.what = what


class _Word(NamedTuple):
    kind: str
    text: str
    at: int


_START = _Word("sign", "(", 0)


def parse(formula: str) -> Node:
    """The tree of a formula; ``FormulaError`` for a text that is none.

    >>> parse("won_amount / won_count")
    Binary(operator='/', left=Name(id='won_amount', at=1), right=Name(id='won_count', at=14), at=12)
    """
    words = _words(formula)
    _check_order(words)
    line = re.sub(r"[\t\r\n]", " ", formula).strip(" ")
    return _Rebuilt(line, len(formula) - len(formula.lstrip(" \t\r\n"))).root()


def _words(formula: str) -> list[_Word]:
    """The formula cut into words; every character belongs to one."""
    if len(formula) > MAX_LENGTH:
        raise FormulaError(0, f"longer than {MAX_LENGTH} characters; split it into several KPIs")
    words: list[_Word] = []
    at = 0
    while at < len(formula):
        found = _WORD.match(formula, at)
        if found is None or found.group() in ("**", "//"):
            raise FormulaError(at + 1, _unknown(found.group() if found else formula[at]))
        if found.lastgroup != "space":
            words.append(_checked(_Word(str(found.lastgroup), found.group(), at + 1)))
        at = found.end()
    if not words:
        raise FormulaError(0, "the formula is empty; write for example won_amount / won_count")
    return words


def _unknown(sign: str) -> str:
    full_width = chr(ord(sign) - 0xFEE0) if "！" <= sign[0] <= "～" else ""
    if full_width:
        return f"{sign} is a full-width character; write {full_width}"
    shown = sign if sign.isprintable() else f"the character U+{ord(sign):04X}"
    return f"{shown} is not understood here; {_INSTEAD.get(sign, 'remove it')}"


def _checked(word: _Word) -> _Word:
    if word.kind == "number" and sum(map(str.isdigit, word.text)) > MAX_DIGITS:
        raise FormulaError(word.at, f"a number has at most {MAX_DIGITS} digits")
    if word.kind == "number" and re.match("0[0-9_]", word.text):
        raise FormulaError(word.at, "a number does not begin with 0; write it without")
    if word.kind == "name" and keyword.iskeyword(word.text):
        raise FormulaError(
            word.at,
            f"{word.text} is no part of a formula{_HAS}",
        )
    if word.kind in ("text", "name") and len(word.text) > MAX_TEXT:
        raise FormulaError(word.at, f"longer than {MAX_TEXT} characters; shorten it")
    return word


def _check_order(words: list[_Word]) -> None:
    """Operands and operators in turn; brackets that match and are not too deep."""
    opened: list[_Word] = []
    before = _START
    for word in words:
        _check_pair(before, word)
        if word.text == "(":
            opened.append(word)
            if len(opened) > MAX_DEPTH:
                raise FormulaError(word.at, f"more than {MAX_DEPTH} brackets deep; split it up")
        elif word.text == ")":
            if not opened:
                raise FormulaError(word.at, "this bracket was never opened; remove it")
            opened.pop()
        before = word
    if not _operand_ends(before):
        raise FormulaError(before.at, f"nothing follows {before.text}; add an operand or remove it")
    if opened:
        raise FormulaError(opened[-1].at, "this bracket is never closed; add )")


def _check_pair(before: _Word, word: _Word) -> None:
    """Whether a word may follow another."""
    if _operand_ends(before):
        if _operand_begins(word, before):
            raise FormulaError(
                word.at, f"nothing joins {before.text} and {word.text}; write an operator between"
            )
    elif word.text in ("*", "/", ",", "=") or (word.text == ")" and before.text in "+-*/="):
        raise FormulaError(word.at, f"an operand is missing before {word.text}; add or remove one")


def _operand_ends(word: _Word) -> bool:
    return word.kind != "sign" or word.text == ")"


def _operand_begins(word: _Word, before: _Word) -> bool:
    if word.text == "(":
        return before.kind != "name"
    return word.kind != "sign"


class _Rebuilt:
    """Python's tree of one line, rebuilt node by node from what the language has."""

    def __init__(self, line: str, skipped: int) -> None:
        self.line = line
        self.skipped = skipped
        """Characters of white space before the line."""

    def root(self) -> Node:
        try:
            tree = ast.parse(self.line, mode="eval")
        except SyntaxError as error:
            at = min(max(error.offset or 1, 1), len(self.line))
            raise FormulaError(
                self.skipped + at,
                "the formula cannot be read here; something is missing or too much: "
                "an operand, an operator or a comma",
            ) from None
        except (ValueError, MemoryError, RecursionError):
            raise FormulaError(0, "the formula is nested too deeply; split it up") from None
        return self.node(tree.body, 1)

    def node(self, one: ast.expr, depth: int) -> Node:
        at = self.place(one)
        if depth > MAX_DEPTH:
            raise FormulaError(
                at, f"more than {MAX_DEPTH} operations deep; split it into several KPIs"
            )
        match one:
            case ast.Name():
                return Name(one.id, at)
            case ast.Constant():
                return self.constant(one, at)
            case ast.BinOp() if type(one.op) in _OPERATORS:
                left = self.node(one.left, depth + 1)
                right = self.node(one.right, depth + 1)
                return Binary(_OPERATORS[type(one.op)], left, right, self.between(one))
            case ast.UnaryOp(op=ast.USub()):
                return Negative(self.node(one.operand, depth + 1), at)
            case ast.Call(func=ast.Name(id=function)):
                return self.call(one, function, depth)
        raise FormulaError(at, _refused(one))

    def constant(self, one: ast.Constant, at: int) -> Node:
        """Numbers are taken from the text: a float would already have been rounded."""
        if type(one.value) in (int, float):
            digits = self.line[at - self.skipped - 1 : self.end(one)]
            return Number(Fraction(digits.replace("_", "")), at)
        if type(one.value) is str:
            return Text(one.value, at)
        raise FormulaError(at, "only numbers and quoted texts are constants")

    def call(self, one: ast.Call, function: str, depth: int) -> Node:
        arguments = tuple(self.node(argument, depth + 1) for argument in one.args)
        named: list[tuple[str, Node]] = []
        for argument in one.keywords:
            if argument.arg is None or argument.arg in dict(named):
                raise FormulaError(
                    self.place(argument.value), "an argument is named once, name=value"
                )
            named.append((argument.arg, self.node(argument.value, depth + 1)))
        return Call(function, arguments, tuple(named), self.place(one))

    def place(self, one: ast.expr) -> int:
        return self.skipped + self.characters(one.col_offset) + 1

    def end(self, one: ast.expr) -> int:
        return self.characters(one.end_col_offset or 0)

    def between(self, one: ast.BinOp) -> int:
        """Where the operator stands: the first sign after the left operand and its brackets."""
        found = re.compile(r"[-+*/]").search(self.line, self.end(one.left))
        return self.skipped + (found.start() if found else 0) + 1

    def characters(self, offset: int) -> int:
        """Python counts the bytes of UTF-8."""
        return len(self.line.encode()[:offset].decode())


def _refused(one: ast.expr) -> str:
    """By the words that got through, only few things are left."""
    match one:
        case ast.UnaryOp():
            return "leave out the + before an operand"
        case ast.Starred():
            return "arguments are written one by one, without *"
        case ast.Tuple():
            return "only the arguments of a function stand side by side; remove the comma"
        case ast.JoinedStr():
            return "quoted texts are plain; remove the letter before the quotes"
        case ast.Call():
            return "only a function's name can be called"
    return f"{type(one).__name__} is no part of a formula{_HAS}"
