"""What one generation of a tenant's numbers means.

In: the applied configuration. Out: the values that contributions depend on, and nothing else:
names, teams and secrets are not here, because changing them moves no number. Travels inside the
``Activate`` control record.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Category = Literal["open", "qualified", "won", "lost"]

ANY_PIPELINE = "*"


class ConnectionMeaning(msgspec.Struct, frozen=True, kw_only=True):
    """How one connection's deals are read."""

    currency: str
    """ISO 4217 code of amounts whose deal names no currency."""
    stages: dict[str, dict[str, Category]]
    """pipeline id (or ``"*"``) -> stage id -> category. One not listed is open, and unmapped."""


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of a generation: stage maps, zones, staleness, retention, version of ``kpi``."""

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


def same(a: Meaning | None, b: Meaning) -> bool:
    """Whether two meanings give the same numbers, so that no new generation is needed."""
    return a == b
