"""HubSpot's three signatures.

In: the client secret and a request. Out: a proof. Guarantee: as HubSpot's own test vectors say.

v1 is hex SHA-256(secret + body), v2 hex SHA-256(secret + METHOD + URI + body), v3 base64
HMAC-SHA-256(secret, METHOD + URI + body + timestamp). v1 and v2 sign no time: whoever captured
such a request can send it again, which is harmless here, because the event ids it yields are the
same again.

Which spelling of the URI v3 signs is told in two ways: HubSpot's text decodes twelve escapes
first, its SDKs decode none. A published vector demands that the undecoded form be refused, so
only the decoded one counts by default; ``uri_forms`` admits both. They differ only where the
address holds such an escape, and the addresses that Paceline hands out hold none.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from paceline.sql.connections import UriForm
from services.ingest.signatures.request import Proof, SignedRequest, fresh, header, same, wrong
from services.ingest.signatures.request import Refused as _Refused

_ESCAPES: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ESCAPE: Final = re.compile("|".join(_ESCAPES))


def decoded(uri: str) -> str:
    """The URI with HubSpot's twelve escapes decoded, and no other.

    >>> decoded("https://example.com/a%2Fb%20c")
    'https://example.com/a/b%20c'
    """
    return _ESCAPE.sub(lambda m: _ESCAPES[m.group()], uri) if "%" in uri else uri


def prove_v1(key: bytes, request: SignedRequest) -> Proof:
    """v1: the body alone is signed."""
    return _prove_hash("v1", sha256(key + request.body).hexdigest(), request)


def prove_v2(key: bytes, request: SignedRequest) -> Proof:
    """v2: method, URI and body are signed."""
    signed = key + request.method.encode() + request.url.encode() + request.body
    return _prove_hash("v2", sha256(signed).hexdigest(), request)


def _prove_hash(version: str, expected: str, request: SignedRequest) -> Proof:
    signature = header(request, "x-hubspot-signature")
    if request.headers.get("x-hubspot-signature-version", "") != version:
        raise _Refused("malformed_signature", f"x-hubspot-signature-version is not {version}")
    if not same(expected.encode(), signature):
        raise wrong("x-hubspot-signature")
    return Proof(f"hubspot-{version}")


def prove_v3(
    key: bytes, request: SignedRequest, uri_forms: Sequence[UriForm] = ("decoded",)
) -> Proof:
    """v3: method, URI, body and time are signed; at most five minutes old."""
    signature = header(request, "x-hubspot-signature-v3")
    timestamp = header(request, "x-hubspot-request-timestamp")
    fresh(request, timestamp, 1)
    uris = {decoded(request.url) if form == "decoded" else request.url for form in uri_forms}
    if not any(same(_v3(key, request, uri, timestamp), signature) for uri in uris):
        raise wrong("x-hubspot-signature-v3")
    return Proof("hubspot-v3", signature)


def _v3(key: bytes, request: SignedRequest, uri: str, timestamp: str) -> bytes:
    signed = (request.method + uri).encode() + request.body + timestamp.encode()
    return b64encode(hmac.digest(key, signed, "sha256"))
