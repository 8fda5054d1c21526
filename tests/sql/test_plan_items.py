"""Administration on both databases: the file's own checks, versions, audit, one indexed query."""

from __future__ import annotations

import asyncio
from datetime import date
from fractions import Fraction

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi import CODE
from kpi.periods import Span
from paceline.admin.audit import read_audit
from paceline.admin.items import delete_item, get_item, list_items, put_item
from paceline.admin.targets import acknowledge_target, import_targets, publish_target
from paceline.admin.values import KINDS, Absent, Actor, Conflict, Done, Item, Kind, Refused
from paceline.config.apply import apply
from paceline.config.parse import parse
from paceline.sql import generations, targets
from paceline.sql.changes import settle
from paceline.sql.engine import reading, writing
from paceline.sql.plan import load_plan, plan_version
from tests.config.plan_file import PLAN

ADMIN = Actor("key:1530e831cfb2 warehouse")
QUARTER = "won_amount.rep.anna.2026-10-01.2026-12-31"
CSV = "kpi,rep,period,base\ncalls,anna,2026-12,140\ncalls,tom,2026-12,120\n"


@pytest.fixture
async def planned(engine: AsyncEngine) -> AsyncEngine:
    """A database in which acme has its plan, and globex nothing."""
    document, source = parse(PLAN, "acme.yaml")
    await apply(engine, document, source, code=CODE)
    return engine


async def put(engine: AsyncEngine, kind: Kind, item: str, body: object, **how: object) -> Done:
    """Written by an administrator of acme."""
    more = msgspec.convert(how, dict[str, bool | str | None])
    if_version, dry = more.get("if_version"), bool(more.get("dry_run"))
    return await put_item(
        engine,
        "acme",
        kind,
        item,
        body,
        actor=ADMIN,
        code=CODE,
        dry_run=dry,
        if_version=if_version if isinstance(if_version, str) else None,
    )


async def refused(engine: AsyncEngine, kind: Kind, item: str, body: object) -> dict[str, str]:
    """Pointer -> sentence of what is wrong."""
    with pytest.raises(Refused) as caught:
        await put(engine, kind, item, body)
    return {one.pointer: one.what for one in caught.value.faults}


async def get(engine: AsyncEngine, kind: Kind, item: str) -> Item:
    """One item of acme."""
    async with reading(engine) as session:
        return await get_item(session, "acme", kind, item)


async def written(engine: AsyncEngine) -> tuple[int, int]:
    """Entries of the audit, and the plan's version."""
    async with reading(engine) as session:
        entries = (await read_audit(session, "acme", limit=1000)).entries
        return len(entries), (await plan_version(session, "acme")).number


async def test_every_item_put_back_as_it_was_read_changes_nothing(planned: AsyncEngine) -> None:
    """All kinds, all items: the bodies are the file's, so no version, no audit, no generation."""
    before = await written(planned)
    for kind in KINDS:
        async with reading(planned) as session:
            page = await list_items(session, "acme", kind, limit=500)
        assert page.items, kind
        for item in page.items:
            if (kind, item.id) == ("kpis", "composite"):
                continue  # The weights say it.
            done = await put(planned, kind, item.id, item.body, if_version=item.digest)
            assert (done.nothing, done.item) == (True, item)
    assert await written(planned) == before


async def test_a_kpi_is_put_in_versions(planned: AsyncEngine) -> None:
    """New, changed, the same again, taken away, taken away again."""
    body = {"name": "Touches", "unit": "count", "formula": "calls + emails"}
    assert (await put(planned, "kpis", "touches", body)).changes == ["+ kpi touches: Touches"]
    body["formula"] = "calls + emails + meetings"
    changed = await put(planned, "kpis", "touches", body)
    assert changed.changes == [
        "~ kpi touches: formula: calls + emails -> calls + emails + meetings"
    ]
    assert changed.item is not None
    assert changed.item.version == 2
    assert (await put(planned, "kpis", "touches", body)).nothing
    gone = await delete_item(planned, "acme", "kpis", "touches", actor=ADMIN, code=CODE)
    assert (gone.changes, gone.item) == (["- kpi touches: Touches"], None)
    again = await delete_item(planned, "acme", "kpis", "touches", actor=ADMIN, code=CODE)
    assert again.nothing


async def test_mistakes_of_a_body_have_json_pointers(planned: AsyncEngine) -> None:
    """All of them at once: shape, words, references, formulas."""
    found = await refused(
        planned, "kpis", "new", {"name": "New", "unit": "count", "formula": "calls + won_amount"}
    )
    assert found["/formula"].startswith("character 7: count cannot be added to money")
    found = await refused(
        planned,
        "reps",
        "tom",
        {"name": "Tom", "team": "est", "zone": "Mars", "owners": {"crm": [1]}, "nmae": "x"},
    )
    assert set(found) == {"/team", "/zone", "/owners/crm/0", "/nmae"}
    assert "reps/anna/owners/crm/0" in found["/owners/crm/0"]
    assert set(await refused(planned, "reps", "tom", ["no"])) == {""}
    assert set(await refused(planned, "reps", "tom", {"id": "tim"})) == {"/id"}
    assert set(await refused(planned, "settings", "fiscal", {"value": {"start_month": 13}})) == {
        "/value/start_month"
    }
    found = await refused(
        planned, "targets", "", {"kpi": "cals", "rep": "tim", "period": "2026-13", "base": 1}
    )
    assert set(found) == {"/kpi", "/rep", "/period"}


async def test_what_others_rest_on_cannot_be_taken_away(planned: AsyncEngine) -> None:
    """The answer names who."""
    for kind, item, pointer in (
        ("roles", "ae", "reps/anna/role"),
        ("measures", "service_deals", "kpis/service_won/formula"),
        ("calendars", "de", "calendar"),
        ("ramps", "slow", "roles/ae/ramp"),
        ("teams", "west", "reps/anna/teams/1/team"),
    ):
        with pytest.raises(Refused) as caught:
            await delete_item(
                planned, "acme", msgspec.convert(kind, Kind), item, actor=ADMIN, code=CODE
            )
        assert pointer in {one.pointer for one in caught.value.faults}


async def test_two_administrators_do_not_overwrite_each_other(planned: AsyncEngine) -> None:
    """The second has read the version before; and what must be new is there already."""
    role = await get(planned, "roles", "ae")
    body = role.body | {"name": "Closer"}
    assert not (await put(planned, "roles", "ae", body, if_version=role.digest)).nothing
    with pytest.raises(Conflict):
        await put(planned, "roles", "ae", role.body, if_version=role.digest)
    with pytest.raises(Conflict):
        await put(planned, "roles", "ae", body, if_version="")


async def test_a_measure_that_is_put_makes_a_generation_that_waits_for_the_log(
    planned: AsyncEngine,
) -> None:
    """Ingest publishes what is unpublished, whoever wrote it."""
    body = {"entity": "deal", "moment": "won", "filters": [{"field": "amount", "at_least": 5000}]}
    dry = await put(planned, "measures", "big", body, dry_run=True)
    done = await put(planned, "measures", "big", body)
    assert (dry.generation, done.generation) == (2, 2)
    assert dry.changes == done.changes
    async with reading(planned) as session:
        waiting = [one for one in await generations.unpublished(session) if one.tenant == "acme"]
    assert waiting[-1].meaning.measures["big"].filters[0].at_least == 500_000
    assert (await get(planned, "measures", "big")).body["filters"][0]["at_least"] == 5000


async def test_a_dry_run_writes_nothing(planned: AsyncEngine) -> None:
    """Of items, targets and CSV."""
    before = await written(planned)
    assert (await put(planned, "teams", "north", {"name": "North"}, dry_run=True)).changes
    data = CSV.encode()
    assert (await import_targets(planned, "acme", data, actor=ADMIN, dry_run=True)).changes
    assert await written(planned) == before


async def test_no_tenant_sees_or_changes_anothers(planned: AsyncEngine) -> None:
    """Globex has none of acme's items, and an unknown tenant, kind or setting is absent."""
    async with reading(planned) as session:
        assert (await list_items(session, "globex", "reps")).items == []
        assert (await list_items(session, "globex", "targets")).items == []
        assert (await read_audit(session, "globex")).entries == []
        assert await load_plan(session, "nobody") is None
        for tenant, kind, item in (
            ("globex", "roles", "ae"),
            ("globex", "targets", QUARTER),
            ("nobody", "roles", "ae"),
            ("acme", "rols", "ae"),
            ("acme", "settings", "colour"),
        ):
            with pytest.raises(Absent):
                await get_item(session, tenant, kind, item)  # type: ignore[arg-type]


async def test_pages_have_every_item_once(planned: AsyncEngine) -> None:
    """Seven KPIs at a time, one target at a time."""
    for kind, limit in (("kpis", 7), ("targets", 1)):
        found: list[str] = []
        after: str | None = None
        async with reading(planned) as session:
            while True:
                page = await list_items(
                    session, "acme", msgspec.convert(kind, Kind), after=after, limit=limit
                )
                found += [one.id for one in page.items]
                after = page.next
                if after is None:
                    break
            whole = await list_items(session, "acme", msgspec.convert(kind, Kind), limit=500)
        assert found == sorted(one.id for one in whole.items)


async def test_a_target_is_drafted_published_and_acknowledged_anew(planned: AsyncEngine) -> None:
    """Each version by the rep whose it is; a new one takes the acknowledgement back."""
    body = {"kpi": "calls", "rep": "tom", "period": "2026-12", "base": 100, "state": "draft"}
    made = (await put(planned, "targets", "", body)).item
    assert made is not None
    assert (made.state, made.version) == ("draft", 1)
    with pytest.raises(Conflict):
        await acknowledge_target(
            planned, "acme", made.id, version=1, rep="tom", actor=Actor("rep:tom")
        )
    assert (await publish_target(planned, "acme", made.id, actor=ADMIN)).changes == [
        f"~ target {made.id}: state: draft -> published"
    ]
    assert (await publish_target(planned, "acme", made.id, actor=ADMIN)).nothing
    with pytest.raises(Absent):
        await acknowledge_target(
            planned, "acme", made.id, version=1, rep="anna", actor=Actor("rep:anna")
        )
    await acknowledge_target(planned, "acme", made.id, version=1, rep="tom", actor=Actor("rep:tom"))
    assert (await get(planned, "targets", made.id)).state == "acknowledged"
    published = body | {"state": "published"}
    assert (await put(planned, "targets", made.id, published)).nothing
    again = (await put(planned, "targets", made.id, published | {"base": 110})).item
    assert again is not None
    assert (again.state, again.version) == ("published", 2)
    with pytest.raises(Conflict):
        await acknowledge_target(
            planned, "acme", made.id, version=1, rep="tom", actor=Actor("rep:tom")
        )
    assert [one["state"] for one in again.history] == ["acknowledged", "published"]


async def test_a_draft_does_not_displace_what_is_published(planned: AsyncEngine) -> None:
    """Readers see the published version as long as the new one is a draft."""
    body = (await get(planned, "targets", QUARTER)).body | {"base": 400_000, "state": "draft"}
    await put(planned, "targets", QUARTER, body)
    async with reading(planned) as session:
        plan = await load_plan(session, "acme")
    assert plan is not None
    counted = [one for one in plan.targets_of("rep", "anna", "won_amount") if one.counts]
    assert counted[-1].tiers.base == Fraction(33_000_000)


async def test_a_withdrawn_target_stays_to_be_read(planned: AsyncEngine) -> None:
    """Never deleted; put again it is another version."""
    await delete_item(planned, "acme", "targets", QUARTER, actor=ADMIN, code=CODE)
    item = await get(planned, "targets", QUARTER)
    assert [one["state"] for one in item.history] == ["withdrawn", "withdrawn"]
    async with reading(planned) as session:
        plan = await load_plan(session, "acme")
    assert plan is not None
    assert plan.targets_of("rep", "anna") == []
    done = await put(planned, "targets", QUARTER, item.body)
    assert done.item is not None
    assert done.item.version == 3


async def test_the_audit_names_the_key_and_pages_backwards(planned: AsyncEngine) -> None:
    """Newest first, of one kind and subject where asked."""
    for name in ("North", "Far North"):
        await put(planned, "teams", "north", {"name": name})
    async with reading(planned) as session:
        first = await read_audit(session, "acme", kind="teams", subject="north", limit=1)
        second = await read_audit(
            session, "acme", kind="teams", subject="north", limit=1, before=first.next
        )
    entries = [*first.entries, *second.entries]
    assert [(one.actor, one.action) for one in entries] == [
        (ADMIN.name, "change"),
        (ADMIN.name, "create"),
    ]
    assert (entries[0].before or {})["name"] == "North"
    assert second.next is None


async def test_writers_at_once_all_count(planned: AsyncEngine) -> None:
    """Ten teams at the same moment: ten audits, ten versions, none lost."""
    before = await written(planned)
    names = [f"team-{n}" for n in range(10)]
    await asyncio.gather(*(put(planned, "teams", name, {"name": name}) for name in names))
    assert await written(planned) == (before[0] + 10, before[1] + 10)


async def test_many_targets_are_loaded_by_one_indexed_query(planned: AsyncEngine) -> None:
    """2,400 of 100 people over two years; a month of them, and the plan of the query."""
    months = [(year, month) for year in (2026, 2027) for month in range(1, 13)]
    todo = [
        targets.Step(
            action="create",
            version=1,
            before=None,
            target=targets.Target(
                kpi="calls",
                subject_kind="rep",
                subject=f"rep-{n}",
                first=date(year, month, 1),
                last=date(year, month, 28),
                base=Fraction(n),
            ),
        )
        for n in range(100)
        for year, month in months
    ]
    async with writing(planned) as session:
        await targets.write_steps(session, "globex", todo, "cli:test")
        await settle(session, "globex", "cli:test", [targets.deed(one) for one in todo])
    span = Span(date(2026, 11, 3), date(2026, 11, 9))
    async with reading(planned) as session:
        found = await targets.load_versions(session, "globex", span)
        asked = "SELECT * FROM targets WHERE tenant = 'globex' AND last >= '2026-11-03'"
        if planned.dialect.name == "sqlite":
            lines = (await session.execute(text(f"EXPLAIN QUERY PLAN {asked}"))).all()
            assert "ix_targets_tenant_last_first" in str(lines)
    assert len(found) == 100
    assert {len(each) for each in found.values()} == {1}
