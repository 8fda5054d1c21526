"""The whole look.

In: settings. Out: a report. Guarantee: a server that is away is a problem in the report, never an
exception; the others are asked all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import TypeVar

from aiokafka.errors import KafkaError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from paceline.checkup import judge, look
from paceline.checkup.facts import KafkaFacts, Lag, Problem, RedisFacts, Report, SqlFacts
from paceline.settings import Settings
from paceline.sql.keys import now_ms

T = TypeVar("T")

_AWAY = (KafkaError, RedisError, SQLAlchemyError, OSError, TimeoutError)


async def report(settings: Settings) -> Report:
    """Look at everything."""
    away: list[Problem] = []
    log, store = await asyncio.gather(
        _asked(look.kafka(settings), away, "Kafka", "PACELINE_KAFKA"),
        _asked(look.redis(settings), away, "Redis", "PACELINE_REDIS"),
    )
    incarnation = log.incarnation if log else None
    base = await _asked(look.sql(settings, incarnation), away, "SQL", "PACELINE_SQL")
    journal = look.journal(settings.data_dir)
    lags = judge.lags(settings.partitions, log, store, base)
    found = _problems(settings, log, store, base, lags, journal)
    return Report(
        kafka=log,
        redis=store,
        sql=base,
        journal_bytes=journal,
        partitions=lags,
        problems=[*away, *found],
    )


async def _asked(question: Awaitable[T], away: list[Problem], name: str, variable: str) -> T | None:
    try:
        return await question
    except _AWAY as error:
        why = (str(error).splitlines() or [""])[0] or type(error).__name__
        fix = f"start it, or correct {variable}"
        away.append(Problem(f"{name} does not answer: {why[:200]}", fix))
        return None


def _problems(
    settings: Settings,
    log: KafkaFacts | None,
    store: RedisFacts | None,
    base: SqlFacts | None,
    lags: list[Lag],
    journal: int,
) -> Iterator[Problem]:
    if log is not None:
        yield from judge.of_kafka(log, settings.partitions)
    if store is not None:
        yield from judge.of_redis(store)
    if base is not None:
        yield from judge.of_sql(base)
    if log is not None and log.incarnation is not None and store is not None:
        yield from judge.of_partitions(lags, store, now_ms())
    yield from judge.of_journal(journal, settings.journal_max_bytes)
