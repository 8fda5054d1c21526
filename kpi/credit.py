"""Who gets a deal's result: its owner, or those between whom it was split; and who else sees it.

In: a deal, the meaning, the moment of the close. Out: owner keys with their shares. Guarantee: the
parts of an amount add up to it exactly; the count goes to one. A split that cannot be read, or does
not add up to 100 %, gives way to the owner and is told as bad.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from kpi.entity import Entity
from kpi.timeline import credited_at, known_at
from schemas.envelope import owner_key
from schemas.meaning import Meaning

WHOLE = 10_000
"""100 % in hundredths of a per cent."""

_PER_CENT = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?")

Shares = tuple[tuple[str, int], ...]
"""(owner id, hundredths of a per cent) in the order of the ids as text; together ``WHOLE``."""


class Credit(NamedTuple):
    """Who gets a result. ``main``: owner key of whoever it is counted for."""

    main: str
    shares: Shares = ()
    """By owner key; empty: all is ``main``'s."""
    bad: bool = False
    """There was a split, and it could not be used."""


def owner_at(entity: Entity, instant: int) -> str:
    """The owner key that gets the credit of what happens at an instant."""
    return owner_key(entity.connection, credited_at(entity.owner, instant))


def credit_at(entity: Entity, meaning: Meaning, instant: int) -> Credit:
    """Who gets a result of an instant.

    The count goes to the largest share, of equal ones to the smallest owner id.
    """
    told = known_at(entity.split, instant) if meaning.credit == "splits" and entity.split else ""
    shares = shares_of(told) if told else None
    if not shares:
        return Credit(owner_at(entity, instant), bad=bool(told))
    main = max(shares, key=lambda share: share[1])[0]  # the first of equals: ids ascend
    keyed = tuple((owner_key(entity.connection, owner), share) for owner, share in shares)
    return Credit(owner_key(entity.connection, main), keyed)


def parts(credit: Credit, amount: int) -> list[tuple[str, int]]:
    """The amount (minor units) by owner key; the parts sum to it.

    By largest remainder: everyone gets the whole units of his share, and the units left over go
    one each to the largest remainders, of equal ones to the smallest owner id.

    >>> parts(Credit("a", (("a", 3_334), ("b", 3_333), ("c", 3_333))), 100)
    [('a', 34), ('b', 33), ('c', 33)]
    """
    if not credit.shares:
        return [(credit.main, amount)]
    sign, size = (-1, -amount) if amount < 0 else (1, amount)
    floors = [size * share // WHOLE for _, share in credit.shares]
    order = sorted(
        range(len(floors)), key=lambda n: (-(size * credit.shares[n][1] % WHOLE), credit.shares[n])
    )
    for n in order[: size - sum(floors)]:
        floors[n] += 1
    return [(owner, sign * part) for (owner, _), part in zip(credit.shares, floors, strict=True)]


@lru_cache(maxsize=4_096)
def shares_of(text: str) -> Shares | None:
    """The shares of ``"101=60;102=40"``; None where they are no split that adds up to 100 %.

    >>> shares_of("102=39.5; 101=60.5")
    (('101', 6050), ('102', 3950))
    >>> shares_of("101=60;102=39") is None
    True
    """
    shares: dict[str, int] = {}
    for one in text.strip().removesuffix(";").split(";"):
        owner, _, per_cent = one.rpartition("=")
        share = _hundredths(per_cent.strip())
        owner = owner.strip()
        if not owner or share is None or owner in shares:
            return None
        shares[owner] = share
    return tuple(sorted(shares.items())) if sum(shares.values()) == WHOLE else None


def _hundredths(per_cent: str) -> int | None:
    found = _PER_CENT.fullmatch(per_cent)
    if found is None or not per_cent.isascii():
        return None
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def overlay_at(entity: Entity, instant: int) -> set[str]:
    """Owner keys that see the result beside those who share it: ``"201;202"`` as known then."""
    told = known_at(entity.overlay, instant) if entity.overlay else ""
    named = (one.strip() for one in told.split(";"))
    return {owner_key(entity.connection, one) for one in named if one}
