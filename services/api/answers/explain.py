"""What the API answers to "why is it that?": the shapes of an explanation.

In: nothing. Out: structs. Guarantee: instants are integer ms UTC, half-open where they are bounds;
money is minor units; ``amount`` and ``delta`` are in the measure's stored unit.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from paceline.progress.answers.kpis import KpiInfo, KpiProgress, Number, Workdays
from paceline.progress.answers.progress import Bounds, Subject


class SumView(msgspec.Struct, kw_only=True):
    """One stored measure that the figure reads, such as ``won:USD``; levels carry a close day."""

    measure: str
    amount: int
    """As the numbers hold it."""
    of_facts: int
    """As its facts sum to."""


class FactView(msgspec.Struct, kw_only=True):
    """One contributing fact: by how much one event changed one measure."""

    entity: str
    """``d:<connection>:<id>`` or ``a:<connection>:<id>``."""
    kind: Literal["deal", "activity"]
    record: str
    """The record's id in its CRM."""
    link: str | None
    """Its address there, where the connection has a link template."""
    owner: str
    rep: str | None
    """The rep whose owner id it is; null while no rep has it."""
    measure: str
    at: int
    """When it counts."""
    known_at: int
    """When the event was received."""
    delta: int
    place: str
    """``<incarnation>:<lane>:<offset>:<n>``: its event in the log."""


class EntityView(msgspec.Struct, kw_only=True):
    """What one deal or activity adds to a measure of an owner, over the whole span."""

    entity: str
    kind: Literal["deal", "activity"]
    record: str
    link: str | None
    owner: str
    rep: str | None
    measure: str
    amount: int


class LearntOn(msgspec.Struct, kw_only=True):
    """How much of the difference became known on a civil day of the tenant's zone."""

    day: str
    measure: str
    amount: int


class LeftOut(msgspec.Struct, kw_only=True):
    """What is not in the figure, how often, and why."""

    reason: str
    """A code of ``incomplete``, ``other_currency:<code>``, or ``dead:<reason>`` of a letter."""
    count: int
    """Records; of another currency its sum in minor units."""
    says: str


class TargetStep(msgspec.Struct, kw_only=True):
    """One version of a target that bears on the figure, as it was set."""

    id: str
    version: int
    base: Number
    effective: str | None
    change: Literal["prorata", "replace"]
    state: str
    author: str
    created_at: int
    note: str


class LedgerView(msgspec.Struct, kw_only=True):
    """How far the ledger, which has the facts, is.

    ``none``: it was told nothing yet. ``filling``: facts before its beginning are put in from the
    archive. ``whole``: it has all of them.
    """

    state: Literal["none", "filling", "whole"]
    flows_since: int | None
    """Flows before this instant are no longer kept; null where all are."""


class Explanation(msgspec.Struct, kw_only=True):
    """Why a figure is what it is."""

    subject: Subject
    period: str
    period_label: str
    bounds: Bounds
    kpi: KpiProgress | None
    """With value, target (version and proration) and pace; null for a bare measure."""
    definition: KpiInfo | None
    """Formula and version."""
    rests_on: list[KpiProgress]
    """The KPIs that its formula names."""
    definitions: dict[str, KpiInfo]
    workdays: Workdays | None
    targets: list[TargetStep]
    measures: list[SumView]
    reconciled: bool | None
    """Whether the facts sum to the numbers; null while the ledger cannot say."""
    ledger: LedgerView
    by: Literal["facts", "entities"]
    facts: list[FactView]
    """Newest first."""
    entities: list[EntityView]
    """The greatest first."""
    next: str | None
    """``after`` of the following page."""
    left_out: list[LeftOut]
    as_of: int | None
    since: int | None
    before: list[SumView]
    """With ``since``: the same sums as they were known by then; ``amount`` is then's."""
    learnt: list[LearntOn]
    """With ``since``: what became known afterwards, by day."""
    generation: int | None
    watermark: int | None
    generated_at: int
