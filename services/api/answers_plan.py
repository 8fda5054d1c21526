"""What the API answers about the plan: KPIs, targets, alignment, suggestions, calendars, audit.

In: nothing. Out: structs. Guarantee: values are integers where they are counts, seconds or money in
minor units; days are civil dates, both ends of a period included; ``version`` counts from 1 and
never goes back.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from services.api.answers_kpi import KpiInfo, Number


class KpiEntry(KpiInfo, kw_only=True):
    """A KPI as it is listed. ``shipped``: of the catalogue, not changed by the tenant."""

    id: str
    basis: Literal["workday", "linear", "historical"]
    too_early_below: int
    shipped: bool


class Kpis(msgspec.Struct, kw_only=True):
    """All KPIs of the tenant in the order in which they are evaluated."""

    items: list[KpiEntry]


class TargetEntry(msgspec.Struct, kw_only=True):
    """One version of a target as it was set, before any proration."""

    id: str
    version: int
    kpi: str
    subject_kind: Literal["rep", "team", "organisation"]
    subject: str
    first: str
    last: str
    base: Number
    stretch: Number | None
    commit: Number | None
    effective: str | None
    """A change within the period: from this civil day on."""
    change: Literal["prorata", "replace"]
    state: Literal["draft", "published", "acknowledged"]
    monthly: list[int]
    prorate: bool


class Targets(msgspec.Struct, kw_only=True):
    """A page of targets, every version; ``next`` is the ``after`` of the following page."""

    items: list[TargetEntry]
    next: str | None


class Finding(msgspec.Struct, kw_only=True):
    """One thing in the targets that does not fit together.

    ``kind``: ``over_allocated``, ``under_allocated``, ``no_target``, ``no_owner``, ``unknown_kpi``.
    """

    kind: str
    kpi: str
    subject_kind: str
    subject: str
    first: str
    last: str
    amount: Number | None
    says: str
    says_zh: str


class Alignment(msgspec.Struct, kw_only=True):
    """Whether the targets of a period add up."""

    period: str
    period_label: str
    items: list[Finding]


class Suggestion(msgspec.Struct, kw_only=True):
    """A target that the past would suggest: a percentile of periods of its own length."""

    kpi: str
    rep: str
    value: Number | None
    """Null where fewer than four periods had anything."""
    percentile: int
    periods: list[Number]
    """What was reached, oldest first."""


class Suggestions(msgspec.Struct, kw_only=True):
    """Suggestions for the visible reps."""

    period: Literal["week", "month", "quarter"]
    items: list[Suggestion]
    next: str | None


class CalendarDay(msgspec.Struct, kw_only=True):
    """A day that differs from the ordinary week: off, on, or half."""

    date: str
    halves: int
    name: str | None


class CalendarYear(msgspec.Struct, kw_only=True):
    """One year of a work calendar."""

    id: str
    year: int
    provisional: bool
    """The year's adjusted working days are not announced yet."""
    week: list[int]
    """Halves of a day, Monday first: 2 full, 1 half, 0 off."""
    hours: list[str]
    """``09:00-12:00``"""
    workdays: dict[str, float]
    """Month ``2026-11`` -> its workdays."""
    days: list[CalendarDay]


class Document(msgspec.Struct, kw_only=True):
    """One thing of the configuration, in the shape of the configuration file."""

    kind: str
    id: str
    version: int
    value: dict[str, Any]


class Documents(msgspec.Struct, kw_only=True):
    """A page of them; ``next`` is the ``after`` of the following page, null on the last."""

    items: list[Document]
    next: str | None


class Written(msgspec.Struct, kw_only=True):
    """What a write did, or with ``dry_run`` would do."""

    dry_run: bool
    changes: list[str]
    """One line each; empty: it was so already."""
    generation: bool
    """The change gives the numbers another meaning, so they are being built anew."""
    document: Document | None


class AuditEntry(msgspec.Struct, kw_only=True):
    """Who changed what, and when (ms UTC)."""

    id: int
    at: int
    who: str
    kind: str
    subject: str
    before: Any
    after: Any


class Audit(msgspec.Struct, kw_only=True):
    """A page of the audit, newest first; ``next`` is the ``before`` of the following page."""

    items: list[AuditEntry]
    next: int | None


class Mistake(msgspec.Struct, kw_only=True):
    """What is wrong, where (JSON pointer; of a CSV ``/line/7``), and how to put it right."""

    pointer: str
    detail: str
