"""What ingest reads of SQL and Redis: connections, keys, and who has what by now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway
from sqlalchemy import delete, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.embedded.place import free_port
from paceline.sql import archive, dead, models
from paceline.sql.engine import engine_for, writing
from paceline.sql.generations import add_if_new, mark_published
from paceline.sql.keys import create_key, revoke
from schemas import keys as names
from schemas import topics
from schemas.dead import DeadLetter
from schemas.meaning import Meaning
from services.ingest.confirmations import StoredConfirmations
from services.ingest.connections import REFRESH_S, UNKNOWN_PAUSE_S, ConnectionBook
from services.ingest.keys import SqlKeys
from tests.support.servers import RedisServer


class Clock:
    """A clock that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


# --- who has the records by now ------------------------------------------------------------------


async def archived(
    engine: AsyncEngine, incarnation: str, offsets: Mapping[int, int], topic: str = topics.EVENTS
) -> None:
    """The ledger has archived so far."""
    async with writing(engine) as session:
        for partition, offset in offsets.items():
            await archive.advance(session, topic, incarnation, partition, offset)


async def applied(redis: Redis, incarnation: str, offsets: Mapping[int, int]) -> None:
    """The aggregator has applied so far."""
    for partition, offset in offsets.items():
        meta = names.partition_meta(partition)
        await redis.hset(meta, names.INCARNATION, incarnation)
        await redis.hset(meta, names.next_offset(topics.EVENTS), str(offset))


async def test_a_record_is_confirmed_once_it_is_archived_and_applied(
    engine: AsyncEngine, redis_server: RedisServer
) -> None:
    """The lesser of both; of this log and no other; of these partitions and no other.

    partition  700   archived 40  applied 30
    partition  701   archived 10  applied 20
    partition  701   and 500 dead letters, which are counted apart
    partition  702   archived 50  applied 60 of another log
    partition  703   archived 50  nothing in Redis
    partition  704   nothing archived  applied 70
    partition  705   not asked for
    """
    async with Redis.from_url(redis_server.url) as redis:
        await archived(engine, "kafka-1", {700: 40, 701: 10, 702: 50, 703: 50, 705: 9})
        await archived(engine, "kafka-1", {701: 500, 704: 500}, topics.DEAD)
        await archived(engine, "kafka-0", {700: 999, 704: 999})
        await applied(redis, "kafka-1", {700: 30, 701: 20, 704: 70, 705: 9})
        await applied(redis, "kafka-0", {702: 60})
        found = await StoredConfirmations(engine, redis).next_offsets("kafka-1", range(700, 705))
    assert found == {700: 30, 701: 10, 702: 0, 703: 0}


async def test_a_letter_is_confirmed_once_it_is_stored(engine: AsyncEngine) -> None:
    """Among those that were asked for; asking for none asks nobody."""
    letter = DeadLetter(
        id="call-7",
        stage="ingest",
        tenant="acme",
        connection="hub",
        reason="unmappable",
        detail="field type",
        at=1,
        payload=b"{}",
    )
    async with writing(engine) as session:
        await dead.store(session, [letter])
    confirmations = StoredConfirmations(engine, Redis.from_url("redis://127.0.0.1:1"))
    assert await confirmations.letters(["call-7", "call-8"]) == {"call-7"}
    assert await confirmations.letters([]) == set()


async def test_a_store_that_is_away_confirms_nothing(
    engine: AsyncEngine, redis_server: RedisServer
) -> None:
    """An exception, so that the journal keeps what it has; never a guess."""
    await archived(engine, "kafka-1", {0: 40})
    async with Redis.from_url(f"redis://127.0.0.1:{free_port()}") as nobody:
        with pytest.raises(RedisAway):
            await StoredConfirmations(engine, nobody).next_offsets("kafka-1", [0])
    away = engine_for("sqlite+aiosqlite:////absent/paceline.db")
    async with Redis.from_url(redis_server.url) as redis:
        with pytest.raises(SQLAlchemyError):
            await StoredConfirmations(away, redis).next_offsets("kafka-1", [0])
    await away.dispose()


# --- connections ---------------------------------------------------------------------------------


async def connect(engine: AsyncEngine, connection: str, **settings: Any) -> None:
    """A HubSpot portal of acme."""
    signature = {"scheme": "hubspot-v3", "secret_env": "HUB_SECRET"}
    given = {"currency": "USD", "zone": "UTC", "signatures": [signature], **settings}
    async with writing(engine) as session:
        session.add(
            models.Connection(
                id=connection, tenant="acme", kind="hubspot", settings=given, enabled=True
            )
        )


def book_of(engine: AsyncEngine, clock: Clock) -> ConnectionBook:
    """A book under a clock of the test's own."""
    return ConnectionBook(engine, {"HUB_SECRET": "s3cr3t"}, clock)


async def test_a_connection_that_was_just_applied_is_found_at_its_first_webhook(
    engine: AsyncEngine,
) -> None:
    """Nobody has to wait for the next refresh."""
    clock = Clock()
    book = book_of(engine, clock)
    assert await book.find("hub") is None
    await connect(engine, "hub", uri_forms=["decoded", "raw"], properties={"arr": "amount"})
    clock.now += UNKNOWN_PAUSE_S
    found = await book.find("hub")
    assert found is not None
    assert (found.problem, found.verifiers[0].uri_forms) == (None, ("decoded", "raw"))
    assert found.names.deal["arr"] == "amount"


async def test_unknown_names_ask_sql_at_a_bounded_rate(engine: AsyncEngine) -> None:
    """Whoever tries out addresses costs four reads a second, and no more."""
    clock = Clock()
    book = book_of(engine, clock)
    assert await book.find("guess-1") is None
    await connect(engine, "hub")
    clock.now += UNKNOWN_PAUSE_S / 2
    assert await book.find("hub") is None
    clock.now += UNKNOWN_PAUSE_S / 2
    assert await book.find("hub") is not None


async def test_a_refresh_takes_over_what_changed_and_compiles_only_that(
    engine: AsyncEngine,
) -> None:
    """Disabled here, unchanged there, gone, and a tenant that became active."""
    clock = Clock()
    book = book_of(engine, clock)
    for name in ("hub", "other", "gone"):
        await connect(engine, name)
    await book.refresh()
    before = {connection.id: connection for connection in book.all()}
    assert not book.active("acme")
    async with writing(engine) as session:
        await session.execute(
            update(models.Connection).where(models.Connection.id == "hub").values(enabled=False)
        )
        await session.execute(delete(models.Connection).where(models.Connection.id == "gone"))
        await add_if_new(session, "acme", Meaning(code=1, zone="UTC"))
        await mark_published(session, "acme", 1)
    clock.now += REFRESH_S
    await book.refresh()
    after = {connection.id: connection for connection in book.all()}
    assert sorted(after) == ["hub", "other"]
    assert not after["hub"].enabled
    assert after["other"] is before["other"]
    assert book.active("acme")


async def test_a_secret_that_is_not_set_is_a_problem_and_no_crash(engine: AsyncEngine) -> None:
    """Named by its variable; the other connections serve."""
    await connect(engine, "hub")
    signature = {"scheme": "hubspot-v3", "secret_env": "ABSENT"}
    await connect(engine, "broken", signatures=[signature])
    book = book_of(engine, Clock())
    broken, good = await book.find("broken"), await book.find("hub")
    assert broken is not None
    assert good is not None
    assert (broken.problem, good.problem) == ("ABSENT: the secret is empty", None)


async def test_what_is_known_serves_while_sql_is_away(engine: AsyncEngine) -> None:
    """A webhook of a known connection never waits for SQL."""
    await connect(engine, "hub")
    book = book_of(engine, clock := Clock())
    assert await book.find("hub") is not None
    book._engine = engine_for("sqlite+aiosqlite:////absent/paceline.db")
    clock.now += REFRESH_S
    with pytest.raises(SQLAlchemyError):
        await book.refresh()
    assert await book.find("hub") is not None
    await book._engine.dispose()


# --- API keys ------------------------------------------------------------------------------------


async def test_a_key_is_known_at_once_and_forgotten_within_two_seconds_of_its_end(
    engine: AsyncEngine,
) -> None:
    """Read again after two seconds, not before; a wrong one is nobody's."""
    clock = Clock()
    stored = SqlKeys(engine, clock)
    async with writing(engine) as session:
        presented = await create_key(session, "acme", label="field app", scopes=["ingest"])
    found = await stored.find(presented)
    assert found is not None
    assert (found.tenant, found.scopes) == ("acme", ("ingest",))
    assert await stored.find(presented[:-1] + "?") is None
    assert await stored.find("") is None
    async with writing(engine) as session:
        await revoke(session, "acme", found.id)
    clock.now += 1.9
    assert await stored.find(presented) is not None
    clock.now += 0.1
    assert await stored.find(presented) is None


async def test_what_is_kept_of_keys_is_bounded_and_holds_none(engine: AsyncEngine) -> None:
    """A flood of guesses does not fill the memory; hashes alone are remembered."""
    stored = SqlKeys(engine, Clock())
    for guess in range(1100):
        assert await stored.find(f"pl_{guess}") is None
    assert len(stored._kept) <= 1000
    assert not any(b"pl_" in name for name in stored._kept)
