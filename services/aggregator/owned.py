"""What the work on an owned partition has at hand.

In: the composition root's choices. Out: one value to pass on. Guarantee: whoever writes through it
is the partition's owner, or is told ``FencedError``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from schemas import topics
from services.aggregator.fence import Answer, Fence
from services.aggregator.store import Store


class FencedError(Exception):
    """Another owner holds the partition, or our claim was lost with Redis's last writes."""


class MovedError(Exception):
    """The fence holds another position (or generation) than this was computed for."""


class Archived(Protocol):
    """One archived record."""

    @property
    def incarnation(self) -> str:
        """The log it is from."""

    @property
    def topic(self) -> str:
        """The lane it is from: ``crm.events`` or ``crm.backfill``."""

    @property
    def offset(self) -> int:
        """Its position in that lane of that log."""

    @property
    def payload(self) -> bytes:
        """The Kafka value."""


class Archive(Protocol):
    """Every accepted record of every log, as the aggregator reads it."""

    def replay(
        self,
        partition: int,
        *,
        tenant: str | None = None,
        start: tuple[str, int] | None = None,
        backfill_from: int = 0,
    ) -> AsyncIterator[list[Archived]]:
        """Records in the order of the logs, live lane first, from (incarnation, offset) on."""

    async def end(self, partition: int, incarnation: str, *, topic: str = topics.EVENTS) -> int:
        """The first offset of a lane of a log that is not archived yet."""

    async def activations(self, partition: int) -> list[bytes]:
        """Every record that the archive holds of generations: activated, released, discarded."""


class Owned(NamedTuple):
    """A claimed partition: its number, our epoch, and the doors to Redis and the archive."""

    partition: int
    epoch: str
    fence: Fence
    store: Store
    archive: Archive

    expected: tuple[str, str, str] | None = None
    """(hash, field, value) of the state that is worked on: what is written to another is refused.
    None: what is written is right in any state."""

    async def write(self, commands: list[tuple[str, str, list[str]]]) -> None:
        """Write commands as the owner.

        Raises:
            FencedError: we are no longer he.
            MovedError: Redis holds another state than the expected one.
        """
        if not commands:
            return
        if self.expected is not None:
            key, field, value = self.expected
            commands = [("EXPECT", key, [field, value]), *commands]
        answer = await self.fence.write(self.partition, self.epoch, commands)
        if answer is Answer.FENCED:
            raise FencedError
        if answer is not Answer.OK:
            raise MovedError
