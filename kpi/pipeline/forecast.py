"""Forecasts: what a period will end at, by several methods side by side.

In: money won so far, days, open pipeline, like periods of the past. Out: a forecast with its parts,
so that each can be explained. Guarantee: exact fractions; a forecast is the sum of its parts; where
a method knows nothing it says None and never 0; nothing here looks past the moment of the forecast,
because only what was known then is handed in.

| method | the rest of the period is |
|---|---|
| ``run_rate`` | as what has passed of it |
| ``weighted`` | every open deal by the chance of its stage |
| ``commit``, ``best_case`` | what people stand for, each on top of the one before |
| ``conversion_curve`` | open money by what became of such money at this point of like periods |
| ``seasonal`` | the default: as this period so far, steadied by the usual day of like periods |

Sources: FIELD notes of the project (run rate, weighted, commit and best case cumulative, historical
conversion at the same stage and point of the period plus create-and-close). ``seasonal`` is the
mean of a gamma prior with the weight of ``PRIOR_DAYS`` days, updated by the days that passed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

PRIOR_DAYS = 14
"""What is usual weighs like so many days of the period itself."""


class Point(NamedTuple):
    """A moment within a period: civil days over, days of the whole, and money won so far."""

    elapsed: int
    total: int
    won: Fraction


class Forecast(NamedTuple):
    """A method's answer. ``parts`` sum to ``value``."""

    value: Fraction
    parts: dict[str, Fraction]


def run_rate(point: Point, before: Fraction | None = None) -> Forecast | None:
    """The rest as what has passed; on the first morning the mean of the periods ``before``.

    >>> run_rate(Point(10, 30, Fraction(100))).value
    Fraction(300, 1)
    """
    if not point.elapsed:
        return None if before is None else _sum(won=point.won, rest=before - point.won)
    return _sum(won=point.won, rest=point.won * (point.total - point.elapsed) / point.elapsed)


class Usual(NamedTuple):
    """What a day of such a period usually brings."""

    day: Fraction
    """Money per civil day of everybody together, in like periods."""
    share: Fraction
    """Of the subject in everybody's recent money, 0 to 1."""


def usual(like: Sequence[tuple[Fraction, int]], own: Fraction, everybody: Fraction) -> Usual | None:
    """From like periods of the organisation (money, civil days), and recent money of both.

    A person's own like periods are few and noisy; the organisation's season and the person's share
    of it are not. None without a like period, or where nobody sold lately.

    >>> usual([(Fraction(900), 30)], Fraction(1), Fraction(3))
    Usual(day=Fraction(30, 1), share=Fraction(1, 3))
    """
    days = sum(days for _, days in like)
    if not days or everybody <= 0:
        return None
    return Usual(sum((money for money, _ in like), Fraction(0)) / days, own / everybody)


def seasonal(point: Point, known: Usual | None) -> Forecast | None:
    """The default. Without anything usual it is the run rate; on the first morning then None.

    >>> known = Usual(Fraction(30), Fraction(1, 3))
    >>> seasonal(Point(0, 30, Fraction(0)), known).value
    Fraction(300, 1)
    >>> seasonal(Point(14, 28, Fraction(280)), known).value
    Fraction(490, 1)
    """
    if known is None:
        return run_rate(point)
    day = known.day * known.share
    rate = (point.won + PRIOR_DAYS * day) / (point.elapsed + PRIOR_DAYS)
    return _sum(won=point.won, rest=rate * (point.total - point.elapsed))


def weighted(won: Fraction, deals: Iterable[tuple[Fraction, Fraction]]) -> Forecast:
    """Won, and every open deal's (amount, chance 0 to 1) that is expected to close in the period.

    >>> weighted(Fraction(10), [(Fraction(100), Fraction(1, 4))]).value
    Fraction(35, 1)
    """
    opened = sum((amount * chance for amount, chance in deals), Fraction(0))
    return _sum(won=won, open=opened)


class Categories(NamedTuple):
    """Cumulative: best case contains commit, commit contains what is won."""

    commit: Forecast
    best_case: Forecast


def categories(won: Fraction, commit: Fraction, best_case: Fraction) -> Categories:
    """From open money that people commit to, and open money that they hope for besides."""
    return Categories(
        _sum(won=won, commit=commit), _sum(won=won, commit=commit, best_case=best_case)
    )


class Ended(NamedTuple):
    """A like period of the past, looked at from the same point of it."""

    opened: Mapping[Hashable, Fraction]
    """Class of deal (stage, or stage and age) -> money open at that point."""
    converted: Mapping[Hashable, Fraction]
    """Class -> money of those that was won by the period's end."""
    fresh: Fraction
    """Money won by the period's end of deals that were not open at that point yet."""


def conversion_curve(
    won: Fraction, opened: Mapping[Hashable, Fraction], past: Sequence[Ended], share: Fraction
) -> Forecast | None:
    """Won, open money by its class's conversion, and the usual create-and-close money.

    Conversion is pooled over the past periods: money over money, never a mean of rates. A class
    that never was open before converts like all together. ``share``: the subject's part of
    ``fresh`` where ``past`` is everybody's, else 1. None without a past.

    >>> past = [Ended({"demo": Fraction(100)}, {"demo": Fraction(25)}, Fraction(8))]
    >>> conversion_curve(Fraction(10), {"demo": Fraction(40)}, past, Fraction(1)).parts
    {'won': Fraction(10, 1), 'open': Fraction(10, 1), 'new': Fraction(8, 1)}
    """
    if not past:
        return None
    bases, gains = _pooled(one.opened for one in past), _pooled(one.converted for one in past)
    base, gain = sum(bases.values(), Fraction(0)), sum(gains.values(), Fraction(0))
    overall = gain / base if base else Fraction(0)
    rest = Fraction(0)
    for kind, money in opened.items():
        known = bases.get(kind, Fraction(0))
        rest += money * (gains.get(kind, Fraction(0)) / known if known else overall)
    fresh = sum((one.fresh for one in past), Fraction(0)) / len(past)
    return _sum(won=won, open=rest, new=fresh * share)


def _pooled(said: Iterable[Mapping[Hashable, Fraction]]) -> dict[Hashable, Fraction]:
    sums: dict[Hashable, Fraction] = {}
    for one in said:
        for kind, money in one.items():
            sums[kind] = sums.get(kind, Fraction(0)) + money
    return sums


def _sum(**parts: Fraction) -> Forecast:
    return Forecast(sum(parts.values(), Fraction(0)), parts)
