"""Laws of the language: any text is a formula or a mistake; numbers keep their units."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.definitions import (
    CATALOGUE,
    DefinitionError,
    Facts,
    compile_book,
    evaluate,
    outcomes,
)
from kpi.definitions.functions import FUNCTIONS
from kpi.definitions.measures import BUILT_IN
from kpi.definitions.syntax import parse
from kpi.definitions.tree import Binary, Call, Name, Negative, Node, Number, Text, show
from tests.kpi.definitions.quarter import FIRST, LAST, kpi, outcome
from tests.kpi.laws.histories import law

WORDS = (
    *BUILT_IN,
    *FUNCTIONS,
    *("+", "-", "*", "/", "(", ")", ",", "=", "**", '"', "'", "\\", " ", "\n", "#", ".", "[", "]"),
    *("1", "0", "0.5", "1e9", "9" * 30, '"call"', "'demo'", "方案", "（", "lambda", "if", "f", "_"),
    *("\ufdfa", "ｃａｌｌｓ", "²", "😀", "\x00", "\ud800", "asked", "won"),
)
BOOK = compile_book(CATALOGUE)
MONEY = frozenset(one.id for one in CATALOGUE if one.unit == "money")


def leaves() -> st.SearchStrategy[Node]:
    """Numbers, names and texts."""
    return st.one_of(
        st.builds(
            lambda n, d: Number(Fraction(n, 10**d)), st.integers(0, 10**9), st.integers(0, 5)
        ),
        st.sampled_from(("calls", "won_amount", "赢单", "_x1")).map(Name),
        st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8).map(Text),
    )


def around(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """A node over smaller ones."""
    named = st.dictionaries(st.sampled_from(("a", "赢单", "won_amount")), inner, max_size=2)
    return st.one_of(
        st.builds(Negative, inner),
        st.builds(Binary, st.sampled_from(("+", "-", "*", "/")), inner, inner),
        st.builds(
            lambda name, args, pairs: Call(name, tuple(args), tuple(pairs.items())),
            st.sampled_from(("max", "weighted", "函数")),
            st.lists(inner, max_size=3),
            named,
        ),
    )


@settings(max_examples=1_000, deadline=5_000)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=25).map("".join)))
def test_any_text_compiles_or_is_a_mistake_with_a_place_in_it(text: str) -> None:
    """Never another exception, never long."""
    try:
        compile_book([kpi(text)])
    except DefinitionError as error:
        for one in error.mistakes:
            assert one.what
            assert 0 <= one.position <= max(1, len(text))


@law
@given(st.recursive(leaves(), around, max_leaves=12))
def test_a_tree_that_is_shown_and_read_is_the_same_tree(tree: Node) -> None:
    """Parse ∘ show = identity, but for places."""
    assert parse(show(tree)) == tree


amounts = st.integers(0, 10**9)
counts = st.integers(0, 500)
people = st.fixed_dictionaries(
    {
        "act:call": counts,
        "act:email": counts,
        "act:meeting": counts,
        "won_n": counts,
        "won:USD": amounts,
        "lost_n": counts,
        "lost:USD": amounts,
        "built:USD": amounts,
        "qual:USD:20261101": amounts,
        "qual:USD:20270101": amounts,
        "stale_n:20261101": counts,
        "slip:USD": amounts,
        "ov_won:USD": amounts,
    }
)


def read(sums: dict[str, int], *, person: bool, **targets: int) -> dict[str, Fraction | None]:
    """All KPIs of these sums."""
    found = Facts(sums=sums, currency="USD", first=FIRST, last=LAST, person=person)
    return evaluate(BOOK, found, {kpi: Fraction(target) for kpi, target in targets.items()})


@law
@given(st.lists(people, min_size=1, max_size=4))
def test_a_team_is_the_sum_of_its_people_on_all_that_is_additive(
    team: list[dict[str, int]],
) -> None:
    """And ratios are those of the sums, never a mean of ratios."""
    folded = {key: sum(person[key] for person in team) for key in team[0]}
    whole = read(folded, person=False)
    parts = [read(person, person=True) for person in team]
    for id_, one in BOOK.compiled.items():
        if one.additive:
            assert whole[id_] == sum(Fraction(part[id_] or 0) for part in parts)
    won, lost = folded["won_n"], folded["lost_n"]
    assert whole["win_rate"] == (Fraction(won, won + lost) if won + lost else None)
    assert whole["won_credit"] == whole["won_amount"]


@law
@given(people, st.integers(2, 1_000), st.integers(1, 10**9))
def test_money_in_a_hundredth_of_the_unit_is_a_hundred_times_the_number(
    sums: dict[str, int], times: int, target: int
) -> None:
    """All KPIs in money scale with the unit; ratios, counts and durations stay as they are."""
    scaled = {key: n * (times if "USD" in key else 1) for key, n in sums.items()}
    before = read(sums, person=True, won_amount=target)
    after = read(scaled, person=True, won_amount=target * times)
    for id_, value in before.items():
        factor = times if id_ in MONEY else 1
        assert after[id_] == (None if value is None else value * factor)


@law
@given(people)
def test_no_kpi_ever_divides_by_zero(sums: dict[str, int]) -> None:
    """A value or a reason, never both and never neither; targets of 0 and none included."""
    found = Facts(sums=sums, currency="USD", first=FIRST, last=LAST)
    nothing = dict.fromkeys(BOOK.order, Fraction(0))
    for targets in ({}, nothing, dict.fromkeys(BOOK.order)):
        for one in outcomes(BOOK, found, targets).values():
            assert (one.value is None) == (one.reason is not None)


@law
@given(
    st.recursive(st.integers(0, 99), lambda inner: st.tuples(st.sampled_from("+-*/"), inner, inner))
)
def test_arithmetic_is_that_of_fractions(tree: object) -> None:
    """Against a plain recursion over the same expression."""
    text, expected = _plain(tree)
    if "/ 0" in text:
        return
    assert outcome(text, "ratio").value == expected


def _plain(tree: object) -> tuple[str, Fraction | None]:
    """The expression as text with all its brackets, and its value; None: over zero."""
    if not isinstance(tree, tuple):
        assert isinstance(tree, int)
        return str(tree), Fraction(tree)
    sign, (left, a), (right, b) = tree[0], _plain(tree[1]), _plain(tree[2])
    text = f"({left} {sign} {right})"
    if a is None or b is None:
        return text, None
    if sign == "/":
        return text, a / b if b else None
    return text, {"+": a + b, "-": a - b, "*": a * b}[sign]
