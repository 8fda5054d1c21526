"""What can be known of an installation, as values.

In: nothing. Out: structs that are JSON as they stand. Guarantee: a server that could not be asked
is ``None``, never a guess; no value holds a credential.
"""

from __future__ import annotations

import msgspec


class KafkaFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The log."""

    brokers: list[str]
    topics: dict[str, int]
    """Name -> number of partitions."""
    incarnation: str | None
    ends: dict[int, int]
    """Partition of ``crm.events`` -> the offset after its last record."""


class RedisPartition(msgspec.Struct, frozen=True, kw_only=True):
    """What Redis says of one partition; None: nothing."""

    epoch: str | None
    incarnation: str | None
    next_offset: int | None
    restoring: bool
    clock: int | None
    """The latest instant (ms) that its log has spoken of."""
    letters: int
    """Dead letters that wait to be sent to Kafka."""


class RedisFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The store."""

    address: str
    version: str
    policy: str | None
    memory: int
    maxmemory: int
    partitions: dict[int, RedisPartition]


class SqlFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The database."""

    revision: str | None
    head: str
    tenants: list[str]
    unpublished: list[str]
    """Generations that no ingest has put into the log yet."""
    dead: dict[str, int]
    """``stage/reason`` -> dead letters that were not replayed."""
    archived: dict[int, int]
    """Partition -> the first offset of the present log that is not archived."""


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """One partition over all servers; None where one of them was not to be asked."""

    partition: int
    end: int | None
    next_offset: int | None
    lag: int | None
    archived: int | None
    ledger_lag: int | None
    epoch: str | None
    claimed: bool
    restoring: bool


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, and what to do."""

    what: str
    fix: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything."""

    kafka: KafkaFacts | None
    redis: RedisFacts | None
    sql: SqlFacts | None
    journal_bytes: int
    partitions: list[Lag]
    problems: list[Problem]

    @property
    def healthy(self) -> bool:
        """Nothing is wrong."""
        return not self.problems
