"""Posting: one attempt over HTTP.

In: a request. Out: status, the beginning of the body, how long it took; or what went wrong.
Guarantee: 15 s in all, whatever the receiver does; of a body no more than the excerpt is read; no
redirect is followed; certificates are verified.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import NamedTuple

import httpcore

from services.notifier.formats import Request
from services.notifier.guard import Guard
from services.notifier.schedule import TIMEOUT_S

EXCERPT = 1_000
_CONNECTIONS = 200
_IDLE_S = 30.0


class Answer(NamedTuple):
    """What came back; ``status`` None: nothing, and ``error`` says why."""

    status: int | None
    body: bytes
    error: str
    retry_after: str
    took_ms: int


class Poster:
    """Posts."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        """``tls``: None for the system's certificates."""
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=_CONNECTIONS,
            keepalive_expiry=_IDLE_S,
            network_backend=guard,
        )

    async def close(self) -> None:
        """End all connections."""
        await self._pool.aclose()

    async def post(self, request: Request) -> Answer:
        """One attempt; never raises but for being cancelled."""
        began = time.monotonic()
        status, body, error, after = None, b"", "", ""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, body, after = await self._post(request)
        except TimeoutError:
            error = f"no answer within {TIMEOUT_S:g} s"
        except (httpcore.TimeoutException, httpcore.NetworkError, OSError) as failed:
            error = f"{type(failed).__name__}: {failed}"[:300]
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, ValueError) as failed:
            error = f"{type(failed).__name__}: {failed}"[:300]
        return Answer(status, body, error, after, round((time.monotonic() - began) * 1000))

    async def _post(self, request: Request) -> tuple[int, bytes, str]:
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
        async with self._pool.stream(
            "POST",
            request.url,
            headers=[*request.headers.items(), ("user-agent", "Paceline"), ("accept", "*/*")],
            content=request.body,
            extensions={"timeout": timeout},
        ) as answer:
            body = b""
            async for piece in answer.aiter_stream():
                body += piece
                if len(body) >= EXCERPT:
                    break
            after = next((v for k, v in answer.headers if k.lower() == b"retry-after"), b"")
            return answer.status, body[:EXCERPT], after.decode("latin-1")
