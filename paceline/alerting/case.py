"""One case: a subject and a period before the rules.

In: KPIs as progress answers them. Out: a ``Seen`` for each rule. Guarantee: pure; the same in gives
the same out.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

import msgspec

from kpi.alerts import Activity, Coverage, Measured, Milestone, Reading, Rule, read
from kpi.calendar.hours import HOUR, Hours
from kpi.civil import day_start, local_day
from kpi.measures import exponent
from paceline.alerting.seen import Seen, Whom
from paceline.progress.answers.kpis import KpiProgress
from paceline.progress.reading.directory import Known
from paceline.progress.reading.windows import Question
from paceline.sql.plan import Numbered
from schemas.alerts import Figure, SubjectRef

_MINUTE = 60_000
_TODAY_AGAIN = 15 * _MINUTE
"""Where today counts by the hours worked, pace is looked at so often while somebody works."""
_SPREAD = 10 * _MINUTE
"""After midnight not everybody is looked at in the same minute."""
REQUIRED = ("required_coverage_money", "required_coverage")
"""KPIs that say how much coverage is needed; the first that has a value."""
COMPLETED = "@completed"
"""Ends the name of a KPI as of the days that are over."""
_SHORT = 12


class Case(msgspec.Struct, frozen=True):
    """One subject and one period."""

    known: Known
    question: Question
    whom: Whom
    subject: SubjectRef
    hours: Hours

    def seen(
        self,
        rule_id: str,
        numbered: Numbered,
        kpis: dict[str, KpiProgress],
        last: dict[str, KpiProgress],
        active: int | None,
    ) -> Seen:
        """What a rule finds."""
        rule = numbered.rule
        progress = kpis.get(rule.kpi)
        quiet = None if active is None else self.hours.between(active, self.question.now)
        measured = _measured(rule, kpis, last, quiet)
        percents = rule.condition.percents if isinstance(rule.condition, Milestone) else (0,)
        readings = {
            str(percent or ""): read(rule.condition, measured, percent) for percent in percents
        }
        if progress is not None and _share_over(progress) * 100 < rule.after_percent:
            readings = {name: _held_back(one) for name, one in readings.items()}
        if rule.kpi and progress is None:
            there = rule.kpi in self.known.kpis.book.compiled
            readings = dict.fromkeys(readings, Reading("no_data" if there else "error"))
        period = self.question.period_in(self.hours.zone)
        return Seen(
            rule_id=rule_id,
            numbered=numbered,
            whom=self.whom,
            subject=self.subject,
            period="" if period is None or not rule.kpi else period.label,
            readings=readings,
            basis=_basis(progress, self.subject),
            hours=self.hours,
            again=self._again(rule, active),
            figure=self._figure(rule, progress, kpis, last) if progress else None,
            quiet_ms=quiet if isinstance(rule.condition, Activity) else None,
        )

    def _again(self, rule: Rule, active: int | None) -> int:
        now = self.question.now
        zone = self.hours.zone
        digest = hashlib.sha256(f"{self.whom.kind}{self.whom.id}".encode()).digest()
        spread = _MINUTE + int.from_bytes(digest[:4], "big") % _SPREAD
        midnight = day_start(local_day(now, zone) + timedelta(days=1), zone) + spread
        if isinstance(rule.condition, Activity):
            if active is None:
                return midnight
            over = self.hours.later(active, rule.condition.hours * HOUR)
            return min(midnight, over) if over > now else midnight
        if self.known.plan.interpolate_today:
            return min(midnight, self.hours.later(now, _TODAY_AGAIN))
        return midnight

    def _figure(
        self,
        rule: Rule,
        one: KpiProgress,
        kpis: dict[str, KpiProgress],
        last: dict[str, KpiProgress],
    ) -> Figure:
        definition = self.known.kpis.book.compiled[one.id].definition
        currency = self.known.plan.currency if definition.unit == "money" else None
        pace = one.pace
        before = last.get(one.id)
        covers = isinstance(rule.condition, Coverage)
        return Figure(
            kpi=one.id,
            version=one.version,
            name=definition.name,
            name_zh=definition.name_zh,
            unit=definition.unit,
            currency=currency,
            exponent=exponent(currency) if currency else 0,
            value=one.actual,
            target=one.target.base if one.target else None,
            target_version=one.target.version if one.target else None,
            attainment=one.attainment,
            status=one.status,
            basis=pace.basis if pace else None,
            expected=pace.expected if pace else None,
            of_expected=pace.of_expected if pace else None,
            projection=pace.projection if pace else None,
            probability=pace.probability if pace else None,
            required_per_workday=pace.required_per_workday if pace else None,
            remaining_workdays=pace.remaining_workdays if pace else None,
            required_coverage=_required(one, kpis) if covers else None,
            last_period=before.actual if before else None,
        )


def _share_over(one: KpiProgress) -> float:
    """The share of the period's own workdays that are completed."""
    pace = one.pace
    return pace.elapsed_workdays / pace.total_workdays if pace and pace.total_workdays else 1.0


def _held_back(one: Reading) -> Reading:
    """Too early in the period: what holds begins nothing yet."""
    return Reading("between", one.far) if one.word == "on" else one


def _measured(
    rule: Rule, kpis: dict[str, KpiProgress], last: dict[str, KpiProgress], quiet: int | None
) -> Measured:
    if not rule.kpi:
        return Measured(quiet_ms=quiet)
    one = kpis.get(rule.kpi)
    if one is None:
        return Measured(incomplete=True)
    pace, target = one.pace, one.target.base if one.target else None
    projection = pace.projection if pace else None
    return Measured(
        status=one.status,
        incomplete=one.status == "incomplete",
        attainment=one.attainment,
        of_expected=pace.of_expected if pace else None,
        of_projection=_ratio(projection, target),
        probability=pace.probability if pace else None,
        of_required=_ratio(one.actual, _required(one, kpis)),
        of_last=_of_last(rule.kpi, kpis, last),
    )


def _of_last(kpi: str, kpis: dict[str, KpiProgress], last: dict[str, KpiProgress]) -> float | None:
    now = last.get(kpi + COMPLETED) or kpis.get(kpi + COMPLETED)
    before = last.get(kpi)
    if now is None or before is None:
        return None
    return _ratio(now.actual or 0, before.actual)


def _required(one: KpiProgress, kpis: dict[str, KpiProgress]) -> float | None:
    """Of coverage: its own target, else what the win rate asks for."""
    if one.target is not None:
        return float(one.target.base)
    found = (kpis[kpi].actual for kpi in REQUIRED if kpi in kpis)
    return next((float(one) for one in found if one), None)


def _ratio(value: float | None, whole: float | None) -> float | None:
    return None if value is None or not whole else value / whole


def _basis(one: KpiProgress | None, subject: SubjectRef) -> str:
    """What the line rests on beside the subject's own doing."""
    target = one.target if one else None
    parts = (
        one.version if one else 0,
        (target.id, target.version, target.base) if target else None,
        subject.team,
    )
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:_SHORT]
