"""What is made durable: records bound for the log, and how they are framed on disk.

In: records. Out: bytes, and records again. Guarantee: whatever a crash or a disk leaves of a
file, reading yields a prefix of what was written, and nothing that was not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final
from zlib import crc32

import msgspec

from schemas import topics

_HEAD: Final = struct.Struct("<II")
_BODY: Final = struct.Struct("<BHH")
_TOPICS: Final = (topics.EVENTS, topics.DEAD)
MAX_RECORD: Final = 8 << 20


class Record(msgspec.Struct, frozen=True):
    """One record bound for a partition of the log."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class NotDurable(Exception):
    """Nothing of the request is promised; whoever sent it shall try again in ``retry_after_s``."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


def frame(records: Sequence[Record]) -> bytes:
    """Records as bytes: length, CRC-32 and body of each."""
    return b"".join(_frame_one(record) for record in records)


def _frame_one(record: Record) -> bytes:
    head = _BODY.pack(_TOPICS.index(record.topic), record.partition, len(record.key))
    body = head + record.key + record.value
    return _HEAD.pack(len(body), crc32(body)) + body


def unframe(raw: bytes, start: int = 0) -> Iterator[tuple[Record, int]]:
    """The whole records from ``start`` on, each with the position after it, up to a torn one."""
    view = memoryview(raw)
    at = start
    while at + _HEAD.size <= len(view):
        length, checksum = _HEAD.unpack_from(view, at)
        body = view[at + _HEAD.size : at + _HEAD.size + length]
        if not _BODY.size <= length <= MAX_RECORD or len(body) < length or crc32(body) != checksum:
            return
        at += _HEAD.size + length
        yield _record(body), at


def count(raw: bytes) -> int:
    """How many records there are, by their lengths alone."""
    at = found = 0
    while at + _HEAD.size <= len(raw):
        at += _HEAD.size + int(_HEAD.unpack_from(raw, at)[0])
        found += at <= len(raw)
    return found


def _record(body: memoryview) -> Record:
    topic, partition, key_length = _BODY.unpack_from(body)
    key_end = _BODY.size + key_length
    return Record(
        _TOPICS[topic], partition, bytes(body[_BODY.size : key_end]), bytes(body[key_end:])
    )
