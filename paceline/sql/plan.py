"""Everything that readers need beside the sums: the plan of a tenant, as the values of ``kpi``.

In: a tenant and the civil days that are asked about. Out: one ``Plan``. Guarantee: one moment's
view (within ``reading``), only this tenant's rows; equal digests mean equal plans. Targets come
from one indexed query, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import cast

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kpi.alerts import Rule
from kpi.calendar.fiscal import FiscalCalendar
from kpi.calendar.workdays import Leave, WorkCalendar
from kpi.currency import Rates
from kpi.definitions import WEIGHTS, Definition, Unit
from kpi.organisation import Membership, ZoneSpan
from kpi.periods import Span
from kpi.targets.model import TargetVersion
from kpi.targets.ramp import OTHERS, Gate, RampPlan, Steps
from paceline.holidays import CalendarSpec, work_calendar
from paceline.sql import items, models
from paceline.sql import rates as rates_sql
from paceline.sql.amounts import amount
from paceline.sql.changes import today
from paceline.sql.connections import list_connections
from paceline.sql.definitions import shipped
from paceline.sql.org import terms_of
from paceline.sql.stored import Criterion, Ramp, RampSteps, Reason, Role, TenantSettings, Terms
from paceline.sql.targets import By, load_versions
from schemas.meaning import Credit, DeclaredMeasure

EVERYBODY = "default"
"""Key of the calendar where a tenant has none: Monday to Friday, no holidays."""
YEARS_BACK, YEARS_AHEAD = 4, 2
NO_ROLE = Role(name="")


class Named(msgspec.Struct, frozen=True):
    """What a thing is called in both languages."""

    name: str
    name_zh: str | None


class Revision(msgspec.Struct, frozen=True):
    """A definition that once was in force; None: there was no such KPI from then on."""

    since: date
    definition: Definition | None


class Numbered(msgspec.Struct, frozen=True):
    """A rule of alerts and the number of its version."""

    version: int
    rule: Rule


class RepPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one person. Days are civil days in the person's zone, ends included."""

    id: str
    role: str | None
    kpis: tuple[str, ...]
    """The person's own, else the role's, else all; in the order in which they are shown."""
    hired: date | None
    left: date | None
    """The last day at work."""
    calendar: str
    """Key of ``Plan.calendars``; the tenant's own where the person has none."""
    leaves: tuple[Leave, ...]
    ramp: str | None
    """Key of ``Plan.ramps``: the person's own, else the role's; None without a day of hire."""
    memberships: tuple[Membership, ...]
    managed: tuple[Membership, ...]
    zones: tuple[ZoneSpan, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's KPIs, calendars, roles, ramps, people's dates and targets."""

    tenant: str
    zone: str
    currency: str
    rates: Rates
    """What other currencies are worth in the tenant's, day by day."""
    version: int
    """Grows with every change; 0: nothing was written since targets exist."""
    digest: str
    """Differs whenever any of this does, over databases too: part of an ETag. What the clock alone
    changes (today's year of the calendars) is not in it."""
    fiscal: FiscalCalendar
    credit: Credit
    interpolate_today: bool
    definitions: tuple[Definition, ...]
    """In force now: the shipped ones, the tenant's, one conversion per stage."""
    revisions: Mapping[str, tuple[Revision, ...]]
    """Of KPIs that the tenant changed: what was in force since when, oldest first; the first one
    is what held before the first change."""
    measures: Mapping[str, DeclaredMeasure]
    weights: Mapping[str, int]
    selling: tuple[str, ...]
    roles: Mapping[str, Role]
    reps: Mapping[str, RepPlan]
    calendar: str
    """Key of the tenant's own calendar in ``calendars``."""
    calendars: Mapping[str, WorkCalendar]
    """With the holidays of ``YEARS_BACK`` years and ``YEARS_AHEAD``."""
    specs: Mapping[str, CalendarSpec]
    """What the calendars were made of; ``paceline.holidays.names`` names their days."""
    ramps: Mapping[str, RampPlan]
    ramp_names: Mapping[str, Named]
    rules: Mapping[str, Numbered] = {}
    """Those of alerts that are enabled."""
    targets: Mapping[tuple[str, str], tuple[TargetVersion, ...]]
    """(subject kind, subject) -> every version whose period overlaps the days asked about, drafts
    too, withdrawn ones not; in the order of (KPI, period, version)."""
    criteria: tuple[Criterion, ...]
    reasons: tuple[Reason, ...]
    quiet_after: Mapping[str, int]
    """connection -> seconds of silence after which its data is incomplete; absent: learnt."""

    def on(self, day: date) -> tuple[Definition, ...]:
        """The definitions in force on a civil day, for numbers as they were read then."""
        return tuple(found for one in self._ids() if (found := self._on(one, day)) is not None)

    def targets_of(self, kind: str, subject: str, kpi: str | None = None) -> list[TargetVersion]:
        """The versions of one subject, of one KPI where named."""
        found = self.targets.get((kind, subject), ())
        return [one for one in found if kpi is None or one.kpi == kpi]

    def _ids(self) -> list[str]:
        """Current ones in their order, then those that are gone."""
        return list(dict.fromkeys([*(one.id for one in self.definitions), *self.revisions]))

    def _on(self, kpi: str, day: date) -> Definition | None:
        past = [one for one in self.revisions.get(kpi, ()) if one.since <= day]
        if past:
            return past[-1].definition
        return next((one for one in self.definitions if one.id == kpi), None)


class Version(msgspec.Struct, frozen=True):
    """Of a tenant's plan. 0: nothing was written since targets exist."""

    number: int
    changed_at: int

    @property
    def digest(self) -> str:
        """Differs over databases too: one that is made anew counts from 1 again."""
        return f"{self.number}-{self.changed_at}"


async def plan_version(session: AsyncSession, tenant: str) -> Version:
    """The version of the tenant's plan, by its primary key: ask it before ``load_plan``."""
    query = select(models.PlanVersion.version, models.PlanVersion.changed_at)
    found = (await session.execute(query.where(models.PlanVersion.tenant == tenant))).first()
    return Version(0, 0) if found is None else Version(found[0], found[1])


async def load_plan(
    session: AsyncSession, tenant: str, *, span: Span | None = None, day: date | None = None
) -> Plan | None:
    """The plan, with the targets whose period overlaps ``span`` (None: all targets ever).

    ``day`` (today where the tenant is) says around which years holidays are known. None where there
    is no such tenant.
    """
    row = await session.get(models.Tenant, tenant, populate_existing=True)
    if row is None:
        return None
    settings = msgspec.convert(row.settings, TenantSettings)
    versions = await items.read_versions(session, tenant)
    connections = [one.settings for one in await list_connections(session, tenant)]
    version = await plan_version(session, tenant)
    ordinary = shipped(connections)
    history = _history(versions, ordinary)
    definitions = _current(history, ordinary)
    roles = items.present(versions, "roles")
    ramps = items.present(versions, "ramps")
    now = day or today(row.zone)
    specs = _specs(items.present(versions, "calendars"))
    units = {one.id: one.unit for one in definitions}
    return Plan(
        tenant=tenant,
        zone=row.zone,
        currency=settings.currency,
        rates=await rates_sql.known(session, tenant, settings.currency),
        version=version.number,
        digest=version.digest,
        fiscal=settings.fiscal,
        credit=settings.credit,
        interpolate_today=settings.interpolate_today,
        definitions=definitions,
        revisions=history,
        measures=items.present(versions, "measures"),
        weights=settings.weights or WEIGHTS,
        selling=settings.selling,
        roles=roles,
        reps=await _reps(session, tenant, settings, roles, definitions),
        calendar=settings.calendar or EVERYBODY,
        calendars=_calendars(specs, now.year),
        specs=specs,
        ramps={id_: ramp_plan(id_, one, units, settings.currency) for id_, one in ramps.items()},
        rules=_rules(versions),
        ramp_names={id_: Named(one.name, one.name_zh) for id_, one in ramps.items()},
        targets=await load_versions(session, tenant, span),
        criteria=settings.criteria,
        reasons=settings.disqualification.reasons if settings.disqualification else (),
        quiet_after=settings.quiet_after,
    )


def _rules(versions: list[items.Version]) -> dict[str, Numbered]:
    return {
        one.id: Numbered(one.version, one.value)
        for one in items.newest(versions).values()
        if one.kind == "rules" and isinstance(one.value, Rule) and one.value.enabled
    }


async def load_targets(session: AsyncSession, tenant: str, span: Span | None = None) -> By:
    """The targets alone, as in ``Plan.targets``."""
    return await load_versions(session, tenant, span)


def ramp_plan(id_: str, said: Ramp, units: Mapping[str, Unit], currency: str) -> RampPlan:
    """The plan in what is counted. A KPI that is no longer there is left out."""
    return RampPlan(
        id=id_,
        steps={
            kpi: Steps(_values(one, units.get(kpi, "count"), currency), one.mode)
            for kpi, one in said.kpis.items()
            if kpi in units or kpi == OTHERS
        },
        by=said.by,
        leave=said.leave,
        step_months=said.step_months,
        gates=tuple(
            Gate(
                month=one.month,
                kpi=one.kpi,
                at_least=amount(one.at_least, units[one.kpi], currency),
                within=one.within,
            )
            for one in said.gates
            if one.kpi in units
        ),
    )


def _values(said: RampSteps, unit: Unit, currency: str) -> tuple[Fraction, ...]:
    counted: Unit = "count" if said.mode == "percent" else unit
    return tuple(amount(one, counted, currency) for one in said.values)


def _history(
    versions: Sequence[items.Version], ordinary: Sequence[Definition]
) -> dict[str, tuple[Revision, ...]]:
    """What was in force since when. A version counts on from the shipped one that it replaces."""
    known = {one.id: one for one in ordinary}
    found: dict[str, list[Revision]] = {}
    for one in versions:
        if one.kind != "kpis":
            continue
        base = known.get(one.id)
        if one.id not in found:
            found[one.id] = [Revision(date.min, base)]
        number = one.version + (base.version if base else 0)
        value = base if one.value is None else cast("Definition", one.value)
        numbered = None if value is None else msgspec.structs.replace(value, version=number)
        found[one.id].append(Revision(one.since, numbered))
    return {id_: tuple(each) for id_, each in found.items()}


def _current(
    history: Mapping[str, Sequence[Revision]], ordinary: Sequence[Definition]
) -> tuple[Definition, ...]:
    now = {one.id: one for one in ordinary}
    for id_, revisions in history.items():
        definition = revisions[-1].definition
        if definition is not None:
            now[id_] = definition
    return tuple(now.values())


def _specs(own: Mapping[str, CalendarSpec]) -> dict[str, CalendarSpec]:
    return {EVERYBODY: CalendarSpec(id=EVERYBODY), **own}


def _calendars(specs: Mapping[str, CalendarSpec], year: int) -> dict[str, WorkCalendar]:
    years = range(year - YEARS_BACK, year + YEARS_AHEAD + 1)
    return {id_: work_calendar(spec, years) for id_, spec in specs.items()}


async def _reps(
    session: AsyncSession,
    tenant: str,
    settings: TenantSettings,
    roles: Mapping[str, Role],
    definitions: Sequence[Definition],
) -> dict[str, RepPlan]:
    found = await session.scalars(
        select(models.Rep).where(models.Rep.tenant == tenant).order_by(models.Rep.id)
    )
    every = tuple(one.id for one in definitions)
    return {row.id: _rep(row.id, terms_of(row), settings, roles, every) for row in found}


def _rep(
    id_: str,
    terms: Terms,
    settings: TenantSettings,
    roles: Mapping[str, Role],
    every: tuple[str, ...],
) -> RepPlan:
    role = roles.get(terms.role or "", NO_ROLE)
    return RepPlan(
        id=id_,
        role=terms.role,
        kpis=role.kpis or every if terms.kpis is None else terms.kpis,
        hired=terms.hired,
        left=terms.left,
        calendar=terms.calendar or settings.calendar or EVERYBODY,
        leaves=terms.leave,
        ramp=(terms.ramp or role.ramp) if terms.hired else None,
        memberships=terms.teams,
        managed=terms.manages,
        zones=terms.zones,
    )
