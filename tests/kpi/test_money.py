"""Money: integers in minor units, exactly, or no amount at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.money import MAX_MINOR, minor_units
from tests.kpi.laws.histories import law
from tests.oracle.plain import minor_of


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1200.50", "USD", 120_050),
        ("1200", "JPY", 1_200),
        ("1200.5", "JPY", 1_200),
        ("1201.5", "JPY", 1_202),
        ("1.2345", "KWD", 1_234),
        ("1.2355", "KWD", 1_236),
        ("0.005", "USD", 0),
        ("0.015", "USD", 2),
        ("-350", "EUR", -35_000),
        ("1e3", "USD", 100_000),
        ("0", "USD", 0),
        ("0e999999", "USD", 0),
    ],
)
def test_an_amount_becomes_minor_units_of_its_currency(
    amount: str, currency: str, minor: int
) -> None:
    """Yen have no minor unit, dinars three digits; halves go to the even neighbour."""
    assert minor_units(amount, currency) == minor


@pytest.mark.parametrize("amount", ["", "a lot", "NaN", "sNaN", "Infinity", "1,200.50", "12 USD"])
def test_what_is_no_number_is_no_amount(amount: str) -> None:
    """Such a deal counts as incomplete, it does not stop the partition."""
    assert minor_units(amount, "USD") is None


def test_the_greatest_amount_is_a_quadrillion_minor_units() -> None:
    """One cent more is no amount, of either sign."""
    assert minor_units("10000000000000.00", "USD") == MAX_MINOR
    assert minor_units("10000000000000.01", "USD") is None
    assert minor_units("-10000000000000.00", "USD") == -MAX_MINOR
    assert minor_units("-10000000000000.01", "USD") is None


@pytest.mark.timeout(5)
@pytest.mark.parametrize("amount", ["1e999999", "1e400000", "1e999999999", "-1e1000000000000"])
@pytest.mark.parametrize("currency", ["USD", "JPY"])
def test_an_absurd_exponent_is_no_amount_and_costs_no_time(amount: str, currency: str) -> None:
    """Nine characters from a webhook must neither raise nor fill the memory with digits."""
    assert minor_units(amount, currency) is None


def test_an_amount_of_very_many_digits_is_rounded_only_once() -> None:
    """Just above the half is up, however late the digit that says so."""
    assert minor_units("1.005" + "0" * 60 + "1", "USD") == 101


@law
@given(
    st.decimals(min_value=-(10**16), max_value=10**16, places=4),
    st.sampled_from(("USD", "JPY", "KWD", "CLF")),
)
def test_minor_units_equal_exact_fractions(amount: object, currency: str) -> None:
    """The decimal arithmetic agrees with the oracle's fractions."""
    assert minor_units(str(amount), currency) == minor_of(str(amount), currency)
