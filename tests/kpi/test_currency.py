"""Rates: exact, dated, and nothing is added that has no worth."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.currency import Rates, Step, currency_of, decimal_of

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
RATES = Rates(
    "CNY",
    {
        "USD": (Step(OCTOBER, Fraction(71, 10)), Step(NOVEMBER, Fraction(72, 10))),
        "JPY": (Step(OCTOBER, Fraction(48, 1000)),),
        "KWD": (Step(OCTOBER, Fraction(232, 10)),),
    },
)

days = st.integers(0, 90).map(lambda n: date(2026, 9, 1) + timedelta(days=n))
amounts = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("minor", "currency", "day", "worth"),
    [
        (100, "USD", date(2026, 9, 30), None),
        (100, "USD", OCTOBER, 710),
        (100, "USD", date(2026, 10, 31), 710),
        (100, "USD", NOVEMBER, 720),
        (1_000, "JPY", OCTOBER, 4_800),
        (1_000, "KWD", OCTOBER, 2_320),
        (123, "CNY", OCTOBER, 123),
        (100, "EUR", NOVEMBER, None),
    ],
)
def test_a_rate_holds_from_its_day_until_the_next(
    minor: int, currency: str, day: date, worth: int | None
) -> None:
    """Yen have no minor unit, dinars three digits: 1,000 yen are 48.00, one dinar 23.20 yuan."""
    assert RATES.convert(minor, currency, day) == worth


@given(amounts, amounts, days)
def test_conversion_is_linear(one: int, other: int, day: date) -> None:
    """The worth of two amounts together is the sum of their worths."""
    parts = [RATES.convert(each, "USD", day) for each in (one, other)]
    whole = RATES.convert(one + other, "USD", day)
    assert whole == (None if None in parts else sum(part or 0 for part in parts))


@given(amounts, days)
def test_what_is_reported_is_rounded_once_half_to_even(amount: int, day: date) -> None:
    """Against decimals from the standard library."""
    name, worth = RATES.reported("open:USD:20261231", amount, day)
    if day < OCTOBER:
        assert (name, worth) == ("open:USD:20261231", amount)
        return
    exact = Decimal(amount) * (Decimal("7.2") if day >= NOVEMBER else Decimal("7.1"))
    assert name == "open:CNY:20261231"
    assert worth == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


@given(st.decimals("0.000001", "99999", places=6))
def test_a_rate_is_written_as_it_was_read(rate: Decimal) -> None:
    """Nothing is lost on the way."""
    assert Decimal(decimal_of(Fraction(rate))) == rate


@pytest.mark.parametrize(
    ("measure", "currency"),
    [("won:USD", "USD"), ("won_n", ""), ("stage:USD", ""), ("m:big:EUR", "EUR"), ("won:usd", "")],
)
def test_only_sums_of_money_have_a_currency(measure: str, currency: str) -> None:
    """A stage that is named like a currency is a stage."""
    assert currency_of(measure) == currency
