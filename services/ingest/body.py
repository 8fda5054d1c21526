"""Bodies within limits.

In: an ASGI request. Out: its decoded bytes, or a ``Problem``. Guarantee: never more than the
limit and one chunk in memory, whatever length, coding or compression is claimed; never waits
longer than told.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from typing import Any, Final

from starlette.types import Receive

from services.ingest.problems import Problem

MAX_BYTES: Final = 1 << 20
MAX_RATIO: Final = 100
_SMALL: Final = 4096
"""Below this many bytes a high ratio is ordinary, not an attack."""
_LENGTH_DIGITS: Final = 18
READ_TIMEOUT_S: Final = 10.0
_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Disconnected(Exception):
    """The caller went away before the body was whole; nobody waits for an answer."""


async def read_body(
    receive: Receive,
    headers: Mapping[str, str],
    *,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = READ_TIMEOUT_S,
) -> bytes:
    """The whole body, its content coding undone."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity" and coding not in _WINDOWS:
        raise Problem(415, "unsupported_encoding", "content-encoding: send identity, gzip, deflate")
    _check_length(headers, max_bytes)
    raw = await _received(receive, max_bytes, timeout_s)
    return raw if coding == "identity" else _decompressed(raw, coding, max_bytes)


def _check_length(headers: Mapping[str, str], max_bytes: int) -> None:
    length = headers.get("content-length", "0")
    digits = length.isascii() and length.isdigit()
    if digits and (len(length) > _LENGTH_DIGITS or int(length) > max_bytes):
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> Problem:
    return Problem(413, "too_large", f"a body has at most {max_bytes} bytes: send smaller batches")


async def _received(receive: Receive, max_bytes: int, timeout_s: float) -> bytes:
    message = await _next(receive, timeout_s)
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        _check_size(body, max_bytes)
        return body
    try:
        async with asyncio.timeout(timeout_s):
            return await _rest(receive, bytearray(body), max_bytes)
    except TimeoutError:
        raise _late(timeout_s) from None


async def _next(receive: Receive, timeout_s: float) -> Any:
    """The first message, which servers mostly have already: a timer each would cost."""
    waiting = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    if not waiting.done():
        await asyncio.wait([waiting], timeout=timeout_s)
    if not waiting.done():
        waiting.cancel()
        raise _late(timeout_s)
    message = waiting.result()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message


async def _rest(receive: Receive, body: bytearray, max_bytes: int) -> bytes:
    more = True
    while more:
        _check_size(body, max_bytes)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        more = message.get("more_body", False)
    _check_size(body, max_bytes)
    return bytes(body)


def _check_size(body: bytes | bytearray, max_bytes: int) -> None:
    if len(body) > max_bytes:
        raise _too_large(max_bytes)


def _late(timeout_s: float) -> Problem:
    return Problem(408, "timeout", f"the body was not there within {timeout_s:g} s")


def _decompressed(raw: bytes, coding: str, max_bytes: int) -> bytes:
    limit = min(max_bytes, max(_SMALL, len(raw)) * MAX_RATIO)
    stream = zlib.decompressobj(_window(raw, coding))
    try:
        body = stream.decompress(raw, limit + 1)
    except zlib.error:
        raise Problem(400, "malformed_request", f"the body is not valid {coding}") from None
    if len(body) > limit:
        raise Problem(
            413,
            "too_large",
            f"unpacked, a body has at most {limit} bytes, {MAX_RATIO} times its packed size",
        )
    if not stream.eof or stream.unused_data:
        raise Problem(400, "malformed_request", f"the body is not one whole {coding} stream")
    return body


def _window(raw: bytes, coding: str) -> int:
    # Some senders mean raw deflate by "deflate"; a zlib header is a multiple of 31.
    head = int.from_bytes(raw[:2], "big")
    zlib_header = head >> 8 & 15 == zlib.DEFLATED and head % 31 == 0
    return -zlib.MAX_WBITS if coding == "deflate" and not zlib_header else _WINDOWS[coding]
