"""The batch transport: Faust's consumer, handing on one message per partition and fetch.

In: what aiokafka fetched. Out: Faust messages whose value is a ``Batch``. Guarantee: a batch's
``start`` is the position that the fetch began from, holes included, taken in the consumer's thread
together with the records, so that no seek can come between them.

Faust 0.15.3, read in its source: its path per event is slow; its gap bookkeeping can commit past a
message in flight; a message built without ``tp`` and ``generation_id`` is dropped without a word;
a bare ``seek`` from the main thread races with the fetcher, ``seek_wait`` does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, ClassVar, cast

import faust
from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faust.serializers import codecs
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage, Message

from services.aggregator.batch import Batch

Seeks = Callable[[set[TP]], Awaitable[Mapping[TP, int]]]
"""Asked at every (re)assignment and after a stop of the flow: where to read each partition from."""

_OUT_OF_RANGE_PAUSE_S = 0.2


class PassThrough(codecs.Codec):
    """The value is a batch already."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the Kafka client; chains each fetch to the one before."""

    def __post_init__(self) -> None:
        """Start without any position: the first is set by a seek."""
        super().__post_init__()
        self.chain: dict[TP, int] = {}
        self.unreadable: set[TP] = set()

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:
        consumer = super()._create_consumer(loop)
        # Faust has 1.5 s in its source, and the embedded broker looks for new records only about
        # twice in the time that a fetch may wait.
        transport: Any = self.transport
        consumer._fetch_max_wait_ms = transport.fetch_wait_ms  # noqa: SLF001 - read when it starts
        return consumer

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        try:
            fetched = await super()._fetch_records(*args, **kwargs)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            # The log no longer has the position; the worker's watch asks the archive.
            self.unreadable.update(_partitions_of(error))
            await asyncio.sleep(_OUT_OF_RANGE_PAUSE_S)
            return {}
        # No await up to here since the records were taken: their position is still the chain's.
        return {TP(*tp): [self._batch(TP(*tp), records)] for tp, records in fetched.items()}

    def _batch(self, tp: TP, records: list[Any]) -> Batch:
        start = self.chain.get(tp, records[0].offset)
        end = records[-1].offset + 1
        self.chain[tp] = end
        return Batch(start, end, records)

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        self.chain.update(partitions)
        self.unreadable.difference_update(partitions)
        await super()._seek_wait(consumer, partitions)

    async def still_member(self, tp: TP, offset: int) -> bool:
        """Whether the group's coordinator accepts our generation: it takes a commit of ours."""
        return bool(await self.call_thread(self._try_commit, tp, offset))

    async def _try_commit(self, tp: TP, offset: int) -> bool:
        try:
            await self._ensure_consumer().commit(
                {driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "")}
            )
        except (CommitFailedError, IllegalStateError, KafkaError):
            return False
        return True


def _partitions_of(error: KafkaError) -> list[TP]:
    """Offset out of range names several (partition -> offset), no offset a single one."""
    named = error.args[0] if error.args else ()
    if isinstance(named, TopicPartition):
        return [TP(*named)]
    return [TP(*tp) for tp in named] if isinstance(named, Mapping) else []


class _NoOffsets(dict[TP, Any]):
    """Faust's own read offsets, switched off: the batches' positions and the fence decide."""

    def __getitem__(self, _key: TP) -> None:
        return None

    def __setitem__(self, _key: TP, _value: Any) -> None:
        """Forget it."""

    def update(self, *_args: Any, **_kwargs: Any) -> None:
        """Forget it."""


class BatchConsumer(driver.Consumer):
    """Faust's consumer with batches, claims instead of committed offsets, and no gaps."""

    _thread: BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As Faust's."""
        super().__init__(*args, **kwargs)
        self._read_offset: MutableMapping[TP, int | None] = _NoOffsets()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(  # Faust names it so
        self,
        timeout: float,  # noqa: ASYNC109
    ) -> AsyncIterator[tuple[TP, Message]]:
        """One message per partition and fetch."""
        fetched, _ = await self._wait_next_records(timeout)
        if fetched is None or self.should_stop or not self.flow_active:
            # What was fetched is left out; the next batch of it shows a gap, and is sought again.
            return
        generation = self.app.consumer_generation_id
        for tp, batches in fetched.items():
            for batch in batches:
                yield tp, self._message(tp, batch, generation)

    def _message(self, tp: TP, batch: Batch, generation: int) -> ConsumerMessage:
        last: Any = batch.records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            (last.timestamp or 0) / 1000.0,
            last.timestamp_type,
            last.headers,
            None,
            cast("bytes", batch),  # the pass-through codec hands it on as it is
            last.checksum,
            0,
            0,
            tp,
            generation_id=generation,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Claim what is newly assigned, and read on from where the numbers are."""
        transport: Any = self.transport
        offsets = dict(await transport.seeks(self.assignment()))
        if offsets:
            await self.seek_wait(offsets)
        return offsets

    async def still_member(self, tp: TP, offset: int) -> bool:
        """See ``BatchConsumerThread.still_member``."""
        return await self._thread.still_member(tp, offset)

    def unreadable(self) -> set[TP]:
        """Partitions whose position is not in the log; cleared by the next seek."""
        return set(self._thread.unreadable)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Batches are contiguous by construction."""

    def _new_offset(self, tp: TP) -> int | None:
        """The end of the last batch done: acks come in order, one agent at a time."""
        acked = self._acked[tp]
        if not acked:
            return None
        offset = max(acked) + 1
        self._acked_index[tp].difference_update(acked)
        acked.clear()
        return offset

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Lag is a metric of ours; a quiet partition is no defect."""


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with the batch consumer."""

    Consumer: ClassVar[type[BatchConsumer]] = BatchConsumer

    def __init__(self, app: faust.App, seeks: Seeks, *, fetch_wait_ms: int) -> None:
        """``fetch_wait_ms``: how long a broker may hold a fetch that has nothing new."""
        super().__init__(app.conf.broker_consumer, app)
        self.seeks = seeks
        self.fetch_wait_ms = fetch_wait_ms
