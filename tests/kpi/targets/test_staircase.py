"""The staircase of a new rep, and the gates on it."""

from __future__ import annotations

from fractions import Fraction

from kpi.targets.plans import PHASED
from kpi.targets.ramp import OTHERS, Gate, OnRamp, RampPlan, amounts, percent
from kpi.targets.staircase import due_gates, staircase
from tests.kpi.targets.sales import away, day

HIRED = day("10-12")
KPIS = ("calls", "pipeline_built", "won_amount")
QUOTAS = {"calls": 200, "pipeline_built": 300_000, "won_amount": 100_000}
GATES = (
    Gate(month=9, kpi="won_amount", at_least=Fraction(100_000), within="month"),
    Gate(month=3, kpi="pipeline_built", at_least=Fraction(350_000)),
)


def test_the_first_day_shows_the_goals_of_the_month_and_the_way_to_full() -> None:
    """Hired on 12 October 2026 under the shipped default."""
    found = staircase(OnRamp(PHASED, HIRED), KPIS, QUOTAS)
    assert [(step.first, step.last) for step in found.steps] == [
        (day("10-12"), day("11-11")),
        (day("11-12"), day("12-11")),
        (day("12-12"), day("2027-01-11")),
        (day("2027-01-12"), day("2027-02-11")),
        (day("2027-02-12"), None),
    ]
    first = found.on(HIRED)
    assert first is not None
    assert first.goals == {"calls": 100, "pipeline_built": 0, "won_amount": 0}
    assert found.full_from == day("2027-02-12")
    assert found.steps[-1].goals == QUOTAS


def test_activities_come_before_pipeline_before_revenue() -> None:
    """What to build first, step by step; on full productivity nothing is left to build."""
    found = staircase(OnRamp(PHASED, HIRED), KPIS, QUOTAS)
    assert [step.phase for step in found.steps] == [
        "activities",
        "activities",
        "pipeline",
        "revenue",
        None,
    ]


def test_before_the_hire_there_is_no_step() -> None:
    """The page of somebody who begins next week."""
    assert staircase(OnRamp(PHASED, HIRED), KPIS, QUOTAS).on(day("10-11")) is None


def test_amounts_and_percentages_stand_side_by_side() -> None:
    """50 calls, then 100, are 25 and 50 % of 200; the goal of a KPI without full target is open."""
    plan = RampPlan(id="mixed", steps={"calls": amounts(50, 100), OTHERS: percent(0, 50)})
    found = staircase(OnRamp(plan, HIRED), ("calls", "meetings"), {"calls": 200})
    assert [step.goals for step in found.steps] == [
        {"calls": 50, "meetings": None},
        {"calls": 100, "meetings": None},
        {"calls": 200, "meetings": None},
    ]
    assert [step.per_cent["calls"] for step in found.steps] == [25, 50, 100]


def test_amounts_without_a_full_target_are_goals_but_no_percentages() -> None:
    """Nobody said how many calls are full."""
    plan = RampPlan(id="calls", steps={"calls": amounts(50, 100)})
    steps = staircase(OnRamp(plan, HIRED), ("calls",), {}).steps
    assert [(step.goals["calls"], step.per_cent["calls"]) for step in steps] == [
        (50, None),
        (100, None),
        (None, 100),
    ]


def test_a_plan_that_asks_for_everything_at_once_has_one_open_step() -> None:
    """Full from the day of hire."""
    found = staircase(OnRamp(RampPlan(id="none", steps={}), HIRED), KPIS, QUOTAS)
    assert (len(found.steps), found.full_from) == (1, HIRED)


def test_escalation_is_full_productivity_from_the_start() -> None:
    """110 and 120 % follow, yet nobody is below 100."""
    plan = RampPlan(id="senior", steps={OTHERS: percent(100, 110, 120)}, step_months=12)
    found = staircase(OnRamp(plan, HIRED), KPIS, QUOTAS)
    assert (len(found.steps), found.full_from) == (3, HIRED)


def test_gates_have_their_days() -> None:
    """Pipeline since the hire by the end of month 3, the full quota within month 9."""
    plan = RampPlan(id="gated", steps=PHASED.steps, gates=GATES)
    gates = due_gates(OnRamp(plan, HIRED))
    assert [(one.kpi, one.first, one.due) for one in gates] == [
        ("pipeline_built", HIRED, day("2027-01-11")),
        ("won_amount", day("2027-06-12"), day("2027-07-11")),
    ]


def test_leave_moves_steps_and_gates_together() -> None:
    """Ten days away in November move all that comes after."""
    plan = RampPlan(id="gated", steps=PHASED.steps, gates=GATES)
    found = staircase(OnRamp(plan, HIRED), KPIS, QUOTAS, [away("11-16", "11-25")])
    assert found.steps[1].last == day("12-21")
    assert found.gates[0].due == day("2027-01-21")
    assert found.full_from == day("2027-02-22")
