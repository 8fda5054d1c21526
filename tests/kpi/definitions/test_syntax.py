"""The language: what is a formula, and what an author is told about what is none."""

from __future__ import annotations

import time

import pytest

from kpi.definitions.syntax import MAX_LENGTH, FormulaError, parse
from kpi.definitions.tree import Node, show


def refused(formula: str) -> tuple[int, str]:
    """(position, what) of a text that is no formula."""
    with pytest.raises(FormulaError) as told:
        parse(formula)
    return told.value.position, told.value.what


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("won_amount/won_count", "won_amount / won_count"),
        ("(calls - (emails - visits)) * 2", "(calls - (emails - visits)) * 2"),
        ("(calls*2)-(emails-visits)", "calls * 2 - (emails - visits)"),
        ("((calls))/ (2*3)", "calls / (2 * 3)"),
        ("-(calls + emails)", "-(calls + emails)"),
        ("--calls", "--calls"),
        ("-calls*2", "-calls * 2"),
        ("1_000.50 * calls", "1000.5 * calls"),
        (".25", "0.25"),
        ("\n  calls\n\t+ emails\r\n", "calls + emails"),
        ("entered('it\\'s \"new\"')", 'entered("it\'s \\"new\\"")'),
        ('entered("方案\\\\报价")', 'entered("方案\\\\报价")'),
        ("weighted('conversion:demo', 20, calls=1,)", 'weighted("conversion:demo", 20, calls=1)'),
    ],
)
def test_a_formula_is_read_and_shown_again(formula: str, shown: str) -> None:
    """With no more brackets than it needs, and the same tree."""
    assert show(parse(formula)) == shown
    assert parse(shown) == parse(formula)


def test_a_decimal_number_is_exact() -> None:
    """A tenth is a tenth: a float would be 3602879701896397 / 36028797018963968."""
    assert str(parse("0.1")) == "Number(value=Fraction(1, 10), at=1)"


@pytest.mark.parametrize(
    ("formula", "position", "word"),
    [
        ("", 0, "empty"),
        ("   ", 0, "empty"),
        ("calls +", 7, "nothing follows +"),
        ("calls + * 2", 9, "missing before *"),
        ("* 2", 1, "missing before *"),
        ("(calls", 1, "never closed"),
        ("calls)", 6, "never opened"),
        ("(calls +)", 9, "missing before )"),
        ("calls emails", 7, "nothing joins calls and emails"),
        ("2 calls", 3, "nothing joins 2 and calls"),
        ("2(calls)", 2, "nothing joins 2 and ("),
        ("1e9", 2, "nothing joins 1 and e9"),
        ("0x10", 2, "nothing joins 0 and x10"),
        ("007", 1, "does not begin with 0"),
        ("1234567890123456", 1, "15 digits"),
        ("9" * 1_900, 1, "15 digits"),
        ("calls ** 9999", 7, "no powers"),
        ("calls // 2", 7, "write / for a division"),
        ("calls % 2", 7, "no remainder"),
        ("calls.__class__", 6, "nothing has attributes"),
        ("calls[0]", 6, "nothing has elements"),
        ("{calls}", 1, "round brackets"),
        ("lambda: 1", 1, "lambda is no part"),
        ("calls if calls else 1", 7, "if is no part"),
        ("None", 1, "None is no part"),
        ("not calls", 1, "not is no part"),
        ("calls == 1", 8, "missing before ="),
        ("calls = 1", 7, "cannot be read"),
        ("calls < 1", 7, "< is not understood"),
        ("calls; emails", 6, "; is not understood"),
        ("f'{calls}'", 2, "nothing joins f"),
        ("b'calls'", 2, "nothing joins b"),
        ("'a' 'b'", 5, "nothing joins 'a' and 'b'"),
        ('entered("demo)', 9, "not closed"),
        ('entered("a\nb")', 9, "not closed"),
        ('entered("\\x41")', 9, "backslash"),
        ("calls # all", 7, "no comments"),
        ("calls, emails", 1, "remove the comma"),
        ("()", 1, "remove the comma"),
        ("+calls", 1, "leave out the +"),
        ("max(*calls)", 5, "missing before *"),
        ("max(**calls)", 5, "no powers"),
        ("max(a=1, a=2)", 12, "named once"),
        ("max(calls)(2)", 11, "nothing joins"),
        ("(calls)(2)", 8, "nothing joins"),
        ("calls\x00", 6, "U+0000"),
        ("calls\ud800", 6, "U+D800"),
        ("calls\u200b", 6, "U+200B"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(
    formula: str, position: int, word: str
) -> None:
    """Which character, and what about it."""
    at, what = refused(formula)
    assert at == position
    assert word in what


@pytest.mark.parametrize(
    ("formula", "position", "write"),
    [
        ("（calls）", 1, "write ("),
        ("calls ＋ emails", 7, "write +"),
        ("calls × 2", 7, "write *"),
        ("calls ÷ 2", 7, "write /"),
        ("max(calls， 2)", 10, "write ,"),
        ("max(calls、2)", 10, "write a plain comma"),
        ("entered(“方案”)", 9, "write plain quotes"),
        ("calls\u3000+ 1", 6, "write a plain space"),
        ("calls − 1", 7, "write -"),
        ("１ + calls", 1, "write 1"),
    ],
)
def test_full_width_signs_are_told_apart(formula: str, position: int, write: str) -> None:
    """They look right on the screen of whoever types Chinese."""
    at, what = refused(formula)
    assert (at, write in what) == (position, True)


@pytest.mark.parametrize(
    ("formula", "position"),
    [
        ('entered("方案报价") + 1 1', 21),
        ('entered("😀") + ', 14),
        ("赢单 / 丢单 )", 9),
        ("赢单 丢单", 4),
        ("\n\n  赢单 丢单", 8),
        ('entered("é") * * 2', 16),
    ],
)
def test_a_place_counts_characters_and_not_bytes(formula: str, position: int) -> None:
    """One for a Chinese character (3 bytes), one for an emoji (4)."""
    assert refused(formula)[0] == position


def test_a_node_knows_its_place_after_chinese_text() -> None:
    """The parser beneath counts bytes of UTF-8."""
    tree = parse('  entered("方案") / (calls) + 10')
    assert str(tree) == (
        "Binary(operator='+', left=Binary(operator='/', "
        "left=Call(function='entered', arguments=(Text(value='方案', at=11),), named=(), at=3), "
        "right=Name(id='calls', at=20), at=17), right=Number(value=Fraction(10, 1), at=29), at=27)"
    )


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "formula",
    [
        "(" * 1_000 + "1" + ")" * 999,
        "-" * 1_999 + "1",
        "+".join(["a"] * 1_000),
        "a*" * 999 + "a",
        "max(" * 400 + "1" + ")" * 400,
        "(" * 2_000_000,
        "a" * 2_000_000,
        "9" * 2_000_000,
        "a" * MAX_LENGTH,
        '"' * 1_999,
        "'" + "\\'" * 990,
        "((a+" * 400 + "a" + "))" * 400,
        "\ufdfa" * 300,
    ],
)
def test_a_hostile_formula_is_refused_soon(formula: str) -> None:
    """Depth, length, huge numbers: an error, soon even on a busy machine, and no other end."""
    began = time.perf_counter()
    refused(formula)
    assert time.perf_counter() - began < 5


def test_a_long_sum_within_bounds_is_a_formula() -> None:
    """Forty terms are 39 operations deep."""
    tree: Node = parse(" + ".join(["calls"] * 40))
    assert show(tree).count("calls") == 40
    assert "deep" in refused(" + ".join(["calls"] * 41))[1]
