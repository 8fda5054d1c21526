"""``GET /v1/explain``: why a figure is what it is.

In: a request. Out: an ``Explanation``. Guarantee: who may not see a figure may not see its facts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from kpi.measures import CATALOGUE
from paceline.progress.reading.selection import Selection, of_organisation, of_rep, of_team
from services.api.access import Caller
from services.api.answers import docs
from services.api.context import Asking, Serving
from services.api.explaining.asking import Known
from services.api.explaining.explain import Asked, explain
from services.api.problems import unprocessable
from services.api.routes.progress import (
    AsOf,
    At,
    Period,
    around_of,
    instant_of,
    json,
    question_of,
)

router = APIRouter(prefix="/v1")

_MEASURES = frozenset(one.id for one in CATALOGUE)


class Figure:
    """Which figure: a KPI or a measure, of a rep, a team, or else of the organisation."""

    def __init__(
        self,
        kpi: Annotated[str | None, Query(description="a KPI of /v1/kpis")] = None,
        measure: Annotated[str | None, Query(description="a measure of /v1/measures")] = None,
        rep: Annotated[str | None, Query(description="of this rep")] = None,
        team: Annotated[str | None, Query(description="of this team and all below it")] = None,
    ) -> None:
        self.kpi, self.measure, self.rep, self.team = kpi, measure, rep, team


class Moment:
    """Within which period, as of when, known when."""

    def __init__(
        self,
        period: Period = "month",
        at: At = None,
        as_of: AsOf = None,
        since: Annotated[str | None, Query(description=docs.SINCE)] = None,
    ) -> None:
        self.period, self.at, self.as_of, self.since = period, at, as_of, since


class Leaf:
    """Which page of the evidence, and how it is laid out."""

    def __init__(
        self,
        by: Annotated[
            Literal["facts", "entities"] | None,
            Query(description="one after another, or by record; levels by record where absent"),
        ] = None,
        after: Annotated[str, Query(description="`next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> None:
        self.by, self.after, self.limit = by, after, limit


@router.get("/explain", **docs.EXPLAIN)
async def explanation(
    caller: Asking,
    services: Serving,
    figure: Annotated[Figure, Depends()],
    moment: Annotated[Moment, Depends()],
    leaf: Annotated[Leaf, Depends()],
) -> Response:
    """Formula, target, pace, the facts it sums, and what was left out, of any figure."""
    as_of = instant_of(services, "as_of", moment.as_of)
    question = question_of(services, caller, moment.period, moment.at, as_of)
    kpi, measure = _named(caller, figure)
    asked = Asked(
        caller=await around_of(services, caller, question, as_of),
        chosen=_chosen(caller, figure),
        question=question,
        kpi=kpi,
        measure=measure,
        known=Known(as_of, instant_of(services, "since", moment.since)),
        by=leaf.by,
        after=leaf.after,
        limit=leaf.limit,
    )
    return json(await explain(asked, services.teller, services.engine))


def _named(caller: Caller, figure: Figure) -> tuple[str | None, str | None]:
    if (figure.kpi is None) == (figure.measure is None):
        raise unprocessable("invalid-figure", "name one of kpi and measure", "kpi=won_amount")
    if figure.kpi is not None and figure.kpi not in caller.known.kpis.book.compiled:
        raise unprocessable("unknown-kpi", f"there is no KPI {figure.kpi!r}", "/v1/kpis")
    if figure.measure is not None and figure.measure not in _MEASURES:
        detail = f"there is no measure {figure.measure!r}"
        raise unprocessable("unknown-measure", detail, "/v1/measures")
    return figure.kpi, figure.measure


def _chosen(caller: Caller, figure: Figure) -> Selection:
    if figure.rep is not None and figure.team is not None:
        raise unprocessable("invalid-figure", "name one of rep and team", "rep=maria")
    if figure.rep is not None:
        return of_rep(caller.rep(figure.rep))
    if figure.team is not None:
        return of_team(caller.known, caller.team(figure.team).id)
    caller.need_tenant()
    return of_organisation(caller.org)
