"""The plan as everybody may read it: KPIs, targets, ramps, calendars, and what to make of them.

In: requests. Out: JSON by the shapes of ``answers_plan``. Guarantee: a person's key sees that
person's targets, a manager's those of the tree; drafts are seen by whoever sees more than a person.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from paceline.admin.targets import acknowledge_target
from paceline.admin.values import Actor
from paceline.progress.reading.selection import Selection, of_rep
from services.api.answers import docs_plan
from services.api.context import Asking, Serving
from services.api.problems import forbidden, not_found, writing_problems
from services.api.routes import plan_views
from services.api.routes.progress import At, Period, json, progress_of, question_of
from services.api.suggestions import suggestions

router = APIRouter(prefix="/v1")

After = Annotated[str, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/kpis", **docs_plan.KPIS)
async def kpis(caller: Asking) -> Response:
    """All KPIs with their definitions, in English and Chinese."""
    return json(plan_views.kpis(caller.known))


@router.get("/targets", **docs_plan.TARGETS)
async def targets(
    caller: Asking,
    services: Serving,
    kpi: Annotated[str | None, Query(description="only of this KPI")] = None,
    rep: Annotated[str | None, Query(description="only of this rep")] = None,
    team: Annotated[str | None, Query(description="only of this team itself")] = None,
    period: Annotated[str | None, Query(description="only those that overlap it")] = None,
    after: After = "",
    limit: Limit = 50,
) -> Response:
    """The visible targets, every version, before any proration."""
    if rep is not None:
        caller.rep(rep)
    if team is not None:
        caller.team(team)
    question = question_of(services, caller, period or "year", None)
    known = caller.known
    if period is not None:
        known = await services.directory.around(known, question.day_in(known.plan.zone).year)
    within = question.period_in(known.plan.zone) if period is not None else None
    chosen = plan_views.Chosen(kpi, rep, team, within)
    return json(plan_views.targets(caller, known, chosen, after, limit))


class Seen(BaseModel):
    """Which version was seen."""

    version: Annotated[int, Field(ge=1)]


@router.post("/targets/{target}/acknowledge", **docs_plan.ACKNOWLEDGE)
async def acknowledge(target: str, seen: Seen, caller: Asking, services: Serving) -> Response:
    """The rep whose target it is has seen this version; with that rep's own key only."""
    rep = caller.key.rep_id
    if rep is None:
        raise forbidden("a target is acknowledged with the rep's own key")
    with writing_problems("target"):
        done = await acknowledge_target(
            services.engine,
            caller.org.tenant,
            target,
            version=seen.version,
            rep=rep,
            actor=Actor(f"key:{caller.key.id} {caller.key.label}"),
        )
    services.directory.forget()
    return json(plan_views.written(done))


@router.get("/reps/{rep}/ramp", **docs_plan.RAMP)
async def ramp(rep: str, caller: Asking, services: Serving, at: At = None) -> Response:
    """A rep's whole staircase, this month's goals, and the gates; 404 without a ramp plan."""
    question = question_of(services, caller, "month", at)
    answer = (await progress_of(services, caller, of_rep(caller.rep(rep)), question)).answer
    if answer is None or answer.ramp is None:
        raise not_found("ramp for this rep")
    return json(answer.ramp)


@router.get("/alignment", **docs_plan.ALIGNMENT)
async def alignment(
    caller: Asking, services: Serving, period: Period = "quarter", at: At = None
) -> Response:
    """Targets that do not add up, reps without targets, targets without an owner."""
    caller.need_tenant()
    question = question_of(services, caller, period, at)
    known = caller.known
    known = await services.directory.around(known, question.day_in(known.plan.zone).year)
    return json(plan_views.alignment(known, question))


@router.get("/suggestions", **docs_plan.SUGGESTIONS)
async def suggested(
    caller: Asking,
    services: Serving,
    period: Annotated[Literal["week", "month", "quarter"], Query()] = "month",
    kpi: Annotated[str | None, Query(description="only of this KPI")] = None,
    team: Annotated[str | None, Query(description="only this team and all below it")] = None,
    percentile: Annotated[int, Query(ge=1, le=100)] = 80,
    after: After = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> Response:
    """Targets that the last twelve weeks suggest for each visible rep."""
    tree = None if team is None else caller.org.subtree(caller.team(team).id)
    found = [rep for rep in caller.reps() if rep.id > after and (tree is None or rep.team in tree)]
    found.sort(key=lambda rep: rep.id)
    page = tuple(found[:limit])
    question = question_of(services, caller, period, None)
    chosen = Selection(plan_views.anybody(caller), page)
    weeks = await services.teller.weeks(caller.known, chosen, question)
    items = suggestions(caller.known, question, weeks, kpi, percentile)
    following = page[-1].id if len(found) > limit else None
    return json(plan_views.suggested(period, items, following))


@router.get("/calendars/{calendar}", **docs_plan.CALENDAR)
async def calendar(
    calendar: str,
    caller: Asking,
    services: Serving,
    year: Annotated[int | None, Query(ge=1990, le=2100)] = None,
) -> Response:
    """One year of a work calendar: workdays by month, holidays, adjusted working days."""
    plan = caller.plan
    if calendar not in plan.specs:
        raise not_found("calendar")
    return json(plan_views.calendar(plan, calendar, year or plan_views.year_of(services, plan)))
