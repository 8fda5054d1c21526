"""A whole site of real processes: broker, Redis, SQLite, aggregators, and a CRM that keeps sending.

In: servers. Out: workers to kill, pause and start, and the sums of what was acknowledged.
Guarantee: what counts as sent is what the broker acknowledged; nothing outlives the test.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kpi import CODE
from paceline.kafka import ensure_topics, make_producer
from paceline.redis import make_client
from paceline.sql.migrate import upgrade
from schemas import keys, topics
from schemas.envelope import ACTIVATED, PATCHED, Activate, EntityPatch, Event, Scalar, encode
from schemas.meaning import ConnectionMeaning, Meaning
from tests.aggregator.stored import names, stored
from tests.faults.guests import guest
from tests.support.need import ROOT
from tests.support.servers import ApacheKafka, RedisServer, Server, Tansu

PARTITIONS = 4
SESSION_S = 4
CRM = "hubspot-main"
REPS = ("ana", "ben", "chen", "dora")

MEANING = Meaning(
    code=CODE,
    zone="Europe/Berlin",
    connections={CRM: ConnectionMeaning(currency="USD", stages={"*": {"signed": "won"}})},
)


def tenants() -> list[str]:
    """One tenant for each partition, in their order."""
    found: dict[int, str] = {}
    for number in range(1_000):
        name = f"acme-{number}"
        found.setdefault(topics.partition_of(name, PARTITIONS), name)
    return [found[p] for p in range(PARTITIONS)]


TENANTS = tenants()


class Program(Server):
    """A Paceline process of its own, with settings in its environment."""

    def __init__(self, module: str, folder: Path, settings: dict[str, str]) -> None:
        super().__init__(module.rsplit(".", 2)[-2], folder)
        self._module = module
        self._settings = settings

    def command(self) -> list[str]:
        """As the command line starts it."""
        told = [f"PACELINE_{name.upper()}={value}" for name, value in self._settings.items()]
        start = f"from {self._module} import main; main()"
        return ["/usr/bin/env", f"PYTHONPATH={ROOT}", *told, sys.executable, "-c", start]

    def answers(self) -> bool:
        """It has no port; whether it works is seen in the numbers."""
        return True

    def ended(self, within: float) -> int:
        """Its exit code, once it ends by itself."""
        assert self._process is not None
        return self._process.wait(within)


class Crm:
    """Makes events and counts what was acknowledged: calls, visits, and deals won at once."""

    def __init__(self, bootstrap: str, *, idempotent: bool) -> None:
        self.journal: list[tuple[int, bytes]] = []
        """Everything acknowledged, as the journal of ingest keeps it."""
        self.sums: dict[str, Counter[str]] = {tenant: Counter() for tenant in TENANTS}
        self._bootstrap = bootstrap
        self._idempotent = idempotent
        self._random = Random(7)
        self._made = 0
        self._producer: AIOKafkaProducer | None = None

    async def send(self, count: int, *, per_second: float = 2_500) -> None:
        """So many events, some of them twice; returns when all are acknowledged."""
        started, sent = time.monotonic(), 0
        while sent < count:
            batch = [self._event() for _ in range(min(100, count - sent))]
            await self._acknowledged(batch)
            sent += len(batch)
            await asyncio.sleep(max(0.0, started + sent / per_second - time.monotonic()))

    async def activate(self) -> None:
        """Every tenant gets its meaning."""
        for p, tenant in enumerate(TENANTS):
            event = Event(
                id=f"activate:{tenant}:1",
                source="/v1/config",
                type=ACTIVATED,
                tenant=tenant,
                data=Activate(generation=1, meaning=MEANING, issued_at=0),
            )
            await self._produce([(p, encode(event))])

    async def produce_again(self) -> None:
        """What the journal does on a new log."""
        for low in range(0, len(self.journal), 500):
            await self._produce(self.journal[low : low + 500], keep=False)

    async def close(self) -> None:
        """End the connection."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _acknowledged(self, made: list[tuple[str, Event, dict[str, int]]]) -> None:
        records = [(TENANTS.index(tenant), encode(event)) for tenant, event, _ in made]
        again = [record for record in records if self._random.random() < 0.05]
        await self._produce([*records, *again])
        for tenant, _, adds in made:
            self.sums[tenant].update(adds)

    async def _produce(self, records: list[tuple[int, bytes]], *, keep: bool = True) -> None:
        """Until acknowledged: who tries again sends the same event, so nothing counts twice."""
        async with asyncio.timeout(60):
            while True:
                try:
                    await self._try(records)
                    break
                except (KafkaError, OSError):
                    await self.close()
                    await asyncio.sleep(0.1)
        if keep:
            self.journal.extend(records)

    async def _try(self, records: list[tuple[int, bytes]]) -> None:
        if self._producer is None:
            producer = make_producer(
                self._bootstrap, idempotent=self._idempotent, request_timeout_ms=3_000
            )
            await producer.start()
            self._producer = producer
        sent = [
            await self._producer.send(topics.EVENTS, value, partition=p) for p, value in records
        ]
        await asyncio.gather(*sent)

    def _event(self) -> tuple[str, Event, dict[str, int]]:
        self._made += 1
        tenant = self._random.choice(TENANTS)
        if self._random.random() < 0.2:
            return self._deal(tenant, self._random.randint(1, 90_000) * 100)
        kind = self._random.choice(("call", "visit", "demo"))
        fields: dict[str, Scalar] = {"type": kind, "owner": self._random.choice(REPS)}
        return tenant, self._patched(tenant, "activity", fields), {f"act:{kind}": 1}

    def _deal(self, tenant: str, cents: int) -> tuple[str, Event, dict[str, int]]:
        fields: dict[str, Scalar] = {
            "stage": "signed",
            "amount": f"{cents // 100}.00",
            "owner": self._random.choice(REPS),
        }
        adds = {"created": 1, "won_n": 1, "won:USD": cents}
        return tenant, self._patched(tenant, "deal", fields), adds

    def _patched(self, tenant: str, kind: str, fields: dict[str, Scalar]) -> Event:
        now = time.time_ns() // 1_000_000
        patch = EntityPatch(
            entity="deal" if kind == "deal" else "activity",
            id=str(self._made),
            op="create",
            occurred_at=now - 1_000,
            received_at=now,
            fields=fields,
        )
        return Event(
            id=f"evt-{self._made}",
            source="/v1/webhooks",
            type=PATCHED,
            tenant=tenant,
            data=patch,
            connection=CRM,
        )


class Site:
    """Servers, workers and the CRM. ``async with`` it: topics, schema and activations are there."""

    def __init__(self, folder: Path, broker: Tansu | ApacheKafka, redis: RedisServer) -> None:
        self.folder = folder
        self.broker = broker
        self.redis = redis
        self.workers: list[Program] = []
        self.guests: list[BaseProcess] = []
        self.crm = Crm(broker.bootstrap, idempotent=isinstance(broker, ApacheKafka))
        self._client: Redis = make_client(redis.url)
        self._names = self._numbers()

    async def __aenter__(self) -> Self:
        """Make the log and the schema; nobody works yet."""
        await self.new_log()
        await upgrade(self._settings["sql"])
        await self.crm.activate()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what still works."""
        for worker in self.workers:
            worker.kill()
        for visitor in self.guests:
            visitor.kill()
        await self.crm.close()
        await self._client.aclose()

    async def new_log(self) -> str:
        """Make the topics, as whoever starts first does."""
        bootstrap = self.broker.bootstrap
        return await ensure_topics(bootstrap, partitions=PARTITIONS, replication=1)

    def start(self, module: str = "services.aggregator.main", **more: str) -> Program:
        """One more process, with more settings than all have."""
        folder = self.folder / f"{module.split('.')[1]}-{next(self._names)}"
        settings = self._settings | {"data_dir": str(folder)} | more
        program = Program(module, folder, settings)
        program.spawn()
        self.workers.append(program)
        return program

    def guest(self) -> BaseProcess:
        """A worker that joins within moments."""
        folder = self.folder / f"guest-{next(self._names)}"
        folder.mkdir()
        process = guest(self._settings | {"data_dir": str(folder)}, folder / "aggregator.log")
        self.guests.append(process)
        return process

    async def owned(self, within: float = 40) -> None:
        """Wait until every partition has an owner that takes new events."""
        await self.crm.send(len(TENANTS) * 10)
        await self.exact(within)

    async def exact(self, within: float = 150) -> None:
        """Wait until the numbers are those of what was acknowledged, no more and no less.

        A request that a killed broker took with it is waited for by a consumer for 30 s, and more
        than one may be: how long it takes is not what is asked here.
        """
        deadline = time.monotonic() + within
        held = await self._held()
        while held != self.crm.sums and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            held = await self._held()
        assert held == self.crm.sums, self._apart(held)

    async def stays_exact(self) -> None:
        """Nothing comes after: what is under way is waited for by one more event everywhere."""
        await self.owned()
        await self.exact()

    async def counted(self, least: int, within: float = 40) -> None:
        """Wait until so many calls, visits, demos and deals are in the numbers."""
        await eventually(lambda: self._count(least), within, f"{least} events in the numbers")

    async def count(self) -> int:
        """How many calls, visits, demos and deals are in the numbers."""
        held = await self._held()
        events = (
            amount
            for sums in held.values()
            for measure, amount in sums.items()
            if measure.startswith("act:") or measure == "created"
        )
        return sum(events)

    async def verified(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of `paceline verify --json`, as anybody may type it."""
        told = {f"PACELINE_{name.upper()}": value for name, value in self._settings.items()}
        program = "from paceline.cli import main; main()"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, "verify", "--json", *arguments),
            env=os.environ | told,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    async def damage(self, p: int) -> str:
        """Somebody gives a rep a call more by hand; the hash that it is in."""
        pattern = keys.owner_panes(p, TENANTS[p], 1, f"{CRM}/ana") + ":M:*"
        name = (await names(self._client, pattern))[0]
        fields: list[bytes] = list(map(bytes, await self._client.hkeys(name)))  # type: ignore[arg-type]
        field = next(one.decode() for one in fields if one.startswith(b"act:call"))
        await self._client.hincrby(name, field, 1)
        return name

    async def claims(self) -> list[str]:
        """The epoch of each partition; ``""`` where there is none."""
        found = [
            await self._client.hget(keys.partition_meta(p), keys.EPOCH) for p in range(PARTITIONS)
        ]
        return [str(epoch or "") for epoch in found]

    def restart_broker(self) -> None:
        """SIGKILL; the embedded one forgets everything by it."""
        assert isinstance(self.broker, Tansu)
        self.broker.restart()

    async def in_step(self, replica: RedisServer) -> None:
        """Wait until a replica has all that the master has."""

        async def same() -> bool:
            info = await self._client.info("replication")
            peer = dict(info.get("slave0") or {})
            return peer.get("state") == "online" and peer["offset"] >= info["master_repl_offset"]

        await eventually(same, 20, f"the replica in {replica.folder.name}")

    async def empty(self) -> None:
        """Somebody typed FLUSHALL."""
        await self._client.flushall()

    async def _count(self, least: int) -> bool:
        return await self.count() >= least

    def _apart(self, held: dict[str, Counter[str]]) -> str:
        """By tenant: measure, held, sent; and what the workers said last."""
        nothing = Counter[str]()
        lines = [
            f"{tenant} {measure}: {held.get(tenant, nothing)[measure]} held, {amount} sent"
            for tenant, sums in self.crm.sums.items()
            for measure, amount in sums.items()
            if held.get(tenant, nothing)[measure] != amount
        ]
        for worker in self.workers:
            said = (worker.folder / f"{worker.name}.log").read_text(errors="replace")
            lines += [f"--- {worker.folder.name}", *said.splitlines()[-25:]]
        return "\n".join(lines)

    async def _held(self) -> dict[str, Counter[str]]:
        held = {tenant: Counter[str]() for tenant in TENANTS}
        try:
            for p, tenant in enumerate(TENANTS):
                held[tenant] = await self._sums(p, tenant)
        except (RedisError, OSError):
            return {}
        return held

    async def _sums(self, p: int, tenant: str) -> Counter[str]:
        sums: Counter[str] = Counter()
        for (_, measure, _), amount in (await stored(self._client, p, tenant, 1)).months.items():
            if measure.startswith(("act:", "won")) or measure == "created":
                sums[measure] += amount
        return sums

    def _numbers(self) -> Iterator[int]:
        yield from range(1, 1_000)

    @property
    def sql(self) -> str:
        """The URL of the database."""
        return self._settings["sql"]

    @property
    def _settings(self) -> dict[str, str]:
        apache = isinstance(self.broker, ApacheKafka)
        return {
            "kafka": self.broker.bootstrap,
            "redis": self.redis.url,
            "sql": f"sqlite+aiosqlite:///{self.folder / 'paceline.db'}",
            "partitions": str(PARTITIONS),
            "replication": "1",
            "session_timeout_s": str(SESSION_S),
            "idempotent_producer": str(apache),
        }


async def eventually(condition: Callable[[], Awaitable[bool]], within: float, what: str) -> None:
    """Wait for a condition; fails with what did not come."""
    deadline = time.monotonic() + within
    while not await condition():
        assert time.monotonic() < deadline, f"waited {within:g} s for {what}"
        await asyncio.sleep(0.1)
