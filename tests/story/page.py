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

from tests.story.goals import FLOWS, Asked, asked
from tests.story.sheet import Number, Sheet, Subject, values
from tests.story.standing import Clock, Curve, Standing, clock, standing

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
SKETCHED = {
    "first_response_median": 1,
    "first_response_p90": 1,
    "cycle_median": 1,
    "cycle_p90": 1,
    "velocity": 1,
}
"""Per cent by which a value may be off: quantiles are kept as sketches."""


@dataclass(frozen=True)
class Line:
    """One KPI of one page."""

    kpi: str
    actual: Number
    asked: Asked | None
    at: Clock
    standing: Standing


def lines(subject: Subject, span: tuple[date, date], on: date) -> dict[str, Line]:
    """Every KPI of a subject's page."""
    at = clock(subject, span, on)
    sheet = Sheet(subject, span[0], min(on, span[1]), span[1])
    goals = {kpi: asked(subject, kpi, span, on) for kpi in _all(sheet)}
    found = values(sheet, {kpi: goal.base if goal else None for kpi, goal in goals.items()})
    return {
        kpi: Line(kpi, actual, goals[kpi], at, standing(kpi, actual, goals[kpi], at))
        for kpi, actual in found.items()
    }


def _all(sheet: Sheet) -> list[str]:
    return list(values(sheet, {}))


def differences(answer: Json, expected: dict[str, Line]) -> list[str]:
    """Every number that is another one, as `kpi.field: said, expected`."""
    said = {one["id"]: one for one in answer["kpis"]}
    found = [f"{kpi}: missing" for kpi in expected.keys() - said.keys()]
    found += [f"{kpi}: not in the sheet" for kpi in said.keys() - expected.keys()]
    for kpi in expected.keys() & said.keys():
        for name, is_, ought in _pairs(said[kpi], expected[kpi]):
            if not _same(kpi, name, is_, ought):
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
    target, goal = said["target"], line.asked
    yield "target", target is None, goal is None
    yield "pace", said["pace"] is None, goal is None
    if target is None or goal is None:
        return
    for tier in ("base", "stretch", "commit", "full"):
        yield f"target {tier}", target[tier], getattr(goal, tier)
    yield from _pace(said["pace"], line)


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


def _same(kpi: str, name: str, is_: Any, ought: Any) -> bool:
    shown = _shown(kpi, name, ought)
    if is_ == shown:
        return True
    if is_ is None or shown is None or isinstance(shown, str | bool):
        return False
    if kpi in SKETCHED:
        return bool(abs(is_ - shown) <= abs(shown) * SKETCHED[kpi] / 100 + 1)
    return isinstance(shown, float) and abs(is_ - shown) <= 1e-12 * max(1.0, abs(shown))


def _shown(kpi: str, name: str, ought: Any) -> Any:
    """A number as JSON has it: money in whole fen, durations in whole seconds."""
    if not isinstance(ought, Fraction | int) or isinstance(ought, bool):
        return ought
    last = name.rsplit(maxsplit=1)[-1]
    if last in RATIOS or last in DAYS or (kpi not in MONEY and kpi not in DURATIONS):
        return int(ought) if ought == int(ought) else float(ought)
    return round(ought)
