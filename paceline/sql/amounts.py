"""Amounts of targets: as people write them, and as they are counted.

In: ``100000``, ``12.50``, ``25 %``, ``45d``, the KPI's unit, the currency. Out: exact fractions:
counts, minor units, ratios, seconds. Guarantee: what was written is given back as it was meant.
"""

from __future__ import annotations

import re
from fractions import Fraction

from kpi.definitions.model import Unit
from kpi.money import EXPONENTS

_DURATION = re.compile(
    r"(?=\d)(?:(?P<d>\d{1,5})d ?)?(?:(?P<h>\d{1,5})h ?)?(?:(?P<m>\d{1,6})m ?)?(?:(?P<s>\d{1,9})s)?"
)
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?")
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def amount(text: str, unit: Unit, currency: str) -> Fraction:
    """The stored value; ``ValueError`` with how to put it right.

    >>> amount("1250.50", "money", "USD"), amount("25 %", "ratio", "USD")
    (Fraction(125050, 1), Fraction(1, 4))
    >>> amount("1d 12h", "duration", "USD")
    Fraction(129600, 1)
    """
    if unit == "duration":
        return _seconds(text)
    number = text.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number) or (number != text and unit != "ratio"):
        raise ValueError(f"`{text}` is no {_SAYS[unit]}")
    found = Fraction(number)
    if number != text:
        return found / 100
    return _minor(text, found, currency) if unit == "money" else found


def written(value: Fraction, unit: Unit, currency: str) -> int | float | str:
    """A stored value as the file has it: money in major units, durations with their units.

    >>> written(Fraction(125050), "money", "USD"), written(Fraction(129600), "duration", "USD")
    (1250.5, '1d 12h')
    """
    if unit == "duration":
        return _spoken(int(value))
    found = value / 10 ** EXPONENTS.get(currency, 2) if unit == "money" else value
    return int(found) if found.denominator == 1 else float(found)


def duration(text: str) -> int | None:
    """Seconds of a duration; None where the text is none.

    >>> duration("45d"), duration("6h 30m"), duration("90")
    (3888000, 23400, None)
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or not text.strip():
        return None
    return sum(int(found[unit] or 0) * seconds for unit, seconds in _UNITS)


_SAYS = {
    "count": "count; write a number such as 12",
    "money": "sum of money; write major units such as 100000 or 1250.50",
    "ratio": "ratio; write 0.25 or 25 %",
}


def _seconds(text: str) -> Fraction:
    found = 0 if text == "0" else duration(text)
    if found is None:
        raise ValueError(f"`{text}` is no duration; write one such as 45d, 6h or 30m")
    return Fraction(found)


def _minor(text: str, found: Fraction, currency: str) -> Fraction:
    digits = EXPONENTS.get(currency, 2)
    minor: Fraction = found * 10**digits
    if minor.denominator != 1:
        raise ValueError(f"`{text}` has more than the {digits} decimals of {currency}")
    return minor


def _spoken(seconds: int) -> str:
    parts = []
    for unit, length in _UNITS:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"
