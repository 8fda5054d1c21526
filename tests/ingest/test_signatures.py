"""Signatures: the vendors' own vectors, and every single-bit change of a valid request."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.signatures import Proof, Refused, SignedRequest, Verifier, prove, prove_any
from services.ingest.signatures.hubspot import prove_v3
from tests.support.need import skip_or_fail

VECTORS = Path(__file__).parents[3] / "shared" / "crm" / "vectors.json"
OURS = {
    "hubspot-v1": "hubspot-v1",
    "hubspot-v2": "hubspot-v2",
    "hubspot-v3": "hubspot-v3",
    "github-sha256": "github",
    "standard-webhooks-v1": "standard-webhooks",
}
NOW = 1_790_000_003_000
SECRET = "acme-client-secret"
WHSEC = "whsec_" + b64encode(b"acme-standard-webhooks-key").decode()
URL = "https://hooks.acme.example/v1/webhooks/hubspot-main?src=hs%3Aapp"
BODY = b'[{"objectId":9001,"propertyName":"dealstage","propertyValue":"closedwon"}]'


def vectors() -> list[dict[str, Any]]:
    """The published vectors of the schemes that ingest knows."""
    if not VECTORS.exists():
        return []
    return [v for v in json.loads(VECTORS.read_text()) if v["scheme"] in OURS]


def proven(verifier: Verifier, request: SignedRequest) -> bool:
    """Whether it is accepted; anything but a typed refusal fails the test."""
    try:
        prove(verifier, request)
    except Refused:
        return False
    return True


def test_every_published_vector_verifies_as_it_says() -> None:
    """HubSpot, Standard Webhooks and GitHub: 22 requests copied from official suites."""
    if not vectors():
        skip_or_fail("the shared vectors are not beside this checkout")
    for v in vectors():
        now = v["verify_at"]
        request = SignedRequest(
            method=v["method"],
            url=v["url"],
            headers={k.lower(): h for k, h in v["headers"].items()},
            body=v["body"].encode(),
            now_ms=NOW if now is None else int(now * 1000),
        )
        verifier = Verifier.of(OURS[v["scheme"]], v["secret"])
        assert proven(verifier, request) == v["expected_valid"], v.get("id", v["scheme"])


def _v3(body: bytes = BODY, at: int = NOW, url: str = URL) -> SignedRequest:
    signed = b"POST" + url.replace("%3A", ":").encode() + body + str(at).encode()
    signature = b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": str(at)}
    return SignedRequest("POST", url, headers, body, NOW)


def _v2() -> SignedRequest:
    signature = sha256(SECRET.encode() + b"POST" + URL.encode() + BODY).hexdigest()
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-version": "v2"}
    return SignedRequest("POST", URL, headers, BODY, NOW)


def _v1() -> SignedRequest:
    signature = sha256(SECRET.encode() + BODY).hexdigest()
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-version": "v1"}
    return SignedRequest("POST", "", headers, BODY, NOW)


def _github() -> SignedRequest:
    signature = "sha256=" + hmac.digest(SECRET.encode(), BODY, "sha256").hex()
    return SignedRequest("POST", "", {"x-hub-signature-256": signature}, BODY, NOW)


def _standard() -> SignedRequest:
    at = str(NOW // 1000)
    mac = hmac.digest(b"acme-standard-webhooks-key", f"msg_1.{at}.".encode() + BODY, "sha256")
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": at,
        "webhook-signature": "v1," + b64encode(mac).decode(),
    }
    return SignedRequest("POST", "", headers, BODY, NOW)


VALID = {
    "hubspot-v3": _v3(),
    "hubspot-v2": _v2(),
    "hubspot-v1": _v1(),
    "github": _github(),
    "standard-webhooks": _standard(),
}

HEADERS = sorted({name for request in VALID.values() for name in request.headers})


def verifier_of(scheme: str) -> Verifier:
    """The verifier that accepts ``VALID[scheme]``."""
    return Verifier.of(scheme, WHSEC if scheme == "standard-webhooks" else SECRET)


def flips(text: bytes) -> list[bytes]:
    """The text with each of its bits changed in turn."""
    return [
        text[:i] + bytes([text[i] ^ (1 << bit)]) + text[i + 1 :]
        for i in range(len(text))
        for bit in range(8)
    ]


@pytest.mark.parametrize("scheme", VALID)
def test_every_single_bit_change_of_a_valid_request_is_refused(scheme: str) -> None:
    """Body, address, and every signed header: no bit can be changed."""
    valid, verifier = VALID[scheme], verifier_of(scheme)
    assert proven(verifier, valid)
    for body in flips(valid.body):
        changed = SignedRequest(valid.method, valid.url, valid.headers, body, NOW)
        assert not proven(verifier, changed)
    for url in flips(valid.url.encode()):
        text = url.decode("latin-1")
        changed = SignedRequest(valid.method, text, valid.headers, valid.body, NOW)
        assert not proven(verifier, changed)
    for name, value in valid.headers.items():
        for flipped in flips(value.encode()):
            headers = {**valid.headers, name: flipped.decode("latin-1")}
            changed = SignedRequest(valid.method, valid.url, headers, valid.body, NOW)
            assert not proven(verifier, changed)


@pytest.mark.parametrize("scheme", VALID)
@given(
    junk=st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=40)),
    body=st.binary(max_size=40),
)
def test_no_header_ever_raises_anything_but_a_refusal(
    scheme: str, junk: dict[str, str], body: bytes
) -> None:
    """Whatever text the headers hold, the answer is a refusal."""
    assert not proven(verifier_of(scheme), SignedRequest("POST", URL, junk, body, NOW))


@pytest.mark.parametrize("late_ms", [-300_001, 300_001])
def test_a_clock_more_than_five_minutes_away_is_refused_both_ways(late_ms: int) -> None:
    """A signature of the past can be replayed, and one of the future stored for later."""
    with pytest.raises(Refused) as refusal:
        prove(verifier_of("hubspot-v3"), _v3(at=NOW - late_ms))
    assert refusal.value.code in {"stale_timestamp", "future_timestamp"}


@pytest.mark.parametrize("late_ms", [-300_000, 0, 300_000])
def test_a_clock_within_five_minutes_is_accepted(late_ms: int) -> None:
    """The limit itself is still inside."""
    proof = prove(verifier_of("hubspot-v3"), _v3(at=NOW - late_ms))
    assert proof.scheme == "hubspot-v3"


def test_a_base64_signature_with_other_trailing_bits_is_refused() -> None:
    """The last character of a 32-byte digest has two bits that decoders ignore."""
    valid = _v3()
    good = valid.headers["x-hubspot-signature-v3"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(good[-2]) + 1]
    headers = {**valid.headers, "x-hubspot-signature-v3": good[:-2] + other + "="}
    assert not proven(verifier_of("hubspot-v3"), SignedRequest("POST", URL, headers, BODY, NOW))


def test_the_undecoded_address_is_accepted_only_where_asked_for() -> None:
    """HubSpot's SDKs sign the address as it is; a connection may admit that form."""
    signed = b"POST" + URL.encode() + BODY + str(NOW).encode()
    signature = b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": str(NOW)}
    request = SignedRequest("POST", URL, headers, BODY, NOW)
    assert not proven(verifier_of("hubspot-v3"), request)
    assert isinstance(prove_v3(SECRET.encode(), request, ("decoded", "raw")), Proof)


def test_two_secrets_are_accepted_while_one_replaces_the_other() -> None:
    """The old secret and the new one both verify, in either order."""
    old, new = Verifier.of("hubspot-v3", "old-secret"), verifier_of("hubspot-v3")
    assert prove_any([old, new], _v3()) == prove_any([new, old], _v3())


def test_the_refusal_that_went_furthest_is_the_one_reported() -> None:
    """A v3 request with a wrong secret is not told that its v1 header is missing."""
    verifiers = [Verifier.of("hubspot-v3", "another"), Verifier.of("hubspot-v1", SECRET)]
    with pytest.raises(Refused) as refusal:
        prove_any(verifiers, _v3())
    assert refusal.value.code == "wrong_signature"


def test_a_connection_without_signatures_accepts_nothing() -> None:
    """No verifier is not the same as no check."""
    with pytest.raises(Refused):
        prove_any([], _v3())
