"""JSON as it may be believed: one meaning, bounded depth, finite numbers, real text.

In: the raw bytes of a body. Out: Python values, non-integers as ``Decimal``. Guarantee: nothing but
``Unusable`` is raised; the same bytes mean the same here and in every stricter parser, because what
parsers disagree on (a key twice, NaN, half a surrogate pair) is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Never

MAX_DEPTH: Final = 32
_MAX_DIGITS: Final = 40
_MAX_EXPONENT: Final = 30
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)
_TEXT: Final = re.compile(rb'"[^"]*+"')
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b'[]{}"'))
_DIGITS: Final = bytes(ord("0") if n in b"0123456789" else ord(" ") for n in range(256))
_LONG_NUMBER: Final = b"0" * (_MAX_DIGITS + 1)
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")


class Unusable(ValueError):
    """An authentic event that cannot be used. ``reason`` is a short stable code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def parse(raw: bytes) -> Any:
    """The value of a JSON text; ``Unusable("undecodable", ...)`` where it has none."""
    text = _text(raw)
    _check_depth(raw)
    try:
        value = (_CAREFUL if _LONG_NUMBER in raw.translate(_DIGITS) else _QUICK).decode(text)
    except json.JSONDecodeError as e:
        detail = f"not JSON: {e.msg} at line {e.lineno}, column {e.colno}"
        raise Unusable("undecodable", detail) from None
    if _HALF.search(text) and _HALF_PAIR.search(json.dumps(value, ensure_ascii=False, default=str)):
        raise Unusable("undecodable", "a text holds half of a surrogate pair: escape both halves")
    return value


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as e:
        raise Unusable("undecodable", f"not UTF-8: byte {e.start} is not text") from None


def _check_depth(raw: bytes) -> None:
    """Before parsing: a parser's own recursion must not be the limit."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    # Texts are cut out of what is left of them: most bytes go without a look at each.
    bare = (_ESCAPED.sub(b"", raw) if b"\\" in raw else raw).translate(None, _NOT_BRACKETS)
    for bracket in _TEXT.sub(b"", bare).replace(b'"', b""):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Unusable("undecodable", f"nested deeper than {MAX_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unusable("undecodable", f"the key {twice[:64]!r} is there twice in one object")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise Unusable("undecodable", f"a number has more than {_MAX_DIGITS} digits")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    number = Decimal(digits) if len(digits) <= _MAX_DIGITS else None
    if number is None or abs(number.adjusted()) > _MAX_EXPONENT:
        raise Unusable("undecodable", "a number is too long, too large or too small to be one")
    return number


def _constant(name: str) -> Never:
    raise Unusable("undecodable", f"{name} is not a number in JSON")


def _decoder(parse_int: Callable[[str], int]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_int=parse_int,
        parse_float=_decimal,
        parse_constant=_constant,
    )


_CAREFUL: Final = _decoder(_integer)
_QUICK: Final = _decoder(int)
"""For bodies without any such number: Python's own parsing, without a call for each."""
