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
from datetime import UTC, date, datetime
from typing import Generic, Protocol, TypeVar

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi.definitions import Book, Definition, compile_book, composite
from kpi.periods import Span
from paceline.progress.reading.likes import Weights
from paceline.sql import models
from paceline.sql.engine import reading
from paceline.sql.keys import ApiKey, find_key, now_ms
from paceline.sql.org import Org, load_org
from paceline.sql.plan import Plan, load_plan, plan_version

TTL_S = 2.0
WHOLE_TTL_S = 30.0
"""An organisation whose configuration's version is the same is read again only after so long."""
_REMEMBERED = 10_000
_BOOKS = 256

K = TypeVar("K")
V = TypeVar("V")


class Known(msgspec.Struct, frozen=True):
    """An organisation with its plan and book of KPIs, and a digest of all that was read."""

    org: Org
    digest: str
    plan: Plan
    kpis: Kpis


class Kpis(msgspec.Struct, frozen=True):
    """A tenant's KPIs, compiled, with what their formulas make of stored measures."""

    book: Book
    weights: Weights
    digest: str
    """Of the definitions alone: targets may change without it."""


class Directory(Protocol):
    """Keys and organisations, from wherever they are kept."""

    async def key(self, presented: str) -> ApiKey | None:
        """The key, None where it is not valid."""

    async def org(self, tenant: str) -> Known | None:
        """The organisation, with the targets of three years around now; None: no such tenant."""

    async def around(self, known: Known, year: int) -> Known:
        """The same with the targets of the years around another one."""

    def forget(self) -> None:
        """Read everything anew from now on."""


class SqlDirectory:
    """The directory of the SQL database."""

    def __init__(
        self, engine: AsyncEngine, ttl_s: float = TTL_S, clock: Callable[[], int] = now_ms
    ) -> None:
        self._engine, self._clock = engine, clock
        self._keys: Memory[str, ApiKey | None] = Memory(ttl_s)
        self._orgs: Memory[str, Known | None] = Memory(ttl_s)
        self._whole: Memory[_Version, Known | None] = Memory(WHOLE_TTL_S)
        self._kpis: OrderedDict[str, Kpis] = OrderedDict()

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

    async def around(self, known: Known, year: int) -> Known:
        """See ``Directory``."""
        if year == self._year():
            return known
        plan = known.plan
        key = (plan.tenant, known.digest, plan.digest, year)
        found = await self._whole.get(key, lambda: self._load_whole(plan.tenant, year))
        return found or known

    async def _load_org(self, tenant: str) -> Known | None:
        """Asks only for the versions where they are those already held."""
        newest = select(func.max(models.ConfigVersion.version)).where(
            models.ConfigVersion.tenant == tenant
        )
        async with reading(self._engine) as session:
            configured = await session.scalar(newest)
            planned = await plan_version(session, tenant)
        year = self._year()
        key = (tenant, str(configured), planned.digest, year)
        return await self._whole.get(key, lambda: self._load_whole(tenant, year))

    async def _load_whole(self, tenant: str, year: int) -> Known | None:
        span = Span(date(year - 1, 1, 1), date(year + 1, 12, 31))
        async with reading(self._engine) as session:
            org = await load_org(session, tenant)
            plan = await load_plan(session, tenant, span=span, day=date(year, 7, 1))
        if org is None or plan is None:
            return None
        return Known(org, digest_of(org, plan), plan, self._compiled(plan))

    def _compiled(self, plan: Plan) -> Kpis:
        """Compiling takes milliseconds; definitions change rarely."""
        definitions = _weighted(plan)
        worth = [(code, str(steps)) for code, steps in sorted(plan.rates.steps.items())]
        digest = _digest((definitions, plan.measures, plan.selling, plan.currency, worth))
        found = self._kpis.get(digest)
        if found is None:
            book = compile_book(definitions, plan.measures, selling=plan.selling)
            found = self._kpis[digest] = Kpis(book, Weights(book, plan.rates), digest)
            if len(self._kpis) > _BOOKS:
                self._kpis.popitem(last=False)
        return found

    def _year(self) -> int:
        return datetime.fromtimestamp(self._clock() / 1000, UTC).year


_Version = tuple[str, str, str, int]
"""(tenant, version or digest of the configuration, digest of the plan, year of the targets)."""


def _weighted(plan: Plan) -> tuple[Definition, ...]:
    """The definitions, the composite score with the tenant's weights unless it wrote its own."""
    score = composite(plan.weights)
    shipped = score.id not in plan.revisions
    return tuple(score if one.id == score.id and shipped else one for one in plan.definitions)


def digest_of(org: Org, plan: Plan) -> str:
    """A digest of everything in both: the configuration's version in an ETag."""
    return _digest((org, plan.digest))


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]


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
