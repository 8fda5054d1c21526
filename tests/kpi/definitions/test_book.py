"""Definitions are checked together, and all mistakes are told at once."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest

from kpi.definitions import (
    CATALOGUE,
    Bands,
    Definition,
    DefinitionError,
    Mistake,
    compile_book,
    evaluate,
    revised,
)
from tests.kpi.definitions.quarter import facts, kpi, mistake, mistakes, outcome, value


def named(id_: str, formula: str) -> Definition:
    """A count with this id and formula."""
    return kpi(formula, id=id_)


@pytest.mark.parametrize(
    ("formula", "position", "words"),
    [
        ("won_amuont / won_count", 1, 'unknown name "won_amuont"; did you mean "won_amount"?'),
        ("2 * xyzzy", 5, 'unknown name "xyzzy"; see docs/metrics.md'),
        ("2 * 赢单数", 5, 'unknown name "赢单数"'),
        ("calls()", 1, "calls is no function; leave out the brackets"),
        ("activities", 1, "activities is a function; write activities("),
        ("activites()", 1, 'unknown function "activites"; did you mean "activities"?'),
        ("sum(calls)", 1, 'unknown function "sum"; known: activities, '),
        ('activities("phone")', 12, 'unknown activity "phone"; known: call, email'),
        ('activities("cal")', 12, 'did you mean "call"?'),
        ('activities("call", "call")', 20, "named twice"),
        ("activities(call)", 1, 'activities is written activities("call"'),
        ("entered(demo)", 1, 'entered is written entered("stage id")'),
        ('entered("")', 1, "entered is written"),
        ('incomplete("won no amount")', 1, "incomplete is written"),
        ("cycle", 1, "cycle is a distribution; write median(cycle)"),
        ("median(calls)", 8, "calls is one number; median() takes a distribution"),
        ("quantile(cycle, 1.5)", 1, "quantile is written"),
        ("quantile(cycle, 0)", 1, "quantile is written"),
        ("quantile(cycle)", 1, "quantile is written"),
        ("mean(first_response)", 1, "no sum of first_response is kept; write median"),
        ("closing(calls)", 9, "calls is no level with expected close days"),
        ("closing(open_qualifed)", 9, 'did you mean "open_qualified"?'),
        ('measure("big_deals")', 9, 'unknown measure "big_deals"'),
        ("target(calls)", 8, 'unknown KPI "calls"'),
        ("max(calls)", 1, "max is written max(calls, emails)"),
        ("weighted()", 1, "weighted is written"),
        ("calls + 'calls'", 9, 'a quoted text is no number; for a KPI write kpi("calls")'),
        ("calls / 0", 7, "always divides by zero"),
        ("asked + 1", 1, "a KPI cannot rest on itself: asked → asked"),
    ],
)
def test_a_mistake_says_what_and_where_and_how_to_put_it_right(
    formula: str, position: int, words: str
) -> None:
    """One mistake, one sentence, one place."""
    at, what = mistake(formula)
    assert (at, words in what) == (position, True), what


def test_all_mistakes_of_all_kpis_are_told_together() -> None:
    """Whoever writes forty KPIs wants one list."""
    found = mistakes(
        kpi("won_amuont + cals", "money"),
        kpi("calls +", id="second"),
        kpi("won_amount", "count", id="third", name=" "),
        kpi("calls", id="third"),
        msgspec.structs.replace(
            kpi("calls", id="Fourth KPI", direction="up", basis="lunar", version=0), unit="pieces"
        ),
        kpi("calls", id="fifth", bands=Bands(ahead=90), too_early_below=-1),
    )
    assert [(one.kpi, one.field, one.position) for one in found] == [
        ("asked", "formula", 1),
        ("asked", "formula", 14),
        ("second", "formula", 7),
        ("third", "name", 0),
        ("third", "id", 0),
        ("third", "unit", 0),
        ("Fourth KPI", "unit", 0),
        ("Fourth KPI", "direction", 0),
        ("Fourth KPI", "basis", 0),
        ("Fourth KPI", "id", 0),
        ("Fourth KPI", "version", 0),
        ("fifth", "too_early_below", 0),
        ("fifth", "bands", 0),
    ]


def test_two_mistakes_in_a_weighted_score_are_both_told() -> None:
    """The unknown KPI and the weight of nothing."""
    what = mistakes(named("calls", "calls"), kpi("weighted(cals=50, calls=0)", "ratio"))
    assert [one.position for one in what] == [15, 25]


def test_a_kpi_that_rests_on_a_wrong_one_is_not_complained_about() -> None:
    """The mistake is made once."""
    found = mistakes(named("a", "b + c"), named("b", "cals"), named("c", "b"))
    assert [one.kpi for one in found] == ["b"]


@pytest.mark.parametrize("step", ["{}", "kpi('{}')", "target({})", "attainment({})", "gap({})"])
def test_a_circle_is_named_as_a_path(step: str) -> None:
    """Through values and targets alike: the type of one needs that of the other."""
    found = mistakes(
        named("a", "calls + " + step.format("b")),
        named("b", step.format("c")),
        named("c", "2 * " + step.format("a")),
        named("above", "a + b"),
    )
    assert found == (
        Mistake(
            "c",
            "formula",
            5 if step == "{}" else found[0].position,
            "a KPI cannot rest on itself: a → b → c → a; take one of these out",
        ),
    )


def test_two_circles_are_two_mistakes() -> None:
    """Each once, wherever the walk begins."""
    found = mistakes(named("a", "b"), named("b", "a"), named("c", "d + a"), named("d", "c"))
    assert [one.kpi for one in found] == ["b", "d"]


def test_a_long_chain_of_kpis_is_no_danger() -> None:
    """Nine hundred, each on the one before: more than Python would follow by itself."""
    chain = [named("k0", "calls"), *(named(f"k{n}", f"-k{n - 1}") for n in range(1, 900))]
    book = compile_book(list(reversed(chain)))
    assert book.order[-1] == "k899"
    assert evaluate(book, facts(), {}, ("k899",)) == {"k899": -120}


@pytest.mark.timeout(10)
def test_kpis_that_multiply_each_other_cannot_fill_the_memory() -> None:
    """Forty squares of squares would have more digits than there are atoms."""
    squares = [kpi("999999999999999", "ratio", id="k0")]
    squares += [kpi(f"k{n - 1} * k{n - 1}", "ratio", id=f"k{n}") for n in range(1, 40)]
    (found,) = mistakes(*squares)
    assert (found.kpi, found.field, found.position) == ("k9", "formula", 0)
    assert "rests on more than 1,000 numbers and names" in found.what


def test_the_order_has_each_kpi_after_those_that_it_needs() -> None:
    """However they are written down."""
    book = compile_book([named("a", "b + c"), named("b", "c"), named("c", "calls")])
    assert book.order == ("c", "b", "a")
    assert book.compiled["a"].chain == ("c", "b", "a")


def test_a_name_is_the_kpi_but_in_its_own_formula_the_measure() -> None:
    """So a redefined won amount reaches everything that is measured by it."""
    net = kpi("won_amount - 0.1 * lost_amount", "money", id="won_amount")
    assert outcome("2 * won_amount", "money", among=(net,)).value == 2 * (8_000_000 - 2_400_000)
    assert value("2 * won_amount", "money") == 16_000_000


def test_a_tenants_own_takes_the_place_of_a_shipped_kpi() -> None:
    """Win rate then counts disqualified deals as lost, and required coverage follows."""
    own = kpi("won_count / (won_count + lost_count + disqualified)", "ratio", id="win_rate")
    book = compile_book([own if one.id == "win_rate" else one for one in CATALOGUE])
    assert evaluate(book, facts(), {}, ("required_coverage",)) == {
        "required_coverage": Fraction(18, 5)
    }


def test_an_error_reads_as_lines() -> None:
    """One per mistake: KPI, field, character, sentence."""
    with pytest.raises(DefinitionError, match=r"^asked\.formula:1: unknown name .cals.; did you"):
        compile_book([kpi("cals")])


def test_a_definition_in_use_is_never_edited_in_place() -> None:
    """Another content is another version; the same content is the same one."""
    used = kpi("calls", version=3)
    assert revised(used, kpi("calls")) is used
    assert revised(used, kpi("calls + emails")).version == 4
    assert revised(used, kpi("calls", name_zh="电话")).version == 4
    with pytest.raises(ValueError, match="another id is another KPI"):
        revised(used, named("other", "calls"))


def test_a_definition_survives_json() -> None:
    """It is stored and sent as data."""
    for one in CATALOGUE:
        assert msgspec.json.decode(msgspec.json.encode(one), type=Definition) == one


@pytest.mark.parametrize(
    ("formula", "what"),
    [
        ('entered("dmo")', 'entered() knows no "dmo"; did you mean "demo"?'),
        ('converted("x")', 'converted() knows no "x"; known: demo, won'),
        ('unmet("seat")', 'unmet() knows no "seat"; did you mean "seats"?'),
        ('unmet("")', 'unmet is written unmet("criterion id")'),
        ('disqualified_for("x")', 'disqualified_for() knows no "x"; known: none, other'),
    ],
)
def test_a_misspelt_stage_reason_or_criterion_is_a_mistake_where_they_are_known(
    formula: str, what: str
) -> None:
    """It would count nothing, which reads like nothing done."""
    with pytest.raises(DefinitionError) as caught:
        compile_book([kpi(formula)], stages=("demo", "won"), reasons=(), criteria=("seats",))
    ((_, _, position, said),) = caught.value.mistakes
    assert (position, said) == (formula.index('"') + 1 if '""' not in formula else 1, what)


def test_known_ids_hold_and_unknown_ones_where_nobody_says_which_there_are() -> None:
    """What no reason was told for, and every other reason, are always there."""
    asked = kpi('entered("demo") + disqualified_for("none") + disqualified_for("other")')
    assert compile_book([asked], stages=("demo",), reasons=()).order == ("asked",)
    assert compile_book([kpi('entered("dmo")')]).order == ("asked",)
