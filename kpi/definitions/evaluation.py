"""The values of KPIs.

In: a book, one subject's facts, its targets. Out: a value per KPI, or why there is none.
Guarantee: exact (counts, minor units, seconds and fractions, no floats); every KPI is computed once
and the facts are gone through once, however many KPIs read them.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from kpi.currency import currency_of
from kpi.definitions.book import Book, Compiled
from kpi.definitions.model import Facts, Outcome, Targets
from kpi.definitions.view import Found, View


def evaluate(
    book: Book, facts: Facts, targets: Targets, only: Collection[str] | None = None
) -> dict[str, Fraction | None]:
    """KPI id -> value; None where there is none (``outcomes`` says why).

    ``only``: these KPIs; those that they rest on are computed, not returned. ``KeyError`` for one
    that the book does not have.
    """
    return {id_: one.value for id_, one in outcomes(book, facts, targets, only).items()}


def outcomes(
    book: Book, facts: Facts, targets: Targets, only: Collection[str] | None = None
) -> dict[str, Outcome]:
    """The same, with the reason where there is no value."""
    view = View(facts, targets)
    values, compiled = view.values, book.compiled
    asked = book.order if only is None else only
    for id_ in asked:
        for one in compiled[id_].chain:
            if one not in values:
                values[one] = compiled[one].read(view)
    return {id_: _outcome(values[id_]) for id_ in asked}


def _outcome(value: Found) -> Outcome:
    return Outcome(None, value) if isinstance(value, str) else Outcome(Fraction(value))


def other_currencies(facts: Facts, one: Compiled | None = None) -> tuple[str, ...]:
    """Currencies in which there is money that is not summed, so that the answer can say so.

    ``one``: only of the measures that this KPI reads.

    >>> from datetime import date
    >>> sums = {"won:USD": 5, "won:EUR": 7, "built:CNY": 9, "stage:EUR": 1}
    >>> day = date(2026, 11, 2)
    >>> other_currencies(Facts(sums=sums, currency="USD", first=day, last=day))
    ('CNY', 'EUR')
    """
    prefixes = None if one is None else tuple(p for p in one.measures if p.endswith(":"))
    found = {
        currency
        for measure, amount in facts.sums.items()
        if amount and (prefixes is None or measure.startswith(prefixes))
        if (currency := currency_of(measure)) and currency != facts.currency
    }
    return tuple(sorted(found))
