"""How well the probabilities of ``kpi.pace`` did on a year that was really sold.

In: ``../shared/data/crm-sales-opportunities``, targets by the rules of its README. Out: per KPI a
calibration table (deciles), Brier scores beside the plain linear rule and the base rate, coverage
of the intervals, time per prediction. Guarantee: each forecast knows only closes before its own
day; nothing was fitted to the months from ``HELD_BACK`` on.
"""

from __future__ import annotations

import csv
import time
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

from benchmarks.row import Row, row
from kpi.pace import (
    History,
    Outlook,
    Prior,
    expected_events,
    history_of,
    predict,
    prior_of,
)

DATA = Path(__file__).resolve().parents[2] / "shared/data/crm-sales-opportunities"
YEAR = 2017
FIRST_CLOSES = 3
FIRST_TARGETS = 4
HELD_BACK = 9
LOOK_BACK = 6
POINTS = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
KPIS = ("won_amount", "won_count")

Sold = dict[str, dict[date, int]]
"""Agent -> day -> how much."""


@dataclass(frozen=True)
class Forecast:
    """One prediction and what came of it."""

    kpi: str
    agent: str
    month: int
    probability: float
    linear: bool
    """What the plain linear rule says: the projection reaches the target."""
    reached: bool
    final: int
    half: tuple[float, float]
    interval: tuple[float, float]


@dataclass(frozen=True)
class Year:
    """The files, as far as this needs them."""

    amounts: Sold
    counts: Sold

    def of(self, kpi: str) -> Sold:
        """What the KPI adds up."""
        return self.amounts if kpi == "won_amount" else self.counts


def run() -> list[Row]:
    """Print the tables; rows for ``bench.json``."""
    if not DATA.exists():
        print("  no ../shared/data/crm-sales-opportunities: nothing to calibrate against")
        return []
    year = read(DATA)
    began = time.perf_counter()
    found = list(forecasts(year, range(FIRST_TARGETS + 1, 13)))
    spent = time.perf_counter() - began
    rows = [one for kpi in KPIS for one in _report(kpi, found)]
    print(f"  {len(found):,} forecasts, {spent / len(found) * 1e6:.0f} µs each, priors included")
    return [*rows, *_alone(year), row("probability of a KPI", "µs", spent / len(found) * 1e6)]


def _alone(year: Year) -> list[Row]:
    """The same as the service asks: a person's page does not read the others' running month."""
    found = list(forecasts(year, range(HELD_BACK, 13), others=False))
    rows = []
    for kpi in KPIS:
        own = [one for one in found if one.kpi == kpi]
        what = f"Brier score, {kpi}, held back, without the others' month"
        rows.append(row(what, "0 is perfect", brier(own), "linear rule", brier(own, "linear")))
        within = coverage(own) * 100
        rows.append(row(f"80 % interval, {kpi}, without the others' month", "% within", within))
    return rows


def read(folder: Path) -> Year:
    """Won amount (whole dollars) and count per agent and day of close."""
    amounts: Sold = defaultdict(Counter)
    counts: Sold = defaultdict(Counter)
    for deal in _rows(folder / "sales_pipeline.csv"):
        if deal["deal_stage"] == "Won":
            day = datetime.strptime(deal["close_date"], "%d-%m-%y").date()  # noqa: DTZ007
            amounts[deal["sales_agent"]][day] += int(deal["close_value"])
            counts[deal["sales_agent"]][day] += 1
    return Year(amounts, counts)


def targets(year: Year, kpi: str, month: int) -> dict[str, int]:
    """110 % of the mean of up to three months before, as the README says; counts likewise.

    Every agent won something in every month from March on, so nobody needs the manager's mean.
    """
    sold = year.of(kpi)
    before = range(max(FIRST_CLOSES, month - 3), month)
    means = {
        agent: Fraction(sum(_month(sold[agent], each) for each in before), len(before))
        for agent in sold
    }
    return {agent: int(means[agent] * Fraction(11, 10) + Fraction(1, 2)) for agent in sold}


def forecasts(year: Year, months: Sequence[int], *, others: bool = True) -> Iterator[Forecast]:
    """Every agent, month and point of the month, for both KPIs."""
    for kpi in KPIS:
        for month in months:
            yield from _of_month(year, kpi, month, others=others)


def brier(found: Sequence[Forecast], rule: str = "probability") -> float:
    """The mean squared difference between what was said and what came."""
    said = (float(getattr(one, rule)) for one in found)
    missed = (chance - one.reached for chance, one in zip(said, found, strict=True))
    return sum(each * each for each in missed) / len(found)


def base_rate(found: Sequence[Forecast]) -> float:
    """The Brier score of always saying how often targets are reached (known only afterwards)."""
    rate = sum(one.reached for one in found) / len(found)
    return rate * (1 - rate)


def coverage(found: Sequence[Forecast], interval: str = "interval") -> float:
    """How often the final value lay within."""
    within = 0
    for one in found:
        low, high = getattr(one, interval)
        within += bool(low <= one.final <= high)
    return within / len(found)


def _of_month(year: Year, kpi: str, month: int, *, others: bool) -> Iterator[Forecast]:
    sold, wanted = year.of(kpi), targets(year, kpi, month)
    histories = {agent: _history(year, kpi, agent, month) for agent in sold}
    prior = prior_of(histories.values(), money=kpi == "won_amount")
    workdays = _workdays(month)
    for point in POINTS:
        elapsed = round(point * len(workdays))
        before = workdays[elapsed]
        expected = {each: expected_events(prior, histories[each], elapsed) for each in sold}
        events = {each: _until(year.counts[each], month, before) for each in sold}
        for agent in sold:
            outlook = Outlook(
                actual=_until(sold[agent], month, before),
                events=events[agent],
                target=wanted[agent],
                elapsed=elapsed,
                total=len(workdays),
                money=kpi == "won_amount",
                others_events=sum(events.values()) - events[agent] if others else 0,
                others_expected=sum(expected.values()) - expected[agent] if others else 0.0,
            )
            yield _forecast(kpi, agent, month, outlook, prior, histories[agent], sold)


def _forecast(
    kpi: str,
    agent: str,
    month: int,
    outlook: Outlook,
    prior: Prior,
    history: History,
    sold: Sold,
) -> Forecast:
    final = _month(sold[agent], month)
    said = predict(prior, history, outlook)
    assert said is not None
    return Forecast(
        kpi,
        agent,
        month,
        said.probability,
        outlook.actual * outlook.total >= outlook.target * outlook.elapsed,
        final >= outlook.target,
        final,
        said.half,
        said.interval,
    )


def _history(year: Year, kpi: str, agent: str, month: int) -> History:
    months = range(max(FIRST_CLOSES, month - LOOK_BACK), month)
    periods = [(date(YEAR, each, 1), _last(each)) for each in months]
    days = {day for each in months for day in _workdays(each)}
    return history_of(year.of(kpi)[agent], year.counts[agent], periods, days)


def _until(days: dict[date, int], month: int, before: date) -> int:
    return sum(n for day, n in days.items() if day.month == month and day < before)


def _month(days: dict[date, int], month: int) -> int:
    return sum(n for day, n in days.items() if day.month == month)


def _last(month: int) -> date:
    return date(YEAR, month, monthrange(YEAR, month)[1])


def _workdays(month: int) -> list[date]:
    days = (date(YEAR, month, 1) + timedelta(days=n) for n in range(_last(month).day))
    return [day for day in days if day.weekday() < 5]


def _report(kpi: str, found: Sequence[Forecast]) -> list[Row]:
    known = [one for one in found if one.kpi == kpi and one.month < HELD_BACK]
    held = [one for one in found if one.kpi == kpi and one.month >= HELD_BACK]
    _scores(f"{kpi}, May to August", known)
    _scores(f"{kpi}, held back (September to December)", held)
    _deciles(held)
    linear = ("linear rule", brier(held, "linear"))
    return [
        row(f"Brier score, {kpi}, held back", "0 is perfect", brier(held), *linear),
        row(f"80 % interval, {kpi}, held back", "% within", coverage(held) * 100),
    ]


def _scores(name: str, found: Sequence[Forecast]) -> None:
    ours, linear, base = brier(found), brier(found, "linear"), base_rate(found)
    print(f"\n  {name}: {len(found)} forecasts")
    print(f"    Brier: ours {ours:.4f}, linear rule {linear:.4f}, base rate {base:.4f}")
    half, most = coverage(found, "half"), coverage(found)
    print(f"    final value within the 50 % interval {half:.1%}, the 80 % interval {most:.1%}")


def _deciles(found: Sequence[Forecast]) -> None:
    bins: defaultdict[int, list[Forecast]] = defaultdict(list)
    for one in found:
        bins[min(9, int(one.probability * 10))].append(one)
    print("    said             predicted  observed    n")
    for tenth, each in sorted(bins.items()):
        said = sum(one.probability for one in each) / len(each)
        came = sum(one.reached for one in each) / len(each)
        span = f"{tenth * 10:3} to {tenth * 10 + 10:3} %"
        print(f"    {span}    {said:8.1%}  {came:8.1%}  {len(each):3}")


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
