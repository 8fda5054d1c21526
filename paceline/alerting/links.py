"""Links: one click in a message acknowledges, snoozes, or says whether it was useful.

In: a secret, an alert, a person, a deed. Out: a token, and back. Guarantee: a token is of one
tenant, alert, person and deed, and ends after two weeks; whoever holds it may do that and nothing
else.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from itsdangerous import BadSignature, URLSafeTimedSerializer

Deed = Literal["acknowledge", "snooze", "useful", "not_useful", "unsubscribe"]
DEEDS: tuple[Deed, ...] = get_args(Deed)
LASTS_S = 14 * 24 * 3600


class Link(NamedTuple):
    """What a token lets somebody do."""

    tenant: str
    alert: str
    person: str
    deed: Deed


class Links:
    """Makes and reads tokens."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="paceline.alert")

    def token(self, link: Link) -> str:
        """The token, which may stand in an address."""
        return str(self._serializer.dumps(list(link)))

    def read(self, token: str) -> Link | None:
        """What a token says; None where it is none, or too old."""
        try:
            parts = self._serializer.loads(token, max_age=LASTS_S)
        except BadSignature:
            return None
        if not isinstance(parts, list) or len(parts) != len(Link._fields):
            return None
        tenant, alert, person, deed = map(str, parts)
        return Link(tenant, alert, person, deed) if deed in DEEDS else None
