"""How often a part may die before the whole gives up.

In: the instants of its deaths. Out: how long to wait before the next start. Guarantee: pure; a part
that dies now and then is started again for ever, one that cannot live ends the whole.
"""

from __future__ import annotations

from collections import defaultdict

MOST = 5
WITHIN_S = 60.0
_FIRST_S, _LONGEST_S = 0.1, 5.0


class Restarts:
    """The deaths of all parts within the last minute.

    >>> restarts = Restarts()
    >>> [restarts.pause("api", at) for at in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)]
    [0.1, 0.3, 0.9, 2.7, 5.0, None]
    >>> restarts.pause("api", 100.0)
    0.1
    """

    def __init__(self) -> None:
        self._deaths: defaultdict[str, list[float]] = defaultdict(list)

    def pause(self, name: str, now: float) -> float | None:
        """Note a death at ``now`` (s); the wait before the next start, None: no more of it."""
        recent = [at for at in self._deaths[name] if now - at < WITHIN_S]
        self._deaths[name] = [*recent, now]
        if len(recent) >= MOST:
            return None
        return min(round(_FIRST_S * float(3 ** len(recent)), 3), _LONGEST_S)
