"""What the simulated CRM remembers over a restart.

In: a file. Out: when it was founded, what is open, and whether its past was told. Guarantee: the
file is replaced as a whole; a past that was cut short is told again with the same events.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from paceline.demo.world import State


class Memory(msgspec.Struct):
    """``founded_at`` (ms UTC) is where the told past ends."""

    founded_at: int
    told: bool
    state: State


def recall(file: Path, now: int) -> Memory:
    """What the file holds; a new CRM where there is none or it is not readable."""
    try:
        memory = msgspec.json.decode(file.read_bytes(), type=Memory)
    except (OSError, msgspec.MsgspecError):
        return founded(now)
    return memory if memory.told else founded(memory.founded_at)


def founded(now: int) -> Memory:
    """A CRM without a past; its ids grow with the clock, so that none is ever used twice."""
    return Memory(founded_at=now, told=False, state=State(next_id=first_id(now)))


def first_id(now: int) -> int:
    """Eleven digits, as HubSpot's ids; ten for each second."""
    return now // 100


def keep(file: Path, memory: Memory) -> None:
    """Write the file."""
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(memory))
    os.replace(new, file)  # noqa: PTH105 - Path.replace says the same
