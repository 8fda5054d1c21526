"""Money as integers in minor units.

In: a decimal string in major units and an ISO 4217 code. Out: minor units (cents, yen, fils).
Guarantee: no floating point, so sums are exact; digits beyond the currency's own are rounded half
to even.
"""

from __future__ import annotations

from decimal import (
    MAX_EMAX,
    MAX_PREC,
    MIN_EMIN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    InvalidOperation,
)
from functools import lru_cache

from schemas.envelope import Scalar

MAX_MINOR = 10**15

EXPONENTS: dict[str, int] = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
"""ISO 4217 minor-unit exponents other than 2."""

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Shifting the decimal point never rounds, so that rounding happens once."""

_DIGITS = len(str(MAX_MINOR))


@lru_cache(maxsize=65_536)
def minor_units(amount: str, currency: str) -> int | None:
    """Minor units of an amount; None where there is no amount, or one beyond ``MAX_MINOR``."""
    return shifted(amount, EXPONENTS.get(currency, 2))


def whole(value: Scalar) -> int | None:
    """A register as a whole number, half to even; None where it is none, or beyond ``MAX_MINOR``.

    >>> whole("7.5"), whole(12), whole(True), whole("a dozen")
    (8, 12, None, None)
    """
    return None if value is None or isinstance(value, bool) else shifted(str(value), 0)


def shifted(text: str, digits: int) -> int | None:
    """A decimal text times ten to ``digits``, rounded once; None where it is no such number."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number:
        return 0
    # Looked at before it becomes an integer: "1e999999" is short, but has a million digits.
    if not number.is_finite() or number.adjusted() > _DIGITS:
        return None
    scaled = int(number.scaleb(digits, _EXACT).to_integral_value(ROUND_HALF_EVEN))
    return scaled if abs(scaled) <= MAX_MINOR else None
