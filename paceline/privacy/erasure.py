"""Erasure: what SQL and the live numbers hold about a customer or a person goes.

In: a tenant, whom. Out: how much went. Guarantee: no sum moves; the log gets its clearing patches
first and they are archived before the archive is rewritten, so a crash anywhere leaves something
that the same call, made again, finishes. What Kafka keeps goes by its own retention.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from uuid import uuid4

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.privacy.scrub import Eraser, clearing_event, eraser_of
from paceline.privacy.search import Search, earliest_creation, key_of
from paceline.sql import held
from paceline.sql.changes import Deed, settle
from paceline.sql.engine import reading, writing
from paceline.sql.held import Row
from paceline.sql.keys import now_ms
from paceline.sql.models import Generation
from schemas.envelope import EntityPatch, Event, decode
from schemas.meaning import Meaning

Publish = Callable[[Sequence[Event]], Awaitable[None]]
"""Sends events to the tenant's log, and returns when they are archived."""

_MINE = "erase:"
"""What the ids of clearing patches begin with."""


class Found(NamedTuple):
    """What is held about somebody."""

    entities: frozenset[str]
    events: list[Event]
    letters: list[str]
    """Ids of dead letters."""


class Erased(NamedTuple):
    """How much went: entities cleared, archived events rewritten, dead letters dropped."""

    pseudonym: str
    entities: int
    events: int
    letters: int


async def find(engine: AsyncEngine, tenant: str, search: Search) -> Found:
    """Everything about whoever is looked for, in the order in which it is archived."""
    async for page in held.events(engine, tenant):
        for row in page:
            search.look(row.event)
    entities = search.found()
    events = []
    async for page in held.events(engine, tenant):
        events += [row.event for row in page if key_of(row.event) in entities]
    async with reading(engine) as session:
        about = _about(entities, search.customer)
        letters = [one.id for one in await held.letters(session, tenant, about)]
    return Found(entities, events, letters)


async def erase_customer(
    engine: AsyncEngine, publish: Publish, tenant: str, search: Search, *, actor: str
) -> Erased:
    """Clear, rewrite, drop, and write it into the audit under the pseudonym.

    Raises:
        NamedInMeasureError: a declared measure picks this customer by name.
    """
    token = uuid4().hex[:12]
    eraser = eraser_of(await _meanings(engine, tenant), search.customer, f"erased:{token}")
    found = await find(engine, tenant, search)
    now = now_ms()
    clearing = _clearing(found, eraser, now, token)
    await publish(clearing)
    events = await _rewrite(engine, tenant, found.entities, eraser)
    done = Erased(eraser.pseudonym, len(found.entities), events, len(found.letters))
    async with writing(engine) as session:
        await held.drop_letters(session, tenant, found.letters)
        await held.forget_customer(
            session,
            tenant,
            found.entities,
            lambda text: text.replace(search.customer, done.pseudonym) if search.customer else text,
        )
        after = {"entities": done.entities, "events": done.events, "letters": done.letters}
        deed = Deed(action="erase", kind="customer", subject=done.pseudonym, after=after)
        await settle(session, tenant, actor, [deed])
    return done


async def erase_person(engine: AsyncEngine, tenant: str, rep: str, *, actor: str) -> list[str]:
    """Put a person's id in place of the names, end the keys; the names that went.

    Raises:
        KeyError: there is no such rep.
    """
    async with writing(engine) as session:
        names = await held.forget_person(session, tenant, rep, now_ms())
        after = {"names": len(names)}
        deed = Deed(action="erase", kind="rep", subject=rep, after=after)
        await settle(session, tenant, actor, [deed])
    return names


async def _rewrite(
    engine: AsyncEngine, tenant: str, entities: frozenset[str], eraser: Eraser
) -> int:
    count = 0
    async for page in held.events(engine, tenant):
        own = [row for row in page if _is_of(row, entities)]
        count += await held.rewrite(engine, tenant, own, eraser.event)
    return count


def _is_of(row: Row, entities: frozenset[str]) -> bool:
    return key_of(row.event) in entities and not row.event.id.startswith(_MINE)


def _clearing(found: Found, eraser: Eraser, now: int, token: str) -> list[Event]:
    """One patch for each entity that has anything to erase."""
    by_entity: dict[str, list[Event]] = {}
    for event in found.events:
        key = key_of(event)
        if key is not None:
            by_entity.setdefault(key, []).append(event)
    clearing = []
    for events in by_entity.values():
        created = earliest_creation(events)
        fields = eraser.clearing(_names(events))
        # An activity whose creation nobody saw might be counted anew; it was never in a number
        # that could name anybody, and its archived events are rewritten all the same.
        if fields and (created is not None or not _is_activity(events[0])):
            clearing.append(clearing_event(events[0], fields, created, now, token))
    return clearing


def _names(events: Sequence[Event]) -> set[str]:
    """The fields that were ever given a value."""
    return {
        name
        for event in events
        if isinstance(event.data, EntityPatch)
        for name, value in event.data.fields.items()
        if value not in (None, "")
    }


def _is_activity(event: Event) -> bool:
    return isinstance(event.data, EntityPatch) and event.data.entity == "activity"


def _about(entities: frozenset[str], customer: str | None) -> Callable[[bytes], bool]:
    """Whether a letter's content is about one of the entities, or has the customer's name."""
    written = [] if not customer else _spellings(customer)

    def about(payload: bytes) -> bool:
        if any(one in payload for one in written):
            return True
        try:
            event = decode(payload)
        except ValueError:
            return False
        return key_of(event) in entities

    return about


def _spellings(text: str) -> list[bytes]:
    """A text as JSON may write it: as it is, or with every character beyond ASCII escaped."""
    escaped = "".join(one if one.isascii() else _escaped(one) for one in text)
    return [text.encode(), escaped.encode()]


def _escaped(one: str) -> str:
    units = one.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


async def _meanings(engine: AsyncEngine, tenant: str) -> list[Meaning]:
    async with reading(engine) as session:
        found = await session.scalars(select(Generation.meaning).where(Generation.tenant == tenant))
        return [msgspec.json.decode(text, type=Meaning) for text in found]
