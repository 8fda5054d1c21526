"""What one generation of a tenant's numbers means.

In: the applied configuration. Out: the values that contributions depend on, and nothing else:
names, teams, targets and secrets are not here, because changing them moves no number. Travels
inside the ``Activate`` control record; a meaning written before a field existed reads with its
default.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Category = Literal["open", "qualified", "won", "lost", "disqualified"]
"""``disqualified``: closed, and neither won nor lost, because it never was an opportunity."""

Moment = Literal[
    "created",
    "done",
    "stage",
    "qualified",
    "won",
    "lost",
    "disqualified",
    "expected_close",
    "open",
]
Take = Literal["count", "sum", "mean", "distinct", "quantile"]
Credit = Literal["owner", "splits"]

ANY_PIPELINE = "*"

MAX_MEASURES = 32
"""Declared measures a tenant: every one is panes of its own for every owner it counts for."""
MAX_DISTINCT = 8
"""Of them distinct ones: each keeps a reference count per value."""


class MeasureFilter(msgspec.Struct, frozen=True, kw_only=True):
    """One condition on an entity; a measure counts what meets all of its conditions.

    A truth value equals only a truth value; anything else is compared as text, so ``7`` and
    ``"7"`` are alike. A field without a value is in nothing, reaches nothing, and passes
    ``not_in``.
    """

    field: str
    """``type``, ``stage``, ``pipeline``, ``amount`` as at the measure's moment; else a register
    (``product``, ``source``, ``new_customer``, …) as it stands."""
    in_: tuple[str | int | bool, ...] = ()
    """Any of these; empty: no such condition."""
    not_in: tuple[str | int | bool, ...] = ()
    at_least: int | None = None
    """``amount``: minor units of the deal's own currency; else a number."""
    below: int | None = None


class DeclaredMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """A measure that a tenant declares beside the built-in ones: what is taken of which entity.

    Moments. ``done``: an activity took place. ``created``: an entity came to be. Of deals, as the
    built-in measures have them: ``stage`` (first entry into ``stage``), ``qualified``, ``won``,
    ``lost``, ``disqualified``. ``expected_close``: the civil day on which the deal is now expected
    to close, under its present owner. ``open``: no flow but a level, of the deals open at any
    moment; it takes ``count``, ``sum`` or ``mean`` of ``amount``.
    """

    entity: Literal["deal", "activity"]
    moment: Moment
    stage: str = ""
    """With moment ``stage``: the vendor's id of the stage."""
    take: Take = "count"
    of: str = ""
    """sum, mean: ``amount`` or a numeric register (whole numbers); distinct: a field such as
    ``account``; quantile: ``cycle`` (seconds since creation) or a numeric register."""
    filters: tuple[MeasureFilter, ...] = ()


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """What a deal must show to count as well qualified: a field set, to one of ``values`` if any.

    Values compare as in ``MeasureFilter``.
    """

    field: str
    values: tuple[str | int | bool, ...] = ()


class Disqualification(msgspec.Struct, frozen=True, kw_only=True):
    """Where a deal says why it was disqualified, and what the texts mean."""

    field: str
    """The register that holds the text."""
    reasons: dict[str, str] = {}
    """the CRM's text -> reason id; a text not listed counts as ``other``, none as ``none``."""


class ConnectionMeaning(msgspec.Struct, frozen=True, kw_only=True):
    """How one connection's deals are read."""

    currency: str
    """ISO 4217 code of amounts whose deal names no currency."""
    stages: dict[str, dict[str, Category]]
    """pipeline id (or ``"*"``) -> stage id -> category. One not listed is open, and unmapped."""
    steps: dict[str, tuple[str, ...]] = {}
    """pipeline id (or ``"*"``) -> its stage ids in order, for conversion from step to step."""


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of a generation: stage maps, zones, staleness, measures, version of ``kpi``."""

    code: int
    zone: str
    """IANA zone of owners that have none of their own, unknown owners included."""
    owner_zones: dict[str, tuple[tuple[int, str], ...]] = {}
    """owner key -> ((from instant ms, IANA zone), ...) ascending; the first starts at 0."""
    connections: dict[str, ConnectionMeaning] = {}
    stale_after_days: int | None = 30
    """A deal quiet for so long (no change, no activity) leaves the qualified pipeline; or never."""
    entity_retention_days: int = 90
    """Activities quiet for so long are forgotten, and an older event of one is too late."""
    credit: Credit = "owner"
    """Who gets a deal's result: its owner at the close, or the split known at the close."""
    criteria: dict[str, Criterion] = {}
    """criterion id -> what a qualified deal must show."""
    disqualification: Disqualification | None = None
    """None: disqualified deals are counted without a reason."""
    measures: dict[str, DeclaredMeasure] = {}
    """measure id (``[a-z][a-z0-9_]*``) -> declared measure; at most ``MAX_MEASURES``."""


def same(a: Meaning | None, b: Meaning) -> bool:
    """Whether two meanings give the same numbers, so that no new generation is needed."""
    return a == b
