"""Signing: Standard Webhooks, and the chats' own.

In: secrets, what is sent. Out: headers, or what the chat asks for. Guarantee: a signature for every
secret, so that a receiver may exchange its own at any time; secrets are never in an error's text.

Sources: the specification of Standard Webhooks (``webhook-id``, ``webhook-timestamp``,
``webhook-signature: v1,<base64>``); the vendors' pages on custom bots.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import quote_plus

from paceline.alerting.secrets import PREFIX


def key_of(secret: str) -> bytes:
    """The key of a secret; ``ValueError`` where it is none."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise ValueError(f"a secret is {PREFIX} and base64") from None


def headers(secrets: Sequence[str], message: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks over the very bytes that are sent."""
    signed = f"{message}.{at_s}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.digest(key_of(one), signed, hashlib.sha256)).decode()
        for one in secrets
    ]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signatures),
    }


def feishu(secret: str, at_s: int) -> dict[str, str]:
    """飞书: the secret is in the key, and nothing is signed."""
    key = f"{at_s}\n{secret}".encode()
    digest = hmac.digest(key, b"", hashlib.sha256)
    return {"timestamp": str(at_s), "sign": base64.b64encode(digest).decode()}


def dingtalk(secret: str, at_ms: int) -> str:
    """钉钉: what the address ends in."""
    digest = hmac.digest(secret.encode(), f"{at_ms}\n{secret}".encode(), hashlib.sha256)
    return f"&timestamp={at_ms}&sign={quote_plus(base64.b64encode(digest).decode())}"
