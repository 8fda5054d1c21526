"""What the API answers about locked periods.

In: nothing. Out: structs. Guarantee: instants are integer ms UTC, days civil dates, both included.
"""

from __future__ import annotations

import msgspec


class LockEntry(msgspec.Struct, kw_only=True):
    """One locking of a period; ``unlocked_at`` is null while it stands."""

    period: str
    first: str
    last: str
    locked_at: int
    author: str
    note: str
    generation: int
    unlocked_at: int | None
    unlocked_by: str | None


class Locks(msgspec.Struct, kw_only=True):
    """All of them, newest first."""

    items: list[LockEntry]
