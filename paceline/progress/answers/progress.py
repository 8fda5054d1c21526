"""What the API answers: the shapes of its JSON, from which its OpenAPI schema is made too.

In: nothing. Out: structs. Guarantee: instants named ``..._at`` or ``watermark`` are integer ms UTC,
``start`` and ``end`` are RFC 3339 in UTC and half-open, days are civil dates, money is minor units.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from kpi.measures import Measure, Measures
from paceline.progress.answers.kpis import KpiInfo, KpiProgress, Number, RampView, Workdays


class Bounds(msgspec.Struct, kw_only=True):
    """What a row covers. ``through_day``: the last day counted; ``last_day``: the period's."""

    zone: str
    start: str
    end: str
    first_day: str
    last_day: str
    through_day: str
    resolution: Literal["minute", "day"]


class Subject(msgspec.Struct, kw_only=True):
    """Whose numbers they are."""

    kind: Literal["rep", "team", "organisation", "owner"]
    id: str
    name: str
    name_zh: str | None = None
    team: str | None = None
    """A rep's team."""
    connection: str | None = None
    """Of an unmapped owner: its connection; ``name`` is empty for deals without an owner."""


class Row(msgspec.Struct, kw_only=True):
    """One rep's (or unmapped owner's) part."""

    subject: Subject
    bounds: Bounds
    measures: Measures
    kpis: list[KpiProgress] = []
    """Of a rep: the KPIs that count for this person, or those asked for."""
    help: int = 0
    """Who needs help first: the greater, the sooner."""


class Version(msgspec.Struct, kw_only=True):
    """Which state of the log the numbers are: owner key -> offset of its last change."""

    incarnation: str
    owners: dict[str, int]


class Freshness(msgspec.Struct, kw_only=True):
    """A connection, and when its last event was received; null while there was none."""

    connection: str
    kind: str
    last_event_at: int | None


class Currency(msgspec.Struct, kw_only=True):
    """How to read amounts of a currency: divide by 10 to the exponent."""

    exponent: int


class RateView(msgspec.Struct, kw_only=True):
    """What a unit of another currency is worth in the tenant's, on the last day that counts.

    Flows are converted by the rate of their own day, levels by this one.
    """

    currency: str
    rate: str | None
    """A decimal; null: there is none, so the money is told apart and added nowhere."""
    since: str | None
    """The civil day from which it holds."""


class LockedKpi(msgspec.Struct, kw_only=True):
    """A KPI of a locked period: as it was, as it is, and by how much it was adjusted since."""

    locked: Number | None
    now: Number | None
    adjustment: Number | None
    """now - locked; null where either has no value."""


class LockView(msgspec.Struct, kw_only=True):
    """The period is closed. What changed since: ``/v1/explain`` with ``since`` = ``locked_at``."""

    locked_at: int
    author: str
    note: str
    generation: int
    """The meaning that the figures had then."""
    kpis: dict[str, LockedKpi]


class Progress(msgspec.Struct, kw_only=True):
    """A subject's numbers within a period, and all that is needed to judge them."""

    subject: Subject
    period: str
    """As it was asked for."""
    period_label: str = ""
    """``2026-11``, ``FY2026-Q3``; of a rolling span the same as ``period``."""
    bounds: Bounds
    workdays: Workdays | None = None
    measures: Measures
    kpis: list[KpiProgress] = []
    """Those that count for the subject first, in the order of its role."""
    definitions: dict[str, KpiInfo] = {}
    """Of every KPI that occurs in this answer."""
    ramp: RampView | None = None
    """Of a rep on a ramp that is not over."""
    lock: LockView | None = None
    """Of a period that is locked."""
    rows: list[Row]
    """A team's and an organisation's reps; empty for a rep."""
    unmapped_owners: list[Row]
    """Of an organisation: owners in a CRM that are no known rep, and deals without any owner."""
    incomplete: dict[str, int]
    """What is missing, counted; empty when nothing is."""
    currencies: dict[str, Currency]
    rates: list[RateView] = []
    """Of every other currency in ``measures``."""
    watermark: int | None
    """Up to when the log has been read; null before its first event."""
    generation: int | None
    """Which meaning of the numbers; null before the first configuration is active."""
    version: Version
    freshness: list[Freshness]
    generated_at: int


class Change(msgspec.Struct, kw_only=True):
    """What changed: the new rows of the reps that did, and the new whole without its rows."""

    progress: Progress
    rows: list[Row]


class RepEntry(msgspec.Struct, kw_only=True):
    """A rep as it is listed."""

    id: str
    name: str
    name_zh: str | None
    team: str
    zone: str
    manages: str | None
    owners: list[str]
    """``<connection>/<owner id>``"""


class UnmappedOwner(msgspec.Struct, kw_only=True):
    """An owner id that no rep has; map it in the configuration and its past is right at once."""

    connection: str
    owner: str
    """Empty: deals and activities without an owner."""
    this_month: Measures


class Reps(msgspec.Struct, kw_only=True):
    """A page of reps; ``next`` is the ``after`` of the following page, null on the last."""

    items: list[RepEntry]
    next: str | None
    unmapped_owners: list[UnmappedOwner]
    """Only for keys that see the whole tenant, at most 200."""
    unmapped_total: int


class TeamEntry(msgspec.Struct, kw_only=True):
    """A team as it is listed; ``reps`` counts those of its whole tree."""

    id: str
    name: str
    name_zh: str | None
    parent: str | None
    reps: int


class Teams(msgspec.Struct, kw_only=True):
    """All teams that the key sees."""

    items: list[TeamEntry]


class Me(msgspec.Struct, kw_only=True):
    """What this key may see."""

    tenant: str
    name: str
    name_zh: str | None
    zone: str
    currency: str
    label: str
    scopes: list[str]
    sees: Literal["tenant", "team", "rep"]
    team: str | None
    rep: str | None
    teams: list[TeamEntry]


class Catalogue(msgspec.Struct, kw_only=True):
    """The measures, with their names."""

    items: list[Measure]


class Check(msgspec.Struct, kw_only=True):
    """One thing that readiness needs."""

    ok: bool
    detail: str


class Ready(msgspec.Struct, kw_only=True):
    """Whether this process can answer."""

    ready: bool
    checks: dict[str, Check]
