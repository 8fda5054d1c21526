"""One owned partition: from batches of the log to numbers in Redis, each event once.

In: batches. Out: where to read on, if not right after the batch. Guarantee: the position moves only
by the fence's OK; storage that is away is waited for, nothing is dropped; a record that cannot be
used becomes a dead letter and does not stop the partition.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn, Protocol, TypeVar

import structlog
from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import MovedError as MovedElsewhereError

from kpi.fold import Fold, refs_of
from paceline import metrics
from schemas import keys, topics
from schemas.dead import DeadLetter
from schemas.envelope import Activate, Discard, Event, Evict, Look, Release, Tick
from schemas.facts import FactBatch
from services.aggregator.activation import obey
from services.aggregator.batch import Batch, Decoded, Run, runs_of
from services.aggregator.blob import Blob, blob_of, now_ms
from services.aggregator.eviction import evict
from services.aggregator.fence import Answer, Claim, Fence, Place, Position
from services.aggregator.owned import Archive, FencedError, MovedError, Owned
from services.aggregator.store import ElsewhereError, Store

log = structlog.get_logger()

RETRY_FIRST_S, RETRY_MOST_S = 0.05, 2.0
SCRIPT_S = 0.004
SMALLEST_RUN = 100
"""Below so many events the round trip would cost more than it spares."""
SEEK_AGAIN_S = 5.0
BACKFILL_VERSIONS = 1 << 52

_PASSING = ("BUSY", "NOREPLICAS", "MISCONF", "UNKILLABLE")
_PASSING_TYPES = (
    *(OutOfMemoryError, ReadOnlyError, NoPermissionError),
    *(ClusterDownError, TryAgainError, MovedElsewhereError, AskError),
)
"""Errors by which a Redis says: not now. Any other is its verdict on the command."""

T = TypeVar("T")


class Lookout(Protocol):
    """Who holds the numbers against the rules of alerts, for the owner of a partition."""

    async def look(self, p: int, at: int, place: Place) -> Blob:
        """All that the look changes; nothing where nothing can be decided now."""


class LostError(Exception):
    """Redis's position is not in the log any more: the archive must fill in."""


class RebornError(Exception):
    """Redis follows another incarnation of the log."""


_REFUSALS = {
    Answer.FENCED: FencedError,
    Answer.GAP: MovedError,
    Answer.STALE: MovedError,
    Answer.LOST: LostError,
    Answer.REBORN: RebornError,
}


@dataclass(slots=True)
class Partition:
    """The owner's side of one partition."""

    number: int
    fence: Fence
    store: Store
    archive: Archive
    incarnation: str
    batch_events: int = 500
    epoch: str = ""
    position: int = 0
    log_start: int = 0
    heard_at: int = 0
    """Receipt (ms UTC) of the latest event that is in the numbers."""
    topic: str = topics.EVENTS
    """The lane of the log that it is the position of."""
    beside: Partition | None = None
    """The other lane of the same claim; it shares the store, and the worker's lock."""
    unset: str = ""
    """How Redis writes a position of nothing: a field that is not there, or 0."""
    lookout: Lookout | None = None
    """None: alerts are not this process's."""
    given_up: bool = False
    """The worker wants it back: work that waits ends with ``FencedError``."""
    _sought: tuple[int, float] = field(default=(-1, 0.0))
    _script_s: float = 0.0
    """Seconds of script per event, as of late."""

    async def take(self, incarnation: str, *, adopt: bool) -> Claim:
        """Claim the partition and start from what Redis holds."""
        self.store.drop()
        claim = await self._patiently(
            lambda: self.fence.claim(self.number, incarnation, self.topic, now_ms(), adopt=adopt)
        )
        self.incarnation, self.epoch, self.position = incarnation, claim.epoch, claim.position
        self._sought = (-1, 0.0)
        if self.beside is not None:
            self.beside.incarnation, self.beside.epoch = incarnation, claim.epoch
            await self._patiently(self.beside.look)
        return claim

    def with_backfill(self) -> Partition:
        """This partition with its slow lane, which counts through the same claim and store."""
        lane = Partition(
            self.number, self.fence, self.store, self.archive, self.incarnation, self.batch_events
        )
        lane.topic, lane.beside, self.beside = topics.BACKFILL, self, lane
        return self

    async def look(self) -> None:
        """Take the position from Redis, that a lane stands at now."""
        found = await self.store.position(self.topic)
        self.position, self.unset = int(found or 0), found or ""

    def owned(self) -> Owned:
        """The doors that work on this partition needs."""
        return Owned(
            self.number,
            self.epoch,
            self.fence,
            self.store,
            self.archive,
        )

    async def process(self, batch: Batch) -> int | None:
        """Fold a batch in. Returns the offset to seek to, None to read on.

        Raises:
            FencedError: the partition belongs to somebody else.
            LostError: the archive must be asked.
            RebornError: Redis follows another log.
        """
        if batch.end <= self.position:
            return None
        if batch.start > self.position:
            return self._seek_back()
        while batch.start <= self.position < batch.end:
            try:
                for run in runs_of(batch.after(self.position), self._most()):
                    await self._run(run)
            except MovedError:
                continue  # cut at the position that Redis holds, and compute again
        return self._seek_back() if self.position < batch.start else None

    def _most(self) -> int:
        """How many events one script may take, so that other clients of Redis wait no longer."""
        fitting = round(SCRIPT_S / self._script_s) if self._script_s else self.batch_events
        return min(self.batch_events, max(SMALLEST_RUN, fitting))

    def _seek_back(self) -> int | None:
        """The position, once; batches that were in flight meanwhile are dropped without another."""
        now = asyncio.get_running_loop().time()
        sought, at = self._sought
        if sought == self.position and now - at < SEEK_AGAIN_S:
            return None
        self._sought = (self.position, now)
        return self.position

    async def _run(self, run: Run) -> None:
        control = run.control
        if control is not None:
            metrics.AGGREGATED_EVENTS.labels("control").inc()
        if control is None:
            await self._patches(run)
        elif isinstance(control.data, Activate | Release | Discard):
            await self._patiently(lambda: self._obey(control, run))
        elif isinstance(control.data, Evict):
            await self._patiently(lambda: self._evict(control, run))
        elif isinstance(control.data, Look):
            await self._patiently(lambda: self._look(control, run))
        else:
            await self._patiently(lambda: self._tick(control, run))
        self._sought = (-1, 0.0)

    async def _patches(self, run: Run) -> None:
        try:
            await self._patiently(lambda: self._apply(run))
        except (FencedError, MovedError, LostError, RebornError):
            raise
        except ElsewhereError as read:
            self._moved(read.args[0])
        except Exception as error:  # noqa: BLE001 - poison must not stop a partition
            self.store.drop()
            self.store.dated.clear()  # it may name hashes that were never written
            if len(run.records) > 1:
                await self._one_by_one(run)
            else:
                await self._poison(run, repr(error))

    def _moved(self, held: Place) -> NoReturn:
        """What was read is of another state: folded onto it, the batch would be wrong anywhere."""
        self.store.drop()
        if held.incarnation != self.incarnation:
            raise FencedError
        self.position = held.position
        raise MovedError

    async def _one_by_one(self, run: Run) -> None:
        start = run.start
        for i, record in enumerate(run.records):
            end = run.end if i == len(run.records) - 1 else record.offset + 1
            await self._patches(Run(start, end, [record]))
            start = end

    async def _apply(self, run: Run) -> None:
        events = [(r.offset, r.event) for r in run.records if r.event is not None]
        at = Place(self.incarnation, run.start)
        lane = self.topic
        tenants = await self.store.tenants({event.tenant for _, event in events})
        entities = await self.store.entities(refs_of(events), tenants, at, lane)
        evicted = None if lane == topics.BACKFILL else await self.store.evicted()
        fold = Fold(tenants, entities, evicted)
        missing = fold.missing()
        if missing:
            fold.entities.update(await self.store.entities(missing, tenants, at, lane))
        with metrics.COMPUTE_SECONDS.time():
            fold.apply_all(events)
        self._mark_versions(fold)
        fold.dead.extend(self._undecodable(r) for r in run.records if r.event is None)
        late = lane == topics.BACKFILL
        dated = self.store.dated
        blob = blob_of(fold, self.number, self.incarnation, now_ms(), dated=dated, late=late)
        await self._write(run, blob)
        self.store.keep((ref, fold.entities[ref]) for ref in fold.last)
        self.heard_at = max([self.heard_at, *(c.last_seen() for c in fold.changes.values())])
        _measure(run, fold)

    def _mark_versions(self, fold: Fold) -> None:
        """Versions of the slow lane lie apart: the offsets of two lanes must not be taken for one.

        A reader only asks whether a version still stands.
        """
        if self.topic == topics.BACKFILL:
            for changes in fold.changes.values():
                for owner, offset in changes.versions.items():
                    changes.versions[owner] = BACKFILL_VERSIONS + offset

    async def _write(self, run: Run, blob: Blob) -> None:
        position = Position(
            self.epoch, self.incarnation, self.topic, run.start, run.end, self.log_start
        )
        if self.beside is not None:
            # What the other lane counted may be in the entities that this batch was folded onto.
            other = self.beside
            expected = str(other.position) if other.position else other.unset
            meta, field_ = keys.partition_meta(self.number), keys.next_offset(other.topic)
            blob.generations.append((meta, expected, field_))
        if blob.told:
            blob.tell(self._of(run))
        encoded = blob.encode()
        began = time.perf_counter()
        answer, held = await self.fence.apply(self.number, position, encoded)
        self._timed(time.perf_counter() - began, len(run.records))
        metrics.APPLY.labels(answer.value).inc()
        if answer is Answer.OK:
            self.position = run.end
            return
        self.store.drop()
        if answer in (Answer.GAP, Answer.STALE):
            self.position = held
            if self.beside is not None:
                await self.beside.look()
        log.warning("fence", answer=answer.value, partition=self.number, start=run.start, held=held)
        raise _REFUSALS[answer]

    def _of(self, run: Run) -> FactBatch:
        return FactBatch(
            incarnation=self.incarnation,
            topic=self.topic,
            partition=self.number,
            start=run.start,
            end=run.end,
            beside=self.beside.position if self.beside else 0,
            tenants=[],
        )

    def _timed(self, seconds: float, events: int) -> None:
        metrics.SCRIPT_SECONDS.observe(seconds)
        if events >= SMALLEST_RUN:
            # A moving mean: one slow moment must not halve the next run.
            before = self._script_s or seconds / events
            self._script_s = 0.8 * before + 0.2 * seconds / events

    async def _tick(self, control: Event, run: Run) -> None:
        assert isinstance(control.data, Tick)  # noqa: S101 - the only kind left
        blob = Blob(self.number)
        blob.clock(control.data.at)
        blob.tell(self._of(run))  # once a minute: where messages of facts went missing, it shows
        await self._write(run, blob)

    async def _look(self, control: Event, run: Run) -> None:
        assert isinstance(control.data, Look)  # noqa: S101 - asked for by its kind
        blob = Blob(self.number)
        if self.lookout is not None:
            place = Place(self.incarnation, run.start)
            blob = await self.lookout.look(self.number, control.data.at, place)
        await self._write(run, blob)

    async def _obey(self, control: Event, run: Run) -> None:
        await self._write(run, await obey(self.owned(), control))
        self.store.drop()

    async def _evict(self, control: Event, run: Run) -> None:
        assert isinstance(control.data, Evict)  # noqa: S101 - asked for by its kind
        owned = self.owned()
        if self.position:
            meta, field_ = keys.partition_meta(self.number), keys.next_offset(self.topic)
            owned = owned._replace(expected=(meta, field_, str(self.position)))
        try:
            blob = await evict(owned, control.data.at)
        except MovedError:
            self.store.drop()
            await self.look()
            raise
        await self._write(run, blob)
        self.store.drop()

    async def stand(self, blob: Blob) -> None:
        """Write what is no record's doing, where the numbers stand; the worker's lock is held.

        Raises:
            FencedError: the partition belongs to somebody else.
            MovedError: Redis is elsewhere, or not what the blob asks for.
            LostError, RebornError: as ``process``.
        """
        await self._write(Run(self.position, self.position, []), blob)
        self.store.drop()

    async def _poison(self, run: Run, error: str) -> None:
        log.error("poison", partition=self.number, offset=run.start, error=error)
        fold = Fold({}, {})
        fold.dead.extend(self._letter(record, "poison", error) for record in run.records)
        await self._patiently(
            lambda: self._write(run, blob_of(fold, self.number, self.incarnation, now_ms()))
        )
        _measure(run, fold)

    def _undecodable(self, record: Decoded) -> DeadLetter:
        return self._letter(record, "undecodable", record.error)

    def _letter(self, record: Decoded, reason: str, detail: str) -> DeadLetter:
        event = record.event
        return DeadLetter(
            id=f"aggregate:{self.incarnation}:{self._lane}{self.number}:{record.offset}",
            stage="aggregate",
            tenant=event.tenant if event else "",
            connection=event.connection if event else "",
            reason=reason,
            detail=detail,
            at=now_ms(),
            payload=record.raw,
        )

    @property
    def _lane(self) -> str:
        return "" if self.topic == topics.EVENTS else "backfill:"

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until the store answers: an outage pauses the partition and drops nothing."""
        pause = RETRY_FIRST_S
        while True:
            try:
                return await attempt()
            except (RedisError, OSError, TimeoutError) as error:
                if not passing(error):
                    raise
                log.warning("store is away", partition=self.number, error=repr(error))
                self.store.drop()
            if self.given_up or (self._lane and self.beside and self.beside.given_up):
                raise FencedError
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_MOST_S)


def passing(error: BaseException) -> bool:
    """Whether waiting may help: anything but the store's verdict on this very command."""
    if not isinstance(error, ResponseError):
        return True
    # Where the client knows an error's code it takes it off the text.
    return isinstance(error, _PASSING_TYPES) or str(error).startswith(_PASSING)


def _measure(run: Run, fold: Fold) -> None:
    metrics.BATCH_EVENTS.observe(len(run.records))
    metrics.AGGREGATED_EVENTS.labels("patch").inc(len(run.records))
    for letter in fold.dead:
        metrics.DEAD_LETTERS.labels("aggregate", letter.reason).inc()
