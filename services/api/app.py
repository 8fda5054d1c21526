"""The app: routes, problems, the edge, and the page's files.

In: services. Out: an ASGI app. Guarantee: makes no client and touches no store; whoever made the
services closes them.
"""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

import paceline
from services.api import problems
from services.api.answers import docs, docs_alerts
from services.api.context import Services
from services.api.edge import Edge
from services.api.routes import admin as routes_admin
from services.api.routes import alerts as routes_alerts
from services.api.routes import explain as routes_explain
from services.api.routes import locks as routes_locks
from services.api.routes import ops as routes_ops
from services.api.routes import pipeline as routes_pipeline
from services.api.routes import plan as routes_plan
from services.api.routes import progress as routes
from services.api.routes import rates as routes_rates
from services.api.routes import stream as routes_stream
from services.api.routes import subscriptions as routes_subscriptions

_ABOUT = (
    "Every rep's numbers, live, from the events their CRM already sends. Amounts are minor units."
)


def create_app(services: Services) -> FastAPI:
    """The app of the API."""
    app = FastAPI(
        title="Paceline API",
        version=getattr(paceline, "__version__", "0"),
        description=_ABOUT,
        # Their pages load scripts from elsewhere; the document itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    for module in (
        routes,
        routes_explain,
        routes_plan,
        routes_pipeline,
        routes_locks,
        routes_rates,
        routes_alerts,
        routes_subscriptions,
        routes_admin,
        routes_stream,
        routes_ops,
    ):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=routes_ops.STATIC), name="static")
    app.add_middleware(Edge)
    problems.install(app)
    docs.install(app, docs_alerts.SHAPES)
    return app
