"""The plan as it is answered.

In: what is known of a tenant, items and results of administration. Out: the shapes of
``answers_plan``. Guarantee: pure; only what the caller may see.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

import msgspec

from kpi.calendar.fiscal import Period
from kpi.calendar.workdays import WorkCalendar, scheduled, workdays
from kpi.civil import local_day
from kpi.periods import Span
from kpi.reading import next_month
from kpi.targets import align as alignments
from kpi.targets.company import Company, Person
from kpi.targets.model import TargetVersion
from paceline.admin import audit as audits
from paceline.admin import values
from paceline.holidays import names, work_calendar
from paceline.progress.answers.kpis import Unit
from paceline.progress.answers.numbers import number, said
from paceline.progress.answers.progress import Subject
from paceline.progress.compose import info
from paceline.progress.judging import choice
from paceline.progress.judging.desk import presence_of
from paceline.progress.judging.ramps import on_ramp
from paceline.progress.judging.standing import nature
from paceline.progress.reading.directory import Known
from paceline.progress.reading.selection import memberships_of
from paceline.progress.reading.windows import Question
from paceline.sql.plan import Plan
from services.api.access import Caller
from services.api.answers.plan import (
    Alignment,
    Audit,
    AuditEntry,
    CalendarDay,
    CalendarYear,
    Finding,
    Item,
    Items,
    KpiEntry,
    Kpis,
    Suggestion,
    Suggestions,
    TargetEntry,
    Targets,
    Written,
)
from services.api.context import Services


class Chosen(NamedTuple):
    """Which targets are asked for."""

    kpi: str | None
    rep: str | None
    team: str | None
    within: Period | None


def kpis(known: Known) -> Kpis:
    """All KPIs in the order of the tenant's definitions."""
    book = known.kpis.book
    ids = [one.id for one in known.plan.definitions if one.id in book.compiled]
    return Kpis(items=[_kpi(known, kpi) for kpi in ids])


def _kpi(known: Known, kpi: str) -> KpiEntry:
    one = known.kpis.book.compiled[kpi].definition
    shown = msgspec.structs.asdict(info(known.kpis, known, kpi))
    return KpiEntry(
        **shown,
        id=kpi,
        basis=one.basis,
        too_early_below=one.too_early_below,
        shipped=kpi not in known.plan.revisions,
    )


def targets(caller: Caller, known: Known, chosen: Chosen, after: str, limit: int) -> Targets:
    """A page of the visible targets in the order of (id, version)."""
    found = [
        (_place(one), one)
        for (kind, subject), versions in known.plan.targets.items()
        if _visible(caller, kind, subject) and _asked(chosen, kind, subject)
        for one in versions
        if _matches(caller, chosen, one)
    ]
    found = sorted(pair for pair in found if pair[0] > after)
    page = found[:limit]
    return Targets(
        items=[_target(known, one) for _, one in page],
        next=page[-1][0] if len(found) > limit else None,
    )


def _place(one: TargetVersion) -> str:
    return f"{one.id}@{one.version:06}"


def _visible(caller: Caller, kind: str, subject: str) -> bool:
    if kind == "rep":
        return any(rep.id == subject for rep in caller.reps())
    if kind == "team":
        return any(team.id == subject for team in caller.teams())
    return caller.reach == "tenant"


def _asked(chosen: Chosen, kind: str, subject: str) -> bool:
    if chosen.rep is None and chosen.team is None:
        return True
    return (kind, subject) in {("rep", chosen.rep), ("team", chosen.team)}


def _matches(caller: Caller, chosen: Chosen, one: TargetVersion) -> bool:
    within = chosen.within
    overlaps = within is None or (one.first <= within.last and within.first <= one.last)
    visible = one.state != "draft" or caller.reach != "rep"
    return overlaps and visible and chosen.kpi in {None, one.kpi}


def _target(known: Known, one: TargetVersion) -> TargetEntry:
    unit = unit_of(known, one.kpi)
    return TargetEntry(
        id=one.id,
        version=one.version,
        kpi=one.kpi,
        subject_kind=one.subject_kind,
        subject=one.subject,
        first=one.first.isoformat(),
        last=one.last.isoformat(),
        base=said(one.tiers.base, unit),
        stretch=number(one.tiers.stretch, unit),
        commit=number(one.tiers.commit, unit),
        effective=one.effective.isoformat() if one.effective else None,
        change=one.change,
        state=one.state,
        monthly=list(one.monthly),
        prorate=one.prorate,
    )


def unit_of(known: Known, kpi: str) -> Unit:
    """The unit of a KPI; of one that is gone a count."""
    compiled = known.kpis.book.compiled.get(kpi)
    return compiled.definition.unit if compiled else "count"


def alignment(known: Known, question: Question) -> Alignment:
    """The report over one period."""
    plan = known.plan
    period = question.period_in(plan.zone)
    spans = [Span(period.first, period.last)] if period else []
    versions = [one for some in plan.targets.values() for one in some]
    today = local_day(question.now, plan.zone)
    found = alignments.align(versions, company(known), spans, today)
    return Alignment(
        period=question.period,
        period_label=period.label if period else question.period,
        items=[_finding(known, one) for one in found],
    )


def company(known: Known) -> Company:
    """Everybody with what decides about targets."""
    plan, book, org = known.plan, known.kpis.book, known.org
    people = []
    for rep in org.reps.values():
        person = plan.reps.get(rep.id)
        people.append(
            Person(
                id=rep.id,
                kpis=frozenset(choice.counting(plan, book, person)),
                presence=presence_of(plan, person),
                memberships=memberships_of(plan, rep),
                ramp=on_ramp(plan, person),
            )
        )
    return Company(
        id=org.tenant,
        people=tuple(people),
        parents={team.id: team.parent for team in org.teams.values()},
        natures={kpi: nature(book, kpi) for kpi in book.compiled},
        presence=presence_of(plan, None),
        fiscal=plan.fiscal,
    )


def _finding(known: Known, one: alignments.Finding) -> Finding:
    unit = unit_of(known, one.kpi)
    return Finding(
        kind=one.kind,
        severity=one.severity,
        subject_kind=one.subject_kind,
        subject=one.subject,
        kpi=one.kpi or None,
        first=one.first.isoformat() if one.first else None,
        last=one.last.isoformat() if one.last else None,
        asked=number(one.asked, unit),
        found=number(one.found, unit),
        difference=number(one.difference, unit),
        names=list(one.names),
    )


def suggested(
    period: Literal["week", "month", "quarter"], found: Sequence[Suggestion], following: str | None
) -> Suggestions:
    """A page of suggestions."""
    return Suggestions(period=period, items=list(found), next=following)


def anybody(caller: Caller) -> Subject:
    """The subject of a reading that is of no one subject."""
    return Subject(kind="team", id="", name=caller.org.name)


def calendar(plan: Plan, calendar: str, year: int) -> CalendarYear:
    """One year of a calendar, with the names of its special days."""
    spec = plan.specs[calendar]
    made = work_calendar(spec, range(year, year + 1))
    named = names(spec, range(year, year + 1))
    return CalendarYear(
        id=calendar,
        year=year,
        provisional=year in made.provisional,
        week=list(made.week),
        hours=[f"{_clock(start)}-{_clock(end)}" for start, end in made.hours],
        workdays=_by_month(made, year),
        days=[
            CalendarDay(date=day.isoformat(), halves=scheduled(made, day), name=name or None)
            for day, name in named.items()
            if day.year == year
        ],
    )


def _by_month(made: WorkCalendar, year: int) -> dict[str, float]:
    firsts = [date(year, month, 1) for month in range(1, 13)]
    return {
        f"{first:%Y-%m}": float(workdays(made, (), first, next_month(first) - timedelta(days=1)))
        for first in firsts
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def year_of(services: Services, plan: Plan) -> int:
    """This year where the tenant is."""
    return local_day(services.clock(), plan.zone).year


def etag(found: values.Item) -> str:
    """An item's ETag."""
    return f'"{found.digest}"'


def item(found: values.Item) -> Item:
    """An item."""
    return Item(
        kind=found.kind,
        id=found.id,
        version=found.version,
        etag=etag(found),
        shipped=found.shipped,
        state=found.state or None,
        body=found.body,
    )


def items(page: values.Items) -> Items:
    """A page of items."""
    return Items(items=[item(one) for one in page.items], next=page.next)


def written(done: values.Done) -> Written:
    """What a write did."""
    return Written(
        dry_run=done.dry_run,
        changes=list(done.changes),
        generation=done.generation,
        item=item(done.item) if done.item else None,
    )


def audit(page: audits.Page) -> Audit:
    """A page of the audit."""
    entries = [msgspec.convert(one, AuditEntry, from_attributes=True) for one in page.entries]
    return Audit(items=entries, next=page.next)
