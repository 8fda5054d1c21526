"""The page as it ought to be, and what an answer of the API says otherwise.

In: a subject, a period, a day that is over. Out: each KPI's line, and every number of an answer
that differs from it. Guarantee: nothing that an answer says of a KPI is passed over, but for the
probability and its interval, whose model has tests of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from tests.story.days import days, period
from tests.story.goals import FLOWS, Asked, asked, part, together
from tests.story.past import Group, shares, size
from tests.story.people import PEOPLE, TEAMS, Person
from tests.story.sheet import Number, Sheet, Subject, values
from tests.story.standing import Clock, Curve, Standing, clock, clock_of, standing

Json = dict[str, Any]

MONEY = {
    "won_amount",
    "won_credit",
    "lost_amount",
    "average_deal",
    "velocity",
    "pipeline_built",
    "open_pipeline",
    "qualified_pipeline",
    "stale_pipeline",
    "slipped_amount",
    "scopes_amount",
}
DURATIONS = {
    "first_response_median",
    "first_response_p90",
    "cycle_median",
    "cycle_p90",
    "cycle_mean",
    "time_to_first_deal",
}
SKETCHED = DURATIONS - {"cycle_mean", "time_to_first_deal"} | {"velocity"}
"""Quantiles are kept as sketches, so their values may be off by one per cent."""
HELPED = {"won_count": "helped", "won_amount": "helped money"}


@dataclass(frozen=True)
class Line:
    """One KPI of one page."""

    kpi: str
    actual: Number
    asked: Asked | None
    at: Clock
    standing: Standing
    overlay: Number = None
    """Of a person: the credit for helping with it."""
    allocated: Fraction | None = None
    """Of a team with a goal of its own: what those below it are asked for."""


def lines(
    subject: Subject, kind: str, on: date, team: str | None = None, over: date | None = None
) -> dict[str, Line]:
    """Every KPI of a subject's page; of a person in a team's only what was done in that team.

    ``over``: the last day that is over, where that is not the day itself.
    """
    span = period(kind, on)
    if team is not None:
        return _row(subject, kind, on, team, over or on)
    at = clock(subject, span, over or on)
    sheet = Sheet(subject, span[0], min(on, span[1]), span[1])
    goals = {kpi: _goal(subject, kpi, span, on) for kpi in _all(sheet)}
    return _lines(sheet, goals, at, kind, Past(subject, kind, span, on))


def _row(subject: Subject, kind: str, on: date, team: str, over: date) -> dict[str, Line]:
    span, person = period(kind, on), PEOPLE[subject.id]
    inside = [one for one in days(*span) if Subject("team", team).counts(person, one)]
    at = clock_of({one: person.own(one) for one in inside}, over)
    sheet = Sheet(subject, span[0], on, span[1], team)
    goals = {kpi: part(_goal(subject, kpi, span, on), inside) for kpi in _all(sheet)}
    return _lines(sheet, goals, at, kind, Past(subject, kind, span, on))


def _lines(
    sheet: Sheet, goals: dict[str, Asked | None], at: Clock, kind: str, past: Past
) -> dict[str, Line]:
    found = values(sheet, {kpi: goal.base if goal else None for kpi, goal in goals.items()})
    open_ = found["qualified_pipeline_count"] != 0
    made = {}
    for kpi, actual in found.items():
        shares_, amount = past.of(kpi, at, goals[kpi])
        happened = open_ and kpi.startswith("coverage")
        line = standing(kpi, actual, goals[kpi], at, shares_, amount, happened=happened)
        overlay = _overlay(sheet, kpi)
        below = _below(past.subject, kpi, past.span, past.on)
        made[kpi] = Line(kpi, actual, goals[kpi], at, line, overlay, below)
    return made


def _overlay(sheet: Sheet, kpi: str) -> Number:
    if sheet.subject.kind != "rep" or kpi not in HELPED:
        return None
    return sheet.sum(HELPED[kpi]) or None


def _below(subject: Subject, kpi: str, span: tuple[date, date], on: date) -> Fraction | None:
    """What is given out: of everybody's goal to the teams, of a team's to its people's days."""
    if subject.kind == "rep" or kpi not in FLOWS or asked(subject, kpi, span, on) is None:
        return None
    if subject.kind == "team":
        found = _of_people(subject, kpi, span, on)
        return found.base if found else Fraction(0)
    teams = [_goal(Subject("team", one), kpi, span, on) for one in ("shanghai", "overseas")]
    return sum((one.base for one in teams if one), Fraction(0))


def _goal(subject: Subject, kpi: str, span: tuple[date, date], on: date) -> Asked | None:
    """A target of one's own; a group without has what its people are asked for on their days."""
    own = asked(subject, kpi, span, on)
    if own is not None or subject.kind == "rep" or kpi not in FLOWS or kpi == "won_credit":
        return own
    return _of_people(subject, kpi, span, on)


def _of_people(subject: Subject, kpi: str, span: tuple[date, date], on: date) -> Asked | None:
    found = []
    for person in PEOPLE.values():
        inside = [one for one in days(*span) if subject.counts(person, one)]
        goal = asked(Subject("rep", person.id), kpi, span, on)
        if goal is not None and inside:
            found.append(goal if subject.kind == "organisation" else part(goal, inside))
    return together([one for one in found if one is not None])


@dataclass(frozen=True)
class Past:
    """What a page looks back on."""

    subject: Subject
    kind: str
    span: tuple[date, date]
    on: date

    def of(self, kpi: str, at: Clock, goal: Asked | None) -> tuple[list[Fraction], Number]:
        """How far like periods had come, and the size of a usual event of money."""
        if goal is None or kpi not in FLOWS or self.kind == "day" or not at.workdays:
            return [], None
        place = Fraction(1) if at.over else at.worked / at.workdays
        amount = size(self._pool(), kpi, self.kind, self.span) if kpi in MONEY else None
        return shares(self._own(), kpi, self.kind, self.span, place), amount

    def _own(self) -> Group:
        if self.subject.kind == "rep":
            return Group((self.subject.id,))
        if self.subject.kind == "organisation":
            return Group(tuple(PEOPLE), own=False)
        tree = TEAMS[self.subject.id]
        ever = (one.id for one in PEOPLE.values() if any(team in tree for _, team in one.teams))
        return Group(tuple(ever), self.subject.id, own=False)

    def _pool(self) -> list[Group]:
        """The people of a person's team as it is on the day; of a group itself alone."""
        if self.subject.kind != "rep":
            return [self._own()]
        mine = _listed(PEOPLE[self.subject.id], self.on)
        return [Group((one.id,)) for one in PEOPLE.values() if _listed(one, self.on) == mine]


def _listed(person: Person, on: date) -> str:
    """The team of a day, of somebody who has left the last one: those deals were the team's."""
    return [name for since, name in person.teams if since <= on][-1]


def _all(sheet: Sheet) -> list[str]:
    return list(values(sheet, {}))


def differences(answer: Json, expected: dict[str, Line]) -> list[str]:
    """Every number that is another one, as `kpi.field: said, expected`."""
    said = {one["id"]: one for one in answer["kpis"]}
    found = [f"{kpi}: missing" for kpi in expected.keys() - said.keys()]
    found += [f"{kpi}: not in the sheet" for kpi in said.keys() - expected.keys()]
    for kpi in expected.keys() & said.keys():
        for name, is_, ought in _pairs(said[kpi], expected[kpi]):
            if not _same(expected[kpi], name, is_, ought):
                found.append(f"{kpi}.{name}: {is_}, expected {_shown(kpi, name, ought)}")
    return sorted(found)


Pair = tuple[str, Any, Any]
RATIOS = {"attainment", "of_expected"}
DAYS = {"remaining_workdays", "elapsed_workdays", "total_workdays"}


def _pairs(said: Json, line: Line) -> Iterator[Pair]:
    yield "actual", said["actual"], line.actual
    yield "status", said["status"], line.standing.status
    yield "attainment", said["attainment"], line.standing.attainment
    yield "kind", said["kind"] == "flow", line.kpi in FLOWS or said["kind"] == "flow"
    yield "overlay", said["overlay"], line.overlay
    target, goal = said["target"], line.asked
    yield from _allocated(said["allocated"], line)
    yield "target", target is None, goal is None
    yield "pace", said["pace"] is None, goal is None
    if target is None or goal is None:
        return
    for tier in ("base", "stretch", "commit", "full"):
        yield f"target {tier}", target[tier], getattr(goal, tier)
    yield from _pace(said["pace"], line)


def _allocated(said: Json | None, line: Line) -> Iterator[Pair]:
    yield "allocated", said is None, line.allocated is None
    if said is not None and line.allocated is not None and line.asked is not None:
        yield "allocated below", said["allocated"], line.allocated
        yield "allocated difference", said["difference"], line.asked.base - line.allocated


def _pace(pace: Json, line: Line) -> Iterator[Pair]:
    here, at = line.standing, line.at
    yield "basis", pace["basis"], here.basis
    for name in ("expected", "difference", "of_expected", "projection", "remaining"):
        yield name, pace[name], getattr(here, name)
    yield "required_per_workday", pace["required_per_workday"], here.required
    yield "remaining_workdays", pace["remaining_workdays"], at.left
    yield "elapsed_workdays", pace["elapsed_workdays"], at.worked
    yield "total_workdays", pace["total_workdays"], at.workdays
    for name in ("linear", "workday", "historical"):
        yield from _curve(name, pace[name], getattr(here, name))


def _curve(name: str, said: Json | None, curve: Curve | None) -> Iterator[Pair]:
    yield name, said is None, curve is None
    if said is not None and curve is not None:
        for one in ("expected", "projection", "of_expected"):
            yield f"{name} {one}", said[one], getattr(curve, one)


def _same(line: Line, name: str, is_: Any, ought: Any) -> bool:
    kpi = line.kpi
    shown = _shown(kpi, name, ought)
    if is_ == shown:
        return True
    if is_ is None or shown is None or isinstance(shown, str | bool):
        return False
    if kpi in SKETCHED:
        size = abs(shown) + (abs(line.asked.base) if name == "difference" and line.asked else 0)
        return bool(abs(is_ - shown) <= size / 100 + 1)
    return isinstance(shown, float) and abs(is_ - shown) <= 1e-12 * max(1.0, abs(shown))


def _shown(kpi: str, name: str, ought: Any) -> Any:
    """A number as JSON has it: money in whole fen, durations in whole seconds."""
    if not isinstance(ought, Fraction | int) or isinstance(ought, bool):
        return ought
    last = name.rsplit(maxsplit=1)[-1]
    if last in RATIOS or last in DAYS or (kpi not in MONEY and kpi not in DURATIONS):
        return int(ought) if ought == int(ought) else float(ought)
    return round(ought)
