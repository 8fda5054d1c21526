"""Ingest over HTTP.

In: an ``Intake``. Out: an ASGI application. Guarantee: every refusal is a problem document with a
request id; a webhook takes the short way, past routing and validation, to the same handler that
the routes use.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from paceline import logs, metrics
from services.ingest import docs
from services.ingest.body import READ_TIMEOUT_S, Disconnected, read_body
from services.ingest.intake import Answer, Incoming, Intake
from services.ingest.problems import Problem

WEBHOOKS: Final = "/v1/webhooks/"
_MAX_ID: Final = 64
_log = logs.get_logger(__name__)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Readiness = Callable[[], Mapping[str, Any]]


class Endpoints:
    """HTTP around an intake: bodies in, JSON or problems out."""

    def __init__(self, intake: Intake, body_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._intake = intake
        self._body_timeout_s = body_timeout_s

    async def webhook(self, scope: Scope, receive: Receive, name: str) -> Response:
        """One webhook, counted and timed."""
        start, headers = time.perf_counter(), _headers(scope)
        kind = "unknown"

        async def answered() -> Answer:
            nonlocal kind
            connection = await self._intake.connection(name)
            kind = connection.kind
            incoming = await self._incoming(scope, receive, headers)
            return await self._intake.webhook(connection, incoming)

        response, outcome = await _respond(answered, headers)
        metrics.INGEST_REQUESTS.labels(kind, outcome).inc()
        metrics.INGEST_SECONDS.observe(time.perf_counter() - start)
        return response

    async def events(self, scope: Scope, receive: Receive) -> Response:
        """One request of CloudEvents."""
        headers = _headers(scope)

        async def answered() -> Answer:
            return await self._intake.events(await self._incoming(scope, receive, headers))

        response, outcome = await _respond(answered, headers)
        metrics.INGEST_REQUESTS.labels("cloudevents", outcome).inc()
        return response

    async def dry_run(self, scope: Scope, receive: Receive, name: str) -> Response:
        """What a body would become."""
        headers = _headers(scope)

        async def answered() -> Answer:
            return await self._intake.dry_run(name, await self._incoming(scope, receive, headers))

        response, _ = await _respond(answered, headers)
        return response

    async def _incoming(
        self, scope: Scope, receive: Receive, headers: Mapping[str, str]
    ) -> Incoming:
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        target = (raw_path + b"?" + query if query else raw_path).decode("latin-1")
        body = await read_body(receive, headers, timeout_s=self._body_timeout_s)
        return Incoming(target, headers, body)


def _headers(scope: Scope) -> dict[str, str]:
    return {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}


async def _respond(
    answered: Callable[[], Awaitable[Answer]], headers: Mapping[str, str]
) -> tuple[Response, str]:
    """The response, and its outcome as a metric's label."""
    try:
        body = msgspec.json.encode(await answered())
        return Response(body, media_type="application/json"), "accepted"
    except Problem as problem:
        return problem_response(problem, headers), problem.code
    except Disconnected:
        return Response(status_code=400), "disconnected"
    except (SQLAlchemyError, OSError) as e:
        _log.warning("configuration_away", why=repr(e))
        away = Problem(503, "unavailable", "try again in a moment", retry_after_s=2)
        return problem_response(away, headers), away.code


def problem_response(problem: Problem, headers: Mapping[str, str]) -> Response:
    """A problem as RFC 9457 wants it."""
    return Response(
        problem.body(_request_id(headers)),
        status_code=problem.status,
        headers=problem.headers(),
        media_type="application/problem+json",
    )


def _request_id(headers: Mapping[str, str]) -> str:
    """The caller's own id where it is a plain one, so that both sides' logs meet."""
    given = headers.get("x-request-id", "")
    plain = given.isascii() and given.replace("-", "").isalnum() and len(given) <= _MAX_ID
    return given if plain else os.urandom(8).hex()


class ShortWay:
    """Webhooks go straight to their handler; everything else takes the routes."""

    def __init__(self, app: ASGIApp, endpoints: Endpoints) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and scope["method"] == "POST":
            path: str = scope["path"]
            name = path[len(WEBHOOKS) :]
            if path.startswith(WEBHOOKS) and name and "/" not in name:
                response = await self._endpoints.webhook(scope, receive, name)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def create_app(
    intake: Intake,
    readiness: Readiness = dict,
    lifespan: Lifespan | None = None,
    *,
    body_timeout_s: float = READ_TIMEOUT_S,
) -> FastAPI:
    """The application; ``readiness`` tells what is reachable, with ``ready`` among it."""
    app = FastAPI(
        title="Paceline ingest",
        version="1",
        description=docs.DESCRIPTION,
        lifespan=lifespan,
        openapi_tags=docs.TAGS,
    )
    endpoints = Endpoints(intake, body_timeout_s)
    app.add_middleware(ShortWay, endpoints=endpoints)
    app.add_exception_handler(HTTPException, _http_problem)
    _add_routes(app, endpoints)
    _add_probes(app, readiness)
    return app


async def _http_problem(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = {404: "no such address: see /docs", 405: "use the method that /docs names"}
    problem = Problem(status, "malformed_request", detail.get(status, "see /docs"))
    response = problem_response(problem, request.headers)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _add_routes(app: FastAPI, endpoints: Endpoints) -> None:
    @app.post(WEBHOOKS + "{connection}", **docs.WEBHOOK)
    async def post_webhook(connection: str, request: Request) -> Response:
        return await endpoints.webhook(request.scope, request.receive, connection)

    @app.post("/v1/events", **docs.EVENTS)
    async def post_events(request: Request) -> Response:
        return await endpoints.events(request.scope, request.receive)

    @app.post("/v1/connections/{connection}/dry-run", **docs.DRY_RUN)
    async def post_dry_run(connection: str, request: Request) -> Response:
        return await endpoints.dry_run(request.scope, request.receive, connection)


def _add_probes(app: FastAPI, readiness: Readiness) -> None:
    @app.get("/healthz", **docs.HEALTH)
    async def get_health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", **docs.READY)
    async def get_readiness() -> Response:
        found = dict(readiness())
        status = 200 if found.setdefault("ready", True) else 503
        return Response(msgspec.json.encode(found), status, media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    async def get_metrics() -> Response:
        return Response(metrics.exposition(), headers={"content-type": metrics.CONTENT_TYPE})
