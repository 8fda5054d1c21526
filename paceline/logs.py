"""Structured logs: one JSON object a line in production, coloured text on a terminal.

In: ``get_logger().info("event", key=value)``, and the standard library's records of the packages
we use. Out: lines on standard error. Guarantee: what is named like a secret is never written,
however deeply it is nested; ids bound by ``bound`` are on every line of their task.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal, TextIO

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

_SECRET = re.compile(
    r"secret|token|authorization|signature|api[-_]?key|password|cookie", re.IGNORECASE
)
_DEPTH = 6
"""Deeper values are written as they print; nothing of ours nests that far."""

# These speak at INFO of every rebalance step and request; their warnings are enough.
_TALKATIVE = ("aiokafka", "faust", "mode", "httpx", "httpcore", "uvicorn.access", "alembic")


def configure(
    level: str = "INFO", style: Literal["json", "console"] = "json", stream: TextIO | None = None
) -> None:
    """Set up structlog and the standard library alike; call it once, when the process starts."""
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _install(_formatter(shared, style, stream or sys.stderr), level, stream or sys.stderr)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A module's logger; ``name`` is its ``__name__``."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def bound(**ids: str) -> AbstractContextManager[None]:
    """Ids that every line within the block carries, such as ``request_id`` or ``event_id``."""
    return bound_contextvars(**ids)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event without the values of what is named like a secret.

    >>> redact(None, "info", {"event": "refused", "headers": {"X-HubSpot-Signature-v3": "aGk="}})
    {'event': 'refused', 'headers': {'X-HubSpot-Signature-v3': '[redacted]'}}
    """
    return {name: _clean(name, value, _DEPTH) for name, value in event.items()}


def _clean(name: str, value: Any, depth: int) -> Any:
    if _SECRET.search(name) and not isinstance(value, bool | int | float | None):
        return REDACTED
    if depth == 0:
        return value
    if isinstance(value, Mapping):
        return {key: _clean(str(key), item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item, depth - 1) for item in value]
    return value


def _formatter(
    shared: list[Processor], style: Literal["json", "console"], stream: TextIO
) -> logging.Formatter:
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if style == "json":
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last += [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)


def _install(formatter: logging.Formatter, level: str, stream: TextIO) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error"):
        # uvicorn brings handlers of its own; one line per record is enough.
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
