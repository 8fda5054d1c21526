"""Standard Webhooks, and Svix, whose headers differ only in their prefix.

In: a ``whsec_`` secret and a request. Out: a proof. Guarantee: any one fitting ``v1`` signature
of the list suffices, so that a sender may change its secret; ``v1a`` (Ed25519) is not supported
and never fits.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from typing import Final

from services.ingest.signatures.request import Proof, SignedRequest, fresh, header, same, wrong

_PREFIX: Final = "whsec_"
_MAX_SIGNATURES: Final = 16


def key_of(secret: str) -> bytes:
    """The key of a ``whsec_`` secret; ``ValueError`` where it is not base64."""
    try:
        return b64decode(secret.removeprefix(_PREFIX).encode(), validate=True)
    except binascii.Error:
        raise ValueError("a Standard Webhooks secret is whsec_ and base64") from None


def prove(key: bytes, request: SignedRequest) -> Proof:
    """``v1``: HMAC-SHA-256 over id, timestamp and body."""
    prefix = "svix" if "svix-id" in request.headers else "webhook"
    message = header(request, f"{prefix}-id")
    timestamp = header(request, f"{prefix}-timestamp")
    signatures = header(request, f"{prefix}-signature")
    fresh(request, timestamp, 1000)
    signed = f"{message}.{timestamp}.".encode("utf-8", "replace") + request.body
    expected = b"v1," + b64encode(hmac.digest(key, signed, "sha256"))
    if not any(same(expected, one) for one in signatures.split(" ", _MAX_SIGNATURES)):
        raise wrong(f"{prefix}-signature")
    return Proof("standard-webhooks", expected.decode())
