"""The harness's own tests: each server starts, answers its real client, and comes back."""

import uuid
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis
from redis.exceptions import ResponseError

from tests.support.need import skip_or_fail
from tests.support.servers import ApacheKafka, RedisServer, Tansu, until


async def create_topic(bootstrap: str, replicas: int = 1) -> str:
    """A new topic of one partition."""
    name = f"visits-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, replicas)])
    finally:
        await admin.close()
    return name


async def send(bootstrap: str, topic: str, count: int, *, idempotent: bool = False) -> None:
    """Send `count` records, each acknowledged by all replicas in sync."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=idempotent
    )
    async with producer:
        for number in range(count):
            await producer.send_and_wait(topic, b"visit %d" % number, partition=0)


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Read `count` records from the start."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="none")
    values: list[bytes] = []
    async with consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        while len(values) < count:
            record = await consumer.getone()
            values.append(record.value or b"")
    return values


async def test_each_broker_gives_back_what_it_took(broker: Tansu | ApacheKafka) -> None:
    """The same clients, the same calls, both brokers."""
    topic = await create_topic(broker.bootstrap)
    await send(broker.bootstrap, topic, 3)

    expected = [b"visit 0", b"visit 1", b"visit 2"]
    assert expected == await read(broker.bootstrap, topic, 3)


async def test_a_restarted_tansu_has_an_empty_log(tmp_path: Path) -> None:
    """Its log is memory: what the journal and the log incarnation are for."""
    with Tansu(tmp_path) as tansu:
        topic = await create_topic(tansu.bootstrap)
        await send(tansu.bootstrap, topic, 1)
        tansu.restart()
        admin = AIOKafkaAdminClient(bootstrap_servers=tansu.bootstrap)
        await admin.start()
        topics = await admin.list_topics()
        await admin.close()

    assert topic not in topics


@pytest.mark.kafka
async def test_three_apache_brokers_go_on_without_one(tmp_path: Path) -> None:
    """With replication 3, what two have acknowledged is there when the third was killed."""
    with ApacheKafka(tmp_path / "kafka", brokers=3) as kafka:
        topic = await create_topic(kafka.bootstrap, replicas=3)
        await send(kafka.bootstrap, topic, 3, idempotent=True)
        lost = kafka.nodes[2]
        lost.kill()

        assert len(await read(kafka.bootstrap, topic, 3)) == 3

        await send(kafka.bootstrap, topic, 2, idempotent=True)
        lost.start()
        assert len(await read(kafka.bootstrap, topic, 5)) == 5


def test_a_killed_redis_keeps_its_writes(tmp_path: Path) -> None:
    """SIGKILL loses nothing that was written to the append-only file."""
    with RedisServer(tmp_path) as server:
        with Redis.from_url(server.url) as redis:
            redis.set("won", 3)
        server.restart()
        with Redis.from_url(server.url) as redis:
            assert redis.get("won") == b"3"


def test_a_redis_can_lose_its_last_writes(tmp_path: Path) -> None:
    """Rolled back to a copy, as after a crash of the machine."""
    with RedisServer(tmp_path / "redis") as server:
        with Redis.from_url(server.url) as redis:
            redis.set("won", 3)
            server.copy_data(tmp_path / "copy")
            redis.set("won", 4)
        server.restart_from(tmp_path / "copy")
        with Redis.from_url(server.url) as redis:
            assert redis.get("won") == b"3"


def test_an_emptied_redis_knows_nothing(tmp_path: Path) -> None:
    """What `paceline restore` starts from."""
    with RedisServer(tmp_path) as server:
        with Redis.from_url(server.url) as redis:
            redis.set("won", 3)
        server.restart_empty()
        with Redis.from_url(server.url) as redis:
            assert redis.dbsize() == 0


def test_a_lagging_replica_takes_over_without_the_last_writes(tmp_path: Path) -> None:
    """What the fence must survive: the new master knows less than the old one said."""
    with RedisServer(tmp_path / "a") as master:
        replica = RedisServer(tmp_path / "b", replica_of=master)
        with replica, Redis.from_url(master.url) as ours, Redis.from_url(replica.url) as theirs:
            ours.set("won", 3)
            until(lambda: theirs.get("won") == b"3", 20, "the replica to follow")
            replica.detach()
            ours.set("won", 4)
            master.kill()

            assert theirs.get("won") == b"3"
            assert theirs.incr("won") == 4


def test_redis_settings_keep_numbers(each_redis: RedisServer) -> None:
    """Nothing is evicted, deals stay compact, the file is synced each second."""
    with Redis.from_url(each_redis.url, decode_responses=True) as redis:
        settings = redis.config_get()

    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["hash-max-listpack-value"] == "1024"


def test_a_script_keeps_to_its_flags(each_redis: RedisServer) -> None:
    """Redis does not roll a script back, so the fence counts on flags: Redis 7 or later."""
    script = "#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], 1)"
    with (
        Redis.from_url(each_redis.url) as redis,
        pytest.raises(ResponseError, match="read-only script"),
    ):
        redis.eval(script, 1, "visits")


def test_an_unmet_need_skips_on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without a JDK still gets a passing run."""
    monkeypatch.delenv("PACELINE_CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no JDK"):
        skip_or_fail("no JDK")


def test_an_unmet_need_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a green CI has run everything."""
    monkeypatch.setenv("PACELINE_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no JDK"):
        skip_or_fail("no JDK")
