"""What the API answers about rates of currencies.

In: nothing. Out: structs. Guarantee: rates are decimals as text; ``recorded_at`` is ms UTC.
"""

from __future__ import annotations

import msgspec


class RateEntry(msgspec.Struct, kw_only=True):
    """One version: from ``since`` on one unit of ``currency`` is worth ``rate`` of the tenant's."""

    currency: str
    since: str
    rate: str | None
    """Null: withdrawn."""
    version: int
    author: str
    recorded_at: int


class Rates(msgspec.Struct, kw_only=True):
    """Every version, by currency, day and version; the last one of a day holds."""

    currency: str
    """The tenant's own, in which it reports."""
    items: list[RateEntry]


class RatesWritten(msgspec.Struct, kw_only=True):
    """What a write did, or with ``dry_run`` would do: ``USD 2026-10-01 7.1042``."""

    dry_run: bool
    changes: list[str]
