"""Requests that were accepted already, while their signature could be sent again.

In: names of signed requests. Out: whether one is known. Guarantee: bounded memory, in time and
number. A name is added only after its events are durable; a name that fell out of memory is
merely produced again, which event ids make harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.ingest.signatures.request import SKEW_MS

WINDOW_MS: Final = 2 * SKEW_MS
"""A signature of five minutes in the future stays valid for ten."""
MAX_NAMES: Final = 100_000


class Replays:
    """Two generations of names; the older one is dropped when the younger is old or full."""

    def __init__(self, now_ms: Callable[[], int], max_names: int = MAX_NAMES) -> None:
        self._now_ms = now_ms
        self._max_names = max_names // 2
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._since = now_ms()

    def known(self, name: str) -> bool:
        """Whether the request of this name is durable already."""
        return name in self._young or name in self._old

    def add(self, name: str) -> None:
        """Remember a request, after it became durable."""
        now = self._now_ms()
        if now - self._since >= WINDOW_MS or len(self._young) >= self._max_names:
            self._old, self._young, self._since = self._young, set(), now
        self._young.add(name)
