"""The directory: whose a key is and what the organisation looks like, remembered for a moment.

In: a presented key, a tenant. Out: the key, the organisation. Guarantee: a revoked key or an
applied configuration is noticed within ``TTL_S``; a secret is never held, only its hash; memory is
bounded.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import models
from paceline.sql.engine import reading
from paceline.sql.keys import ApiKey, find_key
from paceline.sql.org import Org, load_org

TTL_S = 2.0
WHOLE_TTL_S = 30.0
"""An organisation whose configuration's version is the same is read again only after so long."""
_REMEMBERED = 10_000

K = TypeVar("K")
V = TypeVar("V")


class Known(msgspec.Struct, frozen=True):
    """An organisation and a digest of all that was read of it."""

    org: Org
    digest: str


class Directory(Protocol):
    """Keys and organisations, from wherever they are kept."""

    async def key(self, presented: str) -> ApiKey | None:
        """The key, None where it is not valid."""

    async def org(self, tenant: str) -> Known | None:
        """The organisation, None where there is no such tenant."""

    def forget(self) -> None:
        """Read everything anew from now on."""


class SqlDirectory:
    """The directory of the SQL database."""

    def __init__(self, engine: AsyncEngine, ttl_s: float = TTL_S) -> None:
        self._engine = engine
        self._keys: Memory[str, ApiKey | None] = Memory(ttl_s)
        self._orgs: Memory[str, Known | None] = Memory(ttl_s)
        self._whole: Memory[tuple[str, int | None], Known | None] = Memory(WHOLE_TTL_S)

    async def key(self, presented: str) -> ApiKey | None:
        """See ``Directory``."""
        digest = hashlib.sha256(presented.encode()).hexdigest()
        return await self._keys.get(digest, lambda: self._find_key(presented))

    async def org(self, tenant: str) -> Known | None:
        """See ``Directory``."""
        return await self._orgs.get(tenant, lambda: self._load_org(tenant))

    def forget(self) -> None:
        """See ``Directory``."""
        self._keys.clear()
        self._orgs.clear()
        self._whole.clear()

    async def _find_key(self, presented: str) -> ApiKey | None:
        async with reading(self._engine) as session:
            return await find_key(session, presented)

    async def _load_org(self, tenant: str) -> Known | None:
        """Asks only for the version where that is the one already held."""
        newest = select(func.max(models.ConfigVersion.version)).where(
            models.ConfigVersion.tenant == tenant
        )
        async with reading(self._engine) as session:
            version = await session.scalar(newest)
        return await self._whole.get((tenant, version), lambda: self._load_whole(tenant))

    async def _load_whole(self, tenant: str) -> Known | None:
        async with reading(self._engine) as session:
            org = await load_org(session, tenant)
        return None if org is None else Known(org, digest_of(org))


def digest_of(org: Org) -> str:
    """A digest of everything in the organisation: the configuration's version in an ETag."""
    return hashlib.sha256(msgspec.json.encode(org, order="deterministic")).hexdigest()[:16]


class Memory(Generic[K, V]):
    """Values by key for a while; those who ask for the same at once share one reading."""

    def __init__(self, ttl_s: float, limit: int = _REMEMBERED) -> None:
        self._ttl_s, self._limit = ttl_s, limit
        self._held: OrderedDict[K, tuple[float, asyncio.Future[V]]] = OrderedDict()

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        """The value, read where it is not held or too old; a failed reading is not remembered."""
        now = asyncio.get_running_loop().time()
        held = self._held.get(key)
        if held is None or now - held[0] >= self._ttl_s:
            held = (now, asyncio.ensure_future(read()))
            self._hold(key, held)
        try:
            # Shielded: the one who asked first may hang up while others wait for the same.
            return await asyncio.shield(held[1])
        except Exception:
            if self._held.get(key) is held:
                del self._held[key]
            raise

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()

    def _hold(self, key: K, held: tuple[float, asyncio.Future[V]]) -> None:
        self._held[key] = held
        self._held.move_to_end(key)
        if len(self._held) > self._limit:
            self._held.popitem(last=False)
