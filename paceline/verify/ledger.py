"""The ledger's facts, against facts as counted again.

In: sums of a book's facts up to the last look, and facts of the recount. Out: places that differ.
Guarantee: both are of the same place in the log; what the retention has deleted is not asked for.

Compared by owner, measure and bucket of ``BUCKET_MS`` of the instant: what is off within one by as
much in both directions is not noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from kpi.contributions import Contributions
from kpi.panes import is_gauge
from paceline.verify.places import Place

BUCKET_MS = 32 * 86_400_000

Sum = tuple[str, str, int]
"""Owner key, measure, number of the bucket since 1970."""


class Facts(NamedTuple):
    """What a book holds up to a place in the log."""

    sums: Mapping[Sum, int]
    pruned_before: int
    """Flows before this instant (ms UTC) are gone by the retention."""


class Ledger:
    """The facts of a tenant: every fact of the recount first, then ``places``."""

    def __init__(self) -> None:
        self._right: dict[Sum, int] = {}

    def count(self, facts: Contributions) -> None:
        """More facts of the recount."""
        right = self._right
        for (owner, measure, at), delta in facts.items():
            key = (owner, measure, at // BUCKET_MS)
            right[key] = right.get(key, 0) + delta

    def places(self, stored: Facts) -> Iterator[Place]:
        """Every difference, in the order of the owners."""
        whole_since = -(-stored.pruned_before // BUCKET_MS)
        for owner, measure, bucket in sorted(stored.sums.keys() | self._right.keys()):
            held = stored.sums.get((owner, measure, bucket), 0)
            right = self._right.get((owner, measure, bucket), 0)
            # Of a level, what came to nothing was deleted; its sum is the same.
            kept = is_gauge(measure) or bucket >= whole_since
            if held != right and kept:
                since = datetime.fromtimestamp(bucket * BUCKET_MS / 1000, UTC)
                yield Place(
                    kind="fact",
                    measure=measure,
                    owner=owner,
                    span=f"{since:%Y-%m-%d}",
                    stored=held,
                    right=right,
                )
