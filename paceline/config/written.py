"""What is kept, in the shape of the configuration file.

In: a tenant's state, a target. Out: plain values as YAML or JSON would have them. Guarantee: read
back they give the same state; what says nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import msgspec

from kpi.calendar.fiscal import FiscalCalendar, period_of
from kpi.calendar.labels import KINDS
from kpi.calendar.workdays import Leave
from kpi.definitions import SELLING, Definition, Unit
from kpi.money import EXPONENTS
from kpi.organisation import Membership
from paceline.config.rules import written as rule_written
from paceline.config.state import RepState, SourceState, TeamState, TenantState
from paceline.config.words import WEEK_DAYS, clock_of
from paceline.holidays import CalendarSpec, Days
from paceline.sql.amounts import written as amount_written
from paceline.sql.stored import Alerting, Ramp, Role, TenantSettings
from paceline.sql.targets import Target
from schemas.meaning import DeclaredMeasure

Body = dict[str, Any]

_WORK = ("off", "half", "full")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def tenant_of(state: TenantState) -> Body:
    """A tenant with all but its targets; of its connections only what others refer to."""
    currency = state.settings.currency
    own = {
        "teams": [team_of(*one) for one in sorted(state.teams.items())],
        "reps": [rep_of(*one) for one in sorted(state.reps.items())],
        "connections": [_connection(*one) for one in sorted(state.connections.items())],
        "measures": [measure_of(*one, currency) for one in sorted(state.measures.items())],
        "kpis": [kpi_of(state.kpis[one]) for one in sorted(own_kpis(state))],
        "calendars": [calendar_of(state.calendars[one]) for one in sorted(state.calendars)],
        "roles": [role_of(*one) for one in sorted(state.roles.items())],
        "ramps": [ramp_of(*one) for one in sorted(state.ramps.items())],
        "rules": [rule_written(*one) for one in sorted(state.rules.items())],
    }
    named = {"id": state.id, "name": state.name, "zone": state.zone, "currency": currency}
    return named | settings_of(state.settings) | own


def own_kpis(state: TenantState) -> set[str]:
    """The KPIs of the tenant's own: the weights' composite is said by the weights."""
    return set(state.kpis) - ({"composite"} if state.settings.weights else set())


def settings_of(settings: TenantSettings) -> Body:
    """Every setting, by its key in the file."""
    return {
        "stale_after_days": settings.stale_after_days,
        "entity_retention_days": settings.entity_retention_days,
        "fiscal": _fiscal(settings.fiscal),
        "credit": settings.credit,
        "interpolate_today": settings.interpolate_today,
        "qualification": {"criteria": [_plain(one) for one in settings.criteria]},
        "disqualification": _plain(settings.disqualification),
        "activities": {"selling": list(settings.selling or SELLING)},
        "weights": dict(settings.weights),
        "calendar": settings.calendar,
        "sources": {"quiet_after": _quiet(settings.quiet_after)},
        "alerting": _alerting(settings.alerting),
    }


def _alerting(one: Alerting) -> Body:
    return {
        "digest": clock_of(one.digest),
        "quiet": [f"{clock_of(low)}-{clock_of(high)}" for low, high in one.quiet],
        "free_days": one.free_days,
        "budget": one.budget,
        "wait_s": one.wait_s,
        "mute": [
            {"from": _day(each.first), "to": _day(each.last), "rules": list(each.rules)}
            for each in one.mute
        ],
    }


def team_of(id_: str, team: TeamState) -> Body:
    """A team with its parent beside it."""
    return _said(id=id_, name=team.name, name_zh=team.name_zh, parent=team.parent)


def rep_of(id_: str, rep: RepState) -> Body:
    """A rep; what was never dated is said without days."""
    terms = rep.terms
    dated = len(terms.teams) > 1 or any(one.first or one.last for one in terms.teams)
    zoned = len(terms.zones) > 1 or any(one.first for one in terms.zones)
    owners: dict[str, list[str]] = {}
    for connection, owner in rep.owners:
        owners.setdefault(connection, []).append(owner)
    return _said(
        id=id_,
        name=rep.name,
        name_zh=rep.name_zh,
        team=None if dated else terms.teams[0].team,
        teams=_stays(terms.teams) if dated else None,
        zone=terms.zones[0].zone if terms.zones and not zoned else None,
        zones=[_said(zone=one.zone, **{"from": _day(one.first)}) for one in terms.zones]
        if zoned
        else None,
        manages=_stays(terms.manages) or None,
        owners=owners or None,
        role=terms.role,
        kpis=None if terms.kpis is None else list(terms.kpis),
        hired=_day(terms.hired),
        left=_day(terms.left),
        calendar=terms.calendar,
        ramp=terms.ramp,
        leave=[_leave(one) for one in terms.leave] or None,
        email=terms.email,
        language=terms.language,
    )


def kpi_of(definition: Definition) -> Body:
    """A KPI, whole."""
    found = _plain(definition)
    return {key: value for key, value in found.items() if key != "version" and value != ""}


def measure_of(id_: str, measure: DeclaredMeasure, currency: str) -> Body:
    """A measure; bounds of amounts in major units again."""
    found = _said(**_plain(measure))
    filters = [_filter(one, currency) for one in found.pop("filters", [])]
    shown = {key: value for key, value in found.items() if value != ""}
    return {"id": id_} | shown | ({"filters": filters} if filters else {})


def calendar_of(spec: CalendarSpec) -> Body:
    """A calendar with its weeks by day."""
    other = spec.other_week
    return _said(
        id=spec.id,
        country=spec.country,
        subdivision=spec.subdivision,
        week=_week(spec.week),
        alternate=None if other is None else {"from": _day(spec.other_from), "week": _week(other)},
        off=_special(spec.off),
        on=_special(spec.on),
        half=_special(spec.half),
        hours=[f"{_clock(begin)}-{_clock(end)}" for begin, end in spec.hours],
    )


def role_of(id_: str, role: Role) -> Body:
    """A role."""
    return {"id": id_} | _said(**_plain(role))


def ramp_of(id_: str, ramp: Ramp) -> Body:
    """A ramp; amounts as they were written."""
    kpis = {kpi: {steps.mode: list(steps.values)} for kpi, steps in ramp.kpis.items()}
    return {"id": id_} | _said(**_plain(ramp)) | ({"kpis": kpis} if kpis else {})


def target_of(
    target: Target, fiscal: FiscalCalendar, units: Mapping[str, Unit], currency: str
) -> Body:
    """A target, its period by its label, its amounts as people write them."""
    unit = units.get(target.kpi, "count")
    tiers = {
        name: None if tier is None else amount_written(tier, unit, currency)
        for name, tier in (
            ("base", target.base),
            ("stretch", target.stretch),
            ("commit", target.commit),
        )
    }
    return _said(
        kpi=target.kpi,
        **{target.subject_kind: target.subject},
        period=label_of(target, fiscal),
        **tiers,
        effective=_day(target.effective),
        change=target.change,
        monthly=list(target.monthly) or None,
        prorate=target.prorate,
        state=target.state,
        note=target.note or None,
    )


def label_of(target: Target, fiscal: FiscalCalendar) -> str:
    """The label of the target's period; its days where the fiscal calendar is another one now."""
    for kind in KINDS:
        period = period_of(fiscal, kind, target.first)
        if (period.first, period.last) == (target.first, target.last):
            return period.label
    return f"{target.first}/{target.last}"


def _connection(id_: str, source: SourceState) -> Body:
    steps = source.settings.steps
    stages = {
        pipeline: {stage: inner[stage] for stage in steps.get(pipeline, tuple(inner))}
        for pipeline, inner in source.settings.stages.items()
    }
    return {"id": id_, "kind": "cloudevents", "stages": stages}


def _fiscal(fiscal: FiscalCalendar) -> Body:
    found: Body = _plain(fiscal)
    return found | {"week_start": WEEK_DAYS[fiscal.week_start]}


def _quiet(quiet_after: Mapping[str, int]) -> Body:
    return {
        name: amount_written(Fraction(seconds), "duration", "")
        for name, seconds in quiet_after.items()
    }


def _filter(said: Body, currency: str) -> Body:
    factor = 10 ** EXPONENTS.get(currency, 2) if said["field"] == "amount" else 1
    bounds = {
        name: None if said[name] is None else said[name] // factor for name in ("at_least", "below")
    }
    return _said(
        field=said["field"], **{"in": said["in_"] or None}, not_in=said["not_in"] or None, **bounds
    )


def _stays(stays: Iterable[Membership]) -> list[Body]:
    return [_said(team=one.team, **{"from": _day(one.first)}, to=_day(one.last)) for one in stays]


def _leave(leave: Leave) -> Body:
    half = True if leave.halves == 1 else None
    return _said(**{"from": _day(leave.first)}, to=_day(leave.last), half=half)


def _special(days: Days) -> list[Body] | None:
    return [_said(date=_day(day), name=name or None) for day, name in days] or None


def _week(week: Iterable[int]) -> dict[str, str]:
    return {day: _WORK[halves] for day, halves in zip(_DAYS, week, strict=True)}


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _day(day: Any) -> str | None:
    return None if day is None else str(day)


def _plain(thing: Any) -> Any:
    # By way of JSON, for ``to_builtins`` leaves tuples where the file has lists.
    return msgspec.json.decode(msgspec.json.encode(thing))


def _said(**values: Any) -> Body:
    return {key: value for key, value in values.items() if value is not None}
