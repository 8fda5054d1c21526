"""An integer log-bucket sketch of durations: mergeable by adding, retractable by subtracting.

In: a duration in seconds. Out: a bucket number. Guarantee: a quantile read from buckets is within
1 % of a true duration of that rank. Bounds are integers, so every machine puts a duration into the
same bucket. Source: the relative-error buckets of DDSketch (Masson, Rim, Lee, VLDB 2019), with
ratio 1.02.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

_LONGEST = 200 * 366 * 86_400


def _bounds() -> list[int]:
    """Lower bounds: every second to 50, then each 2 % above the last."""
    bounds = [0]
    while bounds[-1] < _LONGEST:
        bounds.append(max(bounds[-1] + 1, bounds[-1] * 102 // 100))
    return bounds


_BOUNDS = _bounds()


def bucket(seconds: int) -> int:
    """The bucket of a duration; negative ones count as 0."""
    return max(0, bisect_right(_BOUNDS, seconds) - 1)


def value(number: int) -> int:
    """The middle of a bucket in seconds, at most 1 % from anything in it."""
    low = _BOUNDS[min(number, len(_BOUNDS) - 1)]
    high = _BOUNDS[min(number + 1, len(_BOUNDS) - 1)]
    return low if high - low <= 1 else (low + high) // 2


def quantile(counts: Mapping[int, int], q: float) -> int | None:
    """The q-quantile in seconds by the nearest rank (0 < q <= 1), None when nothing was counted."""
    total = sum(counts.values())
    if total <= 0:
        return None
    rank = max(1, -(-round(q * 1_000_000) * total // 1_000_000))
    seen = 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= rank:
            return value(number)
    return None
