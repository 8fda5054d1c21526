"""The routes of ``/v1``: progress, the organisation, the caller, the measures.

In: requests. Out: JSON by the shapes of ``answers``. Guarantee: every path checks its caller first.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Response
from msgspec.structs import replace

from kpi.civil import local_day
from kpi.measures import CATALOGUE
from kpi.periods import Span
from paceline.progress.answers.progress import (
    Catalogue,
    Me,
    Progress,
    RepEntry,
    Reps,
    Row,
    TeamEntry,
    Teams,
    UnmappedOwner,
)
from paceline.progress.judging import choice
from paceline.progress.reading.likes import Weights
from paceline.progress.reading.selection import (
    Selection,
    of_organisation,
    of_rep,
    of_team,
    owners_of,
)
from paceline.progress.reading.windows import EARLIEST, Question, ask, rfc3339
from paceline.progress.teller import Told
from paceline.sql import locks, rates
from paceline.sql.engine import reading
from paceline.sql.locks import Lock
from paceline.sql.org import Rep
from paceline.sql.targets import load_versions
from services.api.access import Caller
from services.api.answers import docs
from services.api.context import Asking, Services, Serving
from services.api.explaining.explain import teller_of
from services.api.locking.shown import view
from services.api.problems import unprocessable

MOST_UNMAPPED = 200

router = APIRouter(prefix="/v1")

Period = Annotated[str, Query(description=docs.PERIOD, examples=["month", "rolling:24h"])]
At = Annotated[str | None, Query(description=docs.AT, examples=["2017-03-31"])]
AsOf = Annotated[str | None, Query(description=docs.AS_OF, examples=["2017-04-03T09:00:00Z"])]
KpiIds = Annotated[str | None, Query(description=docs.KPIS, examples=["won_amount,meetings"])]
IfNoneMatch = Annotated[str, Header(description=docs.IF_NONE_MATCH)]


class Wanted:
    """What the three progress routes are asked beside whose numbers it is."""

    def __init__(
        self,
        period: Period = "month",
        at: At = None,
        as_of: AsOf = None,
        kpis: KpiIds = None,
        if_none_match: IfNoneMatch = "",
    ) -> None:
        self.period, self.at, self.as_of = period, at, as_of
        self.kpis, self.if_none_match = kpis, if_none_match


Wants = Annotated[Wanted, Depends()]


@router.get("/reps/{rep}/progress", **docs.progress("rep"))
async def rep_progress(rep: str, caller: Asking, services: Serving, wanted: Wants) -> Response:
    """A rep's numbers within a period, every KPI against its target."""
    return await _progress(services, caller, of_rep(caller.rep(rep)), wanted)


@router.get("/teams/{team}/progress", **docs.progress("team"))
async def team_progress(team: str, caller: Asking, services: Serving, wanted: Wants) -> Response:
    """The numbers of a team and of all below it, each rep by their own civil days in it."""
    return await _progress(services, caller, of_team(caller.known, caller.team(team).id), wanted)


@router.get("/organisation/progress", **docs.progress("organisation"))
async def organisation_progress(caller: Asking, services: Serving, wanted: Wants) -> Response:
    """Everybody's numbers: reps, owners that are no known rep, and deals without an owner."""
    caller.need_tenant()
    return await _progress(services, caller, of_organisation(caller.org), wanted)


@router.get("/reps", **docs.REPS)
async def reps(
    caller: Asking,
    services: Serving,
    team: Annotated[str | None, Query(description="only this team and all below it")] = None,
    after: Annotated[str, Query(description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The visible reps by id, and for keys that see the whole tenant the owners that no rep has."""
    tree = None if team is None else caller.org.subtree(caller.team(team).id)
    found = sorted(
        (rep for rep in caller.reps() if rep.id > after and (tree is None or rep.team in tree)),
        key=lambda rep: rep.id,
    )
    page = found[:limit]
    unmapped = await _unmapped(services, caller) if caller.reach == "tenant" and not team else []
    return json(
        Reps(
            items=[_rep_entry(rep) for rep in page],
            next=page[-1].id if len(found) > limit else None,
            unmapped_owners=unmapped[:MOST_UNMAPPED],
            unmapped_total=len(unmapped),
        )
    )


@router.get("/teams", **docs.TEAMS)
async def teams(caller: Asking) -> Response:
    """The visible teams by id; roots have no parent."""
    return json(Teams(items=_team_entries(caller)))


@router.get("/me", **docs.ME)
async def me(caller: Asking) -> Response:
    """What this key may see."""
    org, key = caller.org, caller.key
    return json(
        Me(
            tenant=org.tenant,
            name=org.name,
            name_zh=org.name_zh,
            zone=org.zone,
            currency=org.currency,
            label=key.label,
            scopes=list(key.scopes),
            sees=caller.reach,
            team=key.team_id,
            rep=key.rep_id,
            teams=_team_entries(caller),
        )
    )


@router.get("/measures", **docs.MEASURES)
async def measures(_caller: Asking) -> Response:
    """The catalogue of measures, with names in English and Chinese."""
    return json(Catalogue(items=list(CATALOGUE)))


def question_of(
    services: Services, caller: Caller, period: str, at: str | None, as_of: int | None = None
) -> Question:
    """What is asked, by the tenant's fiscal calendar; 422 where it means nothing.

    As of an earlier moment, and without ``at``: what was shown at that moment.
    """
    shown = rfc3339(as_of) if as_of is not None and at is None else at
    return ask(period, shown, services.clock(), caller.plan.fiscal)


def instant_of(services: Services, name: str, text: str | None) -> int | None:
    """An earlier instant as ms UTC; 422 where it is none, or lies ahead."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    possible = "an RFC 3339 instant with its zone, not after now"
    if moment is None or moment.tzinfo is None or moment.year < EARLIEST.year:
        raise unprocessable(f"invalid-{name}", f"{name}={text!r} is no instant", possible)
    instant = round(moment.timestamp() * 1000)
    if instant > services.clock():
        raise unprocessable(f"invalid-{name}", f"{name}={text!r} is ahead of now", possible)
    return instant


async def around_of(
    services: Services, caller: Caller, question: Question, as_of: int | None = None
) -> Caller:
    """The caller, knowing the targets of the years around the question.

    ``as_of``: targets and rates as they were written by then.
    """
    year = question.day_in(caller.plan.zone).year
    known = await services.directory.around(caller.known, year)
    if as_of is not None:
        span = Span(date(year - 1, 1, 1), date(year + 1, 12, 31))
        async with reading(services.engine) as session:
            targets = await load_versions(session, caller.org.tenant, span, as_of)
            worth = await rates.known(session, caller.org.tenant, known.plan.currency, as_of)
        plan = replace(known.plan, targets=targets, rates=worth)
        kpis = replace(known.kpis, weights=Weights(known.kpis.book, worth))
        known = replace(known, plan=plan, kpis=kpis)
    return Caller(caller.key, known)


async def progress_of(
    services: Services,
    caller: Caller,
    chosen: Selection,
    question: Question,
    if_none_match: str = "",
    kpis: tuple[str, ...] | None = None,
    as_of: int | None = None,
) -> Told:
    """The answer, with the targets of the years asked about; 422 where panes are gone."""
    around = await around_of(services, caller, question, as_of)
    teller = await teller_of(
        services.teller, services.engine, caller.org.tenant, caller.org.connections, as_of
    )
    return await teller.tell(around.known, chosen, question, if_none_match, kpis)


async def _progress(
    services: Services, caller: Caller, chosen: Selection, wanted: Wanted
) -> Response:
    as_of = instant_of(services, "as_of", wanted.as_of)
    question = question_of(services, caller, wanted.period, wanted.at, as_of)
    kpis = choice.asked(wanted.kpis, caller.known.kpis.book)
    lock = await _lock_of(services, caller, question) if as_of is None else None
    seen = _without(lock, wanted.if_none_match)
    told = await progress_of(services, caller, chosen, question, seen, kpis, as_of)
    etag = _with(lock, told.etag)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if told.answer is None:
        return Response(status_code=304, headers=headers)
    if lock is not None:
        await _show_lock(services, lock, told.answer.whole)
    return Response(told.answer.encoded(), media_type="application/json", headers=headers)


async def _lock_of(services: Services, caller: Caller, question: Question) -> Lock | None:
    """The lock of the period asked about; only one that is over can have one."""
    zone = caller.plan.zone
    period = question.period_in(zone)
    if period is None or local_day(question.now, zone) <= period.last:
        return None
    async with reading(services.engine) as session:
        return await locks.standing(session, caller.org.tenant, period.label)


async def _show_lock(services: Services, lock: Lock, whole: Progress) -> None:
    async with reading(services.engine) as session:
        subject = (whole.subject.kind, whole.subject.id)
        figures = await locks.figures(session, lock.id, subject)
    whole.lock = view(lock, figures or {}, whole)


def _with(lock: Lock | None, etag: str) -> str:
    """The tag of an answer that shows a lock; without one the tag as it is."""
    return etag if lock is None else f'{etag[:-1]}-lock{lock.id}"'


def _without(lock: Lock | None, if_none_match: str) -> str:
    """The tags that name answers with this very lock, as they would be without it."""
    if lock is None or not if_none_match:
        return if_none_match
    end = f'-lock{lock.id}"'
    tags = (one.strip() for one in if_none_match.split(","))
    return ", ".join(f'{one.removesuffix(end)}"' for one in tags if one.endswith(end))


async def _unmapped(services: Services, caller: Caller) -> list[UnmappedOwner]:
    chosen = Selection(of_organisation(caller.org).subject, (), others=True)
    question = question_of(services, caller, "month", None)
    answer = (await progress_of(services, caller, chosen, question)).answer
    rows = [msgspec.json.decode(row.raw, type=Row) for row in (answer.rows if answer else ())]
    return [
        UnmappedOwner(
            connection=row.subject.connection or "",
            owner=row.subject.name,
            this_month=row.measures,
        )
        for row in rows
    ]


def _rep_entry(rep: Rep) -> RepEntry:
    return RepEntry(
        id=rep.id,
        name=rep.name,
        name_zh=rep.name_zh,
        team=rep.team,
        zone=rep.zone,
        manages=rep.manages,
        owners=owners_of(rep),
    )


def _team_entries(caller: Caller) -> list[TeamEntry]:
    return [
        TeamEntry(
            id=team.id,
            name=team.name,
            name_zh=team.name_zh,
            parent=team.parent,
            reps=len(caller.org.members(team.id)),
        )
        for team in caller.teams()
    ]


def json(body: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    """A struct as an answer."""
    return Response(
        msgspec.json.encode(body),
        media_type="application/json",
        headers=headers or {"Cache-Control": "private, no-cache"},
    )
