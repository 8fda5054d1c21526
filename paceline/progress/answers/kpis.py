"""What the API answers about a KPI: where it stands, its target, its pace.

In: nothing. Out: structs. Guarantee: counts are integers, money integers in minor units of the
tenant's currency, durations integer seconds, ratios and whatever had to be divided floats; ``null``
is "there is no such value", never 0.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Number = int | float
Kind = Literal["flow", "level", "ratio", "duration"]
Unit = Literal["count", "money", "ratio", "duration"]
Status = Literal[
    "incomplete",
    "no_target",
    "not_started",
    "too_early",
    "covered",
    "ahead",
    "on_track",
    "behind",
    "at_risk",
]


class BandsView(msgspec.Struct, kw_only=True):
    """Per cent of what is expected: above ``ahead``; from ``on_track``; from ``at_risk`` behind."""

    ahead: int
    on_track: int
    at_risk: int


class KpiInfo(msgspec.Struct, kw_only=True):
    """A KPI's definition as a page needs it to show a number of it."""

    name: str
    name_zh: str
    says: str
    """One sentence: what is counted, and at which moment."""
    says_zh: str
    unit: Unit
    kind: Kind
    direction: Literal["higher", "lower"]
    formula: str
    version: int
    currency: str | None
    """Of money: the tenant's."""
    bands: BandsView


class Because(msgspec.Struct, kw_only=True):
    """One reason why a target is not the one that was set; civil days, both included.

    Leave: ``days`` of ``of`` workdays. Ramp: ``per_cent``, null where the plan gives an amount.
    """

    kind: Literal["derived", "summed", "missing", "changed", "joined", "left", "leave", "ramp"]
    first: str
    last: str
    days: float = 0
    of: float = 0
    per_cent: float | None = None


class TargetView(msgspec.Struct, kw_only=True):
    """The target in force for the period, after proration; ``full`` is ``base`` before it."""

    base: Number
    stretch: Number | None
    commit: Number | None
    full: Number
    id: str
    version: int
    state: Literal["draft", "published", "acknowledged"]
    source: Literal["own", "derived", "sum", "ramp"]
    """``derived``: a share of a longer period's; ``sum``: of shorter ones' or of the members'."""
    reasons: list[str]
    """Why it is not the full one, in words: ``leave 3 of 22 workdays``."""
    because: list[Because] = []
    """The same as values, for other languages."""


class CurveView(msgspec.Struct, kw_only=True):
    """Pace by one curve. ``of_expected``: actual / expected, 1.0 is exactly on it."""

    expected: Number | None
    projection: Number | None
    of_expected: float | None


class PaceView(msgspec.Struct, kw_only=True):
    """Where the KPI is against where it should be by now; all curves side by side.

    ``expected``, ``difference`` (positive is good where higher is better), ``of_expected`` and
    ``projection`` are those of ``basis``. Workdays are the subject's own, halves possible.
    """

    basis: Literal["linear", "workday", "historical", "as_is"]
    """``as_is``: no pace; compared with the target as it is."""
    expected: Number | None
    difference: Number | None
    of_expected: float | None
    projection: Number | None
    linear: CurveView | None
    workday: CurveView | None
    historical: CurveView | None
    historical_note: str | None
    """Why there is no historical curve, or of how many periods it is."""
    remaining: Number | None
    required_per_workday: Number | None
    remaining_workdays: float
    elapsed_workdays: float
    total_workdays: float
    probability: float | None
    """To reach ``base`` by the end of the period, 0 to 1."""
    interval: tuple[Number, Number] | None
    """80 % interval of the period's final value."""
    caution: Literal["likely_all_the_same", "unlikely_all_the_same"] | None
    """Where the status says one thing and the probability another."""


class Allocated(msgspec.Struct, kw_only=True):
    """A team's own target against those of the people below it (additive KPIs only)."""

    allocated: Number
    difference: Number
    """target - allocated: positive is not given to anybody yet, negative is given twice."""


class KpiProgress(msgspec.Struct, kw_only=True):
    """One KPI of one subject within the period.

    ``counts``: it is one of the KPIs of this person's role (of a team: of the default list).
    """

    id: str
    version: int
    kind: Kind
    counts: bool
    actual: Number | None
    reason: (
        Literal["no_denominator", "no_target", "covered", "no_data", "mixed_currencies"] | None
    ) = None
    """Why there is no value."""
    other_currencies: list[str] = []
    """Money of the same measures that is not in it: currencies are never added together."""
    target: TargetView | None
    attainment: float | None
    """actual / base; for lower-is-better too. Null without target or with one of 0."""
    status: Status
    incomplete_since: int | None
    """ms UTC: since when a source of this subject is silent, or the numbers are being restored."""
    pace: PaceView | None
    allocated: Allocated | None = None
    overlay: Number | None = None
    """A person's overlay credit of the same measure, which no team counts."""


class Workdays(msgspec.Struct, kw_only=True):
    """The subject's own workdays of the period; of a team those of the tenant's calendar."""

    calendar: str
    total: float
    elapsed: float
    """Completed ones: today counts tomorrow, unless the tenant interpolates over working hours."""
    remaining: float
    provisional: bool
    """The period reaches into a year whose adjusted working days are not announced."""


class RampGate(msgspec.Struct, kw_only=True):
    """What must be reached by the end of a tenure month, since the hire or within that month."""

    month: int
    by: str
    """Civil day, included."""
    kpi: str
    at_least: Number
    state: Literal["ahead", "reached", "missed"]
    """``ahead``: its day has not come and it is not reached."""
    actual: Number | None


class RampStep(msgspec.Struct, kw_only=True):
    """One step of the staircase: civil days, both included; ``last`` null: from there on."""

    month: int
    first: str
    last: str | None
    current: bool
    percent: dict[str, float]
    """KPI -> per cent of the full target, where the plan is in per cent."""
    targets: dict[str, Number]
    """KPI -> the goal of a whole month at this step, where the full target is known."""


class RampView(msgspec.Struct, kw_only=True):
    """A new rep's way to full productivity."""

    plan: str
    name: str
    name_zh: str | None
    by: Literal["tenure_days", "calendar_months"]
    hired: str
    month: int
    """The tenure month of today, from 1; 0 before the first day."""
    full_from: str
    """First civil day without any reduction."""
    steps: list[RampStep]
    goals: dict[str, Number]
    """This month's targets by KPI, day-weighted where a step ends within the month."""
    gates: list[RampGate]
