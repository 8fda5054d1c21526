"""What every scheme shares: the request as signed, proof and refusal, clocks.

In: headers and clocks. Out: checked values. Guarantee: no header content raises anything but
``Refused``.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

import msgspec

SKEW_MS: Final = 5 * 60_000
_MAX_TIMESTAMP_DIGITS: Final = 16

_DEPTHS: Final = {
    "missing_signature": 0,
    "malformed_signature": 1,
    "malformed_timestamp": 2,
    "stale_timestamp": 3,
    "future_timestamp": 3,
    "wrong_signature": 4,
}


class Refused(Exception):
    """The request is not authentic. ``code`` is stable; ``detail`` says what to look at."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    @property
    def depth(self) -> int:
        """How far the check came: the deepest refusal is the one worth reporting."""
        return _DEPTHS[self.code]


class SignedRequest(msgspec.Struct, frozen=True):
    """A request as its sender signed it; ``url`` comes from configuration, not ``Host``."""

    method: str
    url: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    now_ms: int


class Proof(msgspec.Struct, frozen=True):
    """An authentic request."""

    scheme: str
    once: str = ""
    """Names this very request within the clock skew; ``""`` where no time is signed."""


def header(request: SignedRequest, name: str) -> str:
    """The header's text; ``Refused`` where it is missing or empty."""
    value = request.headers.get(name, "")
    if not value:
        raise Refused("missing_signature", f"header {name} is missing")
    return value


def fresh(request: SignedRequest, text: str, unit_ms: int) -> None:
    """Refuse a signed time that is not plain digits, or more than five minutes away."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_TIMESTAMP_DIGITS):
        raise Refused("malformed_timestamp", "the request's timestamp must be decimal digits only")
    age = request.now_ms - int(text) * unit_ms
    if age > SKEW_MS:
        raise Refused("stale_timestamp", "the request was signed more than 5 minutes ago")
    if age < -SKEW_MS:
        raise Refused("future_timestamp", "the request is signed more than 5 minutes in the future")


def same(expected: bytes, presented: str) -> bool:
    """Equal, in constant time, as text: another spelling of the same digest is another text."""
    return hmac.compare_digest(expected, presented.encode("utf-8", "replace"))


def wrong(what: str) -> Refused:
    """The refusal of a well-formed signature that does not fit."""
    return Refused(
        "wrong_signature",
        f"{what} does not match: check the secret, and that the configured public URL is the one "
        "that the CRM posts to",
    )
