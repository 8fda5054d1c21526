"""Messages: what is told of a change, with all that explains it.

In: a ``Seen`` and its change, the organisation's KPIs. Out: ``schemas.alerts.Alert``. Guarantee:
pure but for reading the drivers; every number is the one that the rule saw.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from paceline.alerting.keeping import Told
from paceline.alerting.seen import Seen, identity
from paceline.progress.answers.kpis import KpiProgress
from schemas.alerts import Alert, Driver, RuleRef

Topic = Literal["volume", "conversion", "deal_size", "cycle", "coverage"]
DRIVERS: dict[Topic, tuple[str, bool]] = {
    "volume": ("opportunities_created", True),
    "conversion": ("win_rate", False),
    "deal_size": ("average_deal", False),
    "cycle": ("cycle_median", False),
    "coverage": ("coverage", False),
}
"""Topic -> the KPI that shows it, and whether a team's is a sum, so that its mean is compared.

They are the factors of sales velocity, and the pipeline that it works on.
"""
_SHORT_OF = 0.9
"""A driver that is at least so much of the team's is no topic."""


def message(
    tenant: str, seen: Seen, told: Told, at: int, sequence: int, driver: Driver | None
) -> Alert:
    """The alert as it travels."""
    condition: Any = seen.rule.condition
    percent = int(told.extra) if seen.rule.once else None
    line = percent if percent is not None else getattr(condition, "enter", None)
    source = told.extra if seen.whom.kind == "sources" else None
    subject = seen.subject
    if source is not None:
        subject = type(subject)(kind="source", id=source, name=source)
    return Alert(
        id=identity(tenant, seen, told.period, told.extra, told.change.cause),
        sequence=sequence,
        what=told.change.what,
        tenant=tenant,
        rule=RuleRef(
            id=seen.rule_id,
            version=seen.numbered.version,
            name=seen.rule.name,
            name_zh=seen.rule.name_zh,
            when=condition.__struct_config__.tag,
            line=getattr(condition, "hours", line),
        ),
        severity=seen.rule.severity,
        subject=subject,
        period=told.period,
        began_at=told.change.began,
        at=at,
        late=told.change.late or seen.rule.digest,
        percent=percent,
        figure=seen.figure if told.period == seen.period else None,
        quiet_ms=seen.quiet_ms,
        silent_since=seen.since.get(source) if source else None,
        driver=driver,
        explain=_explain(seen),
        field=seen.field,
        held="",
    )


def driver_of(
    own: dict[str, KpiProgress], team: dict[str, KpiProgress], heads: int
) -> Driver | None:
    """The driver that is shortest against the team's; None where none is short.

    Of durations the longer one is the shorter.
    """
    found: list[tuple[float, Driver]] = []
    for topic, (kpi, summed) in DRIVERS.items():
        mine, theirs = own.get(kpi), team.get(kpi)
        if mine is None or theirs is None or mine.actual is None or not theirs.actual:
            continue
        mean = float(theirs.actual) / heads if summed and heads else float(theirs.actual)
        lower = topic == "cycle"
        ratio = mean / mine.actual if lower and mine.actual else float(mine.actual) / mean
        if ratio < _SHORT_OF:
            driver = Driver(topic=topic, kpi=kpi, value=float(mine.actual), team=mean)
            found.append((ratio, driver))
    return min(found, key=lambda one: one[0])[1] if found else None


def _explain(seen: Seen) -> str:
    if seen.figure is None:
        return ""
    query = {"kpi": seen.figure.kpi, "period": seen.period or seen.rule.period}
    if seen.whom.kind in {"rep", "team"}:
        query[seen.whom.kind] = seen.whom.id
    return "/v1/explain?" + urlencode(query)
