"""Judging what was seen.

In: facts. Out: problems, each with its remedy. Guarantee: pure; what works has no problem.
"""

from __future__ import annotations

from collections.abc import Iterator

from paceline import redis
from paceline.checkup.facts import KafkaFacts, Lag, Problem, RedisFacts, RedisPartition, SqlFacts
from schemas import topics

SILENT_MS = 180_000
"""An owner ticks once a minute; two missed ticks and nobody is there."""
LAG = 50_000
"""Events; more than a worker's second is no problem, more than this is."""
FULL = 0.8
"""Share of the journal's limit."""


def lags(
    partitions: int, log: KafkaFacts | None, store: RedisFacts | None, base: SqlFacts | None
) -> list[Lag]:
    """One line for each partition."""
    return [_lag(p, log, store, base) for p in range(partitions)]


def _lag(p: int, log: KafkaFacts | None, store: RedisFacts | None, base: SqlFacts | None) -> Lag:
    end = log.ends.get(p) if log else None
    held = store.partitions.get(p) if store else None
    same = held is not None and log is not None and held.incarnation == log.incarnation
    position = held.next_offset if held is not None and same else None
    archived = base.archived.get(p) if base else None
    return Lag(
        partition=p,
        end=end,
        next_offset=position,
        lag=_behind(end, position if held is None or same else 0),
        archived=archived,
        ledger_lag=_behind(end, archived),
        epoch=held.epoch if held else None,
        claimed=same and held is not None and held.epoch is not None,
        restoring=held is not None and held.restoring,
    )


def _behind(end: int | None, position: int | None) -> int | None:
    return None if end is None or position is None else max(0, end - position)


def of_kafka(log: KafkaFacts, partitions: int) -> Iterator[Problem]:
    """The topics, and their identity."""
    found = log.topics.get(topics.EVENTS)
    if found is None or log.incarnation is None:
        yield Problem("the topics are not made yet", "start `paceline ingest` or an aggregator")
    elif found != partitions:
        yield Problem(
            f"{topics.EVENTS} has {found} partitions, the settings say {partitions}",
            f"set PACELINE_PARTITIONS={found}: the count is fixed when the topic is made",
        )


def of_redis(store: RedisFacts) -> Iterator[Problem]:
    """The server itself."""
    facts = redis.ServerFacts(store.version, store.policy, store.maxmemory, cluster=False)
    for problem in redis.problems(facts):
        yield Problem(problem, "set it in redis.conf, or with CONFIG SET and CONFIG REWRITE")


def of_sql(base: SqlFacts) -> Iterator[Problem]:
    """The schema, and configurations that nobody has published."""
    if base.revision != base.head:
        yield Problem(f"SQL: {base.revision}", "run `paceline migrate`")
    if base.unpublished:
        yield Problem(
            f"not active yet: {', '.join(base.unpublished)}",
            "start `paceline ingest`: it writes activations into the log",
        )


def of_partitions(partitions: list[Lag], store: RedisFacts, now: int) -> Iterator[Problem]:
    """Who owns them, and how far they are."""
    unclaimed = [one.partition for one in partitions if not one.claimed and not one.restoring]
    silent = [
        one.partition
        for one in partitions
        if one.claimed and _silent(store.partitions[one.partition], now)
    ]
    if unclaimed:
        yield Problem(
            f"no aggregator has claimed {_listed(unclaimed)}", "start `paceline aggregator`"
        )
    if silent:
        yield Problem(
            f"nothing is heard of the owner of {_listed(silent)}",
            "start `paceline aggregator`, or read its log: an owner writes a tick each minute",
        )
    yield from _late(partitions)


def _late(partitions: list[Lag]) -> Iterator[Problem]:
    behind = [one.partition for one in partitions if (one.lag or 0) > LAG]
    if behind:
        yield Problem(f"more than {LAG} events behind: {_listed(behind)}", "start more aggregators")
    unarchived = [one.partition for one in partitions if (one.ledger_lag or 0) > LAG]
    if unarchived:
        yield Problem(
            f"more than {LAG} records are not archived: {_listed(unarchived)}",
            "start `paceline ledger`, or look at the speed of SQL",
        )


def of_journal(size: int, limit: int) -> Iterator[Problem]:
    """Near its limit, webhooks are about to be refused with 503."""
    if size > FULL * limit:
        yield Problem(
            f"the journal holds {size} of {limit} bytes",
            "bring Kafka, SQL and Redis back, or raise PACELINE_JOURNAL_MAX_BYTES",
        )


def _silent(held: RedisPartition, now: int) -> bool:
    return held.clock is None or now - held.clock > SILENT_MS


def _listed(partitions: list[int]) -> str:
    return f"partition{'s' if len(partitions) > 1 else ''} {', '.join(map(str, partitions))}"
