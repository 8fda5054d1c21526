"""A batch: the records of one partition and fetch, and how it is cut.

In: Kafka records. Out: a batch with the honest position it starts from, cut into runs that one
script call may take. Guarantee: the runs of a batch cover it without gap or overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from schemas.envelope import EntityPatch, Event, decode


class RecordLike(Protocol):
    """What a Kafka client hands out."""

    @property
    def offset(self) -> int:
        """Position in the partition."""

    @property
    def value(self) -> bytes | None:
        """The event, encoded."""


class Batch(NamedTuple):
    """Records from the fetch position ``start`` (holes of compaction included) up to ``end``."""

    start: int
    end: int
    records: Sequence[RecordLike]

    def after(self, offset: int) -> Batch:
        """The part of the batch from an offset on."""
        kept = [record for record in self.records if record.offset >= offset]
        return Batch(max(self.start, offset), self.end, kept)


class Decoded(NamedTuple):
    """A record; ``event`` is None where the value is no event."""

    offset: int
    raw: bytes
    event: Event | None
    error: str = ""


class Run(NamedTuple):
    """Records for one script call: patches (and poison) only, or one control record alone."""

    start: int
    end: int
    records: list[Decoded]

    @property
    def control(self) -> Event | None:
        """The control record, None for a run of patches."""
        event = self.records[0].event if self.records else None
        return None if event is None or isinstance(event.data, EntityPatch) else event


def runs_of(batch: Batch, most: int) -> Iterator[Run]:
    """Cut a batch at control records and at ``most`` records."""
    start = batch.start
    pending: list[Decoded] = []
    for record in batch.records:
        decoded = _decode(record)
        alone = decoded.event is not None and not isinstance(decoded.event.data, EntityPatch)
        if pending and (alone or len(pending) >= most):
            yield Run(start, pending[-1].offset + 1, pending)
            start, pending = pending[-1].offset + 1, []
        pending.append(decoded)
        if alone:
            yield Run(start, decoded.offset + 1, pending)
            start, pending = decoded.offset + 1, []
    if pending or start < batch.end:
        yield Run(start, batch.end, pending)


def _decode(record: RecordLike) -> Decoded:
    raw = bytes(record.value or b"")
    try:
        return Decoded(record.offset, raw, decode(raw))
    except ValueError as error:
        return Decoded(record.offset, raw, None, str(error))
