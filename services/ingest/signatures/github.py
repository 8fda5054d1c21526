"""GitHub's signature: ``X-Hub-Signature-256``.

In: the secret and a request. Out: a proof. It signs no time: a captured request can be sent
again, which is harmless here, because the event ids it yields are the same again.
"""

from __future__ import annotations

import hmac

from services.ingest.signatures.request import Proof, SignedRequest, header, same, wrong


def prove(key: bytes, request: SignedRequest) -> Proof:
    """``sha256=`` and hex HMAC-SHA-256 of the body."""
    signature = header(request, "x-hub-signature-256")
    expected = "sha256=" + hmac.digest(key, request.body, "sha256").hex()
    if not same(expected.encode(), signature):
        raise wrong("x-hub-signature-256")
    return Proof("github")
