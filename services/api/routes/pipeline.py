"""Pipeline, funnel, waterfall, forecast, and calls for help.

In: requests. Out: JSON by the shapes of ``answers.pipeline``. Guarantee: who may not see a subject
may not see its deals; what people submit is kept under their key, and nothing of it ever changes.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from kpi.calendar.fiscal import Period as FiscalPeriod
from kpi.calendar.fiscal import previous
from kpi.civil import local_day
from kpi.periods import Span
from kpi.pipeline.accuracy import Pair
from kpi.pipeline.deals import open_deal
from paceline.progress.answers.kpis import KpiProgress
from paceline.progress.reading.selection import (
    Selection,
    of_organisation,
    of_rep,
    of_team,
    owners_of,
)
from paceline.sql import forecasts as forecasts_sql
from paceline.sql.engine import reading, writing
from paceline.sql.forecasts import Submission
from services.api.access import Caller
from services.api.answers import docs_pipeline as docs
from services.api.answers.pipeline import (
    Accuracies,
    AccuracyView,
    Calls,
    CallView,
    DealList,
    ForecastView,
    FunnelView,
    List,
    PipelineView,
    SubmissionView,
    WaterfallView,
)
from services.api.context import Asking, Services, Serving
from services.api.explaining.explain import teller_of
from services.api.pipeline import forecasts, money, told
from services.api.pipeline.past import OrgPast
from services.api.pipeline.scene import Scene, scene
from services.api.problems import forbidden, not_found, unprocessable
from services.api.routes.progress import (
    AsOf,
    At,
    Period,
    around_of,
    instant_of,
    json,
    progress_of,
    question_of,
)

router = APIRouter(prefix="/v1")

_SHOWN = 20
_AMOUNT = "won_amount"
_LOOKED_BACK = 6


class Whose:
    """Whose pipeline: a rep's, a team's, or else the organisation's; of which period, when."""

    def __init__(
        self,
        period: Period = "month",
        at: At = None,
        rep: Annotated[str | None, Query(description="of this rep")] = None,
        team: Annotated[str | None, Query(description="of this team and all below it")] = None,
        as_of: AsOf = None,
    ) -> None:
        self.period, self.at, self.rep, self.team = period, at, rep, team
        self.as_of = as_of

    def known(self, services: Services) -> int | None:
        """The instant by which it was known, ms UTC; None: now."""
        return instant_of(services, "as_of", self.as_of)

    def chosen(self, caller: Caller) -> Selection:
        """The selection, which the caller may see."""
        if self.rep is not None and self.team is not None:
            raise unprocessable("invalid-figure", "name one of rep and team", "rep=maria")
        if self.rep is not None:
            return of_rep(caller.rep(self.rep))
        if self.team is not None:
            return of_team(caller.known, caller.team(self.team).id)
        caller.need_tenant()
        return of_organisation(caller.org)


Of = Annotated[Whose, Depends()]
After = Annotated[str, Query(pattern=r"^\d{0,9}$", description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/pipeline", **docs.PIPELINE)
async def pipeline(caller: Asking, services: Serving, whose: Of) -> Response:
    """Coverage, deals that can be closed with what they need, overdue, stale and slipped ones."""
    here, past = await _scene(services, caller, whose)
    kpi = await _won_amount(services, here)
    asking = await _asking(services, here)
    found = told.lists(here, past)
    page = told.Page(0, _SHOWN)
    async with reading(services.engine) as session:
        view = (here.zone, here.rates)
        owners = list(here.looked)
        own = await money.seasons(session, here.book.id, owners, past.season_spans, view)
    lists = {
        name: told.deal_list(here, candidates, page, asking) for name, candidates in found.items()
    }
    return json(
        PipelineView(
            subject=here.chosen.subject,
            period=here.question.period,
            period_label=here.period.label,
            bounds=here.bounds,
            currency=here.rates.currency,
            coverage=told.covered(here, past, own, kpi, here.opened()),
            slipped=told.slipped(here)[:_SHOWN],
            generation=here.generation,
            generated_at=here.question.now,
            **lists,
        )
    )


@router.get("/deals", **docs.DEALS)
async def deals(
    caller: Asking,
    services: Serving,
    whose: Of,
    which: Annotated[List, Query(alias="list")] = "closable",
    after: After = "",
    limit: Limit = 50,
) -> Response:
    """A page of one list of open deals, the most valuable chance first."""
    here, past = await _scene(services, caller, whose)
    found = told.lists(here, past).get(which, [])
    asking = await _asking(services, here)
    page: DealList = told.deal_list(here, found, told.Page(int(after or 0), limit), asking)
    return json(page)


@router.get("/funnel", **docs.FUNNEL)
async def funnel(caller: Asking, services: Serving, whose: Of) -> Response:
    """Stage by stage: who entered it in the period, who got on, how long they stayed."""
    here = await _bare(services, caller, whose)
    steps = told.funnel_steps(here)
    found = FunnelView(
        subject=here.chosen.subject, period=here.question.period, bounds=here.bounds, steps=steps
    )
    return json(found)


@router.get("/waterfall", **docs.WATERFALL)
async def waterfall(
    caller: Asking,
    services: Serving,
    whose: Of,
    first: Annotated[date | None, Query(description="the period's first day if absent")] = None,
    last: Annotated[date | None, Query(description="the last day that counts if absent")] = None,
    *,
    qualified: Annotated[bool, Query(description="only the qualified pipeline")] = True,
    closing: Annotated[
        Literal["any", "period"], Query(description="`period`: expected to close in the period")
    ] = "any",
) -> Response:
    """Why the pipeline is another one at the end of some days than before them."""
    question = question_of(services, caller, whose.period, whose.at, whose.known(services))
    period = question.period_in(caller.plan.zone)
    start = first or (period.first if period else question.day_in(caller.plan.zone))
    end = last or question.day_in(caller.plan.zone)
    if start > end:
        raise unprocessable("invalid-days", f"{start} is after {end}", "first <= last")
    here = await _bare(services, caller, whose, since=start)
    closes = Span(here.period.first, here.period.last) if closing == "period" else None
    return json(
        WaterfallView(
            subject=here.chosen.subject,
            first=start.isoformat(),
            last=end.isoformat(),
            qualified=qualified,
            closing=closing,
            currency=here.rates.currency,
            **told.waterfall_of(here, (start, end), qualified=qualified, closes=closes),
        )
    )


@router.get("/forecast", **docs.FORECAST)
async def forecast(caller: Asking, services: Serving, whose: Of) -> Response:
    """What the period will end at, by every method, and what people stand for."""
    here, past = await _scene(services, caller, whose)
    kpi = await _won_amount(services, here)
    subject = here.chosen.subject
    async with reading(services.engine) as session:
        view = (here.zone, here.rates)
        recent = await money.won(session, here.book.id, list(here.looked), past.recent, view)
        said = await forecasts_sql.submissions(
            session, caller.org.tenant, subject.kind, subject.id, [here.period.label]
        )
    said = [one for one in said if here.as_of is None or one.submitted_at <= here.as_of]
    won = Fraction(kpi.actual or 0)
    last = said[-1] if said else None
    return json(
        ForecastView(
            subject=subject,
            period_label=here.period.label,
            currency=here.rates.currency,
            won=round(won),
            target=round(kpi.target.base) if kpi.target else None,
            default=forecasts.DEFAULT,
            methods=forecasts.methods(here, past, won, sum(recent, Fraction(0)), last),
            submissions=[_submission(one) for one in said],
        )
    )


class Stand(BaseModel):
    """What one stands for: minor units of the tenant's currency, what is won included."""

    period: Annotated[str, Field(max_length=40)]
    commit: Annotated[int, Field(ge=0, le=10**15)]
    best_case: Annotated[int, Field(ge=0, le=10**15)]
    note: Annotated[str, Field(max_length=2_000)] = ""
    rep: str | None = None
    team: str | None = None


@router.post("/forecast", **docs.SUBMIT)
async def submit(stand: Stand, caller: Asking, services: Serving) -> Response:
    """Submit a forecast: a rep for oneself, whoever manages for a rep, a team or the whole."""
    whose = Whose(stand.period, None, stand.rep, stand.team)
    subject = whose.chosen(caller).subject
    if stand.best_case < stand.commit:
        detail = "the best case contains the commit, so it is not below it"
        raise unprocessable("invalid-forecast", detail, "best_case >= commit")
    question = question_of(services, caller, stand.period, None)
    period = question.period_in(caller.plan.zone)
    if period is None:
        raise unprocessable("unknown-period", f"{stand.period!r} has no end", "a civil period")
    if period.last < local_day(services.clock(), caller.plan.zone):
        detail = f"{period.label} ended on {period.last}: what came true is known"
        raise unprocessable("period-over", detail, "a period that is not over")
    new = Submission(
        subject_kind=subject.kind,
        subject=subject.id,
        label=period.label,
        commit=stand.commit,
        best_case=stand.best_case,
        note=stand.note,
        role="rep" if caller.reach == "rep" else "manager",
        author=_author(caller),
    )
    async with writing(services.engine) as session:
        done = await forecasts_sql.submit(session, caller.org.tenant, new)
    return json(_submission(done))


@router.get("/forecast/accuracy", **docs.ACCURACY)
async def accuracy(caller: Asking, services: Serving, whose: Of) -> Response:
    """How good each person's forecasts and the default's were over the last six periods."""
    here, _ = await _scene(services, caller, whose)
    subject = here.chosen.subject
    past = _before(here)
    labels = [one.label for one in past]
    spans = [Span(one.first, one.last) for one in past]
    async with reading(services.engine) as session:
        view = (here.zone, here.rates)
        won = await money.won(session, here.book.id, list(here.looked), spans, view)
        said = await forecasts_sql.submissions(
            session, caller.org.tenant, subject.kind, subject.id, labels
        )
    actual = dict(zip(labels, won, strict=True))
    of_period = {label: [one for one in said if one.label == label] for label in labels}
    items = forecasts.accuracies(of_period, actual)
    items += await _of_default(services, caller, whose, past, actual)
    return json(Accuracies(subject=subject, labels=labels, items=items))


class Asked(BaseModel):
    """What help is needed."""

    text: Annotated[str, Field(min_length=1, max_length=2_000)]


@router.post("/deals/{deal}/help", **docs.CALL)
async def call(deal: str, asked: Asked, caller: Asking, services: Serving) -> Response:
    """Ask the manager for help with an open deal of one's own or of one's people."""
    rep = await _whose_deal(services, caller, deal)
    if rep is not None:
        async with writing(services.engine) as session:
            found = await forecasts_sql.call(
                session, caller.org.tenant, deal, rep, asked.text, _author(caller)
            )
        return json(_call(found))
    raise not_found("open deal")


@router.get("/help", **docs.CALLS)
async def calls(caller: Asking, services: Serving) -> Response:
    """The calls for help of the visible reps."""
    async with reading(services.engine) as session:
        reps = [rep.id for rep in caller.reps()]
        found = await forecasts_sql.calls(session, caller.org.tenant, reps)
    return json(Calls(items=[_call(one) for one in found]))


@router.post("/help/{number}/answer", **docs.ANSWER)
async def answer(number: int, asked: Asked, caller: Asking, services: Serving) -> Response:
    """Answer a call; not with the rep's own key."""
    if caller.reach == "rep":
        raise forbidden("a call for help is answered by whoever manages")
    reps = [rep.id for rep in caller.reps()]
    async with writing(services.engine) as session:
        done = await forecasts_sql.answer(
            session, caller.org.tenant, number, reps, asked.text, _author(caller)
        )
    if done is None:
        raise not_found("open call for help")
    return json(_call(done))


async def _scene(services: Services, caller: Caller, whose: Whose) -> tuple[Scene, OrgPast]:
    here = await _bare(services, caller, whose)
    return here, await services.pasts.of(here, services.teller, services.engine)


async def _bare(
    services: Services, caller: Caller, whose: Whose, since: date | None = None
) -> Scene:
    as_of = whose.known(services)
    question = question_of(services, caller, whose.period, whose.at, as_of)
    around = await around_of(services, caller, question, as_of)
    chosen = whose.chosen(caller)
    org = caller.org
    teller = await teller_of(services.teller, services.engine, org.tenant, org.connections, as_of)
    return await scene(teller, services.engine, around, chosen, question, since, as_of)


async def _won_amount(services: Services, here: Scene) -> KpiProgress:
    found = await progress_of(
        services, here.caller, here.chosen, here.question, "", (_AMOUNT,), here.as_of
    )
    assert found.answer is not None  # noqa: S101 - asked without an ETag
    return found.answer.whole.kpis[0]


async def _asking(services: Services, here: Scene) -> frozenset[str]:
    reps = [rep.id for rep in here.chosen.reps]
    async with reading(services.engine) as session:
        found = await forecasts_sql.calls(session, here.caller.org.tenant, reps)
    return frozenset(one.deal for one in found if one.answered_at is None)


async def _whose_deal(services: Services, caller: Caller, deal: str) -> str | None:
    """The visible rep in whose hands a deal is open now."""
    place = services.reader.place(caller.org.tenant, caller.org.connections)
    live = await services.reader.meaning(place)
    if live is None or not deal.startswith("d:"):
        return None
    visible = {owner: rep.id for rep in caller.reps() for owner in owners_of(rep)}
    for key, entity in await services.reader.entities(place, live[0], [deal]):
        found = open_deal(key, entity, live[1], services.clock())
        if found is not None:
            return visible.get(found.owner)
    return None


def _before(here: Scene) -> list[FiscalPeriod]:
    period, found = here.period, []
    for _ in range(_LOOKED_BACK):
        period = previous(here.question.fiscal, period)
        found.append(period)
    return found


async def _of_default(
    services: Services,
    caller: Caller,
    whose: Whose,
    past: list[FiscalPeriod],
    actual: dict[str, Fraction],
) -> list[AccuracyView]:
    """Each method's forecast in the middle of each past period against what came true."""
    pairs: dict[str, list[Pair]] = {}
    for period in past:
        middle = period.first + timedelta(days=period.days // 2)
        then = Whose(period.label, middle.isoformat(), whose.rep, whose.team)
        here, known = await _scene(services, caller, then)
        kpi = await _won_amount(services, here)
        async with reading(services.engine) as session:
            view = (here.zone, here.rates)
            owners = list(here.looked)
            recent = await money.won(session, here.book.id, owners, known.recent, view)
        won = Fraction(kpi.actual or 0)
        for one in forecasts.methods(here, known, won, sum(recent, Fraction(0)), None):
            if one.value is not None:
                pair = Pair(Fraction(one.value), actual[period.label])
                pairs.setdefault(one.id, []).append(pair)
    return [forecasts.measured(f"method:{name}", each) for name, each in pairs.items()]


def _author(caller: Caller) -> str:
    return f"key:{caller.key.id} {caller.key.label}"


def _submission(one: Submission) -> SubmissionView:
    return SubmissionView(
        id=one.id,
        commit=one.commit,
        best_case=one.best_case,
        note=one.note,
        role=one.role,
        author=one.author,
        overrode=one.overrode,
        submitted_at=one.submitted_at,
    )


def _call(one: forecasts_sql.Call) -> CallView:
    return CallView(
        id=one.id,
        deal=one.deal,
        rep=one.rep,
        text=one.text,
        author=one.author,
        asked_at=one.asked_at,
        answer=one.answer,
        answered_by=one.answered_by,
        answered_at=one.answered_at,
    )
