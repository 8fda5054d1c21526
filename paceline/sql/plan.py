"""Everything that readers need beside the sums: the plan of a tenant, as the values of ``kpi``.

In: a tenant and the civil days that are asked about. Out: one ``Plan``. Guarantee: one moment's view
(within ``reading``), only this tenant's rows; equal digests mean equal plans. Targets come from one
indexed query, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kpi.calendar.fiscal import FiscalCalendar
from kpi.calendar.workdays import Leave, WorkCalendar
from kpi.definitions.model import Definition
from kpi.organisation import Membership, ZoneSpan
from kpi.periods import Span
from kpi.targets.model import TargetVersion
from kpi.targets.ramp import RampPlan
from paceline.sql import models
from paceline.sql.stored import Criterion, Reason, Role
from schemas.meaning import Credit, DeclaredMeasure


class Named(msgspec.Struct, frozen=True):
    """What a thing is called in both languages."""

    name: str
    name_zh: str | None


class Revision(msgspec.Struct, frozen=True):
    """A definition that once was in force; None: there was no such KPI from then on."""

    since: date
    definition: Definition | None


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
    version: int
    """Grows with every change; 0: nothing was written since targets exist."""
    digest: str
    """Differs whenever any of this does, over databases too: part of an ETag."""
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
    ramps: Mapping[str, RampPlan]
    ramp_names: Mapping[str, Named]
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


async def plan_version(session: AsyncSession, tenant: str) -> int:
    """The version of the tenant's plan, by its primary key: ask it before ``load_plan``."""
    query = select(models.PlanVersion.version).where(models.PlanVersion.tenant == tenant)
    return await session.scalar(query) or 0


async def load_plan(session: AsyncSession, tenant: str, *, span: Span | None = None) -> Plan | None:
    """The plan, with the targets whose period overlaps ``span`` (None: all targets ever).

    None where there is no such tenant.
    """
    raise NotImplementedError


async def load_targets(
    session: AsyncSession, tenant: str, span: Span | None = None
) -> dict[tuple[str, str], tuple[TargetVersion, ...]]:
    """The targets alone, as in ``Plan.targets``."""
    raise NotImplementedError
