"""One rep's fourth quarter of 2026 as stored sums, and short ways to ask about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

import msgspec

from kpi.definitions import (
    Definition,
    DefinitionError,
    Facts,
    Kind,
    Mistake,
    Outcome,
    Targets,
    Unit,
    compile_book,
    outcomes,
)
from kpi.sketch import bucket
from schemas.meaning import DeclaredMeasure

DAY = 86_400
FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)

MEI: dict[str, int] = {
    "act:call": 120,
    "act:email": 80,
    "act:meeting": 30,
    "act:visit": 12,
    "act:demo": 9,
    "act:proposal": 6,
    "act:one_on_one": 5,
    "act:custom": 8,
    "act_min:call": 600,
    "act_min:meeting": 1_500,
    "act_min:one_on_one": 300,
    "visit_new": 4,
    "follow_up": 37,
    "created": 21,
    "built_n": 15,
    "built:USD": 30_000_000,
    "won_n": 5,
    "won:USD": 8_000_000,
    "x:won_no_amount": 1,
    "ov_won_n": 1,
    "ov_won:USD": 2_500_000,
    "lost_n": 10,
    "lost:USD": 24_000_000,
    "disq_n": 3,
    "disq_for:no_budget": 2,
    "unmet:budget": 4,
    "slip_n": 2,
    "slip:USD": 1_100_000,
    f"cycle:{bucket(20 * DAY)}": 2,
    f"cycle:{bucket(30 * DAY)}": 1,
    f"cycle:{bucket(60 * DAY)}": 2,
    "cycle_s": (20 + 20 + 30 + 60 + 60) * DAY,
    f"resp:{bucket(600)}": 6,
    f"resp:{bucket(7_200)}": 2,
    "stage:demo": 8,
    "conv:demo": 6,
    "open_n:20261130": 4,
    "open:USD:20261130": 9_000_000,
    "open_n:20270115": 2,
    "open:USD:20270115": 5_000_000,
    "open_n:-": 1,
    "open:USD:-": 700_000,
    "qual_n:20260930": 1,
    "qual:USD:20260930": 1_000_000,
    "qual_n:20261001": 1,
    "qual:USD:20261001": 2_000_000,
    "qual_n:20261231": 1,
    "qual:USD:20261231": 4_000_000,
    "qual_n:20270101": 1,
    "qual:USD:20270101": 8_000_000,
    "stale_n:20261015": 3,
    "stale:USD:20261015": 3_300_000,
}
"""In cents: 80,000 USD won in four deals and one without amount, 240,000 lost, 300,000 built."""


def facts(sums: Mapping[str, int] = MEI, **changed: object) -> Facts:
    """The facts of the quarter, in US dollars, of a person."""
    whole = Facts(
        sums=sums, currency="USD", first=FIRST, last=LAST, person=True, first_deal_days=47
    )
    return msgspec.structs.replace(whole, **changed)


def kpi(formula: str, unit: Unit = "count", **fields: object) -> Definition:
    """A KPI with this formula, called ``asked``."""
    asked = Definition(id="asked", name="Asked", unit=unit, formula=formula)
    return msgspec.structs.replace(asked, **fields)


def outcome(
    formula: str,
    unit: Unit = "count",
    *,
    of: Facts | None = None,
    targets: Targets = {},  # noqa: B006 - never changed
    among: tuple[Definition, ...] = (),
    **measures: DeclaredMeasure,
) -> Outcome:
    """What a formula comes to, or why to nothing."""
    book = compile_book([*among, kpi(formula, unit)], measures)
    return outcomes(book, of or facts(), targets, ("asked",))["asked"]


def value(formula: str, unit: Unit = "count") -> Fraction | None:
    """What a formula comes to in the quarter."""
    return outcome(formula, unit).value


def kind(formula: str, unit: Unit = "count", **measures: DeclaredMeasure) -> tuple[Kind, bool]:
    """The kind that is derived, and whether people's values sum to the team's."""
    one = compile_book([kpi(formula, unit)], measures).compiled["asked"]
    return one.kind, one.additive


def mistakes(*definitions: Definition, **measures: DeclaredMeasure) -> tuple[Mistake, ...]:
    """All that is wrong with these definitions."""
    try:
        compile_book(definitions, measures)
    except DefinitionError as error:
        return error.mistakes
    return ()


def mistake(formula: str, unit: Unit = "count") -> tuple[int, str]:
    """(position, what) of the one thing that is wrong with a formula."""
    ((_, _, position, what),) = mistakes(kpi(formula, unit))
    return position, what
