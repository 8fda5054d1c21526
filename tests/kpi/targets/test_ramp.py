"""Ramps: a plan from the day of hire, and what a month asks for on it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from kpi.calendar.workdays import Leave
from kpi.definitions import CATALOGUE
from kpi.periods import Span
from kpi.targets.effective import effective, line, part
from kpi.targets.model import Effective, Nature, Presence
from kpi.targets.plans import MONTHLY, PHASED, PHASES, SHIPPED, SIX_MONTHS, SMALL_BUSINESS
from kpi.targets.ramp import OTHERS, OnRamp, RampPlan, amounts, percent, ramp_target, step_starts
from tests.kpi.targets.sales import (
    AMOUNT,
    CIVIL,
    SLIPPED,
    VISITS,
    WIN_RATE,
    away,
    day,
    named,
    present,
    span,
    target,
    told,
)

QUARTER_STEP = RampPlan(id="ae", steps={OTHERS: percent(0, 25)})
BY_MONTH = RampPlan(id="ae", steps={OTHERS: percent(0, 25)}, by="calendar_months")
HIRED = day("01-20")


def asked(
    on: OnRamp,
    month: str | Span,
    *leaves: Leave,
    base: int | None = 100_000,
    nature: Nature = AMOUNT,
    period: str = "2026",
) -> Effective:
    """The target of a month, of a full one of `base` a month if the period is that month."""
    days = named(month) if isinstance(month, str) else month
    presence = Presence(
        calendar=present().calendar, leaves=leaves, employed=Span(on.hired, date.max)
    )
    versions = [] if base is None else [target(base, period)]
    found = effective(versions, nature, days, presence, CIVIL, ramp=on)
    assert found is not None
    return found


def test_february_is_19_days_at_nothing_and_9_at_a_quarter() -> None:
    """FIELD: hired 20 January, plan 0/25 %, quota 100k: February is about 8k."""
    found = ramp_target(OnRamp(QUARTER_STEP, HIRED), "won_amount", 100_000, named("2026-02"))
    assert found == Fraction(100_000 * 9, 28 * 4)
    assert round(found) == 8_036


def test_by_calendar_months_february_is_all_at_a_quarter() -> None:
    """FIELD: by calendar months it would be 25k."""
    found = ramp_target(OnRamp(BY_MONTH, HIRED), "won_amount", 100_000, named("2026-02"))
    assert found == 25_000


def test_the_target_in_force_is_that_of_the_ramp_and_says_so() -> None:
    """The same 8k, from the target of February, with its two steps as reasons."""
    found = asked(OnRamp(QUARTER_STEP, HIRED), "2026-02", period="2026-02")
    assert told(round(found.base), found.full, found.source) == (8_036, 100_000, "ramp")
    assert found.reasons == (
        "ramp 0 % 2026-02-01 to 2026-02-19",
        "ramp 25 % 2026-02-20 to 2026-02-28",
    )


def test_a_month_on_one_step_names_that_step() -> None:
    """April of a plan by calendar months, hired in January."""
    found = asked(OnRamp(MONTHLY, day("01-01")), "2026-03", period="2026-03")
    assert told(found.base, found.reasons) == (50_000, ("ramp 50 %",))


def test_the_line_of_a_ramp_rises_with_its_steps() -> None:
    """By 19 February nothing is expected; a week at 25 % is a part of that month's 8k."""
    on = OnRamp(QUARTER_STEP, HIRED)
    presence = present(employed=Span(HIRED, date.max))
    month = asked(on, "2026-02", period="2026-02")
    week = asked(on, span("02-23", "03-01"), period="2026-02")
    assert line(month, presence, day("02-19")).base == 0
    assert part(month, presence, [span("02-23", "02-28")]).base == week.base > 0


def test_the_month_of_the_hire_has_its_workdays_at_the_first_step() -> None:
    """Small business, 25 % from the first day: 9 of January's 22 workdays."""
    found = asked(OnRamp(SMALL_BUSINESS, HIRED), "2026-01", period="2026-01")
    assert found.base == Fraction(100_000 * 9, 22 * 4)
    assert found.reasons == ("joined 2026-01-20", "ramp 25 %")


@pytest.mark.parametrize(
    ("plan", "curve"),
    [
        (MONTHLY, [0, 25, 50, 75, 100, 100]),
        (SMALL_BUSINESS, [25, 50, 75, 100, 100, 100]),
        (SIX_MONTHS, [0, 15, 35, 55, 75, 100, 100]),
    ],
)
def test_the_shipped_plans_have_the_fields_curves(plan: RampPlan, curve: list[int]) -> None:
    """Hired on a first of the month, so that months of tenure are months."""
    on = OnRamp(plan, day("01-01"))
    months = [named(f"2026-{number:02}") for number in range(1, len(curve) + 1)]
    assert [ramp_target(on, "won_amount", 100, month) for month in months] == curve


def test_the_default_asks_for_activities_before_pipeline_before_revenue() -> None:
    """In the second month: 75 % of the calls, half of the pipeline, a quarter of the revenue."""
    on, february = OnRamp(PHASED, day("01-01")), named("2026-02")
    kpis = ("calls", "pipeline_built", "won_amount")
    assert [ramp_target(on, kpi, 100, february) for kpi in kpis] == [75, 50, 25]
    assert next(iter(SHIPPED)) == "phased"


def test_a_month_too_short_for_the_day_of_hire_begins_on_its_last() -> None:
    """Hired 31 January: 28 February, 31 March, 30 April."""
    starts = step_starts(OnRamp(MONTHLY, day("01-31")), [], 4)
    assert starts == [day("01-31"), day("02-28"), day("03-31"), day("04-30")]


def test_leave_shifts_the_curve_and_lowers_nothing() -> None:
    """Two weeks away in February: March's step begins on the 15th, and February is not prorated."""
    on, leave = OnRamp(MONTHLY, day("01-01")), away("02-02", "02-15")
    assert step_starts(on, [leave], 3) == [day("01-01"), day("02-01"), day("03-15")]
    assert asked(on, "2026-02", leave, period="2026-02").base == 25_000
    march = asked(on, "2026-03", leave, period="2026-03")
    assert march.base == Fraction(100_000 * (14 * 25 + 17 * 50), 31 * 100)


def test_leave_prorates_where_the_plan_says_so_and_moves_nothing() -> None:
    """The same two weeks are 10 of February's 20 workdays; March has its step."""
    plan = RampPlan(id="p", steps=MONTHLY.steps, leave="prorate")
    on, leave = OnRamp(plan, day("01-01")), away("02-02", "02-15")
    assert asked(on, "2026-02", leave, period="2026-02").base == 12_500
    assert asked(on, "2026-03", leave, period="2026-03").base == 50_000


def test_leave_after_the_curve_prorates_as_for_everyone() -> None:
    """Two of twenty workdays in July, long after full productivity."""
    on = OnRamp(MONTHLY, day("01-01"))
    found = asked(on, "2026-07", away("07-06", "07-07"), period="2026-07")
    assert (found.base, found.source) == (Fraction(100_000 * 21, 23), "own")


def test_half_days_of_leave_shift_nothing() -> None:
    """An afternoon a week does not make a curve longer."""
    starts = step_starts(OnRamp(MONTHLY, day("01-01")), [away("01-05", "01-09", 1)], 2)
    assert starts[1] == day("02-01")


def test_by_calendar_months_a_month_mostly_away_does_not_count() -> None:
    """Three weeks of February away: March is the second step again; one week is not enough."""
    on = OnRamp(BY_MONTH, HIRED)
    assert step_starts(on, [away("02-02", "02-22")], 3)[2] == day("04-01")
    assert step_starts(on, [away("02-02", "02-08")], 3)[2] == day("03-01")


def test_amounts_are_the_targets_of_their_months_and_the_full_one_follows() -> None:
    """20 visits, then 30, then what everybody has (44 in March); a week has its workdays' share."""
    plan = RampPlan(id="visits", steps={"new_customer_visits": amounts(20, 30)})
    on = OnRamp(plan, day("01-01"))
    months = [asked(on, f"2026-0{number}", base=None, nature=VISITS) for number in (1, 2)]
    assert [told(one.base, one.source) for one in months] == [(20, "ramp"), (30, "ramp")]
    third = asked(on, "2026-03", base=44, period="2026-03", nature=VISITS)
    assert told(third.base, third.source) == (44, "own")
    assert asked(on, span("02-02", "02-08"), base=None, nature=VISITS).base == Fraction(30 * 5, 20)


def test_an_amount_on_the_ramp_stands_in_for_the_full_target() -> None:
    """The target of 100 visits waits until the amounts are through."""
    plan = RampPlan(id="visits", steps={"new_customer_visits": amounts(20)})
    found = asked(OnRamp(plan, day("02-01")), "2026-02", base=100, period="2026-02", nature=VISITS)
    assert told(found.base, found.full, found.reasons) == (20, 100, ("ramp by amount",))


def test_without_a_full_target_a_month_after_the_amounts_has_none() -> None:
    """The quarter says which days are missing."""
    plan = RampPlan(id="visits", steps={"new_customer_visits": amounts(20, 30)})
    quarter = asked(OnRamp(plan, day("01-01")), "2026-Q1", base=None, nature=VISITS)
    assert told(quarter.base, quarter.missing) == (50, (named("2026-03"),))


def test_experience_escalates_by_the_same_mechanism() -> None:
    """100, 110, 120 % by years, and 120 % from then on."""
    plan = RampPlan(id="senior", steps={OTHERS: percent(100, 110, 120)}, step_months=12)
    on = OnRamp(plan, day("2024-01-01"))
    years = [asked(on, f"{year}-07", period=f"{year}-07").base for year in range(2024, 2029)]
    assert years == [100_000, 110_000, 120_000, 120_000, 120_000]


def test_a_kpi_without_steps_is_asked_for_in_full() -> None:
    """A plan that names only revenue leaves the visits alone."""
    plan = RampPlan(id="ae", steps={"won_amount": percent(0, 50)})
    found = asked(OnRamp(plan, day("02-01")), "2026-02", period="2026-02", nature=VISITS)
    assert told(found.base, found.source) == (100_000, "own")


def test_a_ratio_has_the_step_of_the_day() -> None:
    """A win rate of 40 %, half of it in the second step; nothing is averaged."""
    plan = RampPlan(id="ae", steps={"win_rate": percent(0, 50)})
    on = OnRamp(plan, day("02-01"))
    presence = present(employed=Span(on.hired, date.max))
    versions = [target(40, "2026-Q1", kpi="win_rate")]
    march = effective(versions, WIN_RATE, named("2026-03"), presence, CIVIL, ramp=on)
    assert march is not None
    assert told(march.base, march.full, march.source) == (20, 40, "ramp")


def test_a_cap_is_not_made_stricter_for_the_new() -> None:
    """At most 10 slipped deals, from the first day."""
    found = asked(
        OnRamp(MONTHLY, day("02-01")), "2026-02", base=10, period="2026-02", nature=SLIPPED
    )
    assert found.base == 10


def test_an_amount_is_asked_once_a_month_however_the_target_is_cut() -> None:
    """20 visits in April, though its target changed on the 16th; of a week's, 5 of 22 workdays."""
    plan = RampPlan(id="visits", steps={"new_customer_visits": amounts(20)}, leave="prorate")
    on = OnRamp(plan, day("04-01"))
    presence = present(employed=Span(on.hired, date.max))
    changed = [target(100, "2026-04"), target(120, "2026-04", version=2, effective="04-16")]
    month = effective(changed, VISITS, named("2026-04"), presence, CIVIL, ramp=on)
    weekly = span("04-13", "04-19")
    week = effective([target(30, weekly)], VISITS, weekly, presence, CIVIL, ramp=on)
    assert month is not None
    assert week is not None
    assert told(month.base, week.base) == (20, Fraction(20 * 5, 22))


def test_a_change_of_target_leaves_the_mean_of_the_month_on_a_ramp() -> None:
    """FIELD's 8k again: 100k set once more on 16 February is 8k still, and 200k then is 16k.

    All that is asked for falls on the days from the 20th on, when the new figure holds.
    """
    on = OnRamp(QUARTER_STEP, HIRED)
    presence = present(employed=Span(HIRED, date.max))
    for figure, expected in ((100_000, 8_036), (200_000, 16_071)):
        versions = [
            target(100_000, "2026-02"),
            target(figure, "2026-02", version=2, effective="02-16"),
        ]
        found = effective(versions, AMOUNT, named("2026-02"), presence, CIVIL, ramp=on)
        assert found is not None
        assert round(found.base) == expected


def test_the_shipped_plans_name_only_shipped_kpis() -> None:
    """A misspelt id would quietly fall to the plan's "every other KPI"."""
    shipped = {one.id for one in CATALOGUE}
    named_ = {kpi for plan in SHIPPED.values() for kpi in plan.steps} | PHASES.keys()
    assert named_ - {OTHERS} <= shipped
