"""Generations on their way to be live: what is to be built, and how far it is.

In: control records, or what Redis holds. Out: values. Guarantee: which generation shall be live
follows from the control records alone, in whatever order they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from schemas.envelope import Activate, Discard, Event, Release
from schemas.meaning import Meaning


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A generation that is being built beside the live one."""

    tenant: str
    generation: int
    meaning: Meaning
    held: bool = False
    """It is kept up to date, and does not become the live one until it is released."""


class Progress(NamedTuple):
    """How far a build is: everything before these places is in it."""

    stamp: str = ""
    """Drawn by the last script that wrote to it: the next one is refused where Redis holds another
    one. Empty: nothing is written."""
    log: str = ""
    """The incarnation that it is in; the logs before it are in the build as a whole."""
    live: int = 0
    """The first offset of ``crm.events`` that is not in it."""
    slow: int = 0
    """The first offset of ``crm.backfill`` that is not in it."""
    evicted: int = 0
    """The instant (ms UTC) as of which quiet activities were last forgotten in it."""
    done: int = 0
    """Events folded so far."""
    began: int = 0
    """When it was begun, ms UTC."""

    def fields(self) -> list[str]:
        """As the fields of a hash: name, value, name, value, ..."""
        return [text for name, value in self._asdict().items() for text in (name, str(value))]


STAMP = "stamp"
"""The field of a build's hash that its scripts are checked by."""


def progress_of(fields: Mapping[str, str]) -> Progress | None:
    """The progress in a hash; None where nothing is built yet.

    >>> progress_of({"stamp": "5eb6", "log": "a", "live": "7"})
    Progress(stamp='5eb6', log='a', live=7, slow=0, evicted=0, done=0, began=0)
    """
    if not fields:
        return None
    counted = {name: int(raw) for name, raw in fields.items() if name in _INTEGERS}
    return Progress(fields.get("stamp", ""), fields.get("log", ""), **counted)


_INTEGERS = frozenset(Progress._fields) - {"stamp", "log"}

_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Pending)


def encode(pending: Pending) -> str:
    """As it stands in Redis; equal values give equal texts."""
    return _encoder.encode(pending).decode()


def decode(raw: bytes | str) -> Pending:
    """What ``encode`` wrote."""
    return _decoder.decode(raw)


def shall_be_live(events: Iterable[Event]) -> dict[str, Activate]:
    """Tenant -> the generation that shall be live, of control records in any order.

    That is the newest one but for those which are held and were not released.
    """
    activated: dict[tuple[str, int], Activate] = {}
    released: set[tuple[str, int]] = set()
    discarded: set[tuple[str, int]] = set()
    for event in events:
        data = event.data
        if isinstance(data, Activate):
            activated[event.tenant, data.generation] = data
        elif isinstance(data, Release):
            released.add((event.tenant, data.generation))
        elif isinstance(data, Discard):
            discarded.add((event.tenant, data.generation))
    found: dict[str, Activate] = {}
    for place, one in sorted(activated.items(), key=lambda item: item[0]):
        if not one.held or (place in released and place not in discarded):
            found[place[0]] = one
    return found
