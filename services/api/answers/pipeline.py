"""What the API answers about pipeline and forecast.

In: nothing. Out: structs. Guarantee: money is minor units of the tenant's currency, rounded once;
``amount`` is in the deal's own currency; instants are ms UTC, days civil dates; ``null`` is "there
is no such value".
"""

from __future__ import annotations

from typing import Literal

import msgspec

from paceline.progress.answers.progress import Bounds, Subject

List = Literal["closable", "overdue", "later", "stale", "slipped"]


class DealView(msgspec.Struct, kw_only=True):
    """One open deal."""

    deal: str
    """Entity key."""
    record: str
    link: str | None
    name: str
    rep: str | None
    owner: str
    stage: str
    days_in_stage: int
    qualified: bool
    stale: bool
    amount: int | None
    currency: str
    worth: int | None
    """In the tenant's currency; null without an amount or a rate."""
    close_on: str | None
    last_touch: int
    chance: float
    """To be won at all: of deals that were in this stage and were decided in the last year."""
    needs: list[str]
    """``amount``, ``qualify``, ``activity``, ``time``, ``new_date``."""
    help: bool
    """Somebody asks for help with it."""


class DealList(msgspec.Struct, kw_only=True):
    """Some deals of a list, the most valuable chance first; ``next`` is ``after`` of the rest."""

    total: int
    worth: int
    apart: dict[str, int]
    """Currency without a rate -> minor units; in no sum."""
    items: list[DealView]
    next: str | None


class Slipped(msgspec.Struct, kw_only=True):
    """A deal whose expected close was moved to a later month within the period."""

    deal: str
    record: str
    link: str | None
    rep: str | None
    at: int
    before: str
    after: str
    amount: int | None
    currency: str


class CoverageView(msgspec.Struct, kw_only=True):
    """Is there enough qualified pipeline that closes in the period?"""

    qualified: int
    target: int | None
    won: int
    of_target: float | None
    of_rest: float | None
    covered: bool
    win_rate: float | None
    """Money won in like periods per money open at their start; own, shrunk toward everybody's."""
    required: float | None
    gap: int | None
    """Qualified pipeline that is missing now."""
    create_per_week: int | None
    """In each week left, each discounted by its chance to close in time; null: too late."""
    chances: list[float]


class PipelineView(msgspec.Struct, kw_only=True):
    """The pipeline of a subject as of the end of the last day that counts."""

    subject: Subject
    period: str
    period_label: str
    bounds: Bounds
    currency: str
    coverage: CoverageView
    closable: DealList
    overdue: DealList
    later: DealList
    stale: DealList
    slipped: list[Slipped]
    generation: int
    generated_at: int


class FunnelStep(msgspec.Struct, kw_only=True):
    """One stage: deals whose first entry fell into the period, and what became of them."""

    stage: str
    entered: int
    got_on: int
    conversion: float | None
    median_s: int | None
    p90_s: int | None
    open: int


class FunnelView(msgspec.Struct, kw_only=True):
    """The funnel of a period's cohort."""

    subject: Subject
    period: str
    bounds: Bounds
    steps: list[FunnelStep]


class WaterfallPart(msgspec.Struct, kw_only=True):
    """One kind of change: deals that came or went by it, money by currency, and in ours."""

    kind: str
    deals: int
    amounts: dict[str, int]
    worth: int


class WaterfallView(msgspec.Struct, kw_only=True):
    """From one pipeline to the other; ``start + sum of worth = end``, and so in every currency."""

    subject: Subject
    first: str
    last: str
    qualified: bool
    closing: Literal["any", "period"]
    """``period``: only deals expected to close in the period, whichever days are looked at."""
    currency: str
    start: int
    end: int
    start_deals: int
    end_deals: int
    start_amounts: dict[str, int]
    end_amounts: dict[str, int]
    parts: list[WaterfallPart]
    apart: dict[str, int]
    """Currency without a rate -> by how much it changed; in no worth."""


class SubmissionView(msgspec.Struct, kw_only=True):
    """What somebody stood for; the last one of a subject holds."""

    id: int
    commit: int
    best_case: int
    note: str
    role: Literal["rep", "manager"]
    author: str
    overrode: int | None
    submitted_at: int


class MethodView(msgspec.Struct, kw_only=True):
    """One method's forecast; null where it knows nothing. ``parts`` sum to ``value``."""

    id: str
    value: int | None
    parts: dict[str, int]


class ForecastView(msgspec.Struct, kw_only=True):
    """What the period will end at, by every method, and what people stand for."""

    subject: Subject
    period_label: str
    currency: str
    won: int
    target: int | None
    default: str
    methods: list[MethodView]
    submissions: list[SubmissionView]
    """Oldest first."""


class AccuracyView(msgspec.Struct, kw_only=True):
    """How good forecasts were, pooled over past periods; ``bias`` above 0: too much promised."""

    who: str
    """An author, or ``method:<id>``."""
    periods: int
    wape: float | None
    bias: float | None


class Accuracies(msgspec.Struct, kw_only=True):
    """Of a subject, over its last periods that are over."""

    subject: Subject
    labels: list[str]
    items: list[AccuracyView]


class CallView(msgspec.Struct, kw_only=True):
    """A call for help with a deal."""

    id: int
    deal: str
    rep: str
    text: str
    author: str
    asked_at: int
    answer: str | None
    answered_by: str | None
    answered_at: int | None


class Calls(msgspec.Struct, kw_only=True):
    """Open calls first, then the newest."""

    items: list[CallView]
