"""Parts of a tenant that are too large for memory together, in files without a name.

In: values, each for a part. Out: the values of one part, in the order in which they came.
Guarantee: a small part stays in memory; a large one is in an unnamed temporary file that the
operating system removes with the process, whatever becomes of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, Self
from zlib import crc32

import msgspec

IN_MEMORY = 16 << 20
_SIZE = struct.Struct("<I")


class Spool:
    """``parts`` lists that are written first and read afterwards; ``with`` it."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self._files = [SpooledTemporaryFile(IN_MEMORY) for _ in range(parts)]  # noqa: SIM115
        self._encode = msgspec.msgpack.Encoder().encode

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of disk and memory."""
        for file in self._files:
            file.close()

    def part_of(self, key: str) -> int:
        """The part of an entity key."""
        return crc32(key.encode()) % self.parts

    def put(self, part: int, value: tuple[Any, ...]) -> None:
        """Append a value: numbers, texts and bytes."""
        packed = self._encode(value)
        self._files[part].write(_SIZE.pack(len(packed)) + packed)

    def put_all(self, value: tuple[Any, ...]) -> None:
        """Append a value to every part."""
        for part in range(self.parts):
            self.put(part, value)

    def of(self, part: int) -> Iterator[list[Any]]:
        """The values of a part."""
        file = self._files[part]
        file.seek(0)
        while head := file.read(_SIZE.size):
            yield msgspec.msgpack.decode(file.read(_SIZE.unpack(head)[0]))
