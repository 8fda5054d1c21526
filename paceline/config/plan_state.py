"""What the plan's part of a file comes to: KPIs, measures, calendars, roles, ramps, dated terms.

In: checked shapes. Out: what is stored, with every default filled in. Guarantee: two files that
mean the same give equal values, so applying the second changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from kpi.calendar.fiscal import FiscalCalendar
from kpi.calendar.workdays import Leave, Week
from kpi.definitions import SELLING, Bands, Definition, composite
from kpi.money import EXPONENTS
from kpi.organisation import Membership, ZoneSpan
from paceline.config import document as doc
from paceline.config import plan_shapes as shape
from paceline.config.words import WEEK_DAYS, minute_of, minutes_of
from paceline.holidays import CalendarSpec, Days
from paceline.sql import stored
from schemas.meaning import DeclaredMeasure, MeasureFilter

_HALVES = {"full": 2, "half": 1, "off": 0}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ONE = timedelta(days=1)

FIVE_DAYS: Week = (2, 2, 2, 2, 2, 0, 0)


def settings_of(tenant: doc.Tenant) -> stored.TenantSettings:
    """What all of the tenant's numbers and targets share."""
    return stored.TenantSettings(
        currency=tenant.currency,
        stale_after_days=tenant.stale_after_days,
        entity_retention_days=tenant.entity_retention_days,
        fiscal=fiscal_of(tenant.fiscal),
        credit=tenant.credit,
        interpolate_today=tenant.interpolate_today,
        criteria=criteria_of(tenant.qualification),
        disqualification=disqualification_of(tenant.disqualification),
        selling=tuple(tenant.activities.selling) if tenant.activities else SELLING,
        weights=dict(tenant.weights),
        calendar=tenant.calendar,
        quiet_after=dict(sorted(tenant.sources.quiet_after.items())),
        alerting=alerting_of(tenant.alerting),
    )


def alerting_of(said: shape.Alerting) -> stored.Alerting:
    """Times of day in minutes."""
    return stored.Alerting(
        digest=minute_of(said.digest),
        quiet=tuple(found for one in said.quiet if (found := minutes_of(one)) is not None),
        free_days=said.free_days,
        budget=said.budget,
        wait_s=said.wait_s,
        mute=tuple(
            stored.Mute(first=one.from_, last=one.to, rules=tuple(one.rules)) for one in said.mute
        ),
    )


def fiscal_of(said: shape.Fiscal) -> FiscalCalendar:
    """Weeks begin on 0 (Monday) to 6."""
    return FiscalCalendar(
        start_month=said.start_month,
        pattern=said.pattern,
        week_start=WEEK_DAYS.index(said.week_start),
        year_end=said.year_end,
        named_by=said.named_by,
    )


def criteria_of(said: shape.Qualification) -> tuple[stored.Criterion, ...]:
    """The criteria in the order of the file."""
    return tuple(
        stored.Criterion(
            id=one.id,
            name=one.name,
            name_zh=one.name_zh,
            field=one.field,
            values=tuple(one.values),
        )
        for one in said.criteria
    )


def disqualification_of(said: shape.Disqualification | None) -> stored.Disqualification | None:
    """The reasons in the order of the file."""
    if said is None:
        return None
    reasons = tuple(
        stored.Reason(id=one.id, name=one.name, name_zh=one.name_zh, values=tuple(one.values))
        for one in said.reasons
    )
    return stored.Disqualification(field=said.field, reasons=reasons)


def measure_of(said: shape.Measure, currency: str) -> DeclaredMeasure:
    """Bounds of ``amount`` become minor units by the tenant's currency."""
    return DeclaredMeasure(
        entity=said.entity,
        moment=said.moment,
        stage=said.stage,
        take=said.take,
        of=said.of,
        filters=tuple(_filter(one, currency) for one in said.filters),
    )


def kpis_of(
    said: Iterable[shape.Kpi],
    weights: Mapping[str, int],
    shipped: Mapping[str, Definition],
) -> dict[str, Definition]:
    """The tenant's own definitions; what one leaves out is the shipped one's, else the default.

    One that says what the shipped one says is none of the tenant's own.
    """
    found = {one.id: definition_of(one, shipped.get(one.id)) for one in said}
    found |= {"composite": composite(weights)} if weights else {}
    return {id_: one for id_, one in found.items() if one != shipped.get(id_)}


def definition_of(said: shape.Kpi, shipped: Definition | None) -> Definition:
    """Version 1: the one under which it is kept is given where it is written."""
    own: dict[str, Any] = said.model_dump(exclude_none=True, exclude={"bands"})
    if said.bands is not None:
        own["bands"] = Bands(**said.bands.model_dump())
    if shipped is not None:
        return msgspec.structs.replace(shipped, **own, version=1)
    return Definition(**({"name_zh": "", "says": "", "says_zh": ""} | own))


def calendar_of(said: shape.Calendar) -> CalendarSpec:
    """Weeks as halves of a day; the days in their order."""
    week = _week(said.week, FIVE_DAYS)
    other = said.alternate
    ordinary = CalendarSpec(id=said.id)
    return CalendarSpec(
        id=said.id,
        country=said.country,
        subdivision=said.subdivision,
        week=week,
        other_week=_week(other.week, week) if other else None,
        other_from=other.from_ if other else None,
        off=_special(said.off),
        on=_special(said.on),
        half=_special(said.half),
        hours=tuple(filter(None, map(minutes_of, said.hours))) or ordinary.hours,
    )


def role_of(said: shape.Role) -> stored.Role:
    """A role, its KPIs in the order of the file."""
    return stored.Role(name=said.name, name_zh=said.name_zh, kpis=tuple(said.kpis), ramp=said.ramp)


def ramp_of(said: shape.Ramp) -> stored.Ramp:
    """A ramp; amounts as written."""
    return stored.Ramp(
        name=said.name,
        name_zh=said.name_zh,
        by=said.by,
        leave=said.leave,
        step_months=said.step_months,
        kpis={kpi: _steps(one) for kpi, one in said.kpis.items()},
        gates=tuple(stored.RampGate(**gate.model_dump()) for gate in said.gates),
    )


def terms_of(rep: doc.Rep) -> stored.Terms:
    """What is dated of a person; a membership ends where the next one begins."""
    teams: list[Dated] = [(rep.team, None, None)] if rep.team else _dated(rep.teams)
    zones = [(rep.zone, None)] if rep.zone else [(one.zone, one.from_) for one in rep.zones]
    return stored.Terms(
        teams=_stays(teams),
        zones=tuple(ZoneSpan(*one) for one in sorted(zones, key=lambda one: one[1] or date.min)),
        manages=tuple(Membership(*one) for one in _dated(rep.manages or [])),
        role=rep.role,
        kpis=None if rep.kpis is None else tuple(rep.kpis),
        hired=rep.hired,
        left=rep.left,
        calendar=rep.calendar,
        ramp=rep.ramp,
        leave=tuple(
            Leave(one.from_, one.to or one.from_, 1 if one.half else 2)
            for one in sorted(rep.leave, key=lambda one: one.from_)
        ),
        email=rep.email,
        language=rep.language,
    )


Dated = tuple[str, date | None, date | None]


def _dated(said: Iterable[shape.DatedTeam]) -> list[Dated]:
    return [(one.team, one.from_, one.to) for one in said]


def _stays(teams: list[Dated]) -> tuple[Membership, ...]:
    ordered = sorted(teams, key=lambda one: one[1] or date.min)
    ends = [begin - _ONE if begin else None for _, begin, _ in ordered[1:]] + [None]
    return tuple(
        Membership(team, first, last or end)
        for (team, first, last), end in zip(ordered, ends, strict=True)
    )


def _filter(said: shape.Filter, currency: str) -> MeasureFilter:
    factor = 10 ** EXPONENTS.get(currency, 2) if said.field == "amount" else 1
    return MeasureFilter(
        field=said.field,
        in_=tuple(said.in_),
        not_in=tuple(said.not_in),
        at_least=None if said.at_least is None else said.at_least * factor,
        below=None if said.below is None else said.below * factor,
    )


def _week(said: Mapping[Any, str], base: Week) -> Week:
    return tuple(
        _HALVES[said[day]] if day in said else halves
        for day, halves in zip(_DAYS, base, strict=True)
    )


def _special(days: Iterable[shape.Day]) -> Days:
    return tuple(sorted((one.date, one.name or "") for one in days))


def _steps(said: shape.Steps) -> stored.RampSteps:
    if said.percent is not None:
        values = tuple(one.removesuffix("%").rstrip() for one in said.percent)
        return stored.RampSteps(mode="percent", values=values)
    return stored.RampSteps(mode="absolute", values=tuple(said.absolute or ()))
