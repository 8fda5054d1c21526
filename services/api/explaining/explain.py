"""Explain: why a figure is what it is, from the numbers and from the ledger beside them.

In: whose figure, of which period, known when. Out: an ``Explanation``. Guarantee: numbers and facts
are compared as of one state; where the ledger is still on its way it is waited for a moment, and
then said to be, never passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from kpi.definitions.model import Unit
from kpi.measures import stored_of
from paceline.progress.answers.kpis import KpiProgress
from paceline.progress.answers.numbers import said
from paceline.progress.answers.progress import Progress
from paceline.progress.compose import info
from paceline.progress.reading.reader import Reader
from paceline.progress.reading.selection import Selection, owners_of
from paceline.progress.reading.windows import Question
from paceline.progress.teller import Lines, Teller
from paceline.sql import books, dead, facts
from paceline.sql import targets as targets_sql
from paceline.sql.books import Book
from paceline.sql.engine import reading
from paceline.sql.facts import Fact, Share, Wanted
from paceline.sql.org import Org
from services.api.access import Caller
from services.api.answers.explain import (
    EntityView,
    Explanation,
    FactView,
    LearntOn,
    LedgerView,
    LeftOut,
    SumView,
    TargetStep,
)
from services.api.explaining.asking import Known, selected, wanted_of
from services.api.explaining.ledger import LedgerReader
from services.api.explaining.links import record_link
from services.api.problems import unavailable, unprocessable

_LOOKS, _LOOK_S = 12, 0.25
"""How often, and how far apart, the ledger is asked whether it has what the numbers have."""
_QUARTER_MS = 900_000
"""Every zone's midnight falls on one."""

By = Literal["facts", "entities"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One question: exactly one of ``kpi`` and ``measure``."""

    caller: Caller
    chosen: Selection
    question: Question
    kpi: str | None
    measure: str | None
    known: Known
    by: By | None
    after: str
    limit: int

    @property
    def measures(self) -> tuple[str, ...]:
        """The stored measures that the figure reads."""
        if self.kpi is not None:
            return self.caller.known.kpis.book.compiled[self.kpi].measures
        return stored_of(self.measure or "")


async def teller_of(
    live: Teller, engine: AsyncEngine, tenant: str, connections: Iterable[str], as_of: int | None
) -> Teller:
    """Who tells: the live numbers, or with ``as_of`` (ms UTC) the facts that were known by then.

    503 while the ledger has no whole book of the live generation; 422 beyond its retention.
    """
    if as_of is None:
        return live
    reader: Reader = live.reader
    place = reader.place(tenant, connections)
    found = await reader.meaning(place)
    book = await _book(engine, tenant, found[0] if found else None)
    if found is None or book is None or not book.whole:
        raise unavailable("the ledger is still being filled; figures as of earlier follow")
    if as_of < book.pruned_before:
        since = datetime.fromtimestamp(book.pruned_before / 1000, UTC).date()
        detail = f"what was known before {since} is no longer kept"
        raise unprocessable("beyond-retention", detail, f"as_of from {since} on")
    return Teller(LedgerReader(reader, engine, book, found[1], as_of), reader)


async def explain(asked: Asked, live: Teller, engine: AsyncEngine) -> Explanation:
    """The explanation; ``UnreadableError`` where the window is no longer kept."""
    org = asked.caller.org
    teller = await teller_of(live, engine, org.tenant, org.connections, asked.known.as_of)
    for look in range(_LOOKS):
        whole, lines = await _figure(asked, teller)
        async with reading(engine) as session:
            found = await _evidence(session, asked, lines)
            if found.reconciled is not False or look + 1 == _LOOKS:
                return await _explanation(session, asked, whole, lines, found)
        await asyncio.sleep(_LOOK_S)
    raise AssertionError("the last look answers")


class _Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger says of the figure."""

    book: Book | None
    wanted: list[Wanted]
    sums: Mapping[str, int]
    of_facts: Mapping[str, int]
    reconciled: bool | None


async def _figure(asked: Asked, teller: Teller) -> tuple[Progress, Lines | None]:
    """The figure and its lines, of one state of the numbers."""
    compiled = asked.caller.known.kpis.book.compiled
    kpis = compiled[asked.kpi].chain if asked.kpi else ()
    for _ in range(_LOOKS):
        told = await teller.tell(asked.caller.known, asked.chosen, asked.question, "", kpis)
        lines = await teller.lines(asked.caller.known, asked.chosen, asked.question)
        assert told.answer is not None  # noqa: S101 - asked without an ETag
        whole = told.answer.whole
        if lines is None or lines.versions == whole.version.owners:
            return whole, lines
    raise unavailable("the numbers change too quickly to be explained; try again")


async def _evidence(session: AsyncSession, asked: Asked, lines: Lines | None) -> _Evidence:
    if lines is None:
        return _Evidence(book=None, wanted=[], sums={}, of_facts={}, reconciled=None)
    book = await books.find(session, asked.caller.org.tenant, lines.generation)
    sums = selected(lines.sums.items(), asked.measures)
    if book is None:
        return _Evidence(book=None, wanted=[], sums=sums, of_facts={}, reconciled=None)
    wanted = wanted_of(
        book.id, lines.parts, lines.meaning, asked.measures, Known(asked.known.as_of)
    )
    of_facts = await _totals(session, wanted)
    matches: bool | None = of_facts == sums
    if not book.whole or any(_pruned(one, book) for one in wanted):
        matches = None
    return _Evidence(book=book, wanted=wanted, sums=sums, of_facts=of_facts, reconciled=matches)


def _pruned(one: Wanted, book: Book) -> bool:
    return bool(one.start) and one.start < book.pruned_before


async def _totals(session: AsyncSession, wanted: Iterable[Wanted]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in wanted:
        for measure, amount in (await facts.totals(session, one)).items():
            total[measure] = total.get(measure, 0) + amount
    return {measure: amount for measure, amount in total.items() if amount}


async def _explanation(
    session: AsyncSession, asked: Asked, whole: Progress, lines: Lines | None, found: _Evidence
) -> Explanation:
    kit, known = asked.caller.known.kpis, asked.caller.known
    of_kpis = {one.id: one for one in whole.kpis}
    by: By = asked.by or _usual(asked)
    shown = _narrowed(found.wanted, asked.known.since)
    page, shares, following = await _page(session, asked, by, shown)
    mapped, logs = _reps(asked.caller.org), await facts.logs(session)
    return Explanation(
        subject=whole.subject,
        period=whole.period,
        period_label=whole.period_label,
        bounds=whole.bounds,
        kpi=of_kpis.get(asked.kpi or ""),
        definition=info(kit, known, asked.kpi) if asked.kpi else None,
        rests_on=[one for one in whole.kpis if one.id != asked.kpi],
        definitions=whole.definitions,
        workdays=whole.workdays,
        targets=await _targets(session, asked, whole.kpis),
        measures=_sums(found.sums, found.of_facts),
        reconciled=found.reconciled,
        ledger=_ledger(found.book),
        by=by,
        facts=[_fact(one, asked.caller.org, mapped, logs) for one in page],
        entities=[_entity(one, asked.caller.org, mapped) for one in shares],
        next=following,
        left_out=await _left_out(session, asked, whole, lines),
        as_of=asked.known.as_of,
        since=asked.known.since,
        before=await _before(session, asked, found),
        learnt=await _learnt(session, asked, shown),
        generation=whole.generation,
        watermark=whole.watermark,
        generated_at=whole.generated_at,
    )


def _usual(asked: Asked) -> By:
    """Levels are looked at deal by deal, what happened one after another."""
    if asked.kpi is None:
        return "entities" if asked.measure and "pipeline" in asked.measure else "facts"
    compiled = asked.caller.known.kpis.book.compiled[asked.kpi]
    return "entities" if compiled.kind == "level" else "facts"


def _narrowed(wanted: Iterable[Wanted], since: int | None) -> list[Wanted]:
    """Only what was not known by ``since``."""
    return [msgspec.structs.replace(one, since=since) for one in wanted]


async def _page(
    session: AsyncSession, asked: Asked, by: By, wanted: Sequence[Wanted]
) -> tuple[list[Fact], list[Share], str | None]:
    if by == "entities":
        shares, following = await _shares(session, asked, wanted)
        return [], shares, following
    after = _cursor(asked.after)
    found = [
        fact for one in wanted for fact in await facts.page(session, one, after, asked.limit + 1)
    ]
    found.sort(key=lambda one: (one.at, one.place), reverse=True)
    page = found[: asked.limit]
    following = _said((page[-1].at, *page[-1].place)) if len(found) > asked.limit else None
    return page, [], following


async def _shares(
    session: AsyncSession, asked: Asked, wanted: Sequence[Wanted]
) -> tuple[list[Share], str | None]:
    total: dict[tuple[str, str, str], int] = {}
    for one in wanted:
        for share in await facts.shares(session, one):
            key = (share.entity, share.owner, share.measure)
            total[key] = total.get(key, 0) + share.amount
    ordered = sorted(
        (Share(*key, amount) for key, amount in total.items() if amount),
        key=lambda one: (-abs(one.amount), one.entity, one.owner, one.measure),
    )
    start = (_cursor(asked.after) or (0, ()))[0]
    page = ordered[start : start + asked.limit]
    end = start + len(page)
    return page, str(end) if end < len(ordered) else None


def _cursor(after: str) -> tuple[int, Any] | None:
    """``next`` of an earlier page, taken apart; 422 where it is none."""
    if not after:
        return None
    try:
        first, *place = (int(one) for one in after.split("."))
    except ValueError:
        place, first = [], -1
    if first < 0 or len(place) not in (0, 4):
        raise unprocessable("invalid-after", f"after={after!r} is no `next`", "`next` of a page")
    return first, tuple(place)


def _said(values: Iterable[int]) -> str:
    return ".".join(str(one) for one in values)


def _sums(sums: Mapping[str, int], of_facts: Mapping[str, int]) -> list[SumView]:
    return [
        SumView(measure=one, amount=sums.get(one, 0), of_facts=of_facts.get(one, 0))
        for one in sorted(sums.keys() | of_facts.keys())
    ]


def _ledger(book: Book | None) -> LedgerView:
    if book is None:
        return LedgerView(state="none", flows_since=None)
    state: Literal["whole", "filling"] = "whole" if book.whole else "filling"
    return LedgerView(state=state, flows_since=book.pruned_before or None)


def _reps(org: Org) -> dict[str, str]:
    return {owner: rep.id for rep in org.reps.values() for owner in owners_of(rep)}


def _fact(one: Fact, org: Org, reps: Mapping[str, str], logs: Mapping[int, str]) -> FactView:
    log, lane, offset, n = one.place
    return FactView(
        **_record(one.entity, org),
        owner=one.owner,
        rep=reps.get(one.owner),
        measure=one.measure,
        at=one.at,
        known_at=one.known_at,
        delta=one.delta,
        place=f"{logs.get(log, log)}:{'backfill' if lane else 'live'}:{offset}:{n}",
    )


def _entity(one: Share, org: Org, reps: Mapping[str, str]) -> EntityView:
    return EntityView(
        **_record(one.entity, org),
        owner=one.owner,
        rep=reps.get(one.owner),
        measure=one.measure,
        amount=one.amount,
    )


def _record(entity: str, org: Org) -> dict[str, Any]:
    short, connection, record = entity.split(":", 2)
    kind = "deal" if short == "d" else "activity"
    source = org.connections.get(connection)
    link = record_link(source.link, kind, record) if source else None
    return {"entity": entity, "kind": kind, "record": record, "link": link}


async def _targets(
    session: AsyncSession, asked: Asked, kpis: Iterable[KpiProgress]
) -> list[TargetStep]:
    """The versions of the targets that are in force, as they were set."""
    ids = [one.target.id for one in kpis if one.target is not None and one.target.id]
    if not ids:
        return []
    stored = await targets_sql.read_stored(session, asked.caller.org.tenant, ids)
    compiled = asked.caller.known.kpis.book.compiled
    found: list[TargetStep] = []
    for id_, versions in stored.items():
        for one in versions:
            target = one.target
            unit: Unit = compiled[target.kpi].definition.unit
            found.append(
                TargetStep(
                    id=id_,
                    version=one.version,
                    base=said(Fraction(target.base), unit),
                    effective=target.effective.isoformat() if target.effective else None,
                    change=target.change,
                    state=target.state,
                    author=one.author,
                    created_at=one.created_at,
                    note=target.note,
                )
            )
    return found


async def _left_out(
    session: AsyncSession, asked: Asked, whole: Progress, lines: Lines | None
) -> list[LeftOut]:
    counted = [
        LeftOut(reason=what, count=n, says=_words(what)) for what, n in whole.incomplete.items()
    ]
    currency = asked.caller.plan.currency
    others = {code for one in whole.kpis if one.id == asked.kpi for code in one.other_currencies}
    for name, amount in sorted(lines.sums.items() if lines else ()):
        for code in others:
            if f":{code}" in name and name in selected([(name, amount)], asked.measures):
                says = f"{name}: money in {code} is not added to {currency}"
                counted.append(LeftOut(reason=f"other_currency:{code}", count=amount, says=says))
    letters = await dead.reasons(session, asked.caller.org.tenant, _connections(asked))
    return counted + [
        LeftOut(reason=f"dead:{why}", count=n, says=f"events that could not be used: {_words(why)}")
        for why, n in sorted(letters.items())
    ]


def _connections(asked: Asked) -> list[str]:
    if asked.chosen.others:
        return list(asked.caller.org.connections)
    return sorted({one.connection for rep in asked.chosen.reps for one in rep.owners})


def _words(code: str) -> str:
    return code.replace("_", " ")


async def _before(session: AsyncSession, asked: Asked, found: _Evidence) -> list[SumView]:
    """The sums as they were known by ``since``, beside what they are now."""
    if asked.known.since is None:
        return []
    then = [msgspec.structs.replace(one, as_of=asked.known.since) for one in found.wanted]
    return _sums(await _totals(session, then), found.of_facts)


async def _learnt(session: AsyncSession, asked: Asked, wanted: Sequence[Wanted]) -> list[LearntOn]:
    if asked.known.since is None:
        return []
    zone = ZoneInfo(asked.caller.plan.zone)
    total: dict[tuple[str, str], int] = {}
    for one in wanted:
        for (bucket, measure), amount in (await facts.learnt(session, one, _QUARTER_MS)).items():
            at = datetime.fromtimestamp(bucket * _QUARTER_MS / 1000, zone)
            key = (at.date().isoformat(), measure)
            total[key] = total.get(key, 0) + amount
    return [
        LearntOn(day=day, measure=measure, amount=amount)
        for (day, measure), amount in sorted(total.items())
        if amount
    ]


async def _book(engine: AsyncEngine, tenant: str, generation: int | None) -> Book | None:
    if generation is None:
        return None
    async with reading(engine) as session:
        return await books.find(session, tenant, generation)
