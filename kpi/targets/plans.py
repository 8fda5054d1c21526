"""The ramp plans that are shipped, as data: a tenant takes one by its id or writes its own.

The curves are FIELD's ("Targets"). Activities come before pipeline, pipeline before revenue:
`PHASES` says which of the shipped KPIs belongs to which.
"""

from __future__ import annotations

from collections.abc import Mapping

from kpi.targets.ramp import OTHERS, Phase, RampPlan, percent

_ACTIVITIES = (
    "calls",
    "emails",
    "meetings",
    "visits",
    "new_customer_visits",
    "follow_ups",
    "demos",
    "activities_total",
)
_PIPELINE = (
    "proposals",
    "opportunities_created",
    "opportunities_qualified",
    "pipeline_built",
    "open_pipeline",
    "open_pipeline_count",
    "qualified_pipeline",
    "qualified_pipeline_count",
    "coverage",
    "coverage_of_gap",
)

PHASES: Mapping[str, Phase] = {
    **dict.fromkeys(_ACTIVITIES, "activities"),
    **dict.fromkeys(_PIPELINE, "pipeline"),
}
"""Whatever is not named here is revenue, or comes of it."""

MONTHLY = RampPlan(id="monthly", steps={OTHERS: percent(0, 25, 50, 75, 100)})
SMALL_BUSINESS = RampPlan(id="small-business", steps={OTHERS: percent(25, 50, 75, 100)})
SIX_MONTHS = RampPlan(id="six-months", steps={OTHERS: percent(0, 15, 35, 55, 75, 100)})

PHASED = RampPlan(
    id="phased",
    steps={
        **dict.fromkeys(_ACTIVITIES, percent(50, 75, 100)),
        **dict.fromkeys(_PIPELINE, percent(0, 50, 75, 100)),
        OTHERS: percent(0, 25, 50, 75, 100),
    },
)
"""The shipped default for a role without a plan of its own: conversations from the first day."""

SHIPPED: Mapping[str, RampPlan] = {
    plan.id: plan for plan in (PHASED, MONTHLY, SMALL_BUSINESS, SIX_MONTHS)
}


def phase_of(kpi: str, phases: Mapping[str, Phase] = PHASES) -> Phase:
    """The phase that a KPI belongs to; a tenant may say it of its own KPIs."""
    return phases.get(kpi, "revenue")
