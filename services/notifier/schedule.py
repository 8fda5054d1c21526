"""The schedule of attempts, and the breaker of an endpoint.

In: outcomes and instants. Out: when to try again, or not. Guarantee: pure, the jitter is handed
in; no wait is shorter than what ``Retry-After`` asked for.

Waits, time-outs, the breaker's share and the days until an endpoint is disabled are those of the
project's notes on delivery.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

WAITS_S = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
"""Before each attempt; after the last one it is a dead letter."""
JITTER = 0.1
TIMEOUT_S = 15.0
DISABLED_AFTER_S = 5 * 24 * 3600
LONGEST_RETRY_AFTER_S = 24 * 3600
THROTTLED = frozenset((429, 502, 504))
THROTTLE_S = 30.0
GONE = 410

_WINDOW_S = 300.0
_LEAST = 10
_SHARE = 0.7
_OPEN_S = 60.0


def wait_s(attempts: int, jitter: float, retry_after_s: float = 0.0) -> float | None:
    """Seconds until the next attempt after so many; None: there is none. ``jitter``: -1 to 1.

    >>> [wait_s(n, 0.0) for n in (1, 2, 8)]
    [5.0, 300.0, None]
    >>> wait_s(1, 1.0, retry_after_s=120)
    120.0
    """
    if attempts >= len(WAITS_S):
        return None
    return max(WAITS_S[attempts] * (1 + JITTER * jitter), min(retry_after_s, LONGEST_RETRY_AFTER_S))


def retry_after(header: str, now_s: float) -> float:
    """Seconds that a ``Retry-After`` asks for: a number or an HTTP date; 0 where it is neither.

    >>> retry_after("120", 0.0)
    120.0
    >>> retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 60.0)
    60.0
    """
    text = header.strip()
    if text.isdigit():
        return float(min(int(text), LONGEST_RETRY_AFTER_S))
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - now_s)


@dataclass(slots=True)
class Breaker:
    """Of one endpoint: open where most of the latest attempts failed."""

    _outcomes: deque[tuple[float, bool]] = field(default_factory=deque)
    _open_until: float = 0.0
    _trying: bool = False

    def opens_at(self, now: float) -> float:
        """From when on it may be tried, seconds; ``now`` where it may be already."""
        if self._trying:
            return max(now, self._open_until) + 1.0
        return max(now, self._open_until)

    def begin(self, now: float) -> None:
        """An attempt begins; the first one after an opening is alone."""
        if self._open_until and now >= self._open_until:
            self._trying = True

    def note(self, now: float, *, ok: bool) -> None:
        """How an attempt ended."""
        self._outcomes.append((now, ok))
        while self._outcomes[0][0] < now - _WINDOW_S:
            self._outcomes.popleft()
        if ok:
            if self._trying:
                self._outcomes.clear()
            self._open_until, self._trying = 0.0, False
            return
        failed = sum(not good for _, good in self._outcomes)
        if self._trying or (failed >= _LEAST and failed >= _SHARE * len(self._outcomes)):
            self._open_until, self._trying = now + _OPEN_S, False

    def throttle(self, until: float) -> None:
        """The endpoint asked for a pause."""
        self._open_until = max(self._open_until, until)
