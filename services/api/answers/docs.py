"""The API's documentation: OpenAPI with an example for every answer and every problem.

In: the shapes of ``answers``. Out: arguments for routes, and the finished OpenAPI document.
Guarantee: examples are encoded from the real structs, so they cannot drift from what is answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from paceline.progress.answers import kpis as answers_kpi
from paceline.progress.answers import progress as answers
from services.api.answers import examples
from services.api.answers import explain as answers_explain
from services.api.answers import locks as answers_locks
from services.api.answers import pipeline as answers_pipeline
from services.api.answers import plan as answers_plan
from services.api.answers import rates as answers_rates
from services.api.problems import MEDIA_TYPE, TYPE

PERIOD = (
    "day, week, month, quarter, year by the tenant's fiscal calendar, a label such as 2026-11 or "
    "FY2026-Q3, or rolling:<n><m|h|d> up to 400 days"
)
KPIS = "Ids separated by commas, or all; those that count for the subject where absent."
AT = (
    "As of when: a civil date (the end of that day in each rep's zone) or an RFC 3339 instant with "
    "its zone (civil periods then run to the end of its local day). Now where absent."
)
AS_OF = (
    "What was known then: only events received by this RFC 3339 instant count, from the ledger. "
    "Without `at` it is also the moment asked about."
)
SINCE = "Only what became known after this RFC 3339 instant: what explains a difference."
IF_NONE_MATCH = "The ETag of an earlier answer; 304 while nothing changed."
LAST_EVENT_ID = "The id of the last event received; the stream goes on from there where it can."

_SHAPES = (
    answers.Progress,
    answers.Change,
    answers.Reps,
    answers.Teams,
    answers.Me,
    answers.Catalogue,
    answers.Ready,
    answers_plan.Problem,
    answers_kpi.RampView,
    answers_explain.Explanation,
    answers_locks.LockEntry,
    answers_locks.Locks,
    answers_rates.Rates,
    answers_rates.RatesWritten,
    answers_pipeline.PipelineView,
    answers_pipeline.DealList,
    answers_pipeline.FunnelView,
    answers_pipeline.WaterfallView,
    answers_pipeline.ForecastView,
    answers_pipeline.SubmissionView,
    answers_pipeline.Accuracies,
    answers_pipeline.CallView,
    answers_pipeline.Calls,
    answers_plan.Kpis,
    answers_plan.Targets,
    answers_plan.Alignment,
    answers_plan.Suggestions,
    answers_plan.CalendarYear,
    answers_plan.Item,
    answers_plan.Items,
    answers_plan.Written,
    answers_plan.Audit,
)
_REF = "#/components/schemas/{name}"

Extra = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]


def body(shape: type[msgspec.Struct], example: object, media: str = "application/json") -> Extra:
    """The content of an answer."""
    schema = {"$ref": _REF.format(name=shape.__name__)}
    return {media: {"schema": schema, "example": msgspec.to_builtins(example)}}


def ok(description: str, shape: type[msgspec.Struct], example: object) -> Responses:
    """The answer of a route."""
    return {200: {"description": description, "content": body(shape, example)}}


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    possible: str = "",
    errors: Sequence[answers_plan.Mistake] = (),
) -> Responses:
    """A refusal of a route."""
    example = answers_plan.Problem(
        type=TYPE + code,
        title=status.phrase,
        status=int(status),
        detail=detail,
        instance="/v1/reps/maria/progress",
        possible=possible,
        errors=list(errors),
    )
    content = body(answers_plan.Problem, example, MEDIA_TYPE)
    return {int(status): {"description": status.phrase, "content": content}}


_ALWAYS: Responses = {
    **problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthenticated",
        "send an API key as Authorization: Bearer <key>",
    ),
    **problem(HTTPStatus.FORBIDDEN, "forbidden", "this API key has no scope 'read'"),
    **problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "a store does not answer; nothing is lost, try again",
    ),
}
ABSENT = problem(HTTPStatus.NOT_FOUND, "not-found", "there is no such rep")
REFUSED = problem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "beyond-retention",
    "the edge at 2017-03-15 is no longer kept to the day",
    "single days are kept 800 days: let the period begin and end with a month",
)
_NOT_MODIFIED: Responses = {304: {"description": "What If-None-Match names still holds."}}
_ETAG: Extra = {"ETag": {"description": "Names this state.", "schema": {"type": "string"}}}
_KEYED: Extra = {"security": [{"bearer": []}, {"apiKey": []}]}


def route(responses: Responses, tag: str, extra: Extra | None = None, **more: Any) -> Extra:
    """The documentation of a route that needs a key; ``extra``: more of its OpenAPI."""
    return {
        "responses": {**responses, **_ALWAYS},
        "tags": [tag],
        "openapi_extra": {**_KEYED, **(extra or {})},
        "response_model": None,
        **more,
    }


def progress(kind: str) -> Extra:
    """The documentation of one of the three progress routes."""
    found = ok("The numbers, and all that is needed to judge them.", answers.Progress, _SHOWN[kind])
    found[200]["headers"] = _ETAG
    return route({**found, **_NOT_MODIFIED, **ABSENT, **REFUSED}, "progress")


_SHOWN = {
    "rep": examples.rep(),
    "team": examples.team(),
    "organisation": examples.organisation(),
}

REPS = route(
    {**ok("A page of reps.", answers.Reps, examples.reps()), **ABSENT, **REFUSED},
    "organisation",
)
TEAMS = route(ok("The visible teams.", answers.Teams, examples.teams()), "organisation")
ME = route(ok("The caller.", answers.Me, examples.me()), "organisation")
MEASURES = route(ok("The measures.", answers.Catalogue, examples.catalogue()), "progress")
EXPLAIN = route(
    {
        **ok("Why it is that.", answers_explain.Explanation, examples.explanation()),
        **ABSENT,
        **REFUSED,
    },
    "progress",
)
STREAM = route(
    {
        200: {
            "description": (
                "`snapshot` events carry a Progress, `change` events a Change; their ids are for "
                "Last-Event-ID. A comment every 15 s keeps the connection open."
            ),
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": examples.stream(),
                }
            },
        },
        **ABSENT,
        **REFUSED,
    },
    "progress",
    response_class=Response,
)
HEALTH: Extra = {
    "tags": ["operation"],
    "response_model": None,
    "responses": {
        200: {
            "description": "Alive.",
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": {"alive": True}}
            },
        }
    },
}
READY: Extra = {
    "tags": ["operation"],
    "response_model": None,
    "responses": {
        **ok("Ready.", answers.Ready, examples.ready(owned=True)),
        503: {
            "description": "Not ready, and why.",
            "content": body(answers.Ready, examples.ready(owned=False)),
        },
    },
}
METRICS: Extra = {
    "tags": ["operation"],
    "response_class": Response,
    "response_model": None,
    "responses": {
        200: {
            "description": "Prometheus text.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": "paceline_sse_clients 3.0\n",
                }
            },
        }
    },
}


def install(app: FastAPI, more: Sequence[type[msgspec.Struct]] = ()) -> None:
    """Let the app answer ``/openapi.json`` with the shapes of ``answers`` in it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, more)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own documented way


def _document(app: FastAPI, more: Sequence[type[msgspec.Struct]]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, shapes = msgspec.json.schema_components([*_SHAPES, *more], ref_template=_REF)
    components = document.setdefault("components", {})
    # Our 422 is a problem too, never FastAPI's own shape.
    components["schemas"] = shapes
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    return document
