"""What SQL holds about some entities or a person: read, and rewritten without what it names.

In: a tenant, entity keys, an eraser. Out: events, letters, rows of the person. Guarantee: every
question names its tenant; a page is a transaction of its own, and rewriting twice changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import delete, inspect, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from paceline.sql import alerts as alerts_sql
from paceline.sql.engine import reading, writing
from paceline.sql.models import (
    ApiKeyRow,
    Archived,
    AuditRow,
    Base,
    ConfigVersion,
    DeadLetterRow,
    ForecastRow,
    HelpCall,
    Rep,
    RepOwner,
    TargetRow,
)
from schemas.envelope import Event, decode, encode

_PAGE = 500

Change = Callable[[Event], Event]


class Row(NamedTuple):
    """An archived event and its key in the archive."""

    key: tuple[Any, ...]
    event: Event


_KEY = tuple(getattr(Archived, column.name) for column in inspect(Archived).primary_key)


async def events(engine: AsyncEngine, tenant: str) -> AsyncIterator[list[Row]]:
    """Every readable event of the tenant, in pages, in the order of the archive's key."""
    after: tuple[Any, ...] | None = None
    while True:
        query = select(*_KEY, Archived.payload).where(Archived.tenant == tenant)
        if after is not None:
            query = query.where(tuple_(*_KEY) > tuple_(*after))
        async with reading(engine) as session:
            found = list(await session.execute(query.order_by(*_KEY).limit(_PAGE)))
        if not found:
            return
        after = tuple(found[-1][:-1])
        yield [Row(tuple(one[:-1]), event) for one in found if (event := _event(one[-1]))]


async def rewrite(engine: AsyncEngine, tenant: str, rows: list[Row], change: Change) -> int:
    """Store the events as ``change`` gives them back; how many were other than before."""
    changed = [(row.key, new) for row in rows if (new := change(row.event)) is not row.event]
    if changed:
        async with writing(engine) as session:
            for key, event in changed:
                where = [column == value for column, value in zip(_KEY, key, strict=True)]
                await session.execute(
                    update(Archived)
                    .where(Archived.tenant == tenant, *where)
                    .values(payload=encode(event))
                )
    return len(changed)


async def letters(
    session: AsyncSession, tenant: str, about: Callable[[bytes], bool]
) -> list[DeadLetterRow]:
    """The tenant's dead letters whose content is about somebody."""
    found = await session.scalars(select(DeadLetterRow).where(DeadLetterRow.tenant == tenant))
    return [letter for letter in found if about(letter.payload)]


async def drop_letters(session: AsyncSession, tenant: str, ids: list[str]) -> None:
    """Dead letters are whole or gone: what is left of one could not be replayed."""
    for id_ in ids:
        await session.execute(
            delete(DeadLetterRow).where(DeadLetterRow.tenant == tenant, DeadLetterRow.id == id_)
        )


async def person(session: AsyncSession, tenant: str, rep: str) -> dict[str, list[dict[str, Any]]]:
    """Table -> rows about a person; of keys no hash. ``KeyError`` where there is no such rep."""
    row = await session.get(Rep, (tenant, rep))
    if row is None:
        raise KeyError(rep)
    own = TargetRow.subject_kind == "rep", TargetRow.subject == rep
    said = await _rows(session, AuditRow, AuditRow.tenant == tenant)
    names = {name for name in (row.name, row.name_zh) if name}
    return {
        "reps": [_plain(row)],
        "rep_owners": await _rows(
            session, RepOwner, RepOwner.tenant == tenant, RepOwner.rep_id == rep
        ),
        "targets": await _rows(session, TargetRow, TargetRow.tenant == tenant, *own),
        "api_keys": await _rows(
            session, ApiKeyRow, ApiKeyRow.tenant == tenant, ApiKeyRow.rep_id == rep
        ),
        "forecasts": await _rows(
            session,
            ForecastRow,
            ForecastRow.tenant == tenant,
            ForecastRow.subject_kind == "rep",
            ForecastRow.subject == rep,
        ),
        "help_calls": await _rows(
            session, HelpCall, HelpCall.tenant == tenant, HelpCall.rep == rep
        ),
        **await alerts_sql.held_of(session, tenant, rep),
        "audit": [one for one in said if one["subject"] == rep or _names(one, names)],
    }


async def forget_person(session: AsyncSession, tenant: str, rep: str, now: int) -> list[str]:
    """Take a person's names away and end the keys; the names that are gone.

    Raises:
        KeyError: there is no such rep.
    """
    row = await session.get(Rep, (tenant, rep))
    if row is None:
        raise KeyError(rep)
    names = sorted({name for name in (row.name, row.name_zh) if name and name != rep})
    row.name, row.name_zh = rep, None
    authors: set[str] = set()
    for key in await session.scalars(
        select(ApiKeyRow).where(ApiKeyRow.tenant == tenant, ApiKeyRow.rep_id == rep)
    ):
        authors.add(f"key:{key.id} {key.label}")
        key.label = "erased"
        key.revoked_at = key.revoked_at or now
    names += [email] if (email := row.terms.get("email")) else []
    row.terms = {key: value for key, value in row.terms.items() if key != "email"}
    await alerts_sql.forget_person(session, tenant, rep, lambda text: _without(text, names, rep))
    await _forget_words(session, tenant, authors, lambda text: _without(text, names, rep))
    for version in await session.scalars(
        select(ConfigVersion).where(ConfigVersion.tenant == tenant)
    ):
        version.document = _without(version.document, names, rep)
    for entry in await session.scalars(select(AuditRow).where(AuditRow.tenant == tenant)):
        entry.before = _without_in(entry.before, names, rep)
        entry.after = _without_in(entry.after, names, rep)
    return names


async def forget_customer(
    session: AsyncSession, tenant: str, deals: Collection[str], clean: Callable[[str], str]
) -> None:
    """Take what people wrote about a customer's deals away, and the customer out of all notes."""
    calls = await session.scalars(select(HelpCall).where(HelpCall.tenant == tenant))
    for call in calls:
        own = call.deal in deals
        call.text = "" if own else clean(call.text)
        call.answer = None if call.answer is None else "" if own else clean(call.answer)
    for one in await session.scalars(select(ForecastRow).where(ForecastRow.tenant == tenant)):
        one.note = clean(one.note)


async def _forget_words(
    session: AsyncSession, tenant: str, authors: set[str], clean: Callable[[str], str]
) -> None:
    """What these authors wrote goes, and the names out of what others wrote; figures stay."""
    for one in await session.scalars(select(ForecastRow).where(ForecastRow.tenant == tenant)):
        one.note = "" if one.author in authors else clean(one.note)
        one.author = _nobody(one.author, authors)
    for call in await session.scalars(select(HelpCall).where(HelpCall.tenant == tenant)):
        call.text = "" if call.author in authors else clean(call.text)
        call.author = _nobody(call.author, authors)
        if call.answer is not None and call.answered_by is not None:
            call.answer = "" if call.answered_by in authors else clean(call.answer)
            call.answered_by = _nobody(call.answered_by, authors)


def _nobody(author: str, erased: set[str]) -> str:
    return f"{author.split(maxsplit=1)[0]} erased" if author in erased else author


def _event(payload: bytes) -> Event | None:
    try:
        return decode(payload)
    except ValueError:
        return None


async def _rows(session: AsyncSession, table: type[Base], *where: Any) -> list[dict[str, Any]]:
    return [_plain(row) for row in await session.scalars(select(table).where(*where))]


_SECRET = frozenset(("hash",))


def _plain(row: Base) -> dict[str, Any]:
    names = (column.key for column in row.__mapper__.column_attrs)
    return {name: getattr(row, name) for name in names if name not in _SECRET}


def _names(row: Mapping[str, Any], names: set[str]) -> bool:
    text = msgspec.json.encode([row["before"], row["after"]]).decode()
    return any(name in text for name in names)


def _without(text: str, names: list[str], rep: str) -> str:
    for name in names:
        text = text.replace(name, rep)
    return text


def _without_in(said: dict[str, Any] | None, names: list[str], rep: str) -> dict[str, Any] | None:
    if said is None:
        return None
    text = msgspec.json.encode(said).decode()
    without = _without(text, names, rep)
    return said if without == text else msgspec.json.decode(without.encode())
