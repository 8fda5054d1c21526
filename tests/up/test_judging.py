"""What the doctor calls wrong, and what it then says to do."""

from __future__ import annotations

from paceline.checkup import judge
from paceline.checkup.facts import KafkaFacts, RedisFacts, RedisPartition, SqlFacts

NOW = 1_700_000_000_000
HELD = RedisPartition(
    epoch="7", incarnation="log-1", next_offset=90, restoring=False, clock=NOW - 1_000, letters=0
)


def _log(end: int = 100, partitions: int = 1, incarnation: str | None = "log-1") -> KafkaFacts:
    return KafkaFacts(
        brokers=["127.0.0.1:9092"],
        topics={"crm.events": partitions},
        incarnation=incarnation,
        ends=dict.fromkeys(range(partitions), end),
    )


def _store(held: RedisPartition = HELD, policy: str = "noeviction") -> RedisFacts:
    return RedisFacts(
        address="redis://127.0.0.1",
        version="7.2",
        policy=policy,
        memory=1,
        maxmemory=0,
        partitions={0: held},
    )


def _base(archived: int = 95) -> SqlFacts:
    return SqlFacts(
        revision="1", head="1", tenants=[], unpublished=[], dead={}, archived={0: archived}
    )


def _said(log: KafkaFacts, store: RedisFacts, base: SqlFacts) -> list[str]:
    lags = judge.lags(1, log, store, base)
    return [problem.what for problem in judge.of_partitions(lags, store, NOW)]


def test_lag_is_the_logs_end_minus_what_is_in_the_numbers() -> None:
    """Ten events are on their way, five are not archived; that is nothing to worry about."""
    (one,) = judge.lags(1, _log(100), _store(), _base(95))
    assert (one.lag, one.ledger_lag, one.claimed) == (10, 5, True)
    assert _said(_log(100), _store(), _base(95)) == []


def test_a_partition_that_follows_another_log_is_claimed_by_nobody() -> None:
    """Its whole log is still to be read."""
    (one,) = judge.lags(1, _log(100, incarnation="log-2"), _store(), _base())
    assert (one.next_offset, one.lag, one.claimed) == (None, 100, False)


def test_an_owner_without_ticks_is_silent() -> None:
    """Two missed ticks, and nobody is there."""
    quiet = RedisPartition(
        epoch="7", incarnation="log-1", next_offset=90, restoring=False, clock=1, letters=0
    )
    (said,) = _said(_log(), _store(quiet), _base())
    assert said == "nothing is heard of the owner of partition 0"


def test_workers_that_cannot_keep_up_are_named_by_partition() -> None:
    """Both followers of the log."""
    found = _said(_log(90_000), _store(), _base(0))
    assert found == [
        "more than 50000 events behind: partition 0",
        "more than 50000 records are not archived: partition 0",
    ]


def test_an_evicting_redis_is_wrong() -> None:
    """It would silently delete numbers."""
    (problem,) = judge.of_redis(_store(policy="allkeys-lru"))
    assert "noeviction" in problem.what


def test_another_partition_count_names_the_setting() -> None:
    """The topic's count cannot change, so the setting must."""
    (problem,) = judge.of_kafka(_log(partitions=8), 64)
    assert "PACELINE_PARTITIONS=8" in problem.fix


def test_a_journal_near_its_limit_is_wrong() -> None:
    """Webhooks are about to be refused."""
    assert list(judge.of_journal(79, 100)) == []
    assert len(list(judge.of_journal(81, 100))) == 1


def test_a_schema_that_is_behind_names_the_command() -> None:
    """And nothing else is asked of it."""
    behind = SqlFacts(
        revision="no tables yet", head="1", tenants=[], unpublished=[], dead={}, archived={}
    )
    (problem,) = judge.of_sql(behind)
    assert problem.fix == "run `paceline migrate`"
