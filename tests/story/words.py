"""The page's words for a KPI in English, as the sheet has it.

In: a line of the sheet. Out: the texts that the page should show. Guarantee: written again by hand;
money of a thousand or more is shown in whole yuan, halves up.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from tests.story.page import MONEY, Line
from tests.story.sheet import Number
from tests.story.standing import Curve

RATIOS = {"win_rate", "win_rate_money", "composite", "selling_share", "selling_time_share"}
STATUS = {
    "no_target": "No target",
    "not_started": "Not started",
    "too_early": "Too early to say",
    "covered": "Covered",
    "ahead": "Ahead",
    "on_track": "On track",
    "behind": "Behind",
    "at_risk": "At risk",
}


def spoken(line: Line) -> str:
    """What a screen reader is told of a cell, after the KPI's name."""
    parts = [said(line.kpi, line.actual)]
    if line.asked is not None:
        parts.append(f"of {said(line.kpi, line.asked.base)}")
        if line.standing.linear is not None:
            parts.append(f"expected by now {said(line.kpi, line.standing.expected)}")
    return ", ".join([*parts, STATUS[line.standing.status]])


def facts(line: Line) -> dict[str, str]:
    """The lines beneath a goal, without the probability."""
    here, found = line.standing, dict[str, str]()
    if line.asked is None or here.linear is None:
        return found
    found["expected_now"] = said(line.kpi, here.expected)
    if here.of_expected is not None:
        found["pace"] = per_cent(here.of_expected, 0)
    if here.required:
        days = _number(line.at.left, 1)
        word = "workday" if line.at.left == 1 else "workdays"
        found["needed"] = f"{said(line.kpi, here.required)} a day, {days} {word} left"
    if here.projection is not None:
        found["projection"] = said(line.kpi, here.projection)
    for tier in ("stretch", "commit"):
        if getattr(line.asked, tier) is not None:
            found[tier] = said(line.kpi, getattr(line.asked, tier))
    return found


def curves(line: Line) -> list[list[str]]:
    """The table of curves: expected, pace, projection."""
    here = line.standing
    return [_row(line.kpi, one) for one in (here.linear, here.workday, here.historical)]


def _row(kpi: str, curve: Curve | None) -> list[str]:
    if curve is None:
        return ["–", "–", "–"]
    of = "–" if curve.of_expected is None else per_cent(curve.of_expected, 0)
    return [said(kpi, curve.expected), of, said(kpi, curve.projection)]


def said(kpi: str, value: Number) -> str:
    """A value of a KPI."""
    if value is None:
        return "–"
    if kpi in MONEY:
        return money(round(value))
    if kpi.startswith("coverage"):
        return f"{_number(value, 1)}×"
    return per_cent(value, 1) if kpi in RATIOS else _number(value, 2 if abs(value) < 1 else 1)


def money(fen: int) -> str:
    """Yuan; the fen only below a thousand, and only where there are any."""
    yuan = Decimal(fen) / 100
    sign, size = ("-", -yuan) if yuan < 0 else ("", yuan)
    if size >= 1000:
        return f"{sign}CN¥{_rounded(size, 0):,}"
    return f"{sign}CN¥{int(size):,}" if size == int(size) else f"{sign}CN¥{size:,.2f}"


def per_cent(value: Fraction, digits: int) -> str:
    """Per cent, without needless zeros."""
    return f"{_number(value * 100, digits)}%"


def _number(value: Fraction, digits: int) -> str:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    text = f"{_rounded(exact, digits):,}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
