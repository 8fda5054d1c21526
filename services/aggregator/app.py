"""The Faust application: group membership, rebalancing and supervision around the worker.

In: settings and a worker. Out: an app that runs until it is stopped. Guarantee: one agent, one
batch at a time, acknowledged in order; nothing is raised out of the agent.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from typing import Any

import faust
from faust.types import TP, EventT

from paceline.settings import Settings
from schemas import topics
from services.aggregator.transport import BatchTransport, PassThrough, Seeks

GROUP = "paceline-aggregator"

HEARTBEAT_S = 2.0
REQUEST_TIMEOUT_S = 30.0


def make_app(
    settings: Settings,
    seeks: Seeks,
    handle: Callable[[TP, Any], Any],
    *,
    session_timeout_s: float,
) -> faust.App:
    """The app; not started. ``handle`` gets every batch, ``seeks`` every assignment."""
    datadir = settings.data_dir / "faust"
    # Faust makes the last folder of the path only.
    datadir.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        GROUP,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka.split(",")],
        datadir=datadir,
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        table_standby_replicas=0,
        consumer_auto_offset_reset="none",
        broker_session_timeout=session_timeout_s,
        broker_heartbeat_interval=min(HEARTBEAT_S, session_timeout_s / 3),
        broker_request_timeout=REQUEST_TIMEOUT_S,
        broker_commit_interval=2.0,
        broker_max_poll_interval=3600.0,
        stream_buffer_maxsize=16,
    )
    app.transport = BatchTransport(app, seeks, fetch_wait_ms=settings.fetch_wait_ms)
    _agent(app, handle)
    return app


def _agent(app: faust.App, handle: Callable[[TP, Any], Any]) -> None:
    topic = app.topic(topics.EVENTS, value_serializer=PassThrough(), key_serializer=PassThrough())

    @app.agent(topic, concurrency=1, name="aggregate")
    async def aggregate(stream: AsyncIterable[Any]) -> None:
        events: AsyncIterable[EventT[Any]] = stream.events()  # type: ignore[attr-defined]
        async for event in events:
            await handle(event.message.tp, event.value)
