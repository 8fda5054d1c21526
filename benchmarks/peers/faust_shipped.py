"""Faust as shipped: the aggregation that its own tutorial would write.

In: bootstrap, topic, how many events, ``tables`` or ``decode``. Out: one line of JSON when all
events are done: CPU seconds and wall seconds from the first event to the last, and what was
counted. Guarantee: nothing of Paceline is in it, and nothing of Faust is changed; its C extensions
are in use, as its wheel brings them.

``tables`` counts per owner and measure in three tumbling windows; ``decode`` only reads. The
session is 10 s instead of Faust's 60, for the embedded broker holds the first member of a group
back for half a session before it answers.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterable, Callable
from typing import Any

import faust

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
PARTITIONS = 8
PATCHED = "paceline.entity.patched.v1"
"""The log holds control records too."""


class Meter:
    """CPU and wall time from the first event to the last."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._seen = 0
        self._began = (0.0, 0.0)

    def before(self) -> None:
        """An event is about to be looked at."""
        if not self._seen:
            self._began = (time.process_time(), time.perf_counter())
        self._seen += 1

    def after(self, counted: Callable[[], int | None]) -> None:
        """It was; after the last one the figures are printed."""
        if self._seen == self._events:
            cpu = time.process_time() - self._began[0]
            wall = time.perf_counter() - self._began[1]
            sys.__stdout__.write(  # type: ignore[union-attr]
                json.dumps({"cpu_s": cpu, "wall_s": wall, "counted": counted()}) + "\n"
            )
            sys.__stdout__.flush()  # type: ignore[union-attr]


def make_app(bootstrap: str, datadir: str) -> faust.App:
    """An app with the defaults, as far as they concern speed."""
    return faust.App(
        f"faust-shipped-{os.getpid()}",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=datadir,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        topic_partitions=PARTITIONS,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_request_timeout=30.0,
    )


def add_tables(app: faust.App, topic: Any, meter: Meter) -> None:
    """Counts per owner and measure, by minute, hour and day."""
    minutes = app.Table("minutes", default=int).tumbling(MINUTE, expires=25 * HOUR)
    hours = app.Table("hours", default=int).tumbling(HOUR, expires=8 * DAY)
    days = app.Table("days", default=int).tumbling(DAY, expires=800 * DAY)

    def activities() -> int:
        return sum(n for (key, _), n in days.table.data.items() if "|act:" in key)

    @app.agent(topic)
    async def aggregate(stream: AsyncIterable[Any]) -> None:
        async for event in stream:
            if event["type"] != PATCHED:
                continue
            meter.before()
            data = event["data"]
            fields = data.get("fields", {})
            kind = data["entity"]
            measure = f"act:{fields['type']}" if kind == "activity" else f"deal:{data['op']}"
            key = f"{event['tenant']}|{fields.get('owner', '')}|{measure}"
            minutes[key] += 1
            hours[key] += 1
            days[key] += 1
            meter.after(activities)


def add_reader(app: faust.App, topic: Any, meter: Meter) -> None:
    """Only decodes."""

    @app.agent(topic)
    async def read(stream: AsyncIterable[Any]) -> None:
        async for event in stream:
            if event["type"] != PATCHED:
                continue
            meter.before()
            meter.after(lambda: None)


def main(bootstrap: str, topic: str, events: str, kind: str) -> None:
    """Run until terminated."""
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(bootstrap, folder)
        values = app.topic(topic, value_serializer="json")
        add = add_tables if kind == "tables" else add_reader
        add(app, values, Meter(int(events)))
        faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
