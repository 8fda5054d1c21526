"""What readers will see otherwise, once a generation that is held is released.

In: Redis, a tenant, the generation that is live and the one that is held. Out: per owner, measure
and month: the number now, and then. Guarantee: both are of the same place in the log, or it is said
that they are not; flows are compared month by month, levels as they stand at the end of this month.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

import msgspec
from redis.asyncio import Redis

from paceline.rebuild.standing import standing, text
from schemas import keys

PATIENCE_S = 10.0
_AGAIN_S = 0.1
_AT_ONCE = 200
_DAY = len("20261130")

Number = tuple[str, str, str]
"""Owner key, measure, month (``2026-11``), or ``now`` for a level."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One number that will be another: a count, minor units of the measure's currency, seconds."""

    owner: str
    measure: str
    month: str
    now: int
    then: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """All that will be different."""

    tenant: str
    live: int
    held: int
    position: int
    same_place: bool
    """Both were read as of the same place in the log; else events came all the while."""
    numbers: int
    """How many numbers were compared."""
    differences: list[Difference]
    """By owner, measure and month."""


class NotBuiltError(Exception):
    """The generation is not there to be compared."""


async def preview(redis: Redis, p: int, tenant: str, held: int) -> Preview:
    """Compare the live generation with the one that is held.

    Raises:
        NotBuiltError: it is not being built.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        before = await standing(redis, p, tenant, held)
        if before.pending is None:
            raise NotBuiltError
        patient = time.monotonic() < deadline
        if before.whole or not patient:
            today = datetime.now(UTC).date()
            month = today.year * 12 + today.month - 1
            now = await _numbers(redis, p, tenant, before.live, month)
            then = await _numbers(redis, p, tenant, held, month)
            after = await standing(redis, p, tenant, held)
            if after.pending is None:
                raise NotBuiltError
            same = before.whole and after == before
            if same or not patient:
                return Preview(
                    tenant=tenant,
                    live=before.live,
                    held=held,
                    position=after.position,
                    same_place=same,
                    numbers=len(now.keys() | then.keys()),
                    differences=differences(now, then),
                )
        await asyncio.sleep(_AGAIN_S)


def differences(now: Mapping[Number, int], then: Mapping[Number, int]) -> list[Difference]:
    """The numbers that differ; one that is not there is 0.

    >>> [(one.measure, one.now, one.then)
    ...  for one in differences({("crm/7", "won_n", "2026-11"): 2}, {})]
    [('won_n', 2, 0)]
    """
    return [
        Difference(owner=owner, measure=measure, month=month, now=was, then=will)
        for owner, measure, month in sorted(now.keys() | then.keys())
        if (was := now.get((owner, measure, month), 0))
        != (will := then.get((owner, measure, month), 0))
    ]


async def _numbers(
    redis: Redis, p: int, tenant: str, generation: int, now: int
) -> dict[Number, int]:
    """Every number by month, levels summed up to the month ``now`` (year * 12 + month - 1)."""
    prefix = keys.owner_panes(p, tenant, generation, "")
    found: dict[Number, int] = {}
    for grain in ("M", "gM"):
        names = [
            text(name) async for name in redis.scan_iter(match=f"{prefix}*:{grain}:*", count=1_000)
        ]
        for low in range(0, len(names), _AT_ONCE):
            some = names[low : low + _AT_ONCE]
            async with redis.pipeline(transaction=False) as pipe:
                for name in some:
                    pipe.hgetall(name)
                for name, fields in zip(some, await pipe.execute(), strict=True):
                    owner, _, span = name.removeprefix(prefix).split(":", 2)
                    _add(found, unquote(owner), grain, span, fields, now)
    return {number: amount for number, amount in found.items() if amount}


def _add(
    found: dict[Number, int],
    owner: str,
    grain: str,
    span: str,
    fields: Mapping[bytes, bytes],
    now: int,
) -> None:
    for field, raw in fields.items():
        measure, _, pane = text(field).rpartition(":")
        if grain == "M":
            found[owner, measure, f"{span}-{int(pane):02}"] = int(raw)
        elif int(pane) <= now:
            number = owner, without_close_day(measure), "now"
            found[number] = found.get(number, 0) + int(raw)


def without_close_day(measure: str) -> str:
    """A level's measure over all days on which its deals are expected to close.

    >>> without_close_day("open:EUR:20261130"), without_close_day("qual_n:-")
    ('open:EUR', 'qual_n')
    """
    name, _, day = measure.rpartition(":")
    return name if name and (day == "-" or (day.isdigit() and len(day) == _DAY)) else measure
