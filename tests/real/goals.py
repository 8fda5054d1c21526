"""The oracle of goals: the README's targets, and where each agent stands on a day, from the files.

In: the deals of the files. Out: targets in whole dollars, and a `Standing` per agent (or for many)
and day. Guarantee: no code of the project is used; days are walked one by one.
"""

import calendar
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from tests.real.files import Deal, won

GOAL_MONTHS = range(4, 13)
FIRST_MONTH = 3
"""No deal closes before March 2017."""


def targets(found: list[Deal]) -> dict[tuple[str, str], int]:
    """(agent, YYYY-MM) -> won amount asked for, whole dollars, April to December 2017.

    110 % of the mean month among the up to three before, from March on, halves up. Every agent who
    has deals won something in each month from March on, so nobody needs the manager's mean.
    """
    totals = won(found)
    asked = {}
    for agent in {deal.agent for deal in found}:
        for month in GOAL_MONTHS:
            before = range(max(FIRST_MONTH, month - 3), month)
            amounts = [totals[agent, f"2017-{one:02}"][1] for one in before]
            mean = Fraction(sum(amounts), len(amounts))
            asked[agent, f"2017-{month:02}"] = int(mean * 11 / 10 + Fraction(1, 2))
    return asked


@dataclass(frozen=True)
class Standing:
    """A month as it stands when a day ends; dollars as exact numbers."""

    actual: int
    target: int
    elapsed: int
    total: int
    workdays: int
    all_workdays: int
    won: int
    lost: int
    lost_money: int
    cycles: tuple[int, ...]
    """Seconds from creation to win, ascending."""

    @property
    def attainment(self) -> Fraction:
        """Of the whole month's target."""
        return Fraction(self.actual, self.target)

    @property
    def linear(self) -> Fraction:
        """Expected by civil days."""
        return Fraction(self.target * self.elapsed, self.total)

    @property
    def workday(self) -> Fraction:
        """Expected by the days from Monday to Friday."""
        return Fraction(self.target * self.workdays, self.all_workdays)

    @property
    def win_rate(self) -> Fraction | None:
        """Won of all that closed."""
        closed = self.won + self.lost
        return Fraction(self.won, closed) if closed else None

    @property
    def win_rate_money(self) -> Fraction | None:
        """The same by money; a lost deal counts with its list price."""
        closed = self.actual + self.lost_money
        return Fraction(self.actual, closed) if closed else None

    @property
    def median_cycle(self) -> int | None:
        """The smallest cycle that at least half of them do not exceed."""
        return self.cycles[(len(self.cycles) + 1) // 2 - 1] if self.cycles else None

    @property
    def p90_cycle(self) -> int | None:
        """The smallest cycle that at least nine tenths of them do not exceed."""
        return self.cycles[-(-9 * len(self.cycles) // 10) - 1] if self.cycles else None


def standing(
    found: Iterable[Deal], agents: set[str], asked: dict[tuple[str, str], int], day: date
) -> Standing:
    """Where some agents together stand as a day ends."""
    first = day.replace(day=1)
    last = first.replace(day=calendar.monthrange(day.year, day.month)[1])
    closed = [
        deal
        for deal in found
        if deal.agent in agents and deal.closed and first <= deal.closed <= day
    ]
    wins = [deal for deal in closed if deal.stage == "Won"]
    losses = [deal for deal in closed if deal.stage == "Lost"]
    month = f"{day:%Y-%m}"
    return Standing(
        actual=sum(deal.value for deal in wins),
        target=sum(asked.get((agent, month), 0) for agent in agents),
        elapsed=len(list(_days(first, day))),
        total=len(list(_days(first, last))),
        workdays=len(list(_workdays(first, day))),
        all_workdays=len(list(_workdays(first, last))),
        won=len(wins),
        lost=len(losses),
        lost_money=sum(deal.listed for deal in losses),
        cycles=tuple(sorted(_cycle(deal) for deal in wins)),
    )


def cumulative(found: Iterable[Deal], agents: set[str], first: date, last: date) -> list[int]:
    """What had been won by the end of each day of a span."""
    by_day = dict.fromkeys(_days(first, last), 0)
    for deal in found:
        if deal.agent in agents and deal.stage == "Won" and deal.closed in by_day:
            by_day[deal.closed] += deal.value
    so_far, steps = 0, []
    for day in by_day:
        so_far += by_day[day]
        steps.append(so_far)
    return steps


def month_of(day: date) -> list[date]:
    """All days of a day's month."""
    last = calendar.monthrange(day.year, day.month)[1]
    return list(_days(day.replace(day=1), day.replace(day=last)))


def _cycle(deal: Deal) -> int:
    """Created at 09:00 of the engage date, closed at 17:00 of the close date."""
    assert deal.engaged is not None
    assert deal.closed is not None
    created = datetime.combine(deal.engaged, time(9))
    return int((datetime.combine(deal.closed, time(17)) - created).total_seconds())


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def _workdays(first: date, last: date) -> Iterator[date]:
    return (day for day in _days(first, last) if day.weekday() < 5)
