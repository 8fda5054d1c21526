"""Who sent this: the schemes by which CRMs sign their webhooks.

In: the raw bytes of a request, as they came, and the address that CRMs post to. Out: ``Proof``, or
``Refused``. Guarantee: nothing but ``Refused`` is raised, whatever the headers hold; signatures are
compared in constant time and as text, so that only the one canonical spelling of a digest passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from paceline.sql.connections import UriForm
from services.ingest.signatures import github, hubspot, standard
from services.ingest.signatures.request import Proof, Refused, SignedRequest

__all__ = ["SCHEMES", "Proof", "Refused", "SignedRequest", "Verifier", "prove", "prove_any"]

Check = Callable[[bytes, SignedRequest], Proof]

SCHEMES: Mapping[str, Check] = {
    "hubspot-v1": hubspot.prove_v1,
    "hubspot-v2": hubspot.prove_v2,
    "hubspot-v3": hubspot.prove_v3,
    "github": github.prove,
    "standard-webhooks": standard.prove,
}


class Verifier(msgspec.Struct, frozen=True):
    """One accepted scheme with its secret, ready to compute with."""

    scheme: str
    key: bytes
    uri_forms: tuple[UriForm, ...] = ("decoded",)
    """Of hubspot-v3 alone."""

    @classmethod
    def of(
        cls, scheme: str, secret: str, uri_forms: tuple[UriForm, ...] = ("decoded",)
    ) -> Verifier:
        """The verifier of a configured secret; ``ValueError`` where the secret cannot be one."""
        if scheme not in SCHEMES:
            raise ValueError(f"unknown signature scheme {scheme!r}")
        if not secret:
            raise ValueError("the secret is empty")
        key = standard.key_of(secret) if scheme == "standard-webhooks" else secret.encode()
        return cls(scheme, key, uri_forms)


def prove(verifier: Verifier, request: SignedRequest) -> Proof:
    """The proof that the holder of the secret sent this request, or ``Refused``."""
    if verifier.scheme == "hubspot-v3":
        return hubspot.prove_v3(verifier.key, request, verifier.uri_forms)
    return SCHEMES[verifier.scheme](verifier.key, request)


def prove_any(verifiers: Sequence[Verifier], request: SignedRequest) -> Proof:
    """The first proof among several secrets and schemes; else the refusal that went furthest."""
    refusal = Refused("missing_signature", "this connection accepts no signature: configure one")
    for verifier in verifiers:
        try:
            return prove(verifier, request)
        except Refused as e:
            refusal = e if e.depth >= refusal.depth else refusal
    raise refusal
