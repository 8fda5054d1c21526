"""The portal's outgoing side: webhooks signed as HubSpot v3, sent until they are taken.

In: an address, a secret and events. Out: HTTP requests of up to a hundred events. Guarantee: a
batch that was refused or not answered is sent again, its ``attemptNumber`` one higher, as HubSpot
does; within a request the order is sometimes another, and some batches arrive twice.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Sequence
from hmac import digest
from random import Random

import httpx
import msgspec

from paceline.demo.events import Event

BATCH = 100
CONCURRENT = 4
ATTEMPTS = 40
_TIMEOUT_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 3.0
_SHUFFLED, _TWICE = 0.3, 0.05
"""Shares of the requests."""


class Refused(Exception):
    """The receiver does not want these events, and trying again will not help."""


def signed(url: str, body: bytes, secret: bytes, at: int) -> dict[str, str]:
    """The headers of a request at an instant (ms UTC).

    >>> headers = signed("https://example.com/hook", b"[]", b"made-up", 1_700_000_000_000)
    >>> headers["X-HubSpot-Signature-v3"]
    'C7HHu7ex83QLxwk81+VgMQGiav/e9A+zMCThQ2PvjVU='
    """
    text = b"POST" + url.encode() + body + str(at).encode()
    return {
        "Content-Type": "application/json",
        "X-HubSpot-Request-Timestamp": str(at),
        "X-HubSpot-Signature-v3": b64encode(digest(secret, text, "sha256")).decode(),
    }


class Portal:
    """A sender; close it when done."""

    def __init__(self, url: str, secret: str, random: Random) -> None:
        self._url = url
        self._secret = secret.encode()
        self._random = random
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S)
        self._free = asyncio.Semaphore(CONCURRENT)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def post_all(self, events: Sequence[Event]) -> None:
        """Send events in batches, several at a time; returns when all are taken."""
        batches = [events[i : i + BATCH] for i in range(0, len(events), BATCH)]
        await asyncio.gather(*(self._post_freely(self._mixed(batch)) for batch in batches))

    async def post(self, events: Sequence[Event]) -> None:
        """Send one request; returns when it is taken.

        Raises:
            Refused: the address, the signature or the form is wrong.
        """
        batch = self._mixed(events)
        await self._deliver(batch, 0)
        if self._random.random() < _TWICE:
            await self._deliver(batch, 1)

    async def _post_freely(self, batch: list[Event]) -> None:
        async with self._free:
            await self.post(batch)

    def _mixed(self, events: Sequence[Event]) -> list[Event]:
        batch = list(events)
        if self._random.random() < _SHUFFLED:
            self._random.shuffle(batch)
        return batch

    async def _deliver(self, batch: Sequence[Event], attempt: int) -> None:
        pause = _FIRST_PAUSE_S
        for again in range(ATTEMPTS):
            body = msgspec.json.encode([e | {"attemptNumber": attempt + again} for e in batch])
            if await self._taken(body):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)
        raise Refused(f"{self._url} did not take a webhook in {ATTEMPTS} attempts")

    async def _taken(self, body: bytes) -> bool:
        headers = signed(self._url, body, self._secret, time.time_ns() // 1_000_000)
        try:
            answer = await self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        if answer.is_client_error and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            raise Refused(f"{self._url} answers {answer.status_code}: {answer.text[:300]}")
        return answer.is_success
