"""Patience: what must reach SQL is tried until it does.

In: work. Out: its result. Guarantee: while SQL is away it waits and tries again, and drops nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from paceline.logs import get_logger

log = get_logger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0

T = TypeVar("T")


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do the work, again and again while SQL is away, with growing pauses."""
    pause, since = FIRST_PAUSE_S, time.monotonic()
    while True:
        try:
            return await work()
        except (SQLAlchemyError, OSError) as error:
            away = round(time.monotonic() - since, 1)
            log.warning("sql_away", error=_short(error), away_s=away, again_in_s=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


def _short(error: Exception) -> str:
    # SQLAlchemy's text repeats the parameters, so whole payloads: the first line says enough.
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]
