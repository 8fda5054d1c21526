"""In which order things happen: ninety days of the past at once, then life at a watchable pace.

In: a world. Out: events in the order of their instants. Guarantee: sellers work on weekdays,
between nine and six of their own zone; nothing of the past lies after its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TypeVar

from paceline.demo.events import Event
from paceline.demo.organisation import Seller
from paceline.demo.world import World

HISTORY_DAYS = 90
_SATURDAY = 5
_OPENS, _CLOSES = 9.0, 18.0
_WORK_A_DAY = 1.5
_FOUNDED_A_DAY = 0.26
_ADVANCE, _REVISE = 0.13, 0.04
"""Chances of an open deal on a workday."""
_FEW, _MANY = 70, 160
"""Live, fewer open deals than this bring new ones, and more bring decisions."""
_MARGIN_MS = 60_000
_SHARES = {"found": 0.07, "advance": 0.24, "revise": 0.06}
"""Of what happens live; the rest is work."""

T = TypeVar("T")


def past(world: World, random: Random, until: int) -> list[Event]:
    """The history of ``HISTORY_DAYS`` days that ends at ``until`` (ms UTC)."""
    told: list[Event] = []
    last = datetime.fromtimestamp(until / 1000, UTC).date() + timedelta(days=1)
    for back in range(HISTORY_DAYS, -1, -1):
        for seller in world.sellers:
            told += _day(world, random, seller, last - timedelta(days=back), until)
    return sorted(told, key=lambda event: int(event["occurredAt"]))


def _day(world: World, random: Random, seller: Seller, day: date, until: int) -> Iterator[Event]:
    if day.weekday() >= _SATURDAY:
        return
    # Those deals first that were there in the morning: none moves before it is made.
    for deal in world.open_of(seller.owner):
        dice = random.random()
        if dice < _ADVANCE:
            yield from _before(until, world.advance, deal, _within(random, seller, day))
        elif dice < _ADVANCE + _REVISE:
            yield from _before(until, world.revise, deal, _within(random, seller, day))
    for _ in range(_times(random, _WORK_A_DAY * seller.diligence)):
        yield from _before(until, world.work, seller.owner, _within(random, seller, day))
    for _ in range(_times(random, _FOUNDED_A_DAY * seller.diligence)):
        yield from _before(until, world.found, seller.owner, _within(random, seller, day))


def _before(until: int, act: Callable[[T, int], list[Event]], what: T, at: int) -> list[Event]:
    return act(what, at) if at < until - _MARGIN_MS else []


def _within(random: Random, seller: Seller, day: date) -> int:
    """An instant of the seller's working day, ms UTC."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=seller.zone)
    hour = random.uniform(_OPENS, _CLOSES)
    return int((midnight + timedelta(hours=hour)).timestamp() * 1000)


def _times(random: Random, mean: float) -> int:
    """How often something happens that happens ``mean`` times on average: at most four times."""
    return sum(random.random() < mean / 4 for _ in range(4))


def next_scene(world: World, random: Random, at: int) -> list[Event]:
    """The next thing that happens, at ``at`` (ms UTC)."""
    dice, open_deals = random.random(), len(world.state.deals)
    seller = random.choices(world.sellers, [s.diligence for s in world.sellers])[0]
    deal = world.some_deal()
    founding = 4 * _SHARES["found"] if open_deals < _FEW else _SHARES["found"]
    founding = 0 if open_deals > _MANY else founding
    if deal is None or dice < founding:
        return world.found(seller.owner, at)
    if dice < founding + _SHARES["advance"]:
        return world.advance(deal, at)
    if dice < founding + _SHARES["advance"] + _SHARES["revise"]:
        return world.revise(deal, at)
    return world.work(seller.owner, at)
