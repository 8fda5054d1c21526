"""The fence: the only door through which a partition's numbers change.

In: an epoch, a position and a blob. Out: one of six answers. Guarantee: state and position in the
log are stored together by one script, so every event counts once, whatever dies in between.

- OK: epoch, incarnation, generations and position are as expected; the position is now ``to``.
- FENCED: another owner claimed the partition, or a failover lost our claim. Claim again if the
  group still wants us, else let go.
- GAP: the batch starts after the position, because Redis lost its tail. Seek back.
- STALE: the batch starts before the position, or a generation is another. Cut, load, compute again.
- LOST: the log itself starts after the position. Restore from the archive.
- REBORN: Redis follows another log. Claim again under the present incarnation.
"""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import files
from secrets import randbelow
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from schemas import keys

_DRAWN = 1_000_000


class Answer(StrEnum):
    """What the fence says to a batch."""

    OK = "OK"
    FENCED = "FENCED"
    GAP = "GAP"
    STALE = "STALE"
    LOST = "LOST"
    REBORN = "REBORN"


class Position(NamedTuple):
    """Who writes (epoch), in which log (incarnation, topic), and from where to where in it."""

    epoch: str
    incarnation: str
    topic: str
    start: int
    end: int
    log_start: int


class Place(NamedTuple):
    """Up to where in which log numbers are counted: it names one state of them."""

    incarnation: str
    position: int


class Claim(NamedTuple):
    """The result of taking a partition."""

    epoch: str
    position: int
    """The first offset that is not in the numbers yet."""
    before: str
    """The incarnation the numbers followed until now; ``""`` for a partition without numbers."""
    restoring: bool


class Fence:
    """The scripts, loaded into one Redis."""

    def __init__(self, redis: Redis, *, memory_flags: bool) -> None:
        """``memory_flags``: Redis 7 or later, which can refuse a script before it starts."""
        self._redis = redis
        prefix = "#!lua\n" if memory_flags else ""
        self._sources = {
            name: prefix + (files(__package__) / f"{name}.lua").read_text("utf-8")
            for name in ("claim", "fence", "fenced", "load")
        }
        self._shas: dict[str, str] = {}

    async def claim(self, p: int, incarnation: str, topic: str, now: int, *, adopt: bool) -> Claim:
        """Take a partition: from now on every earlier owner is answered FENCED."""
        # Drawn, not only timed: two claims of one millisecond must differ although Redis was
        # emptied between them and knows of neither.
        args = (incarnation, topic, now * _DRAWN + randbelow(_DRAWN), int(adopt))
        epoch, position, before, restoring = await self._run(
            "claim", [keys.partition_meta(p)], args
        )
        return Claim(_text(epoch), int(position), _text(before), bool(restoring))

    async def apply(self, p: int, position: Position, blob: bytes) -> tuple[Answer, int]:
        """Write a batch if all is as expected; (answer, the position that Redis holds)."""
        answer, held = await self._run(
            "fence",
            [keys.partition_meta(p)],
            (
                position.epoch,
                position.incarnation,
                position.topic,
                position.start,
                position.end,
                position.log_start,
                blob,
            ),
        )
        return Answer(_text(answer)), int(held)

    async def load(
        self, p: int, topic: str, buckets: dict[str, list[str]]
    ) -> tuple[Place, list[bytes | None]]:
        """The packed entities of many buckets (hash -> entity keys), and the place they are of."""
        members = msgspec.msgpack.encode(list(buckets.values()))
        names = [keys.partition_meta(p), *buckets]
        incarnation, position, *found = await self._run("load", names, (topic, members))
        return Place(_text(incarnation), int(position)), found

    async def write(self, p: int, epoch: str, commands: list[tuple[str, str, list[str]]]) -> Answer:
        """Commands (name, key, arguments) by the owner, position unmoved.

        ``EXPECT`` with a hash, a field and its value lets what follows be refused as STALE.
        """
        names = [keys.partition_meta(p)]
        packed = []
        for name, key, arguments in commands:
            names.append(key)
            packed.append([name, len(names), *arguments])
        blob = msgspec.msgpack.encode(packed)
        return Answer(_text(await self._run("fenced", names, (epoch, blob))))

    async def _run(self, name: str, names: list[str], args: tuple[Any, ...]) -> Any:
        sha = self._shas.get(name) or await self._load(name)
        try:
            return await self._redis.evalsha(sha, len(names), *names, *args)
        except NoScriptError:
            sha = await self._load(name)
            return await self._redis.evalsha(sha, len(names), *names, *args)

    async def _load(self, name: str) -> str:
        self._shas[name] = _text(await self._redis.script_load(self._sources[name]))
        return self._shas[name]


def _text(raw: object) -> str:
    return raw.decode() if isinstance(raw, bytes) else str(raw)
