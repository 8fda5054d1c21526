"""Refusals: what was wrong, where, and how to put it right (RFC 9457).

In: a refusal. Out: status, headers and an ``application/problem+json`` body. Guarantee: nothing
that the caller sent is repeated but names and positions; no secret is ever part of it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_TITLES: Final = {
    "malformed_request": "The request is malformed",
    "not_authentic": "The request is not authentic",
    "not_allowed": "The key may not do this",
    "disabled": "The connection is disabled",
    "unknown_connection": "There is no such connection",
    "timeout": "The request took too long",
    "too_large": "The request is too large",
    "too_many_events": "The request holds too many events",
    "unsupported_media_type": "The media type is not supported",
    "unsupported_encoding": "The content coding is not supported",
    "not_active": "The tenant is not active yet",
    "not_configured": "The connection is not fully configured",
    "not_durable": "The events cannot be made durable now",
    "unavailable": "The configuration cannot be read now",
}


class Problem(Exception):
    """A refused request. ``code`` is stable, and the last part of the problem's type."""

    def __init__(
        self, status: int, code: str, detail: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s

    def headers(self) -> dict[str, str]:
        """The answer's headers beside its media type."""
        found = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status == 401:  # noqa: PLR2004 - RFC 9110 asks for it there
            found["WWW-Authenticate"] = 'Bearer realm="paceline"'
        return found

    def body(self, request_id: str) -> bytes:
        """The problem document."""
        document: dict[str, Any] = {
            "type": f"urn:paceline:problem:{self.code}",
            "title": _TITLES[self.code],
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        return msgspec.json.encode(document)
