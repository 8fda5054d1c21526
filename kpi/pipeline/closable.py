"""Closable deals: which open deals can still be won in the period, and what each of them needs.

In: open deals of a moment, chances by stage, the distribution of cycles. Out: deals with what they
need, the most valuable chance first. Guarantee: pure; every open deal is in exactly one list:
closable (expected to close in the period), overdue (expected before today), or later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Literal, NamedTuple

from kpi.pipeline.deals import OpenDeal

Need = Literal["amount", "qualify", "activity", "time", "new_date"]
"""An amount; to be qualified; somebody who touches it (quiet for ``QUIET_DAYS``); more time than is
left (by the cycles of deals that were won); another expected close, for the present one is over."""

QUIET_DAYS = 14
UNLIKELY = Fraction(1, 5)
"""Where fewer cycles than this fit into what is left, time is what the deal needs."""
UNKNOWN = Fraction(1, 4)
"""The chance of a stage in which no deal was ever decided."""

_DAY_MS = 86_400_000


class Candidate(NamedTuple):
    """An open deal, its chance to be won at all, and what it needs."""

    deal: OpenDeal
    worth: Fraction | None
    """Minor units of the reporting currency; None: no amount, or no rate."""
    chance: Fraction
    needs: tuple[Need, ...]

    @property
    def expected(self) -> Fraction:
        """Worth times chance."""
        return (self.worth or Fraction(0)) * self.chance


class Sorted(NamedTuple):
    """All open deals, each once."""

    closable: list[Candidate]
    overdue: list[Candidate]
    later: list[Candidate]


class Look(NamedTuple):
    """From where one looks at the deals."""

    today: date
    last: date
    """The period's last day."""
    instant: int
    """ms UTC."""
    chances: Mapping[str, Fraction]
    cycles: Sequence[int]
    """Days from creation to win, ascending; empty: nothing is known."""


def sort(deals: Iterable[tuple[OpenDeal, Fraction | None]], look: Look) -> Sorted:
    """(deal, worth) each into its list; within a list the greatest expected worth first."""
    found = Sorted([], [], [])
    for deal, worth in deals:
        one = Candidate(
            deal, worth, look.chances.get(deal.stage, UNKNOWN), tuple(_needs(deal, look))
        )
        if deal.overdue(look.today):
            found.overdue.append(one)
        elif deal.close_on is not None and deal.close_on <= look.last:
            found.closable.append(one)
        else:
            found.later.append(one)
    for each in found:
        each.sort(key=lambda one: (-one.expected, one.deal.key))
    return found


def _needs(deal: OpenDeal, look: Look) -> Iterable[Need]:
    if deal.amount is None:
        yield "amount"
    if not deal.qualified:
        yield "qualify"
    if look.instant - deal.last_touch > QUIET_DAYS * _DAY_MS:
        yield "activity"
    if deal.overdue(look.today):
        yield "new_date"
    elif _in_time(deal, look) < UNLIKELY:
        yield "time"


def _in_time(deal: OpenDeal, look: Look) -> Fraction:
    """Of the cycles that are longer than the deal is old, the share that ends in the period."""
    if not look.cycles or deal.created is None:
        return Fraction(1)
    age = max(0, (look.instant - deal.created) // _DAY_MS)
    left = (look.last - look.today).days
    younger = bisect_right(look.cycles, age)
    still = len(look.cycles) - younger
    if not still:
        return Fraction(1)
    return Fraction(bisect_right(look.cycles, age + left) - younger, still)
