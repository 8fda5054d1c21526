"""The shapes of KPIs, calendars, roles, ramps and targets in a configuration file.

In: values from YAML or JSON. Out: frozen Pydantic models. Guarantee: every key is known; amounts
stay texts as they were written, for what they mean depends on the KPI's unit.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from paceline.config.shape import Name, Sentence, Shape
from paceline.config.words import (
    Amount,
    Clock,
    Date,
    FieldName,
    Hours,
    Id,
    KpiId,
    MeasureId,
    Seconds,
    VendorId,
    WeekDay,
    Zone,
    as_list,
    as_text,
    wrong,
)
from schemas.meaning import Moment, Take

Scalar = Annotated[str | bool, BeforeValidator(as_text)]
"""Compared as text, so ``007`` is kept as it is written; true and false are themselves."""
Values = Annotated[list[Scalar], BeforeValidator(as_list)]
_FULL = 100


class Fiscal(Shape):
    """When years, quarters and weeks begin."""

    start_month: Annotated[int, Field(ge=1, le=12)] = 1
    pattern: Literal["months", "4-4-5", "4-5-4", "5-4-4"] = "months"
    week_start: WeekDay = "monday"
    year_end: Literal["last", "nearest"] = "last"
    named_by: Literal["start", "end"] = "end"


class Criterion(Shape):
    """What a deal must show to count as well qualified."""

    id: MeasureId
    name: Name
    name_zh: Name | None = None
    field: FieldName
    values: Values = []


class Qualification(Shape):
    """One standard for all."""

    criteria: list[Criterion] = []


class Reason(Shape):
    """Why deals are disqualified; ``values`` are the CRM's texts for it."""

    id: MeasureId
    name: Name
    name_zh: Name | None = None
    values: Annotated[list[VendorId], BeforeValidator(as_list)] = []


class Disqualification(Shape):
    """The field that holds the text, and what the texts mean."""

    field: FieldName
    reasons: list[Reason] = []


class Activities(Shape):
    """Which types of activity are selling."""

    selling: Annotated[list[Name], Field(min_length=1)]


class Filter(Shape):
    """One condition; ``at_least`` and ``below`` of ``amount`` are in major units."""

    field: FieldName
    in_: Values = Field([], alias="in")
    not_in: Values = []
    at_least: int | None = None
    below: int | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Filter:
        if not (self.in_ or self.not_in) and self.at_least is None and self.below is None:
            raise wrong("this filter lets everything pass; add `in`, `not_in`, `at_least`, `below`")
        return self


class Measure(Shape):
    """A measure of the tenant's own."""

    id: MeasureId
    entity: Literal["deal", "activity"]
    moment: Moment
    stage: str = ""
    take: Take = "count"
    of: str = ""
    filters: list[Filter] = []


class Bands(Shape):
    """Per cent of what is expected by now."""

    ahead: Annotated[int, Field(ge=0, le=1000)] = 105
    on_track: Annotated[int, Field(ge=0, le=1000)] = 99
    at_risk: Annotated[int, Field(ge=0, le=1000)] = 81


class Kpi(Shape):
    """A KPI of the tenant's own, or what differs from the shipped one of the same id."""

    id: KpiId
    name: Name | None = None
    name_zh: Name | None = None
    says: Sentence | None = None
    says_zh: Sentence | None = None
    unit: Literal["count", "money", "ratio", "duration"] | None = None
    direction: Literal["higher", "lower"] | None = None
    formula: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    bands: Bands | None = None
    too_early_below: Annotated[int, Field(ge=0, le=1000)] | None = None
    basis: Literal["workday", "linear", "historical"] | None = None


WeekWork = dict[
    Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], Literal["full", "half", "off"]
]


class Day(Shape):
    """A day that differs from the ordinary ones."""

    date: Date
    name: Name | None = None


def _days(value: Any) -> Any:
    return [{"date": one} if isinstance(one, str) else one for one in as_list(value)]


Days = Annotated[list[Day], BeforeValidator(_days)]


class Alternate(Shape):
    """Big and small weeks: from the week of this day on, every second one is like this."""

    from_: Date = Field(alias="from")
    week: WeekWork


class Calendar(Shape):
    """Which days are workdays."""

    id: Id
    country: Name | None = None
    subdivision: VendorId | None = None
    week: WeekWork = {}
    alternate: Alternate | None = None
    off: Days = []
    on: Days = []
    half: Days = []
    hours: list[Hours] = []


class Role(Shape):
    """Which KPIs count for whom."""

    id: Id
    name: Name
    name_zh: Name | None = None
    kpis: list[KpiId] = []
    ramp: Id | None = None


class Steps(Shape):
    """Per cent of the target by month of tenure, or amounts in place of it."""

    percent: list[Amount] | None = None
    absolute: list[Amount] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Steps:
        if bool(self.percent) == bool(self.absolute):
            raise wrong("write either `percent: [50, 75, 100]` or `absolute: [10, 20, 30]`")
        return self


class Gate(Shape):
    """What must be reached by the end of a month of tenure."""

    month: Annotated[int, Field(ge=1, le=120)]
    kpi: KpiId
    at_least: Amount
    within: Literal["since_hire", "month"] = "since_hire"


class Ramp(Shape):
    """How somebody who is new grows into the full target."""

    id: Id
    name: Name
    name_zh: Name | None = None
    by: Literal["tenure_days", "calendar_months"] = "tenure_days"
    leave: Literal["shift", "prorate"] = "shift"
    step_months: Annotated[int, Field(ge=1, le=60)] = 1
    kpis: dict[str, Steps] = {}
    gates: list[Gate] = []


def _monthly(found: list[int]) -> list[int]:
    if found and sum(found) != _FULL:
        raise wrong(f"these percentages sum to {sum(found)}; they must sum to 100")
    return found


class Target(Shape):
    """What somebody should reach in a period."""

    kpi: KpiId
    rep: Id | None = None
    team: Id | None = None
    organisation: Id | None = None
    period: Annotated[VendorId, Field(min_length=1, max_length=30)]
    base: Amount
    stretch: Amount | None = None
    commit: Amount | None = None
    effective: Date | None = None
    change: Literal["prorata", "replace"] = "prorata"
    monthly: Annotated[list[Annotated[int, Field(ge=0, le=100)]], AfterValidator(_monthly)] = []
    prorate: bool = True
    state: Literal["draft", "published"] = "published"
    note: Sentence = ""

    @model_validator(mode="after")
    def _one_subject(self) -> Target:
        if sum(one is not None for one in (self.rep, self.team, self.organisation)) != 1:
            raise wrong("name one subject: `rep: ID`, `team: ID` or `organisation: ID`")
        return self


class Sources(Shape):
    """After how much silence a connection's data is incomplete."""

    quiet_after: dict[str, Seconds] = {}


class Mute(Shape):
    """Days, both included, on which nobody is pushed; without rules: of none."""

    from_: Date = Field(alias="from")
    to: Date
    rules: list[Id] = []


class Alerting(Shape):
    """When and how often people are pushed, in their own local time."""

    digest: Clock = "08:30"
    quiet: list[Hours] = ["00:00-08:00", "20:00-24:00"]
    free_days: bool = False
    budget: Annotated[int, Field(ge=1, le=1000)] = 5
    wait_s: Annotated[int, Field(ge=0, le=3600)] = 30
    mute: list[Mute] = []


Weights = dict[KpiId, Annotated[int, Field(ge=1, le=100)]]


class DatedTeam(Shape):
    """A team from a day on, or to a day."""

    team: Id
    from_: Date | None = Field(None, alias="from")
    to: Date | None = None


class DatedZone(Shape):
    """A zone from a day on."""

    zone: Zone
    from_: Date | None = Field(None, alias="from")


class Away(Shape):
    """Personal leave: one day, or from a day to a day."""

    from_: Date = Field(alias="from")
    to: Date | None = None
    half: bool = False


_Role = Literal["rep", "manager", "managers_manager", "admin"]


class Recipient(Shape):
    """Who is told; a word alone is the role, told at once."""

    role: _Role | None = None
    person: Id | None = None
    after_days: Annotated[int, Field(ge=0, le=30)] = 0

    @model_validator(mode="after")
    def _one_of_both(self) -> Recipient:
        if (self.role is None) == (self.person is None):
            raise wrong("say either `role` (rep, manager, managers_manager, admin) or `person`")
        return self


def _recipient(value: Any) -> Any:
    return {"role": value} if isinstance(value, str) else value


class Rule(Shape):
    """When somebody is told of a deviation. Of a shipped rule only what differs is written."""

    id: Id
    enabled: bool = True
    name: Name | None = None
    name_zh: Name | None = None
    each: Literal["rep", "team", "organisation"] | None = None
    of: Id | None = None
    team: Id | None = None
    kpi: KpiId | None = None
    period: Literal["day", "week", "month", "quarter", "year"] | None = None
    when: (
        Literal[
            "pace",
            "expected",
            "projection",
            "probability",
            "coverage",
            "no_activity",
            "milestone",
            "change",
            "stale_data",
        ]
        | None
    ) = None
    statuses: list[Literal["at_risk", "behind", "ahead", "covered"]] | None = None
    side: Literal["below", "above"] | None = None
    enter: Annotated[int, Field(ge=0, le=1000)] | None = None
    until: Annotated[int, Field(ge=0, le=1000)] | None = None
    hours: Annotated[int, Field(ge=1, le=400)] | None = None
    percents: list[Annotated[int, Field(ge=1, le=1000)]] | None = None
    after_percent: Annotated[int, Field(ge=0, le=95)] | None = None
    dwell_hours: Annotated[int, Field(ge=0, le=400)] | None = None
    recover_hours: Annotated[int, Field(ge=0, le=400)] | None = None
    severity: Literal["info", "warning", "critical"] | None = None
    to: list[Annotated[Recipient, BeforeValidator(_recipient)]] | None = None
    channels: list[Id] | None = None
    resolved: bool | None = None
    digest: bool | None = None
