"""Disqualified deals: closed, neither won nor lost, and counted by reason; criteria unmet."""

from __future__ import annotations

import pytest

from schemas.envelope import Scalar
from schemas.meaning import Criterion, Disqualification
from tests.kpi.telling import Story, meaning

WHY = Disqualification(
    field="refusal",
    reasons={"no budget": "budget", "预算不足": "budget", "a student": "fit / 学生"},
)
ASKED = meaning(disqualification=WHY)


def refused(**fields: Scalar) -> Story:
    """Ana's lead of 10,000 dollars that turned out to be no opportunity on 9 March."""
    story = Story(under=ASKED)
    story.deal("2026-03-02 09:00", "create", owner="ana", amount="10000", stage="qualified")
    return story.deal("2026-03-09 09:00", "set", stage="unfit", **fields)


def test_a_disqualified_deal_is_neither_won_nor_lost() -> None:
    """It has a count and an amount of its own, so that the win rate is not hurt by it."""
    story = refused(refusal="no budget")
    assert story.flow("ana", "disq_n", "2026-03") == 1
    assert story.flow("ana", "disq:USD", "2026-03") == 1_000_000
    assert story.flow("ana", "lost_n", "2026-03") == 0
    assert story.flow("ana", "won_n", "2026-03") == 0


def test_a_disqualified_deal_leaves_the_pipeline() -> None:
    """Open and qualified until the day before; never stale afterwards."""
    story = refused(refusal="no budget")
    assert story.level("ana", "qual_n:-", "2026-03-08") == 1
    assert story.level("ana", "open_n:-", "2026-03-09") == 0
    assert story.level("ana", "stale_n:-", "2026-06-09") == 0


@pytest.mark.parametrize(
    ("text", "reason", "incomplete"),
    [
        ("no budget", "budget", ""),
        ("预算不足", "budget", ""),
        ("a student", "fit%20%2F%20%E5%AD%A6%E7%94%9F", ""),
        ("No budget", "other", "x:unknown_reason"),
        (7, "other", "x:unknown_reason"),
        ("", "none", "x:no_reason"),
        (None, "none", "x:no_reason"),
    ],
)
def test_a_reason_is_counted_by_its_id(
    text: str | int | None, reason: str, incomplete: str
) -> None:
    """Texts of the CRM are data; what the standard does not know is other, and said to be."""
    story = refused(refusal=text)
    assert story.flow("ana", f"disq_for:{reason}", "2026-03") == 1
    for gap in ("x:unknown_reason", "x:no_reason"):
        assert story.flow("ana", gap, "2026-03") == (1 if gap == incomplete else 0)


def test_without_a_standard_no_reason_is_asked_for() -> None:
    """A tenant that configured none is not told that reasons are missing."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", stage="unfit", amount="5")
    assert story.flow("ana", "disq_n", "2026-03") == 1
    assert story.flow("ana", "x:no_reason", "2026-03") == 0


def test_a_reason_told_later_moves_within_the_day_of_the_refusal() -> None:
    """The register as it stands, at the moment of the disqualification."""
    story = refused().deal("2026-04-01 09:00", refusal="no budget")
    assert story.flow("ana", "disq_for:none", "2026-03") == 0
    assert story.flow("ana", "disq_for:budget", "2026-03") == 1


def test_a_refused_deal_that_is_taken_up_again_takes_its_refusal_back() -> None:
    """As a reopened win does."""
    story = refused(refusal="no budget").deal("2026-04-02 09:00", stage="lead")
    assert story.flow("ana", "disq_n", "2026-03") == 0
    assert story.flow("ana", "disq_for:budget", "2026-03") == 0
    assert story.level("ana", "open_n:-", "2026-04-02") == 1


def test_a_refused_deal_without_amount_says_so() -> None:
    """Count one, sum nothing, incomplete one."""
    story = refused(amount=None)
    assert story.flow("ana", "disq_n", "2026-03") == 1
    assert story.flow("ana", "x:disq_no_amount", "2026-03") == 1


def test_a_deal_refused_after_it_was_lost_is_only_disqualified() -> None:
    """The present run alone counts."""
    story = Story().deal("2026-03-02 09:00", "create", owner="ana", amount="5", stage="lead")
    story.deal("2026-03-05 09:00", stage="lost to rival").deal("2026-04-05 09:00", stage="unfit")
    assert story.flow("ana", "lost_n", "2026-03") == 0
    assert story.flow("ana", "disq_n", "2026-04") == 1


CHECKED = meaning(
    criteria={
        "budget": Criterion(field="budget", values=("yes", True)),
        "contact": Criterion(field="contact"),
        "amount": Criterion(field="amount"),
    }
)


def qualified(**fields: Scalar) -> Story:
    """Ana's lead, qualified on 9 March."""
    story = Story(under=CHECKED)
    story.deal("2026-03-02 09:00", "create", owner="ana", stage="lead", **fields)
    return story.deal("2026-03-09 09:00", stage="qualified")


def test_a_deal_that_meets_all_criteria_is_missing_none() -> None:
    """A criterion is a field with a value, or with one of the values named."""
    story = qualified(budget="yes", contact="Mr Li", amount="100")
    for name in CHECKED.criteria:
        assert story.flow("ana", f"unmet:{name}", "2026-03") == 0


@pytest.mark.parametrize("budget", ["no", False, 1, "", None])
def test_a_criterion_with_values_asks_for_one_of_them(budget: Scalar) -> None:
    """``yes`` or true: the number one is neither."""
    story = qualified(budget=budget, contact="Mr Li", amount="100")
    assert story.flow("ana", "unmet:budget", "2026-03") == 1
    assert story.flow("ana", "unmet:contact", "2026-03") == 0


def test_a_criterion_met_later_is_no_longer_missing() -> None:
    """At the moment of qualification, with the registers as they stand."""
    story = qualified(budget="yes")
    assert story.on("ana", "unmet:contact", "2026-03-09") == 1
    story.deal("2026-04-02 09:00", contact="Ms Wang", owner="ben")
    assert story.on("ana", "unmet:contact", "2026-03-09") == 0


def test_a_lead_that_was_never_qualified_meets_nothing_and_misses_nothing() -> None:
    """Criteria are asked at the qualification."""
    story = Story(under=CHECKED).deal("2026-03-02 09:00", "create", owner="ana", stage="lead")
    assert story.flow("ana", "unmet:budget", "2026-03") == 0
