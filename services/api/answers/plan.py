"""What the API answers about the plan: KPIs, targets, alignment, suggestions, calendars, audit.

In: nothing. Out: structs. Guarantee: values are integers where they are counts, seconds or money in
minor units; days are civil dates, both ends of a period included; ``version`` counts from 1 and
never goes back.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from paceline.progress.answers.kpis import KpiInfo, Number


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
    """In the KPI's stored unit: minor units, seconds, counts, ratios."""
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
    """One thing in the targets that does not fit together (``kpi.targets.align``).

    ``asked`` and ``found``: the two numbers that differ, where there are two; ``names``: the ids it
    concerns besides the subject.
    """

    kind: str
    severity: Literal["error", "warning", "info"]
    subject_kind: str
    subject: str
    kpi: str | None
    first: str | None
    last: str | None
    asked: Number | None
    found: Number | None
    difference: Number | None
    names: list[str]


class Alignment(msgspec.Struct, kw_only=True):
    """Whether the targets of a period add up."""

    period: str
    period_label: str
    items: list[Finding]


class Suggestion(msgspec.Struct, kw_only=True):
    """A target that the last twelve weeks suggest: a percentile over windows of its own length.

    ``value`` is that of the window times ``scale`` (workdays of the period over those of a window);
    ``enough`` is false below four windows, and then it is more an anecdote than a suggestion.
    """

    rep: str
    kpi: str
    value: Number
    percentile: int
    windows: int
    window_weeks: int
    scale: float
    lowest: Number
    median: Number
    highest: Number
    enough: bool


class Suggestions(msgspec.Struct, kw_only=True):
    """Suggestions for a page of the visible reps; ``next`` is the ``after`` of the next page."""

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


class Item(msgspec.Struct, kw_only=True):
    """One thing of the plan; ``body`` has the shape of the configuration file."""

    kind: str
    id: str
    version: int
    """0: shipped, or of a kind without versions (reps, teams, settings)."""
    etag: str
    """Give it back in ``If-Match``."""
    shipped: bool
    state: str | None
    """Of a target: ``draft``, ``published``, ``acknowledged``, ``withdrawn``."""
    body: dict[str, Any]


class Items(msgspec.Struct, kw_only=True):
    """A page in the order of ids; ``next`` is the ``after`` of the following page."""

    items: list[Item]
    next: str | None


class Written(msgspec.Struct, kw_only=True):
    """What a write did, or with ``dry_run`` would do."""

    dry_run: bool
    changes: list[str]
    """One line each, as ``paceline apply`` prints them; empty: it was so already."""
    generation: int | None
    """The change gives the numbers another meaning: they are built anew under this number."""
    item: Item | None
    """As it is now; null: it is gone."""


class AuditEntry(msgspec.Struct, kw_only=True):
    """Who changed what, and when (ms UTC)."""

    id: int
    at: int
    actor: str
    action: str
    kind: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Audit(msgspec.Struct, kw_only=True):
    """A page of the audit, newest first; ``next`` is the ``before`` of the following page."""

    items: list[AuditEntry]
    next: int | None


class Mistake(msgspec.Struct, kw_only=True):
    """What is wrong, where, and how to put it right.

    ``pointer`` is a JSON pointer into the body (of a CSV ``/line/7``), or ``kind/id/...`` where the
    change would break something else.
    """

    pointer: str
    detail: str


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    possible: str = ""
    """With 422: what can be asked instead."""
    errors: list[Mistake] = []
    """With 422 on a write: everything that is wrong with it."""
