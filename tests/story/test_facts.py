"""The sheet itself: against numbers added up by hand, and against the domain without any server."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from kpi import CODE
from schemas.envelope import EntityPatch, Scalar
from schemas.meaning import ConnectionMeaning, Criterion, Disqualification, Meaning
from tests.oracle.folding import Folding
from tests.story import facts, script
from tests.story.days import day, workdays
from tests.story.goals import QUARTER
from tests.story.sheet import Sheet, Subject
from tests.story.standing import clock

WON = {
    "liu-fang": 120_000_00 + 37_500_00 + 42_000_00 + 66_000_00 + 52_000_00,
    "chen-jie": 64_000_50 + 55_500_00 + 60_000_01 + 37_500_00 + 49_000_00,
    "wang-lei": 84_000_00 + 30_000_00,
    "zhao-min": 38_000_00
    + 40_000_00
    + 51_000_00
    + 31_000_00
    + 29_000_00
    + 88_000_00
    + 36_000_00
    + 67_000_00,
    "sun-yue": 0,
    "anna-lee": 125_000_00 + 81_000_00 + 39_000_00,
    "ben-cole": 43_000_00 + 56_000_00,
}
"""By hand, from the story: what each won in the quarter, in fen."""

STAGES: dict[str, dict[str, Any]] = {"*": dict(facts.CATEGORY)}
MEANING = Meaning(
    code=CODE,
    zone="UTC",
    connections={
        name: ConnectionMeaning(
            currency="CNY", stages=STAGES, steps={"*": (*facts.ORDER, "lost", "dropped")}
        )
        for name in ("jade-crm", "jade-hub")
    },
    credit="splits",
    criteria={"budget": Criterion(field="budget", values=("yes",))},
    disqualification=Disqualification(field="lost_reason", reasons=facts.REASONS),
)
CALLED = {
    "created": "created",
    "won_n": "won",
    "won:CNY": "won money",
    "lost_n": "lost",
    "lost:CNY": "lost money",
    "disq_n": "disqualified",
    "built_n": "qualified",
    "built:CNY": "built",
    "slip_n": "slipped",
    "slip:CNY": "slipped money",
    "ov_won_n": "helped",
    "ov_won:CNY": "helped money",
    "visit_new": "new-customer visit",
    "follow_up": "follow-up",
    "cycle_s": "cycle",
    "unmet:budget": "unmet budget",
}
PREFIXED = {
    "act": "{}",
    "act_min": "minutes of {}",
    "stage": "entered {}",
    "conv": "went on from {}",
    "disq_for": "disqualified for {}",
}
UNCOUNTED = {"web lead", "scopes won", "responded"}
"""What the domain has under no name of its own here."""


@pytest.mark.parametrize("person", WON)
def test_the_sheet_adds_up_what_a_hand_adds_up(person: str) -> None:
    """Won in the quarter, by person."""
    assert Sheet(Subject("rep", person), *QUARTER, QUARTER[1]).sum("won money") == WON[person]


def test_nothing_is_won_twice_or_by_nobody() -> None:
    """The teams add up to everybody, and everybody to the people."""
    both = [Sheet(Subject("team", one), *QUARTER, QUARTER[1]) for one in ("shanghai", "overseas")]
    whole = Sheet(Subject("organisation", "jade"), *QUARTER, QUARTER[1])
    assert sum(one.sum("won money") for one in both) == whole.sum("won money") == sum(WON.values())


def test_the_move_cuts_the_movers_quarter_in_two() -> None:
    """Six wins from Shanghai, one of them at two in the morning there of the day after."""
    shanghai = Sheet(Subject("team", "shanghai"), *QUARTER, QUARTER[1])
    assert 88_000_00 not in list(shanghai.rows("won money"))
    before = Sheet(Subject("rep", "zhao-min"), QUARTER[0], day("2025-11-16"), QUARTER[1])
    assert before.sum("won money") == WON["zhao-min"] - 88_000_00 - 67_000_00


@pytest.mark.parametrize(
    ("person", "own"),
    [
        ("liu-fang", Fraction(61)),
        ("chen-jie", Fraction(111, 2)),
        ("wang-lei", Fraction(51)),
        ("anna-lee", Fraction(62)),
        ("ben-cole", Fraction(50)),
    ],
)
def test_the_quarter_has_the_workdays_that_a_wall_calendar_has(person: str, own: Fraction) -> None:
    """17 and the Saturday in October, 20 in November, 23 in December; less what one is away."""
    at = clock(Subject("rep", person), QUARTER, QUARTER[1])
    assert at.workdays == own
    assert workdays("cn", day("2025-10-01"), day("2025-10-31")) == 18


def test_the_domain_counts_what_the_sheet_counts() -> None:
    """Every fact of every deal and activity: whose, when, what, how much."""
    expected: Counter[tuple[str, int, str]] = Counter()
    for row in facts.rows():
        if row.what not in UNCOUNTED:
            expected["/".join(row.who), _ms(row.at), row.what] += row.number
    assert _counted() == {key: number for key, number in expected.items() if number}


def _counted() -> dict[tuple[str, int, str], int]:
    folding = Folding(MEANING)
    rows = [*script.deals(), *script.activities()]
    folding.fold((f"told-{n:05}", one.connection, _patch(one)) for n, one in enumerate(rows))
    found: Counter[tuple[str, int, str]] = Counter()
    for (owner, measure, at), number in folding.contributions().items():
        name, _, rest = measure.partition(":")
        what = CALLED.get(measure) or PREFIXED.get(name, "").format(rest)
        if what:
            found[owner, at, what] += number
    return {key: number for key, number in found.items() if number}


def _patch(told: script.Told) -> EntityPatch:
    fields: dict[str, Scalar] = dict(told.fields)
    into = fields.pop("into", None)
    if "at" in fields:
        fields["at"] = _ms(datetime.fromisoformat(str(fields["at"])))
    return EntityPatch(
        entity="deal" if told.entity == "deal" else "activity",
        id=told.id,
        op=told.op,  # type: ignore[arg-type]
        occurred_at=_ms(told.at),
        received_at=_ms(datetime(2026, 1, 9, 13, tzinfo=UTC)),
        merged_into=None if into is None else str(into),
        fields=fields,
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
