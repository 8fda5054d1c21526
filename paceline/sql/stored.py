"""What the JSON columns of the plan hold, typed.

In: nothing. Out: frozen structs. Guarantee: a row written before a field existed reads with the
field's default; amounts of targets and ramps are exact texts, never floats.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from kpi.calendar.fiscal import FiscalCalendar
from kpi.calendar.workdays import Leave
from kpi.definitions import SELLING
from kpi.organisation import Membership, ZoneSpan
from schemas.meaning import Credit


class Criterion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a deal must show to count as well qualified, with its names."""

    id: str
    name: str
    name_zh: str | None = None
    field: str
    values: tuple[str | bool, ...] = ()


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why deals are disqualified, with the CRM's texts for it."""

    id: str
    name: str
    name_zh: str | None = None
    values: tuple[str, ...] = ()


class Disqualification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The field that holds the text, and the reasons in their order."""

    field: str
    reasons: tuple[Reason, ...] = ()


class Mute(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Days on which nobody is pushed: what happens is in the inbox alone. Empty rules: all."""

    first: date
    last: date
    rules: tuple[str, ...] = ()


class Alerting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When and how often people are pushed. Minutes are of their local day."""

    digest: int = 510
    """When what is no news is told: 8:30."""
    quiet: tuple[tuple[int, int], ...] = ((0, 480), (1_200, 1_440))
    """Nothing is pushed: it waits for the end of it."""
    free_days: bool = False
    """Whether people are pushed on days that they do not work."""
    budget: int = 5
    """Messages to one person a day; what is beyond them waits for the next digest."""
    wait_s: int = 30
    """What comes within it is told in one message."""
    mute: tuple[Mute, ...] = ()


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What all of a tenant's numbers and targets share."""

    currency: str
    stale_after_days: int | None
    entity_retention_days: int
    fiscal: FiscalCalendar = FiscalCalendar()
    credit: Credit = "owner"
    interpolate_today: bool = False
    """Whether today counts by the hours worked so far, or not before it is over."""
    criteria: tuple[Criterion, ...] = ()
    disqualification: Disqualification | None = None
    selling: tuple[str, ...] = SELLING
    weights: dict[str, int] = {}
    """KPI -> weight in the composite; empty: as the formula of `composite` has it."""
    calendar: str | None = None
    """The calendar of whoever has none; None: Monday to Friday without holidays."""
    quiet_after: dict[str, int] = {}
    """connection -> seconds of silence after which its data is incomplete; absent: learnt."""
    alerting: Alerting = Alerting()


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What holds for a person, with its days. None and empty: nothing is said."""

    teams: tuple[Membership, ...] = ()
    """In the order of their days, none overlapping."""
    zones: tuple[ZoneSpan, ...] = ()
    """In the order of their days; before the first one that is dated: the tenant's zone."""
    manages: tuple[Membership, ...] = ()
    role: str | None = None
    kpis: tuple[str, ...] | None = None
    """In place of the role's."""
    hired: date | None = None
    left: date | None = None
    """The last day at work."""
    calendar: str | None = None
    ramp: str | None = None
    """In place of the role's."""
    leave: tuple[Leave, ...] = ()
    email: str | None = None
    language: Literal["en", "zh"] | None = None
    """Of messages; None: English."""


class Role(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which KPIs count for whom, and how those who are new begin."""

    name: str
    name_zh: str | None = None
    kpis: tuple[str, ...] = ()
    """Empty: all."""
    ramp: str | None = None


class RampSteps(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Per cent of the target, or amounts in place of it, step by step; as written (``"12.5"``)."""

    mode: Literal["percent", "absolute"]
    values: tuple[str, ...]


class RampGate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be reached by the end of a month of tenure; ``at_least`` as written."""

    month: int
    kpi: str
    at_least: str
    within: Literal["since_hire", "month"] = "since_hire"


class Ramp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ramp plan as written: amounts in major units, for a KPI's unit may still change."""

    name: str
    name_zh: str | None = None
    by: Literal["tenure_days", "calendar_months"] = "tenure_days"
    leave: Literal["shift", "prorate"] = "shift"
    step_months: int = 1
    kpis: dict[str, RampSteps] = {}
    """KPI, or ``"*"`` for every other one, -> steps."""
    gates: tuple[RampGate, ...] = ()
