"""How well each forecast of ``kpi.pipeline`` did on a year that was really sold.

In: ``../shared/data/crm-sales-opportunities``. Out: per grouping (organisation, manager, agent) the
WAPE and bias of every method and of the plain rules, over the 1st, 8th, 15th and 22nd of each
month. Guarantee: each forecast is made of deals engaged and closed before its own day, and nothing
was fitted: the default's one constant is ``kpi.pipeline.forecast.PRIOR_DAYS``.

Coverage: open deals expected to close in the month against what is left of a target, which is as
much as in the three months before. Where it says enough (at least 1 / win rate) the target should
be reached more often than where it does not. The win rate is judged as a forecast of the 1st.

The data closes its first deals in March 2017, so April is the first month with a past. Nobody
stands for a deal in it: commit and best case cannot be judged. Open deals carry their list price.
"""

from __future__ import annotations

import csv
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.row import Row, row
from kpi.pipeline.accuracy import Accuracy, Pair, accuracy
from kpi.pipeline.coverage import Season, coverage, required_coverage, win_rate
from kpi.pipeline.forecast import (
    Ended,
    Forecast,
    Point,
    Usual,
    conversion_curve,
    run_rate,
    seasonal,
    usual,
    weighted,
)

DATA = Path(__file__).resolve().parents[2] / "shared/data/crm-sales-opportunities"
YEAR, FIRST_CLOSES, FIRST_FORECAST = 2017, 3, 4
DAYS = (1, 8, 15, 22)
DEFAULT = "seasonal"
SIMPLE = ("run_rate", "weighted", "same_month")
"""The plain rules: what passed goes on; stage chances; the mean of like months."""
_AGES = (8, 15, 30, 60, 90, 120)
_RECENT = 6
_NOTHING = Fraction(0)


class Deal(NamedTuple):
    """An engaged deal; money in whole dollars."""

    agent: str
    manager: str
    engaged: date
    closed: date | None
    value: int
    """What it was won for; 0 where it was not."""
    listed: int


class Month(NamedTuple):
    """A calendar month looked at on one of its days."""

    first: date
    last: date
    today: date

    @property
    def point(self) -> tuple[int, int]:
        """Days over and days of the whole."""
        return (self.today - self.first).days, (self.last - self.first).days + 1


Group = tuple[Deal, ...]
GROUPINGS: dict[str, Callable[[Deal], str]] = {
    "organisation": lambda _: "",
    "manager": lambda deal: deal.manager,
    "agent": lambda deal: deal.agent,
}


def run() -> list[Row]:
    """Print the tables; rows for ``bench.json``: the default beside the best plain rule."""
    if not DATA.exists():
        print("  no ../shared/data/crm-sales-opportunities: nothing to forecast")
        return []
    deals = read(DATA)
    rows = []
    for grouping, found in judged(deals).items():
        print(f"\n  {grouping}: WAPE and bias of what months ended at, {YEAR}")
        for name, one in sorted(found.items(), key=lambda each: each[1].wape or 0):
            print(f"    {name:18} {_of(one.wape):6.3f} {_of(one.bias):+7.3f}  ({one.pairs})")
        best = min(SIMPLE, key=lambda name: found[name].wape or 0)
        ours, theirs = _of(found[DEFAULT].wape), _of(found[best].wape)
        rows.append(row(f"forecast of a month, by {grouping}", "WAPE", ours, best, theirs))
    for grouping, covered in judged_coverage(deals).items():
        print(f"\n  {grouping}: coverage of what was left of a target, {YEAR}")
        _print_coverage(covered)
        rate = accuracy([one.by_rate for one in covered if one.month.today.day == 1])
        print(
            f"    win rate x open on the 1st: WAPE {_of(rate.wape):.3f}, bias {_of(rate.bias):+.3f}"
        )
        enough, short = reached(covered, enough=True), reached(covered, enough=False)
        name = f"target reached where coverage said enough, by {grouping}"
        peer = ("said short", float(short)) if short else (None, None)
        rows.append(row(name, "share", float(enough), *peer))
    return rows


class Covered(NamedTuple):
    """Coverage on one morning, and what came true."""

    month: Month
    of_rest: Fraction | None
    """None: the target was met already."""
    required: Fraction
    reached: bool
    by_rate: Pair
    """What the win rate makes of what is open, and what was won in the month."""

    @property
    def enough(self) -> bool:
        """What coverage said."""
        return self.of_rest is None or self.of_rest >= self.required


def judged_coverage(deals: Group) -> dict[str, list[Covered]]:
    """Grouping -> every morning on which a win rate and a target were known."""
    everybody = seasons(deals)
    return {
        grouping: [
            one
            for group in _groups(deals, key)
            for own in (seasons(group),)
            for month in months()
            if (one := covered_on(group, own, everybody, month)) is not None
        ]
        for grouping, key in GROUPINGS.items()
    }


Seasons = Mapping[date, Season]
"""First day of a month -> what was open and expected to close in it that morning, and won in it."""


def covered_on(group: Group, own: Seasons, everybody: Seasons, month: Month) -> Covered | None:
    """One morning of one group; None where nobody has a past, or there is no target."""
    before = list(_before(month.first))
    target = sum((own[one].won for one in before[:3]), _NOTHING) / len(before[:3])
    rate = win_rate([own[one] for one in before], [everybody[one] for one in before])
    required = required_coverage(rate)
    if not target or rate is None or required is None:
        return None
    won = _won_of(group, month.first, month.today - timedelta(days=1))
    opened = expected(group, month)
    ended = own[month.first].won
    found = coverage(opened, target, won)
    return Covered(month, found.of_rest, required, ended >= target, Pair(opened * rate, ended))


def expected(group: Group, month: Month) -> Fraction:
    """List prices of what is open on a morning and expected to close in the month, not before."""
    return Fraction(
        sum(
            one.listed
            for one in group
            if _is_expected(one, month) and one.engaged + timedelta(days=60) >= month.first
        )
    )


def reached(covered: Sequence[Covered], *, enough: bool) -> Fraction:
    """How often the target was reached where coverage said enough, or short."""
    some = [one.reached for one in covered if one.enough == enough]
    return Fraction(sum(some), len(some)) if some else _NOTHING


def seasons(group: Group) -> Seasons:
    """Every month with closes."""
    spans = [_ends(date(YEAR, month, 1)) for month in range(FIRST_CLOSES, 13)]
    return {
        first: Season(expected(group, Month(first, last, first)), _won_of(group, first, last))
        for first, last in spans
    }


def _won_of(group: Group, first: date, last: date) -> Fraction:
    return Fraction(sum(one.value for one in group if one.closed and first <= one.closed <= last))


def _print_coverage(covered: Sequence[Covered]) -> None:
    for day in DAYS:
        some = [one for one in covered if one.month.today.day == day]
        rests = sorted(float(one.of_rest) for one in some if one.of_rest is not None)
        needed = sorted(float(one.required) for one in some)
        enough, short = reached(some, enough=True), reached(some, enough=False)
        print(
            f"    on day {day:2}: median {_middle(rests)} of the rest, required "
            f"{_middle(needed)}; reached {float(enough):4.0%} where enough "
            f"({sum(one.enough for one in some)}), {float(short):4.0%} where short"
        )


def judged(deals: Group) -> dict[str, dict[str, Accuracy]]:
    """Grouping -> method -> how good it was."""
    found = {}
    for grouping, key in GROUPINGS.items():
        pairs: dict[str, list[Pair]] = defaultdict(list)
        for group in _groups(deals, key):
            for month in months():
                actual = Fraction(_won(group, month.first, month.last))
                for name, said in forecasts(group, deals, month).items():
                    pairs[name].append(Pair(said, actual))
        found[grouping] = {name: accuracy(each) for name, each in pairs.items()}
    return found


def months() -> Iterator[Month]:
    """Every moment of a forecast."""
    for month in range(FIRST_FORECAST, 13):
        first, last = _ends(date(YEAR, month, 1))
        for day in DAYS:
            yield Month(first, last, first.replace(day=day))


def forecasts(group: Group, everybody: Group, month: Month) -> dict[str, Fraction]:
    """Method -> what it said on that morning; a method that knows nothing says 0."""
    won = Fraction(_won(group, month.first, month.today - timedelta(days=1)))
    point = Point(*month.point, won)
    like = _like(month.first)
    before = _mean(group, [*_before(month.first)][:3])
    opened = _open(group, month.today)
    known = _usual(group, everybody, month.first)
    share = known.share if known else _NOTHING
    past = [_ended(everybody, each, month.point[0]) for each in like]
    said: dict[str, Forecast | None] = {
        "run_rate": run_rate(point, before),
        "weighted": weighted(won, _weights(group, month)),
        "conversion_curve": conversion_curve(won, opened, past, share),
        DEFAULT: seasonal(point, known),
    }
    values = {name: one.value if one else _NOTHING for name, one in said.items()}
    return values | {"same_month": _mean(group, like), "last_3_months": before}


def _usual(group: Group, everybody: Group, first: date) -> Usual | None:
    like = [(Fraction(_won(everybody, *_ends(each))), _ends(each)[1].day) for each in _like(first)]
    recent = [*_before(first)][:_RECENT]
    if not recent:
        return None
    span = recent[-1], first - timedelta(days=1)
    return usual(like, Fraction(_won(group, *span)), Fraction(_won(everybody, *span)))


def _like(first: date) -> list[date]:
    """Months before of the same place in the quarter; while there is none, the last three."""
    before = list(_before(first))
    return [one for one in before if (first.month - one.month) % 3 == 0] or before[:3]


def _before(first: date) -> Iterator[date]:
    """Months with closes before this one, newest first."""
    for month in range(first.month - 1, FIRST_CLOSES - 1, -1):
        yield date(YEAR, month, 1)


def _mean(group: Group, firsts: list[date]) -> Fraction:
    sums = [_won(group, *_ends(one)) for one in firsts]
    return Fraction(sum(sums), len(sums)) if sums else _NOTHING


def _weights(group: Group, month: Month) -> list[tuple[Fraction, Fraction]]:
    """Open deals expected to close this month (60 days after they were engaged) and the win rate.

    The data has one open stage with a date, so the stage's chance is the rate of what was decided.
    """
    ended = [one for one in group if one.closed and one.closed < month.today]
    rate = Fraction(sum(1 for one in ended if one.value), len(ended)) if ended else _NOTHING
    return [(Fraction(one.listed), rate) for one in group if _is_expected(one, month)]


def _is_expected(one: Deal, month: Month) -> bool:
    return _is_open(one, month.today) and one.engaged + timedelta(days=60) <= month.last


def _open(group: Group, today: date) -> Mapping[Hashable, Fraction]:
    """Age class -> list prices of what is open on a morning."""
    sums: dict[Hashable, Fraction] = defaultdict(Fraction)
    for one in group:
        if _is_open(one, today):
            sums[_age(one, today)] += one.listed
    return sums


@lru_cache(maxsize=256)
def _ended(everybody: Group, first: date, elapsed: int) -> Ended:
    """A past month as it stood on the same day of it, and what became of it."""
    last = _ends(first)[1]
    today = min(first + timedelta(days=elapsed), last)
    converted: dict[Hashable, Fraction] = defaultdict(Fraction)
    fresh = _NOTHING
    for one in everybody:
        if one.value and one.closed and today <= one.closed <= last:
            if one.engaged < today:
                converted[_age(one, today)] += one.value
            else:
                fresh += one.value
    return Ended(_open(everybody, today), converted, fresh)


def _is_open(deal: Deal, today: date) -> bool:
    return deal.engaged < today and (deal.closed is None or deal.closed >= today)


def _age(deal: Deal, today: date) -> int:
    days = (today - deal.engaged).days
    return sum(days >= edge for edge in _AGES)


@lru_cache(maxsize=100_000)
def _won(group: Group, first: date, last: date) -> int:
    return sum(one.value for one in group if one.closed and first <= one.closed <= last)


def _ends(first: date) -> tuple[date, date]:
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def _middle(found: Sequence[float]) -> str:
    return f"{found[len(found) // 2]:5.2f}" if found else " none"


def _groups(deals: Group, key: Callable[[Deal], str]) -> list[Group]:
    found: dict[str, list[Deal]] = defaultdict(list)
    for one in deals:
        found[key(one)].append(one)
    return [tuple(each) for each in found.values()]


def read(folder: Path) -> Group:
    """All deals with an engage date."""
    prices = {one["product"]: int(one["sales_price"]) for one in _rows(folder / "products.csv")}
    prices["GTXPro"] = prices["GTX Pro"]
    managers = {one["sales_agent"]: one["manager"] for one in _rows(folder / "sales_teams.csv")}
    return tuple(
        Deal(
            agent=one["sales_agent"],
            manager=managers[one["sales_agent"]],
            engaged=_day(one["engage_date"]),
            closed=_day(one["close_date"]) if one["close_date"] else None,
            value=int(one["close_value"] or 0) if one["deal_stage"] == "Won" else 0,
            listed=prices[one["product"]],
        )
        for one in _rows(folder / "sales_pipeline.csv")
        if one["engage_date"]
    )


def _day(text: str) -> date:
    return datetime.strptime(text, "%d-%m-%y").date()  # noqa: DTZ007 - a civil day


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _of(share: Fraction | None) -> float:
    return float(share or 0)
