"""The durable path as a machine: whatever happens in whatever order, no promise is broken.

The journal is the real one, on a real disk. The log is a double in memory whose every step can
fail, before or after it took what it was given; it may lose everything and begin anew, and what it
held may be archived. A process may end in order, or be killed while it writes.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas import topics
from services.ingest.journal import Journal
from services.ingest.log import Log, LogAway
from services.ingest.publisher import Mode, Publisher
from services.ingest.records import NotDurable, Record, frame
from tests.ingest.doubles import PARTITIONS, FailingDisk, MemoryLog

FAILURES = st.sampled_from(["", "", "", "before", "half", "after"])
MANY_STEPS = 1000


class DurablePath(RuleBasedStateMachine):
    """One ingest over its restarts, one journal folder, one log over its rebirths."""

    mode: Mode = "always"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-machine-"))
        self.log, self.disk = MemoryLog(), FailingDisk()
        self.numbers = itertools.count()
        self.promised: list[list[bytes]] = [[] for _ in range(PARTITIONS)]

    @initialize()
    def begin(self) -> None:
        """The first process."""
        self.journal = Journal(self.folder, max_bytes=1 << 20, segment_bytes=60, disk=self.disk)
        log = cast("Log", self.log)
        self.publisher = Publisher(log, self.journal, self.mode, self.log, period_s=0.001)

    @rule(
        sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3),
        failure=FAILURES,
        disk_fails_in=st.sampled_from([None, None, None, 0, 1]),
    )
    def publish(self, sizes: list[int], failure: str, disk_fails_in: int | None) -> None:
        """Some requests at once, each with a few records."""
        self.disk.fails_in = disk_fails_in
        requests = [[self._deal() for _ in range(size)] for size in sizes]
        self.log.failure = failure
        self.loop.run_until_complete(self._publish(requests))
        self.log.failure = ""

    def _deal(self) -> Record:
        n = next(self.numbers)
        return Record(topics.EVENTS, n % PARTITIONS, b"acme", f"deal {n}".encode())

    async def _publish(self, requests: list[list[Record]]) -> None:
        publishing = (self.publisher.publish(records) for records in requests)
        answers = await asyncio.gather(*publishing, return_exceptions=True)
        for records, answer in zip(requests, answers, strict=True):
            if answer is None:
                for record in records:
                    self.promised[record.partition].append(record.value)
            else:
                assert isinstance(answer, NotDurable), answer

    @rule(failure=FAILURES)
    def produce(self, failure: str) -> None:
        """The pump goes on by one chunk."""
        self.log.failure = failure
        self.loop.run_until_complete(self.publisher._step())
        self.log.failure = ""

    @rule(failure=FAILURES)
    def watch(self, failure: str) -> None:
        """The publisher looks which log it is, seals and lets go."""
        self.log.failure = failure
        self.loop.run_until_complete(self._watch())
        self.log.failure = ""

    async def _watch(self) -> None:
        try:
            await self.publisher._identify()
            await self.publisher._release()
        except LogAway as e:
            self.publisher._lost(e)

    @rule(archived=st.booleans())
    def calm(self, *, archived: bool) -> None:
        """Time enough for all that is to be done."""
        self._settle()
        if archived:
            self.log.archive()
        self.loop.run_until_complete(self._watch())

    @rule()
    def seal(self) -> None:
        """At any time."""
        self.loop.run_until_complete(self.journal.seal())

    @rule()
    def archive(self) -> None:
        """The ledger and the aggregator have caught up."""
        self.log.archive()

    @rule()
    def restart(self) -> None:
        """In order."""
        self.loop.run_until_complete(self.journal.close())
        self.begin()

    @rule(torn=st.integers(0, 60), kept=st.booleans())
    def crash(self, torn: int, *, kept: bool) -> None:
        """SIGKILL while a group is written: a piece of it is on disk, promised to nobody."""
        current = self.journal.current
        self.journal._thread.shutdown()
        os.close(self.journal._lock)
        if current is not None and kept:
            piece = frame([self._deal(), self._deal()])[:torn]
            with self.journal.segments[-1].path.open("ab") as file:
                file.write(piece)
        self.begin()

    @invariant()
    def nothing_is_damaged(self) -> None:
        """What this process wrote it can read."""
        assert not hasattr(self, "publisher") or self.publisher.damaged is None

    def _settle(self) -> None:
        """Everything works again: the log gets what is still to come, and the journal lets go."""
        self.disk.fails_in = None
        for _ in range(3):
            self.loop.run_until_complete(self._watch())
            steps = itertools.count()
            while not self.publisher._drained:
                assert next(steps) < MANY_STEPS, "it never gets to the end"
                self.loop.run_until_complete(self.publisher._step())

    def teardown(self) -> None:
        """The law: every promise is in the log or archived, and in its order."""
        try:
            if hasattr(self, "publisher"):
                self._settle()
                self._check_promises()
                self.log.archive()
                for _ in range(2):
                    self.loop.run_until_complete(self._watch())
                assert self.journal.segments == ()
                self.loop.run_until_complete(self.journal.close())
        finally:
            self.loop.close()
            shutil.rmtree(self.folder)

    def _check_promises(self) -> None:
        for partition, promised in enumerate(self.promised):
            log, archived = self.log.partitions[partition], self.log.archived[partition]
            assert set(promised) <= {*log, *archived}
            first = [value for value in dict.fromkeys(log) if value in set(promised)]
            assert first == sorted(first, key=_number)


def _number(value: bytes) -> int:
    return int(value.split()[1])


class Fallback(DurablePath):
    """Kafka, which never begins anew by itself."""

    mode: Mode = "fallback"


class Always(DurablePath):
    """The broker is memory, and may be born again at any time."""

    @rule()
    def reborn(self) -> None:
        """It was killed and started again."""
        self.log.reborn()


_RUNS = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAlways = Always.TestCase
TestAlways.settings = _RUNS
TestFallback = Fallback.TestCase
TestFallback.settings = _RUNS
