"""The route of the event stream.

In: a request with a key in its header. Out: server-sent events. Guarantee: a key that ends, or that
may no longer see what it streams, ends its stream within seconds.
"""

from __future__ import annotations

from typing import Annotated

import anyio
from fastapi import APIRouter, Header, Query, Request, Response
from sse_starlette import EventSourceResponse

from paceline.progress.judging import choice
from paceline.progress.reading.selection import Selection, of_organisation, of_rep, of_team
from services.api.access import Caller
from services.api.answers import docs
from services.api.context import Asking, Serving, presented_key, still
from services.api.problems import ProblemError, unprocessable
from services.api.routes.progress import KpiIds, question_of
from services.api.stream import HEARTBEAT_S, Stream, View

SEND_TIMEOUT_S = 30
"""A client that takes nothing for so long is gone."""
GRACE_S = 2.5
"""When the process ends, each stream has so long to end by itself; it looks every second."""

router = APIRouter(prefix="/v1")


@router.get("/stream", **docs.STREAM)
async def stream(
    request: Request,
    caller: Asking,
    services: Serving,
    team: Annotated[str | None, Query(description="a team's tree")] = None,
    rep: Annotated[str | None, Query(description="one rep")] = None,
    period: Annotated[str, Query(description=docs.PERIOD)] = "month",
    kpis: KpiIds = None,
    last_event_id: Annotated[str, Header(description=docs.LAST_EVENT_ID)] = "",
) -> Response:
    """A snapshot, then the new numbers of whoever changed; without team and rep: everybody."""
    question_of(services, caller, period, None)
    wanted = choice.asked(kpis, caller.known.kpis.book)
    presented = presented_key(request)
    ending = anyio.Event()

    async def look() -> View | None:
        current = await still(services, presented)
        if current is None or ending.is_set():
            return None
        return _view(current, team, rep)

    source = Stream(services.teller, services.feed, look, period, services.clock, wanted)
    return EventSourceResponse(
        source.events(View(caller, choose(caller, team, rep)), last_event_id),
        ping=HEARTBEAT_S,
        sep="\n",
        send_timeout=SEND_TIMEOUT_S,
        shutdown_event=ending,
        shutdown_grace_period=GRACE_S,
    )


def choose(caller: Caller, team: str | None, rep: str | None) -> Selection:
    """What a request wants to see; refused where it may not."""
    if team is not None and rep is not None:
        raise unprocessable("ambiguous", "team and rep exclude each other", "one of the two")
    if rep is not None:
        return of_rep(caller.rep(rep))
    if team is not None:
        return of_team(caller.known, caller.team(team).id)
    caller.need_tenant()
    return of_organisation(caller.org)


def _view(caller: Caller, team: str | None, rep: str | None) -> View | None:
    try:
        return View(caller, choose(caller, team, rep))
    except ProblemError:
        return None
