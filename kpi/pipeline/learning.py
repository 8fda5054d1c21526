"""What the past says of open deals: chances by stage, and what became of a like period's pipeline.

In: deals, the meaning, instants (ms UTC). Out: chances and ``Ended``. Guarantee: pure; money is
exact fractions of the reporting currency's minor units; a deal whose money has no worth there is
left out; only what happened before the instant that is given counts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from fractions import Fraction

from kpi.entity import Entity, alive
from kpi.money import minor_units
from kpi.pipeline.deals import OpenDeal, open_deal
from kpi.pipeline.forecast import Ended
from kpi.stages import Step, closing, currency_of, steps
from kpi.timeline import latest
from schemas.meaning import Meaning

Worth = Callable[[int, str, int], Fraction | None]
"""(minor units, currency, instant ms UTC) -> minor units of the reporting currency."""

Deals = Iterable[tuple[str, Entity]]


def stage_chances(deals: Deals, meaning: Meaning, start: int, end: int) -> dict[str, Fraction]:
    """By stage: of the deals that were in it and were won or lost in [start, end), those won.

    Of open stages alone, by number: a stage's chance is that of a deal, not of its money.
    """
    decided: dict[str, int] = {}
    won: dict[str, int] = {}
    for _, entity in deals:
        walk = steps(entity, meaning)
        close = closing(walk) if alive(entity) else None
        if close is None or not start <= close.at < end or close.category == "disqualified":
            continue
        for stage in {step.stage for step in walk if step.category in ("open", "qualified")}:
            decided[stage] = decided.get(stage, 0) + 1
            won[stage] = won.get(stage, 0) + (close.category == "won")
    return {stage: Fraction(won[stage], n) for stage, n in decided.items()}


def opened(deals: Iterable[OpenDeal], worth: Worth, at: int) -> dict[Hashable, Fraction]:
    """Open money by stage, as of an instant."""
    sums: dict[Hashable, Fraction] = {}
    for deal in deals:
        money = worth(deal.amount, deal.currency, at) if deal.amount is not None else None
        if money is not None:
            sums[deal.stage] = sums.get(deal.stage, Fraction(0)) + money
    return sums


def ended(deals: Deals, meaning: Meaning, at: int, until: int, worth: Worth) -> Ended:
    """A past period as it stood at ``at``, and what became of it by ``until``."""
    there: list[OpenDeal] = []
    converted: dict[Hashable, Fraction] = {}
    fresh = Fraction(0)
    for key, entity in deals:
        deal = open_deal(key, entity, meaning, at - 1)
        if deal is not None:
            there.append(deal)
        money = won_within(entity, meaning, at, until, worth)
        if money is None:
            continue
        if deal is None:
            fresh += money
        else:
            converted[deal.stage] = converted.get(deal.stage, Fraction(0)) + money
    return Ended(opened(there, worth, at), converted, fresh)


def won_within(
    entity: Entity, meaning: Meaning, start: int, end: int, worth: Worth
) -> Fraction | None:
    """What a deal was won for in [start, end); None where it was not, or its money has no worth."""
    close = _close(entity, meaning)
    if close is None or close.category != "won" or not start <= close.at < end:
        return None
    currency = currency_of(entity, meaning)
    amount = minor_units(latest(entity.amount), currency)
    return None if amount is None else worth(amount, currency, close.at)


def _close(entity: Entity, meaning: Meaning) -> Step | None:
    return closing(steps(entity, meaning)) if alive(entity) else None
