"""Secrets of webhooks, as Standard Webhooks writes them.

In: nothing. Out: a secret. Guarantee: 192 bits of the system's randomness.
"""

from __future__ import annotations

import base64
from secrets import token_bytes

PREFIX = "whsec_"
_BYTES = 24


def new_secret() -> str:
    """A new one."""
    return PREFIX + base64.b64encode(token_bytes(_BYTES)).decode()
