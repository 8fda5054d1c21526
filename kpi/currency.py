"""Currencies: what an amount is worth in the currency that a tenant reports in.

In: dated rates. Out: minor units of the reporting currency. Guarantee: pure and exact; a rate holds
from its civil day until the next one of its currency begins; a currency without a rate has no
worth, so it is told apart and never added.

Where sums are reported, each owner's amount of a measure is converted by the rate of its own civil
day (a level's: of the day asked about) and rounded once, half to even, to whole minor units. So
people's sums are their team's, and days' are their month's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from fractions import Fraction

import msgspec

from kpi.money import EXPONENTS

FAMILIES = frozenset(("won", "lost", "built", "disq", "slip", "ov_won", "open", "qual", "stale"))
"""Stored sums of money: ``<family>:<currency>``, of levels with a close day after it."""
_DECLARED = frozenset(("m", "g"))
"""Of declared measures: ``m:<id>:<currency>``."""
_CODE = 3
_DIGITS = 12


class Step(msgspec.Struct, frozen=True, order=True):
    """From ``since`` on one unit is worth ``rate`` units of the reporting currency."""

    since: date
    rate: Fraction


class Rates(msgspec.Struct, frozen=True):
    """A tenant's rates; ``steps`` of each currency ascend, no two of one day.

    >>> rates = Rates("CNY", {"USD": (Step(date(2026, 10, 1), Fraction(71, 10)),)})
    >>> rates.convert(1_00, "USD", date(2026, 11, 3)), rates.convert(1_00, "USD", date(2026, 9, 3))
    (Fraction(710, 1), None)
    """

    currency: str
    """The reporting currency, ISO 4217."""
    steps: Mapping[str, tuple[Step, ...]] = {}

    def __bool__(self) -> bool:
        """Whether anything can be converted at all."""
        return bool(self.steps)

    def rate(self, currency: str, day: date) -> Fraction | None:
        """Units of the reporting currency for one unit on a civil day; None without a rate."""
        if currency == self.currency:
            return Fraction(1)
        step = self.step(currency, day)
        return step.rate if step else None

    def step(self, currency: str, day: date) -> Step | None:
        """The rate that holds on a civil day, and since when."""
        steps = self.steps.get(currency, ())
        at = bisect_right(steps, day, key=lambda step: step.since)
        return steps[at - 1] if at else None

    def convert(self, minor: int, currency: str, day: date) -> Fraction | None:
        """Minor units of the reporting currency, exact; None without a rate."""
        rate = self.rate(currency, day)
        if rate is None:
            return None
        digits = EXPONENTS.get(self.currency, 2) - EXPONENTS.get(currency, 2)
        return minor * rate * (Fraction(10) ** digits)

    def reported(self, measure: str, amount: int, day: date) -> tuple[str, int]:
        """A stored sum as it is reported: in the reporting currency where there is a rate.

        >>> rates = Rates("CNY", {"USD": (Step(date(2026, 10, 1), Fraction(71, 10)),)})
        >>> rates.reported("won:USD", 1_05, date(2026, 11, 3))
        ('won:CNY', 746)
        >>> rates.reported("won_n", 3, date(2026, 11, 3))
        ('won_n', 3)
        """
        foreign = currency_of(measure)
        if not foreign or foreign == self.currency:
            return measure, amount
        worth = self.convert(amount, foreign, day)
        if worth is None:
            return measure, amount
        place = _place(measure.split(":", 1)[0])
        parts = measure.split(":")
        parts[place] = self.currency
        return ":".join(parts), round(worth)


def decimal_of(rate: Fraction) -> str:
    """A rate as it is written: rates come as decimals, so that nothing is lost.

    >>> decimal_of(Fraction(71042, 10000)), decimal_of(Fraction(7))
    ('7.1042', '7')
    """
    digits = 0
    while rate.denominator != 1 and digits < _DIGITS:
        rate, digits = rate * 10, digits + 1
    text = f"{round(rate):0{digits + 1}d}"
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


def currency_of(measure: str) -> str:
    """The currency of a stored sum of money; empty for anything else.

    >>> currency_of("open:EUR:20261231"), currency_of("m:seats:USD"), currency_of("stage:won")
    ('EUR', 'USD', '')
    """
    parts = measure.split(":")
    place = _place(parts[0])
    if not place or len(parts) <= place:
        return ""
    code = parts[place]
    return code if len(code) == _CODE and code.isascii() and code.isupper() else ""


def _place(family: str) -> int:
    if family in FAMILIES:
        return 1
    return 2 if family in _DECLARED else 0
