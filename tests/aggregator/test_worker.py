"""No partition stays without an owner: outages while claiming are waited for, and healed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP
from redis.asyncio import Redis

from schemas import keys
from services.aggregator import worker
from tests.aggregator.broker import Hand, P
from tests.aggregator.told import Desk, activation, call

NOON = "2026-11-20 12:00"


class Faltering(Hand):
    """A log that does not answer some of the questions."""

    refuses = 0

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The broker is away, for a while."""
        if self.refuses:
            self.refuses -= 1
            raise KafkaConnectionError
        return await super().earliest_offsets(*partitions)


def faltering(redis: Redis) -> tuple[Desk, Faltering]:
    """A desk whose broker may be away."""
    desk = Desk(redis)
    hand = Faltering(desk.broker, desk.fence, redis, 100)
    desk.hand = hand
    return desk, hand


async def test_a_claim_that_failed_at_the_assignment_is_made_later(one_redis: Redis) -> None:
    """The broker was away at the very moment of the rebalance."""
    desk, hand = faltering(one_redis)
    hand.refuses = 1
    desk.broker.log.produce(activation())
    desk.broker.log.produce(call("e1", "1", NOON))
    await hand.join()
    assert hand.position == -1
    await desk.calm()
    assert (await desk.sums())["act:call"] == 1


async def test_a_claim_that_was_lost_while_the_broker_was_away_is_made_again(
    one_redis: Redis,
) -> None:
    """Redis failed over and Kafka did not answer: neither may leave the partition alone."""
    desk, hand = faltering(one_redis)
    await desk.hear(activation(), call("e1", "1", NOON))
    await one_redis.hset(keys.partition_meta(P), keys.EPOCH, "7")
    hand.refuses = 1
    desk.broker.log.produce(call("e2", "2", NOON))
    await hand.read()
    await desk.calm()
    assert (await desk.sums())["act:call"] == 2


async def test_a_restore_outlives_a_broker_that_is_away(
    one_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Emptied, and while it is put back Redis loses the claim and the broker is away."""
    monkeypatch.setattr(worker, "RESTORE_AGAIN_S", 0.0)
    desk, hand = faltering(one_redis)
    await desk.hear(activation(), *(call(f"e{n}", f"{n}", NOON) for n in range(20)))
    desk.broker.archive.keep()
    await one_redis.flushdb()
    await hand.worker.watch()
    hand.refuses = 2
    desk.fence.arm([("lose before", 1)])
    await desk.calm()
    assert (await desk.sums())["act:call"] == 20


async def test_a_lost_tail_is_noticed_without_an_event(one_redis: Redis) -> None:
    """Redis came back one batch short, with our claim; the watch reads on from there."""
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", NOON))
    await desk.copy.take()
    await desk.hear(call("e2", "2", NOON))
    await desk.copy.put_back()
    assert (await desk.sums())["act:call"] == 1
    await desk.calm()
    assert (await desk.sums())["act:call"] == 2


async def test_who_is_no_member_any_more_lets_go(one_redis: Redis) -> None:
    """A sleeper wakes: his batch is fenced, and he does not take the partition back."""
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", NOON))
    sleeper = desk.hand
    desk.hand = Hand(desk.broker, desk.fence, one_redis, 100)
    await desk.hand.join()
    desk.broker.log.produce(call("e2", "2", NOON))
    await sleeper.read()
    await sleeper.worker.watch()
    assert sleeper.position == -1
    await desk.hear()
    assert (await desk.sums())["act:call"] == 2


async def test_an_unforeseen_error_does_not_leave_the_agent(one_redis: Redis) -> None:
    """The partition's own meta is damaged: nothing is raised, nothing skipped, all is healed."""
    desk = Desk(one_redis)
    await desk.hear(activation(), call("e1", "1", NOON))
    await one_redis.rename(keys.partition_meta(P), "aside")
    await one_redis.set(keys.partition_meta(P), "no hash")
    desk.broker.log.produce(call("e2", "2", NOON))
    await desk.hand.read()
    await one_redis.rename("aside", keys.partition_meta(P))
    await desk.calm()
    assert (await desk.sums())["act:call"] == 2
