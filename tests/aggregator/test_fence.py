"""The fence, script by script, on real servers: each answer with the sequence that it prevents.

A timeline stands above each test: ``|`` are positions in the log, ``A`` and ``B`` two workers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas import keys, topics
from services.aggregator.blob import Blob, now_ms
from services.aggregator.fence import Answer, Claim, Fence, Position
from services.aggregator.partition import passing
from tests.aggregator.faults import Copy

P = 3
TENANT = "acme"
META = keys.partition_meta(P)
CALLS = keys.panes(P, TENANT, 1, "hubspot-main/ana", "d", "202603")
NOVEMBER = "log-of-november"


def calls(by: int, field: str = "act:call:28", expires: int = 0) -> Blob:
    """Ana made some calls on the 28th."""
    blob = Blob(P)
    blob.increments.extend((CALLS, field, str(by), str(expires)))
    return blob


async def claim(fence: Fence, incarnation: str = NOVEMBER, *, adopt: bool = True) -> Claim:
    """Take the partition, now."""
    return await fence.claim(P, incarnation, topics.EVENTS, now_ms(), adopt=adopt)


async def send(
    fence: Fence, owner: Claim, start: int, end: int, blob: Blob | None = None, log_start: int = 0
) -> tuple[Answer, int]:
    """A batch from ``start`` up to ``end``; one call where nothing else is said."""
    place = Position(owner.epoch, NOVEMBER, topics.EVENTS, start, end, log_start)
    return await fence.apply(P, place, (blob or calls(1)).encode())


async def held(redis: Redis, field: str = "act:call:28") -> int:
    """What Redis counts."""
    return int(await redis.hget(CALLS, field) or 0)


async def position(redis: Redis) -> int:
    """Up to where the log is in the numbers."""
    return int(await redis.hget(META, keys.next_offset(topics.EVENTS)) or 0)


async def everything(redis: Redis) -> Copy:
    """All keys as they are now."""
    copy = Copy(redis)
    await copy.take()
    return copy


async def test_batches_that_follow_each_other_are_added(redis: Redis, fence: Fence) -> None:
    """0|---A---|10|---A---|25: OK, OK."""
    ana = await claim(fence)
    assert await send(fence, ana, 0, 10, calls(2)) == (Answer.OK, 10)
    assert await send(fence, ana, 10, 25, calls(3)) == (Answer.OK, 25)
    assert (await held(redis), await position(redis)) == (5, 25)


async def test_an_owner_that_was_paused_past_his_session_is_fenced(
    redis: Redis, fence: Fence
) -> None:
    """A claims, sleeps; B claims, counts 0|10; A wakes and brings 0|10 again, or even 10|20."""
    sleeper, successor = await claim(fence), await claim(fence)
    assert await send(fence, successor, 0, 10) == (Answer.OK, 10)
    assert (await send(fence, sleeper, 0, 10))[0] is Answer.FENCED
    assert (await send(fence, sleeper, 10, 20))[0] is Answer.FENCED
    assert (await held(redis), await position(redis)) == (1, 10)


async def test_the_rightful_owner_is_fenced_by_a_failover_and_comes_back(
    redis: Redis, fence: Fence
) -> None:
    """A claims; a replica that never heard of it takes over; A is fenced, claims again, goes on."""
    await claim(fence)
    lagging = await everything(redis)
    owner = await claim(fence)
    await send(fence, owner, 0, 10)
    await lagging.put_back()
    assert (await send(fence, owner, 10, 20))[0] is Answer.FENCED
    again = await claim(fence)
    assert again.position == 0
    assert await send(fence, again, 0, 20, calls(2)) == (Answer.OK, 20)
    assert await held(redis) == 2


async def test_a_redis_that_lost_its_tail_asks_for_the_gap(redis: Redis, fence: Fence) -> None:
    """0|10|20 counted, restart from a copy at 10, then 20|30 comes: it must not be added."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10)
    copy = await everything(redis)
    await send(fence, owner, 10, 20)
    await copy.put_back()
    assert await send(fence, owner, 20, 30) == (Answer.GAP, 10)
    assert await held(redis) == 1
    assert await send(fence, owner, 10, 30, calls(2)) == (Answer.OK, 30)
    assert await held(redis) == 3


async def test_a_batch_whose_answer_was_lost_is_not_added_again(redis: Redis, fence: Fence) -> None:
    """0|10 was written, the answer never came; 0|10 is sent once more."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10)
    assert await send(fence, owner, 0, 10) == (Answer.STALE, 10)
    assert await held(redis) == 1


async def test_a_position_inside_a_batch_says_where_to_cut(redis: Redis, fence: Fence) -> None:
    """0|10 is in; a fetch after the rebalance brings 4|16: cut at 10."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10)
    assert await send(fence, owner, 4, 16) == (Answer.STALE, 10)
    assert await send(fence, owner, 10, 16) == (Answer.OK, 16)
    assert await held(redis) == 2


async def test_a_batch_of_another_generation_is_computed_again(redis: Redis, fence: Fence) -> None:
    """Folded under generation 1, while generation 2 went live."""
    owner = await claim(fence)
    tenant = keys.tenant_meta(P, TENANT)
    await redis.hset(tenant, keys.LIVE, "2")
    folded = calls(1)
    folded.generations.append((tenant, "1"))
    assert await send(fence, owner, 0, 10, folded) == (Answer.STALE, 0)
    assert not await redis.exists(CALLS)


async def test_a_log_that_starts_after_the_position_is_lost(redis: Redis, fence: Fence) -> None:
    """0|10 is in, but the log now starts at 40: neither a gap to seek nor one to skip."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10)
    assert await send(fence, owner, 40, 50, log_start=40) == (Answer.LOST, 10)
    assert (await held(redis), await position(redis)) == (1, 10)


async def test_holes_of_compaction_are_no_gap(redis: Redis, fence: Fence) -> None:
    """The fetch began at 10, its first record is 17: ``from`` is 10."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10)
    assert await send(fence, owner, 10, 18) == (Answer.OK, 18)


async def test_a_log_born_again_is_read_from_its_beginning(redis: Redis, fence: Fence) -> None:
    """0|10 of November; the broker comes back empty as December, whose 10|20 is not the next."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10)
    december = Position(owner.epoch, "log-of-december", topics.EVENTS, 10, 20, 0)
    assert await fence.apply(P, december, calls(1).encode()) == (Answer.REBORN, 10)
    again = await claim(fence, "log-of-december")
    assert (again.before, again.position) == (NOVEMBER, 0)
    born = Position(again.epoch, "log-of-december", topics.EVENTS, 0, 10, 0)
    assert await fence.apply(P, born, calls(1).encode()) == (Answer.OK, 10)
    assert await held(redis) == 2


async def test_a_claim_without_adopting_leaves_the_log_as_it_is(redis: Redis, fence: Fence) -> None:
    """The archive may hold more of the old log than Redis: it is asked before December begins."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10)
    looked = await claim(fence, "log-of-december", adopt=False)
    assert (looked.before, looked.position) == (NOVEMBER, 10)


async def test_no_two_owners_ever_have_the_same_epoch(redis: Redis, fence: Fence) -> None:
    """Also when Redis was emptied in between, and when the clock stands still or goes back."""
    epochs = [(await claim(fence)).epoch for _ in range(3)]
    await redis.flushdb()
    epochs += [(await claim(fence)).epoch for _ in range(3)]
    back = await fence.claim(P, NOVEMBER, topics.EVENTS, 1, adopt=True)
    epochs.append(back.epoch)
    assert len(set(epochs)) == len(epochs)


async def test_an_owner_from_before_the_flood_is_fenced(redis: Redis, fence: Fence) -> None:
    """A claims; Redis is emptied; B claims; A's first batch would fit at 0, but is refused."""
    old = await claim(fence)
    await redis.flushdb()
    await claim(fence)
    assert (await send(fence, old, 0, 10))[0] is Answer.FENCED
    assert not await redis.exists(CALLS)


async def _spoiled(redis: Redis, name: str) -> None:
    if name == "field":
        await redis.hset(CALLS, "act:visit:28", "twelve")
    elif name == "leading zero":
        await redis.hset(CALLS, "act:visit:28", "09007199254740993")
    elif name == "sum":
        await redis.hset(CALLS, "act:visit:28", str(2**62 - 1))
    elif name == "beyond 64 bit":
        await redis.hset(CALLS, "act:visit:28", "99999999999999999999")
    elif name == "maximum":
        await redis.hset(keys.tenant_meta(P, TENANT), keys.seen("hubspot-main"), "yesterday")
    else:
        await redis.set(name, "somebody else's")


VERSIONS = keys.versions(P, TENANT)
BUCKET = keys.entities(P, TENANT, 1, 7)
WEEK = keys.panes(P, TENANT, 1, "hubspot-main/ben", "h", "2900")
SPOILED = [
    *("field", "leading zero", "sum", "beyond 64 bit", "maximum"),
    *(VERSIONS, BUCKET, WEEK, keys.changes(P), keys.dead(P), keys.tenants(P)),
    keys.tenant_meta(P, TENANT),
]


def whole() -> Blob:
    """A batch that writes to every kind of key; ten calls come first."""
    blob = calls(10)
    blob.increments.extend((CALLS, "act:visit:28", "5", "0"))
    blob.increments.extend((WEEK, "act:call:17", "1", "0"))
    blob.sets.append((BUCKET, ["a:hubspot-main:77", "[]"]))
    blob.sets.append((VERSIONS, ["hubspot-main/ana", "9"]))
    blob.maxima.append((keys.tenant_meta(P, TENANT), keys.seen("hubspot-main"), "1700"))
    blob.clock(1_700)
    blob.members.append((keys.tenants(P), TENANT))
    blob.outbox.append((keys.dead(P), "{}"))
    blob.changes.append((keys.changes(P), ["t", TENANT]))
    return blob


@pytest.mark.parametrize("spoiled", SPOILED)
async def test_a_batch_that_cannot_be_written_whole_writes_nothing(
    redis: Redis, fence: Fence, spoiled: str
) -> None:
    """One key or field is not what it should be: an error, not a byte changed, position unmoved."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10, calls(3))
    await _spoiled(redis, spoiled)
    before = await everything(redis)
    with pytest.raises(RedisError) as refused:
        await send(fence, owner, 10, 20, whole())
    assert not passing(refused.value)
    assert await everything(redis) == before


async def test_a_first_sum_beyond_two_to_the_62_writes_nothing(redis: Redis, fence: Fence) -> None:
    """The bound holds for the first increment of a field too, which is added to nothing."""
    owner = await claim(fence)
    before = await everything(redis)
    with pytest.raises(RedisError):
        await send(fence, owner, 0, 10, calls(2**62))
    with pytest.raises(RedisError):
        await send(fence, owner, 0, 10, calls(-(2**70)))
    assert await everything(redis) == before


@pytest.mark.parametrize("owners", [4_100, 12_000])
async def test_a_batch_that_concerns_thousands_of_owners_is_written_whole(
    redis: Redis, fence: Fence, owners: int
) -> None:
    """Lua hands at most some 8,000 arguments to one command; a batch may have more."""
    owner = await claim(fence)
    blob = calls(1)
    named = [text for n in range(owners) for text in (f"hubspot-main/{n}", "9")]
    blob.sets.append((VERSIONS, named))
    assert await send(fence, owner, 0, 10, blob) == (Answer.OK, 10)
    assert await redis.hlen(VERSIONS) == owners


@pytest.fixture
async def full(redis: Redis) -> AsyncIterator[Redis]:
    """A Redis that reaches its memory limit when a test says so."""
    yield redis
    await redis.config_set("maxmemory", 0)


async def test_a_full_redis_refuses_the_script_before_it_starts(full: Redis, fence: Fence) -> None:
    """Maxmemory is reached: nothing is written, and waiting may help."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10, calls(3))
    before = await everything(full)
    await full.config_set("maxmemory", "1mb")
    with pytest.raises(RedisError) as refused:
        await send(fence, owner, 10, 20, whole())
    assert passing(refused.value)
    assert await everything(full) == before
    await full.config_set("maxmemory", 0)
    assert await send(fence, owner, 10, 20, whole()) == (Answer.OK, 20)


async def test_a_redis_that_became_a_replica_is_waited_for(redis: Redis, fence: Fence) -> None:
    """READONLY is a failover under way, not a verdict on the batch."""
    owner = await claim(fence)
    await redis.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(RedisError) as refused:
            await send(fence, owner, 0, 10)
    finally:
        await redis.replicaof("NO", "ONE")
    assert passing(refused.value)


@pytest.mark.parametrize(
    ("before", "by"),
    [
        (2**53 + 1, 1),
        (2**53 - 1, 2),
        (2**61 + 1, 2**60 + 3),
        (-(2**60) - 1, 2),
        (1, 2**55 + 1),
        (2**52 - 1, 2**52 - 1),
        (10**15 * 3 + 1, -(10**15)),
    ],
)
async def test_integers_beyond_two_to_the_53_stay_exact(
    redis: Redis, fence: Fence, before: int, by: int
) -> None:
    """Lua's numbers are doubles; the sums are not."""
    owner = await claim(fence)
    await redis.hset(CALLS, "won:USD:28", str(before))
    assert (await send(fence, owner, 0, 10, calls(by, "won:USD:28")))[0] is Answer.OK
    assert await held(redis, "won:USD:28") == before + by


@pytest.mark.parametrize("amount", [1, 2**40, 2**54 + 1, 2**61 + 7])
async def test_a_field_that_comes_to_nothing_is_gone(
    redis: Redis, fence: Fence, amount: int
) -> None:
    """What was taken back leaves no zero, and the last field takes its hash along."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10, calls(amount))
    await send(fence, owner, 10, 20, calls(-amount))
    assert not await redis.exists(CALLS)


async def test_a_pane_hash_knows_when_it_may_go(redis: Redis, fence: Fence) -> None:
    """Minute panes go after 25 hours; a hash whose last field gave way to another one too."""
    owner = await claim(fence)
    in_an_hour = now_ms() + 3_600_000
    await send(fence, owner, 0, 10, calls(1, "act:call:17", in_an_hour))
    assert await redis.pexpiretime(CALLS) == in_an_hour
    moved = calls(-1, "act:call:17", in_an_hour)
    moved.increments.extend((CALLS, "act:visit:17", "1", str(in_an_hour)))
    await send(fence, owner, 10, 20, moved)
    assert await redis.hgetall(CALLS) == {b"act:visit:17": b"1"}
    assert await redis.pexpiretime(CALLS) == in_an_hour


async def test_a_pane_that_is_kept_for_ever_has_no_expiry(redis: Redis, fence: Fence) -> None:
    """The base of a level is needed always."""
    owner = await claim(fence)
    await send(fence, owner, 0, 10, calls(1, expires=0))
    assert await redis.pttl(CALLS) == -1


async def test_a_maximum_only_grows(redis: Redis, fence: Fence) -> None:
    """The clock of the log does not go back with a late event."""
    owner = await claim(fence)
    for number, at in enumerate((1_700, 1_600, 1_800)):
        blob = Blob(P)
        blob.clock(at)
        await send(fence, owner, number, number + 1, blob)
    assert await redis.hget(META, keys.CLOCK) == b"1800"


async def test_scripts_come_back_to_a_redis_that_forgot_them(redis: Redis, fence: Fence) -> None:
    """A restarted Redis has no scripts: they are loaded again, unnoticed."""
    owner = await claim(fence)
    await redis.script_flush()
    assert await send(fence, owner, 0, 10) == (Answer.OK, 10)


async def test_writes_beside_the_log_are_fenced_too(redis: Redis, fence: Fence) -> None:
    """Who lost the partition builds no generation and forgets no activity any more."""
    old, owner = await claim(fence), await claim(fence)
    forget = [("HSET", BUCKET, ["a:hubspot-main:77", "[]"])]
    assert await fence.write(P, old.epoch, forget) is Answer.FENCED
    assert not await redis.exists(BUCKET)
    assert await fence.write(P, owner.epoch, forget) is Answer.OK
    assert await redis.exists(BUCKET)


async def test_writes_for_another_state_are_refused(redis: Redis, fence: Fence) -> None:
    """Redis went back since somebody looked: what he would forget is needed again."""
    owner = await claim(fence)
    await redis.hset("{5}:acme:2:build", "stamp", "b7")
    forget: tuple[str, str, list[str]] = ("DEL", BUCKET, [])
    expected = ("EXPECT", "{5}:acme:2:build", ["stamp", "c4"])
    await redis.hset(BUCKET, "a:hubspot-main:77", "[]")
    assert await fence.write(P, owner.epoch, [expected, forget]) is Answer.STALE
    assert await redis.exists(BUCKET)
    absent = ("EXPECT", "{5}:acme:3:build", ["stamp", ""])
    assert await fence.write(P, owner.epoch, [absent, forget]) is Answer.OK
    assert not await redis.exists(BUCKET)
