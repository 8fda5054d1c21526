"""The context: what every request of this process shares, and who asks.

In: a request. Out: the services and the caller. Guarantee: nothing is read before a valid key with
the scope ``read`` was shown in a header; a key in an address is refused, because addresses are
logged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.alerting.links import Links
from paceline.progress.reading.changes import Feed
from paceline.progress.reading.directory import Directory
from paceline.progress.reading.reader import Reader
from paceline.progress.teller import Teller
from services.api.access import Caller
from services.api.pipeline.past import Pasts
from services.api.problems import ProblemError, forbidden, unauthenticated

_IN_ADDRESS = frozenset(("key", "api_key", "apikey", "token", "access_token"))
_LONGEST_KEY = 256


def now_ms() -> int:
    """The wall clock, ms UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the composition root made."""

    redis: Redis
    engine: AsyncEngine
    directory: Directory
    reader: Reader
    teller: Teller
    feed: Feed
    pasts: Pasts = field(default_factory=Pasts)
    """What the organisations' past says of open deals, remembered for minutes."""
    links: Links | None = None
    """Of messages; None: no secret is configured, so there are none."""
    clock: Callable[[], int] = now_ms


def services_of(request: Request) -> Services:
    """The services of the app that serves a request."""
    found = request.app.state.services
    if not isinstance(found, Services):
        raise TypeError("the app was made without services")
    return found


def presented_key(request: Request) -> str:
    """The key of ``Authorization: Bearer`` or ``X-API-Key``; 401 where there is none."""
    if not _IN_ADDRESS.isdisjoint(request.query_params):
        raise unauthenticated("keys in an address end up in logs: send Authorization: Bearer")
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()[:_LONGEST_KEY]
    key = request.headers.get("x-api-key", "")
    if not key:
        raise unauthenticated("send an API key as Authorization: Bearer <key>")
    return key[:_LONGEST_KEY]


async def identify(services: Services, presented: str) -> Caller:
    """Whose key it is; 401 for one that is not valid, 403 without the scope ``read``."""
    key = await services.directory.key(presented)
    known = await services.directory.org(key.tenant) if key else None
    if key is None or known is None:
        raise unauthenticated("this API key is not valid (any more)")
    if "read" not in key.scopes:
        raise forbidden("this API key has no scope 'read'")
    return Caller(key, known)


async def still(services: Services, presented: str) -> Caller | None:
    """As ``identify``, None once the key has ended."""
    try:
        return await identify(services, presented)
    except ProblemError:
        return None


async def caller(request: Request) -> Caller:
    """The caller of a request."""
    return await identify(services_of(request), presented_key(request))


Serving = Annotated[Services, Depends(services_of)]
Asking = Annotated[Caller, Depends(caller)]
