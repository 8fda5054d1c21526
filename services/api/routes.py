"""The routes of ``/v1``: progress, the organisation, the caller, the measures.

In: requests. Out: JSON by the shapes of ``answers``. Guarantee: every path checks its caller first.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query, Response

from kpi.measures import CATALOGUE
from paceline.sql.org import Org, Rep, Team
from services.api import docs
from services.api.access import Caller
from services.api.answers import (
    Catalogue,
    Me,
    Progress,
    RepEntry,
    Reps,
    Subject,
    TeamEntry,
    Teams,
    UnmappedOwner,
)
from services.api.context import Asking, Services, Serving
from services.api.problems import unprocessable
from services.api.progress import Selection, owners_of, rep_subject
from services.api.windows import Question, UnreadableError, ask

MOST_UNMAPPED = 200

router = APIRouter(prefix="/v1")

Period = Annotated[str, Query(description=docs.PERIOD, examples=["month", "rolling:24h"])]
At = Annotated[str | None, Query(description=docs.AT, examples=["2017-03-31"])]
IfNoneMatch = Annotated[str, Header(description=docs.IF_NONE_MATCH)]


@router.get("/reps/{rep}/progress", **docs.progress("rep"))
async def rep_progress(
    rep: str,
    caller: Asking,
    services: Serving,
    period: Period = "month",
    at: At = None,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """A rep's numbers within a period."""
    chosen = of_rep(caller.rep(rep))
    return await _progress(services, caller, chosen, _ask(services, period, at), if_none_match)


@router.get("/teams/{team}/progress", **docs.progress("team"))
async def team_progress(
    team: str,
    caller: Asking,
    services: Serving,
    period: Period = "month",
    at: At = None,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """The numbers of a team and of all below it, each rep by their own civil days."""
    chosen = of_team(caller, caller.team(team))
    return await _progress(services, caller, chosen, _ask(services, period, at), if_none_match)


@router.get("/organisation/progress", **docs.progress("organisation"))
async def organisation_progress(
    caller: Asking,
    services: Serving,
    period: Period = "month",
    at: At = None,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Everybody's numbers: reps, owners that are no known rep, and deals without an owner."""
    caller.need_tenant()
    chosen = of_organisation(caller.org)
    return await _progress(services, caller, chosen, _ask(services, period, at), if_none_match)


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
    return _json(
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
    return _json(Teams(items=_team_entries(caller)))


@router.get("/me", **docs.ME)
async def me(caller: Asking) -> Response:
    """What this key may see."""
    org, key = caller.org, caller.key
    return _json(
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
    return _json(Catalogue(items=list(CATALOGUE)))


def of_rep(rep: Rep) -> Selection:
    """One rep."""
    return Selection(rep_subject(rep), (rep,))


def of_team(caller: Caller, team: Team) -> Selection:
    """A team's tree."""
    subject = Subject(kind="team", id=team.id, name=team.name, name_zh=team.name_zh)
    return Selection(subject, tuple(caller.org.members(team.id)))


def of_organisation(org: Org) -> Selection:
    """Everybody, and everything that is nobody's."""
    subject = Subject(kind="organisation", id=org.tenant, name=org.name, name_zh=org.name_zh)
    return Selection(subject, tuple(org.reps.values()), others=True)


def refusal(error: UnreadableError) -> Exception:
    """A question without an answer as a problem."""
    return unprocessable(error.code, str(error), error.possible)


def _ask(services: Services, period: str, at: str | None) -> Question:
    try:
        return ask(period, at, services.clock())
    except UnreadableError as error:
        raise refusal(error) from None


async def _progress(
    services: Services, caller: Caller, chosen: Selection, question: Question, if_none_match: str
) -> Response:
    try:
        told = await services.teller.tell(caller, chosen, question, if_none_match)
    except UnreadableError as error:
        raise refusal(error) from None
    headers = {"ETag": told.etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if told.progress is None:
        return Response(status_code=304, headers=headers)
    return _json(told.progress, headers)


async def _unmapped(services: Services, caller: Caller) -> list[UnmappedOwner]:
    chosen = Selection(of_organisation(caller.org).subject, (), others=True)
    question = ask("month", None, services.clock())
    progress = (await services.teller.tell(caller, chosen, question)).progress
    return [
        UnmappedOwner(
            connection=row.subject.connection or "",
            owner=row.subject.name,
            this_month=row.measures,
        )
        for row in (progress.unmapped_owners if progress else ())
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


def _json(
    body: Progress | Reps | Teams | Me | Catalogue, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        msgspec.json.encode(body),
        media_type="application/json",
        headers=headers or {"Cache-Control": "private, no-cache"},
    )
