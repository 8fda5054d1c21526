"""Rates as people write them: ``USD 2026-10-01 7.1042``, one or a CSV file of them.

In: texts. Out: ``paceline.sql.rates.Rate``. Guarantee: pure; every mistake of a file is named with
its line, what is wrong and how to put it right; a rate is a decimal, never a float.
"""

from __future__ import annotations

import csv
import re
from datetime import date
from fractions import Fraction
from io import StringIO

from paceline.config.currencies import CURRENCIES
from paceline.sql.rates import Rate

HEADER = ("currency", "since", "rate")
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,12})?")


class RatesError(ValueError):
    """``mistakes``: (line, what is wrong), of all lines."""

    def __init__(self, mistakes: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {line}: {what}" for line, what in mistakes))
        self.mistakes = mistakes


def rate_of(currency: str, since: str, rate: str | None, reporting: str) -> Rate:
    """One rate; ``ValueError`` says what is wrong. ``rate`` None or empty: withdrawn.

    >>> rate_of("usd", "2026-10-01", "7.10", "CNY").rate
    '7.10'
    """
    code = currency.strip().upper()
    if code not in CURRENCIES:
        raise ValueError(f"{currency!r} is no currency; write its ISO 4217 code, such as USD")
    if code == reporting:
        raise ValueError(f"{code} is the tenant's own currency: it is worth 1")
    try:
        day = date.fromisoformat(since.strip())
    except ValueError:
        raise ValueError(f"{since!r} is no day; write 2026-10-01") from None
    text = (rate or "").strip()
    if text and (not _DECIMAL.fullmatch(text) or not Fraction(text)):
        raise ValueError(f"{text!r} is no rate; write units of {reporting} for one {code}: 7.1042")
    return Rate(currency=code, since=day, rate=text or None)


def rates_of_csv(text: str, reporting: str) -> list[Rate]:
    """All rates of a file with the header ``currency,since,rate``; ``RatesError``: all mistakes."""
    rows = csv.reader(StringIO(text.removeprefix("\ufeff")))
    header = tuple(cell.strip().lower() for cell in next(rows, []))
    if header != HEADER:
        raise RatesError([(1, f"the header must be {','.join(HEADER)}")])
    found: dict[tuple[str, date], Rate] = {}
    mistakes: list[tuple[int, str]] = []
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        try:
            one = _row(cells, reporting)
        except ValueError as error:
            mistakes.append((rows.line_num, str(error)))
            continue
        if (one.currency, one.since) in found:
            mistakes.append((rows.line_num, f"{one.currency} {one.since} stands there already"))
        found[one.currency, one.since] = one
    if mistakes:
        raise RatesError(mistakes)
    return list(found.values())


def _row(cells: list[str], reporting: str) -> Rate:
    if len(cells) != len(HEADER):
        raise ValueError(f"has {len(cells)} cells; write {','.join(HEADER)}")
    return rate_of(cells[0], cells[1], cells[2], reporting)
