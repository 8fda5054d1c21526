"""The durable path: once ``publish`` returns, the records will be in the log, whatever happens.

In: all records of one request. Out: nothing, or ``NotDurable``. Guarantee, by mode:

- fallback: acknowledged by all in-sync replicas; when Kafka does not answer within two seconds, on
  disk, and produced in order when it is back. Until that is done, what comes goes behind it.
- always (the broker is memory): on disk before anything else, produced right after; kept until
  archived and applied, and produced again, in order, whenever the log begins anew.

What cannot be read back from disk is never passed over: producing stops there and says so, and
nothing more is promised that would have to go by way of the disk.

Producing twice is harmless (event ids), so everything doubtful is produced again. The embedded
broker takes records before it has their topic, so what was on its way when it was born again may
come twice on the new log: first, and again in its place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Final, Literal, Protocol

import msgspec

from paceline import logs, metrics
from schemas import topics
from services.ingest.journal import FULL_RETRY_S, Journal, JournalDamaged, Segment
from services.ingest.log import Log, LogAway
from services.ingest.records import NotDurable, Record

Mode = Literal["always", "fallback"]
_CHUNK_BYTES: Final = 256 << 10
_log = logs.get_logger(__name__)


class Confirmations(Protocol):
    """Who else has the records by now."""

    async def next_offsets(self, incarnation: str, partitions: Collection[int]) -> dict[int, int]:
        """By partition of ``crm.events``: below it everything is archived and applied."""
        ...

    async def letters(self, ids: Collection[str]) -> set[str]:
        """Which of these dead letters are stored."""
        ...


class Placed(msgspec.Struct):
    """Where a segment's records are in the present log."""

    ends: dict[int, int] = {}
    """By partition of ``crm.events``: the offset after the last one."""
    letters: set[str] = set()
    at: float = 0.0
    """When the last acknowledgement came, by the monotonic clock."""


class _LetterId(msgspec.Struct):
    id: str


class Publisher:
    """Start it with ``run`` as a task; ``publish`` may be called before the log is there."""

    def __init__(
        self,
        log: Log,
        journal: Journal,
        mode: Mode,
        confirmations: Confirmations | None = None,
        period_s: float = 1.0,
    ) -> None:
        self._log = log
        self._journal = journal
        self._mode = mode
        self._confirmations = confirmations
        self._period_s = period_s
        self.incarnation: str | None = None
        self._identified_at = 0.0
        self._up = False
        self._pass = 0
        self._cursor = (0, 0)
        self._placed: dict[int, Placed] = {}
        self._at_end = asyncio.Event()
        self.damaged: str | None = None
        """What of the journal cannot be read, until it can."""

    @property
    def up(self) -> bool:
        """Whether the log took what it was given last."""
        return self._up

    async def publish(self, records: list[Record]) -> None:
        """Return once all records are durable; ``NotDurable`` where that cannot be promised."""
        direct = self._mode == "fallback" and await self._caught_up()
        if not (direct and await self._accepted(records)):
            await self._keep(records)

    async def _caught_up(self) -> bool:
        """Whether the log has all that was promised earlier, so that this one comes behind it."""
        if self._up and not self._drained and self._behind < _CHUNK_BYTES:
            # Nearly: were this one to go to disk too, under load the end would never be reached.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._period_s):
                    await self._at_end.wait()
        return self._up and (self._drained or self.damaged is not None)

    async def _keep(self, records: list[Record]) -> None:
        if self.damaged is not None:
            raise NotDurable("the local journal is damaged: see ingest's log", FULL_RETRY_S)
        self._at_end.clear()
        await self._journal.append(records)

    async def publish_to_log(self, records: list[Record]) -> None:
        """As ``publish``, and nothing published later can overtake them within a partition."""
        if self._mode == "always":
            await self._keep(records)
        elif not (self._up and self._drained and await self._accepted(records)):
            raise NotDurable("Kafka is away", 1)

    async def _accepted(self, records: list[Record]) -> bool:
        start = time.perf_counter()
        try:
            await self._log.send(records)
        except LogAway as e:
            self._lost(e)
            return False
        metrics.PRODUCE_SECONDS.observe(time.perf_counter() - start)
        return True

    def _lost(self, why: Exception) -> None:
        if self._up:
            _log.warning("log_away", why=str(why))
        self._up = False
        self._at_end.set()

    async def run(self) -> None:
        """Identify the log, produce what the journal holds, and let go of it; until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._pump())

    async def _watch(self) -> None:
        while True:
            try:
                await self._identify()
                await self._release()
            except LogAway as e:
                self._lost(e)
            except Exception as e:  # noqa: BLE001 - SQL or Redis away: keep what we have, go on
                _log.warning("journal_kept", why=repr(e))
            await asyncio.sleep(self._period_s)

    async def _identify(self) -> None:
        asked_at = time.monotonic()
        found = await self._log.identify()
        if found != self.incarnation:
            _log.info("log_identified", incarnation=found, before=self.incarnation)
            self.incarnation = found
            self._rewind()
        self._identified_at = asked_at
        if not self._up and self._drained:
            self._up = True

    def _rewind(self) -> None:
        """Another log: all that is kept has to be produced on it."""
        self._pass += 1
        self._cursor = (0, 0)
        self._placed.clear()

    @property
    def _drained(self) -> bool:
        """Whether the log has all that the journal was ever given."""
        segments = self._journal.segments
        ended = not segments or self._cursor >= (segments[-1].number, segments[-1].size)
        return ended and self._journal.idle

    @property
    def _behind(self) -> int:
        """Bytes that are on disk and not in the log."""
        number, at = self._cursor
        waiting = [s for s in self._journal.segments if s.number >= number]
        return sum(s.size - (at if s.number == number else 0) for s in waiting)

    async def _pump(self) -> None:
        while True:
            if not await self._step():
                await asyncio.sleep(self._period_s / 2)

    async def _step(self) -> bool:
        """Produce what comes next, or wait for it; False where the log did not take it."""
        chunk = self._readable() if self.incarnation is not None else None
        if chunk is not None:
            return await self._produce(*chunk)
        if self._drained:
            self._at_end.set()
        await self._journal.wait_written(self._period_s)
        return True

    def _readable(self) -> tuple[Segment, list[tuple[Record, int]]] | None:
        try:
            chunk = self._next_chunk()
        except (JournalDamaged, OSError) as e:
            self.damaged = str(e)
            _log.error("journal_damaged", why=self.damaged, keep="the file, and look at the disk")
            return None
        self.damaged = None
        return chunk

    def _next_chunk(self) -> tuple[Segment, list[tuple[Record, int]]] | None:
        """What to produce next; ``JournalDamaged`` where it cannot be read."""
        number, at = self._cursor
        for segment in self._journal.segments:
            start = at if segment.number == number else 0
            if segment.number >= number and start < segment.size:
                return segment, self._journal.read(segment, start, _CHUNK_BYTES)
        return None

    async def _produce(self, segment: Segment, chunk: list[tuple[Record, int]]) -> bool:
        before = self._pass
        try:
            offsets = await self._log.send([record for record, _ in chunk])
        except LogAway as e:
            self._lost(e)
            return False
        if before == self._pass:
            self._note(segment, chunk, offsets)
        self._up = True
        return True

    def _note(self, segment: Segment, chunk: list[tuple[Record, int]], offsets: list[int]) -> None:
        placed = self._placed.setdefault(segment.number, Placed())
        for (record, _), offset in zip(chunk, offsets, strict=True):
            if record.topic == topics.EVENTS:
                end = placed.ends.get(record.partition, 0)
                placed.ends[record.partition] = max(end, offset + 1)
            elif self._mode == "always":
                placed.letters.add(msgspec.json.decode(record.value, type=_LetterId).id)
        placed.at = time.monotonic()
        self._cursor = (segment.number, chunk[-1][1])

    async def _release(self) -> None:
        if self._journal.current is not None and self._drained:
            await self._journal.seal()
        last = 0
        for segment in self._journal.segments:
            if not await self._let_go(segment):
                break
            last = segment.number
        if last:
            await self._journal.release(last)
            self._placed = {n: p for n, p in self._placed.items() if n > last}

    async def _let_go(self, segment: Segment) -> bool:
        if segment.number == self._journal.current or self._cursor < (segment.number, segment.size):
            return False
        placed = self._placed.get(segment.number)
        if placed is None:
            return False
        if self._mode == "fallback":
            return True
        # An acknowledgement counts for the log that was still the same after it.
        return placed.at < self._identified_at and await self._confirmed(placed)

    async def _confirmed(self, placed: Placed) -> bool:
        if self._confirmations is None or self.incarnation is None:
            return False
        if placed.ends:
            known = await self._confirmations.next_offsets(self.incarnation, placed.ends)
            if any(known.get(p, 0) < end for p, end in placed.ends.items()):
                return False
        return placed.letters <= await self._confirmations.letters(placed.letters)
