"""API keys as ingest asks for them.

In: what a caller presented. Out: the key, or nothing. Guarantee: a key that was revoked stops
working within two seconds; what is kept in memory is the hash of what was presented.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql.engine import reading
from paceline.sql.keys import ApiKey, find_key

_KEEP_S: Final = 2.0
_MAX_KEPT: Final = 1000


class SqlKeys:
    """Keys of SQL, each answer kept for two seconds."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._kept: dict[bytes, tuple[float, ApiKey | None]] = {}

    async def find(self, presented: str) -> ApiKey | None:
        """The key, if it is one and valid."""
        name, now = sha256(presented.encode()).digest(), self._clock()
        if (kept := self._kept.get(name)) is not None and now - kept[0] < _KEEP_S:
            return kept[1]
        async with reading(self._engine) as session:
            key = await find_key(session, presented)
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()
        self._kept[name] = (now, key)
        return key
