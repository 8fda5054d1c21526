"""Sweeping: the garbage collector looks at what is remembered rarely, not while somebody waits.

In: nothing. Out: a task for the life of the process. Guarantee: what is no longer referenced is
freed at once, as always in Python; only cycles wait, at most ``SWEEP_S``.

An API process remembers rows, series and plans: a million objects that stay. A full collection
walks all of them, 130 ms in which nobody is answered, and comes when a quarter is new. So what is
old enough to stay is set aside (``gc.freeze``, which moves lists and walks nothing), and looked
through once in a while.
"""

from __future__ import annotations

import asyncio
import gc

SET_ASIDE_S = 2.0
SWEEP_S = 900.0


async def keep_aside() -> None:
    """Until it is cancelled."""
    while True:
        for _ in range(int(SWEEP_S / SET_ASIDE_S)):
            await asyncio.sleep(SET_ASIDE_S)
            gc.collect(1)
            gc.freeze()
        gc.unfreeze()
        gc.collect()
