"""One tenant's numbers, counted again from the archive and compared with what Redis holds.

In: Redis, the archive, a tenant. Out: what differs, place by place. Guarantee: exact while events
come in: Redis is read first, every read stamped with the position it is of; then the archive is
counted once, each place up to its own stamp. Nothing is written and no lock is held.

Memory: panes (see ``paceline.verify.panes``), and of entities one part at a time, of some
``RECORDS_A_PART`` records, about 500 MB at most; what does not fit waits in unnamed temporary
files, as large as the tenant's archive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from heapq import merge
from operator import itemgetter

from redis.asyncio import Redis

from kpi import CODE
from kpi.contributions import Contributions
from kpi.recount import Recount, Touch, UncountableError
from paceline.verify import entities, versions
from paceline.verify.lanes import Archive, BehindError, merged
from paceline.verify.ledger import Facts, Ledger
from paceline.verify.panes import Books
from paceline.verify.places import Checked, Place, RestoringError, Tally, UncheckedError
from paceline.verify.redis import Eyes, Live, MovedError, live_of
from paceline.verify.spool import Spool
from schemas import keys, topics
from schemas.envelope import Activate, EntityPatch, Event, Evict, decode, encode, entity_key
from schemas.meaning import Meaning

RECORDS_A_PART = 250_000
FIRST = 20
PATIENCE_S = 30.0
_ATTEMPTS = 3
_POLL_S = 0.1


async def check(
    redis: Redis,
    archive: Archive,
    p: int,
    tenant: str,
    *,
    first: int = FIRST,
    patience_s: float = PATIENCE_S,
    records_a_part: int = RECORDS_A_PART,
) -> Checked:
    """Compare one tenant.

    ``first``: how many places are named. ``patience_s``: how long the ledger may take to archive
    what was counted before the reading ended, and a restore under way to finish.

    Raises:
        UncheckedError: it cannot be compared now; why, and what to do.
    """
    careful = False
    for _ in range(_ATTEMPTS):
        live = await _live(redis, p, tenant, patience_s)
        checking = _Checking(Eyes(redis, p, tenant, live), archive, p, tenant)
        try:
            return await checking.run(first, patience_s, records_a_part, careful=careful)
        except MovedError:
            continue
        except UncountableError as error:
            if careful:
                why = f"{error.args[0]} cannot be counted: {error.args[1]}"
                raise UncheckedError(why, "please report it as a bug") from None
            careful = True
    why = "the numbers went to another log or generation while they were read, three times"
    raise UncheckedError(why, "look with `paceline doctor`, and verify again when it is calm")


async def _live(redis: Redis, p: int, tenant: str, patience_s: float) -> Live:
    """What is live; a restore under way is waited for."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await live_of(redis, p, tenant)
        except RestoringError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_POLL_S)


class _Checking:
    """One attempt."""

    def __init__(self, eyes: Eyes, archive: Archive, p: int, tenant: str) -> None:
        self._eyes = eyes
        self._archive = archive
        self._p = p
        self._tenant = tenant
        self._bucket_looks = [0] * keys.ENTITY_BUCKETS
        self._records = self._entities = 0

    async def run(
        self, first: int, patience_s: float, records_a_part: int, *, careful: bool
    ) -> Checked:
        began, tally = time.monotonic(), Tally(first)
        count = await self._archive.count(self._p, self._tenant)
        parts = 1 + count // records_a_part
        with ExitStack() as stack:
            spools = _Spools(stack, parts)
            books = await self._read(spools, tally)
            held, past = await self._eyes.versions()
            await self._archived(patience_s)
            facts = await self._facts(patience_s)
            logs, meaning, only = await self._told(tally)
            books.meaning = meaning
            await self._spool(spools, logs, early=bool(only and self._eyes.live.no_generation))
            ledger = Ledger()
            self._count(spools, books, ledger, meaning, tally, careful=careful)
            tally.add(books.places(self._eyes.ended))
            tally.add(ledger.places(facts) if facts else ())
            look = self._eyes.looks[-1] if len(logs) == 1 else None
            tally.add(versions.places(held, past, books.owners() if only else set(), look))
        self._check_code(tally, meaning)
        seconds = time.monotonic() - began
        return self._checked(tally, books, seconds, facts=facts is not None)

    async def _read(self, spools: _Spools, tally: Tally) -> Books:
        """Redis, look by look."""
        await self._eyes.look()
        books = Books(self._eyes.live.meaning, self._eyes.began)
        async for name, held in self._eyes.panes():
            books.store(name, held)
        async for look, bucket, stored in self._eyes.entities():
            self._bucket_looks[bucket] = look
            for key, raw in stored:
                self._entities += 1
                wanted = keys.entity_bucket(key)
                if wanted == bucket:
                    spools.stored(key, raw)
                else:
                    tally.add([_elsewhere(key, bucket, wanted)])
        return books

    async def _archived(self, patience_s: float) -> None:
        """Wait until everything that was counted is archived."""
        incarnation, last = self._eyes.live.incarnation, self._eyes.looks[-1]
        deadline = time.monotonic() + patience_s
        for topic, wanted in ((topics.EVENTS, last.events), (topics.BACKFILL, last.backfill)):
            while wanted:
                end = await self._archive.end(self._p, incarnation, topic=topic)
                if end >= wanted:
                    break
                if time.monotonic() > deadline:
                    why = f"the archive of {topic} stands at {end}, the numbers at {wanted}"
                    fix = (
                        "start `paceline ledger`, or wait for it (`paceline doctor` shows its lag)"
                    )
                    raise UncheckedError(why, fix)
                await asyncio.sleep(_POLL_S)

    async def _facts(self, patience_s: float) -> Facts | None:
        """The ledger's facts up to the last look; None where it has not all of them."""
        eyes = self._eyes
        told = await eyes.facts_told()
        deadline = time.monotonic() + patience_s
        while True:
            try:
                return await self._archive.facts(
                    self._p,
                    self._tenant,
                    eyes.live.generation,
                    eyes.live.incarnation,
                    eyes.looks[-1],
                    told,
                )
            except BehindError:
                if time.monotonic() > deadline:
                    return None
            await asyncio.sleep(_POLL_S)

    async def _told(self, tally: Tally) -> tuple[list[str], Meaning, bool]:
        """The logs that are in the numbers, the archived meaning, whether it is the only one."""
        live, logs = self._eyes.live, await self._archive.logs()
        if live.incarnation in logs:
            logs = logs[: logs.index(live.incarnation) + 1]
        else:
            # Nothing of it was counted, or the wait above would not have ended.
            logs = [*logs, live.incarnation]
        activated = {}
        for payload in await self._archive.activations(self._p):
            event = decode(payload)
            if event.tenant == self._tenant and isinstance(event.data, Activate):
                activated[event.data.generation] = event.data.meaning
        meaning = activated.get(live.generation, live.meaning)
        if meaning != live.meaning:
            place = Place(
                kind="meaning", field=str(live.generation), stored="other", right="archived"
            )
            tally.add([place])
        return logs, meaning, min(activated, default=live.generation) >= live.generation

    async def _spool(self, spools: _Spools, logs: list[str], *, early: bool) -> None:
        """The archive into its parts. ``early``: until the first activation nothing counted."""
        looks, seen = self._eyes.looks, not early
        async for step, _, imported, event in merged(
            self._archive, self._p, self._tenant, logs, looks
        ):
            if isinstance(event.data, Activate):
                seen = seen or event.tenant == self._tenant
            elif isinstance(event.data, Evict):
                spools.control(step, event)
            elif seen and event.tenant == self._tenant and isinstance(event.data, EntityPatch):
                self._records += 1
                spools.patch(step, event, event.data, imported=imported)

    def _count(
        self,
        spools: _Spools,
        books: Books,
        ledger: Ledger,
        meaning: Meaning,
        tally: Tally,
        *,
        careful: bool,
    ) -> None:
        def count(step: int, facts: Contributions) -> None:
            books.count(step, facts)
            ledger.count(facts)

        for part in range(spools.parts):
            one = self._recount(meaning, count, spools, careful=careful)
            for step, raw, imported in spools.activities.of(part):
                one.tell(step, decode(raw), imported=imported)
            one.finish()
            self._compare(one, spools.stored_activities.of(part), meaning, tally)
        for part in range(spools.parts):
            one = self._recount(meaning, count, spools, careful=careful)
            touches = sorted(spools.touches.of(part), key=itemgetter(0))
            for told in merge(spools.deals.of(part), touches, key=itemgetter(0)):
                if len(told) == len(Touch._fields):
                    one.touch(Touch(*told))
                else:
                    one.tell(told[0], decode(told[1]), imported=told[2])
            one.finish()
            self._compare(one, spools.stored_deals.of(part), meaning, tally)

    def _recount(
        self,
        meaning: Meaning,
        count: Callable[[int, Contributions], None],
        spools: _Spools,
        *,
        careful: bool,
    ) -> Recount:
        return Recount(
            meaning,
            count,
            seen_at=lambda key: self._bucket_looks[keys.entity_bucket(key)],
            touched=spools.touch,
            careful=careful,
        )

    def _compare(
        self, one: Recount, stored: Iterator[list[str]], meaning: Meaning, tally: Tally
    ) -> None:
        right, now = one.entities(), self._eyes.ended
        for key, raw in stored:
            wanted = right.pop(key, None) or one.forgotten.get(key)
            tally.add(entities.places(key, raw.encode(), wanted, meaning, now))
        for key, entity in sorted(right.items()):
            tally.add(entities.places(key, None, entity, meaning, now))

    def _check_code(self, tally: Tally, meaning: Meaning) -> None:
        if tally.count and meaning.code != CODE:
            why = (
                f"{tally.count} places differ, but the numbers were counted by version "
                f"{meaning.code} of the rules, and this is version {CODE}"
            )
            raise UncheckedError(why, "run `paceline apply`, which counts anew, and verify again")

    def _checked(self, tally: Tally, books: Books, seconds: float, *, facts: bool) -> Checked:
        live, last = self._eyes.live, self._eyes.looks[-1]
        return Checked(
            tenant=self._tenant,
            partition=self._p,
            generation=live.generation,
            incarnation=live.incarnation,
            position=last.events,
            backfill=last.backfill,
            records=self._records,
            entities=self._entities,
            panes=books.hashes,
            seconds=round(seconds, 3),
            places=tally.count,
            facts=facts,
            kinds=tally.kinds,
            drift=tally.drift(),
            first=tally.first,
        )


class _Spools:
    """What is archived and what is stored, by kind and part."""

    def __init__(self, stack: ExitStack, parts: int) -> None:
        self.parts = parts
        self.activities = stack.enter_context(Spool(parts))
        self.deals = stack.enter_context(Spool(parts))
        self.touches = stack.enter_context(Spool(parts))
        self.stored_activities = stack.enter_context(Spool(parts))
        self.stored_deals = stack.enter_context(Spool(parts))

    def stored(self, key: str, raw: bytes) -> None:
        """An entity as it is stored."""
        spool = self.stored_activities if key.startswith("a:") else self.stored_deals
        spool.put(spool.part_of(key), (key, raw.decode(errors="replace")))

    def patch(self, step: int, event: Event, patch: EntityPatch, *, imported: bool) -> None:
        """A record of one entity."""
        spool = self.activities if patch.entity == "activity" else self.deals
        key = entity_key(patch.entity, event.connection, patch.id)
        spool.put(spool.part_of(key), (step, encode(event), imported))

    def control(self, step: int, event: Event) -> None:
        """A record about all activities."""
        self.activities.put_all((step, encode(event), False))

    def touch(self, one: Touch) -> None:
        """An activity's touch of a deal."""
        self.touches.put(self.touches.part_of(one.deal), one)


def _elsewhere(key: str, stored: int, right: int) -> Place:
    return Place(kind="entity", span=key, field="bucket", stored=stored, right=right)


__all__ = ["FIRST", "PATIENCE_S", "check"]
