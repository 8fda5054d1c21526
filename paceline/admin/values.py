"""What administration takes and gives.

In: nothing. Out: structs and errors. Guarantee: a body is JSON that the file could say in YAML.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

Kind = Literal[
    "kpis",
    "measures",
    "calendars",
    "roles",
    "ramps",
    "rules",
    "reps",
    "teams",
    "settings",
    "targets",
]
KINDS: tuple[Kind, ...] = (
    "kpis",
    "measures",
    "calendars",
    "roles",
    "ramps",
    "rules",
    "reps",
    "teams",
    "settings",
    "targets",
)

Setting = Literal[
    "fiscal",
    "credit",
    "interpolate_today",
    "qualification",
    "disqualification",
    "activities",
    "weights",
    "calendar",
    "sources",
    "alerting",
    "stale_after_days",
    "entity_retention_days",
]
"""The ids of kind ``settings``: keys of a tenant in the file. Their body is ``{"value": …}``."""


class Actor(msgspec.Struct, frozen=True):
    """Who writes, as the audit says it: ``key:1530e831cfb2 warehouse``, ``file:paceline.yaml``."""

    name: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of the plan. ``body`` has the shape of the file's item, with its ``id``."""

    kind: Kind
    id: str
    version: int
    """Counts the versions of what is versioned (KPIs, measures, calendars, roles, ramps, rules,
    targets);
    0: shipped, or of a kind without versions (reps, teams, settings)."""
    digest: str
    """Of the body (and a target's state): give it back as ``if_version``."""
    shipped: bool = False
    """A KPI or rule that comes with Paceline, and that the tenant has not changed."""
    state: str = ""
    """Of a target: ``draft``, ``published``, ``acknowledged``, ``withdrawn``."""
    body: dict[str, Any]
    """Of a target: what holds from the latest day on."""
    history: list[dict[str, Any]] = []
    """Of a target: every version (``version``, ``state``, ``author``, ``created_at``, ``body``),
    oldest first."""


class Items(msgspec.Struct, frozen=True):
    """A page in the order of ids; ``next`` is the ``after`` of the following one."""

    items: list[Item]
    next: str | None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a write did, or with ``dry_run`` would do."""

    changes: list[str]
    """One line each, as `paceline apply` prints them; empty: it was so already."""
    generation: int | None
    """The new generation of the numbers; None: their meaning is the same."""
    item: Item | None
    """As it is now; None: it is gone."""
    dry_run: bool

    @property
    def nothing(self) -> bool:
        """Whether it was so already."""
        return not self.changes and self.generation is None


class Fault(msgspec.Struct, frozen=True, order=True):
    """One mistake."""

    pointer: str
    """JSON pointer into the body (``/formula``), ``/line/7`` of a CSV; without a leading slash
    ``kind/id/…`` where the change would break something else: ``kpis/coverage/formula``."""
    what: str
    """What is wrong, and how to put it right."""


class Refused(Exception):
    """A body that cannot be taken, with everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(set(faults))
        super().__init__("; ".join(f"{one.pointer}: {one.what}" for one in self.faults))


class Absent(Exception):
    """There is no such tenant, kind or id."""


class Conflict(Exception):
    """Somebody else changed the item since: its digest is not the one given as ``if_version``."""
