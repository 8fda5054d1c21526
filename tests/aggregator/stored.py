"""Reading all numbers of a tenant out of Redis, key by key, with no code of the domain.

In: Redis, a partition, a tenant and its generation. Out: by civil day, by month and by minute, as
the oracle counts them.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import NamedTuple
from urllib.parse import unquote

from redis.asyncio import Redis

Number = tuple[str, str]
"""Owner key, measure."""


class Stored(NamedTuple):
    """Every number that Redis holds for a generation."""

    days: dict[tuple[str, str, date], int]
    months: dict[tuple[str, str, int], int]
    """Months counted from the year 0."""
    minutes: dict[tuple[str, str, int], int]


async def stored(redis: Redis, p: int, tenant: str, generation: int) -> Stored:
    """Read it."""
    prefix = f"{{{p}}}:{tenant}:{generation}:w:"
    found = Stored({}, {}, {})
    for name in await names(redis, f"{prefix}*"):
        owner, grain, span = name.removeprefix(prefix).rsplit(":", 2)
        for field, amount in (await redis.hgetall(name)).items():
            measure, _, pane = _text(field).rpartition(":")
            _put(found, (unquote(owner), measure), grain, span, int(pane), int(amount))
    return found


async def names(redis: Redis, pattern: str = "*") -> list[str]:
    """The names of keys, sorted."""
    return sorted(_text(name) for name in await redis.keys(pattern))


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode()


def _put(found: Stored, number: Number, grain: str, span: str, pane: int, amount: int) -> None:
    assert amount, f"a zero is kept for {number}"
    if grain in {"d", "gd"}:
        found.days[*number, date(int(span[:4]), int(span[4:]), pane)] = amount
    elif grain in {"M", "gM"}:
        found.months[*number, pane if span == "all" else int(span) * 12 + pane - 1] = amount
    else:
        assert grain == "m", f"a grain that nobody reads: {grain}"
        found.minutes[*number, int(span) * 1_440 + pane] = amount


def by_month(days: dict[tuple[str, str, date], int]) -> dict[tuple[str, str, int], int]:
    """Days summed to months; no zeros."""
    months: Counter[tuple[str, str, int]] = Counter()
    for (owner, measure, day), amount in days.items():
        months[owner, measure, day.year * 12 + day.month - 1] += amount
    return {key: amount for key, amount in months.items() if amount}
