"""The goals of the story, and what they ask of whom on each day.

In: a subject, a KPI, a span. Out: base, stretch, commitment and full figure, and the line by which
they are asked for, day by day. Guarantee: written by hand a second time, from the rules: a quarter
spreads over its days by workdays (or by per cent over its months, and there by workdays); leave,
and the days before the hire and after the last day, ask for nothing; a change holds from its day
on; a month on a ramp asks for the mean of its steps over the days since the hire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cache

from tests.story.days import day, days, period, workdays, worked
from tests.story.people import PEOPLE, Person
from tests.story.sheet import Subject

QUARTER = (day("2025-10-01"), day("2025-12-31"))
FLOWS = {
    "won_amount",
    "won_count",
    "won_credit",
    "calls",
    "new_customer_visits",
    "pipeline_built",
    "slipped_deals",
    "web_leads_created",
    "scopes_amount",
}
CAPS = {"slipped_deals"}
"""Of these less is better: a week of leave makes no cap stricter."""

RAMP = {
    "calls": (50, 75, 100),
    "new_customer_visits": (40, 80, 100),
    "pipeline_built": (0, 50, 75, 100),
    "won_amount": (0, 25, 50, 75, 100),
    "won_count": (0, 25, 50, 75, 100),
}
STEPS = tuple(map(day, ("2025-10-20", "2025-11-20", "2025-12-22", "2026-01-22", "2026-02-22")))
"""When Wang Lei's months of tenure begin: two days of leave in November move the later ones."""


@dataclass(frozen=True)
class Goal:
    """A target as it was set; amounts in yuan, from a day of its period on."""

    kpi: str
    subject: Subject
    span: tuple[date, date]
    base: Fraction
    stretch: Fraction | None = None
    commit: Fraction | None = None
    monthly: tuple[int, ...] = ()
    since: date | None = None


def _rep(kpi: str, rep: str, base: int | str, **more: object) -> Goal:
    return _goal(kpi, Subject("rep", rep), base, **more)


def _goal(kpi: str, subject: Subject, base: int | str, **more: object) -> Goal:
    month = more.pop("month", None)
    span = QUARTER if month is None else period("month", day(f"{month}-01"))
    return Goal(kpi, subject, span, Fraction(base), **more)  # type: ignore[arg-type]


SHANGHAI, OVERSEAS = Subject("team", "shanghai"), Subject("team", "overseas")
EVERYBODY = Subject("organisation", "jade")

GOALS = (
    _rep(
        "won_amount",
        "liu-fang",
        400_000,
        stretch=Fraction(480_000),
        commit=Fraction(350_000),
        monthly=(30, 30, 40),
    ),
    _rep("won_amount", "chen-jie", 450_000, stretch=Fraction(520_000)),
    _rep("won_amount", "chen-jie", 540_000, stretch=Fraction(600_000), since=day("2025-11-17")),
    _rep("won_amount", "wang-lei", 300_000),
    _rep("won_amount", "zhao-min", 360_000),
    _rep("won_amount", "anna-lee", "500000.50", monthly=(33, 33, 34)),
    _rep("won_amount", "ben-cole", 260_000),
    _goal("won_amount", SHANGHAI, 1_600_000),
    _goal("won_amount", OVERSEAS, 900_000),
    _goal("won_amount", EVERYBODY, 2_600_000, stretch=Fraction(3_000_000)),
    _rep("won_count", "chen-jie", 8),
    _rep("won_count", "wang-lei", 6),
    _rep("calls", "sun-yue", 60, month="2025-10"),
    _rep("calls", "sun-yue", 55, month="2025-11"),
    _rep("calls", "sun-yue", 50, month="2025-12"),
    _rep("won_credit", "sun-yue", 300_000),
    _rep("first_response_median", "sun-yue", 14_400),
    _rep("new_customer_visits", "liu-fang", 12),
    _rep("new_customer_visits", "chen-jie", 15),
    _rep("new_customer_visits", "wang-lei", 18),
    _rep("new_customer_visits", "zhao-min", 0),
    _rep("calls", "wang-lei", 90),
    _rep("pipeline_built", "wang-lei", 500_000),
    _rep("win_rate", "chen-jie", "0.6"),
    _goal("cycle_median", SHANGHAI, 2_592_000),
    _goal("slipped_deals", SHANGHAI, 4),
    _rep("coverage", "liu-fang", 3),
    _goal("web_leads_created", OVERSEAS, 4),
    _goal("scopes_amount", EVERYBODY, 900_000),
)
MONEY = {"won_amount", "won_credit", "pipeline_built", "scopes_amount"}


@dataclass(frozen=True)
class Asked:
    """What a goal comes to for a span of days."""

    base: Fraction
    stretch: Fraction | None
    commit: Fraction | None
    full: Fraction
    by_day: dict[date, Fraction]
    """Of a flow: what each day of the span asks for; of several people's: nothing, it is even."""
    stretch_by_day: dict[date, Fraction] = field(default_factory=dict)
    commit_by_day: dict[date, Fraction] = field(default_factory=dict)


def part(goal: Asked | None, inside: list[date]) -> Asked | None:
    """What some of the days ask for: a mover's part in a team. What is no flow has no parts."""
    if goal is None or not goal.by_day:
        return goal
    return Asked(
        sum((goal.by_day[one] for one in inside), Fraction(0)),
        _part_of(goal.stretch_by_day, inside),
        _part_of(goal.commit_by_day, inside),
        goal.full,
        {one: goal.by_day[one] for one in inside},
        goal.stretch_by_day and {one: goal.stretch_by_day[one] for one in inside},
        goal.commit_by_day and {one: goal.commit_by_day[one] for one in inside},
    )


def _part_of(line: dict[date, Fraction], inside: list[date]) -> Fraction | None:
    return sum((line[one] for one in inside), Fraction(0)) if line else None


def together(goals: list[Asked]) -> Asked | None:
    """Several people's goals as one, spread evenly; who has no such tier counts with the base."""
    if not goals:
        return None
    return Asked(
        sum((one.base for one in goals), Fraction(0)),
        _tier([(one.base, one.stretch) for one in goals]),
        _tier([(one.base, one.commit) for one in goals]),
        sum((one.full for one in goals), Fraction(0)),
        {},
    )


def _tier(pairs: list[tuple[Fraction, Fraction | None]]) -> Fraction | None:
    if all(tier is None for _, tier in pairs):
        return None
    return sum((base if tier is None else tier for base, tier in pairs), Fraction(0))


def asked(subject: Subject, kpi: str, span: tuple[date, date], on: date) -> Asked | None:
    """What is asked of a subject; `on`: the day of reading, for what is no flow."""
    goals = [one for one in GOALS if (one.subject, one.kpi) == (subject, kpi)]
    if kpi not in FLOWS:
        return _as_it_is(goals, min(max(on, span[0]), span[1]))
    held = {one: _goal_of(goals, one) for one in days(*span)}
    lines = {goal: _line(goal) for goal in goals}
    known = {one: goal for one, goal in held.items() if goal is not None}
    if not known:
        return None
    base, stretch, commit = (_by_day(held, lines, tier) for tier in ("base", "stretch", "commit"))
    return Asked(
        sum(base.values(), Fraction(0)),
        sum(stretch.values(), Fraction(0)) if stretch else None,
        sum(commit.values(), Fraction(0)) if commit else None,
        sum(
            (_yuan(goal, "base") * _full_share(goal, one) for one, goal in known.items()),
            Fraction(0),
        ),
        base,
        stretch,
        commit,
    )


def _as_it_is(goals: list[Goal], on: date) -> Asked | None:
    for goal in goals:
        if goal.span[0] <= on <= goal.span[1]:
            return Asked(goal.base, None, None, goal.base, {})
    return None


def _goal_of(goals: list[Goal], one: date) -> Goal | None:
    """The goal in force on a day: of two for one period the later from its day on."""
    held = None
    for goal in goals:
        if goal.span[0] <= one <= goal.span[1] and (goal.since is None or goal.since <= one):
            held = goal
    return held


def _by_day(
    held: dict[date, Goal | None], lines: dict[Goal, dict[date, Fraction]], tier: str
) -> dict[date, Fraction]:
    """What each day asks for; where one goal has no such tier its base stands for it."""
    if all(goal is None or getattr(goal, tier) is None for goal in held.values()):
        return {}
    asked_for = {}
    for one, goal in held.items():
        asked_for[one] = Fraction(0)
        if goal is not None:
            of = tier if getattr(goal, tier) is not None else "base"
            asked_for[one] = _yuan(goal, of) * lines[goal][one]
    return asked_for


def _yuan(goal: Goal, tier: str) -> Fraction:
    """A figure in the KPI's own unit: money in fen."""
    figure: Fraction = getattr(goal, tier)
    return figure * 100 if goal.kpi in MONEY else figure


def _calendar(goal: Goal) -> str:
    return PEOPLE[goal.subject.id].calendar if goal.subject.kind == "rep" else "cn"


def _full_share(goal: Goal, one: date) -> Fraction:
    """The part of a goal's figure that falls on a day for somebody who is always there."""
    calendar = _calendar(goal)
    if not worked(calendar, one):
        return Fraction(0)
    if goal.monthly:
        month = period("month", one)
        place = (one.month - goal.span[0].month) % 12
        return Fraction(goal.monthly[place], 100 * workdays(calendar, *month))
    return Fraction(1, workdays(calendar, *goal.span))


@cache
def _line(goal: Goal) -> dict[date, Fraction]:
    """The part of a goal's figure that each day of its period asks of its subject."""
    if goal.subject.kind != "rep" or goal.kpi in CAPS:
        return {one: _full_share(goal, one) for one in days(*goal.span)}
    person = PEOPLE[goal.subject.id]
    if person.id == "wang-lei":
        return _ramped(goal, person)
    return {one: _full_share(goal, one) * _there(person, one) for one in days(*goal.span)}


def _there(person: Person, one: date) -> Fraction:
    return person.own(one) if worked(person.calendar, one) else Fraction(0)


def _ramped(goal: Goal, person: Person) -> dict[date, Fraction]:
    """Month by month: the share of it that is asked for, by the steps that lie in it."""
    line = dict.fromkeys(days(*goal.span), Fraction(0))
    for first in {one.replace(day=1) for one in line}:
        month = list(days(*period("month", first)))
        employed = [one for one in month if one >= person.hired]
        full = sum((_full_share(goal, one) for one in employed), Fraction(0))
        for step, per_cent in enumerate(RAMP[goal.kpi]):
            run = [one for one in employed if _step(one, len(RAMP[goal.kpi])) == step]
            of_run = (
                full * Fraction(len(run), len(employed)) * per_cent / 100 if run else Fraction(0)
            )
            for one, part in _spread(person, run).items():
                line[one] += of_run * part
    return line


def _step(one: date, count: int) -> int:
    return min(sum(one >= start for start in STEPS), count) - 1


def _spread(person: Person, run: list[date]) -> dict[date, Fraction]:
    """Evenly over one's own workdays; over all workdays, or all days, where there are none."""
    for weigh in (
        person.own,
        lambda one: Fraction(worked(person.calendar, one)),
        lambda _one: Fraction(1),
    ):
        total = sum((weigh(one) for one in run), Fraction(0))
        if total:
            return {one: weigh(one) / total for one in run}
    return {}
