"""A plan applied: idempotent, in versions, audited, and read back as it was meant."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kpi import CODE
from kpi.civil import day_start
from kpi.organisation import Membership
from kpi.periods import Span
from kpi.targets.effective import effective
from kpi.targets.model import Nature, Presence
from paceline.admin.audit import Entry, read_audit
from paceline.config import written
from paceline.config.apply import Applied, apply, dry_run
from paceline.config.document import Document
from paceline.config.meaning import meaning_of
from paceline.config.parse import parse
from paceline.config.state import states_of
from paceline.sql.engine import reading
from paceline.sql.org import load_org
from paceline.sql.plan import Plan, load_plan
from schemas.meaning import Meaning
from tests.config.plan_file import PLAN
from tests.config.test_apply import engine as engine  # noqa: PLC0414 - a fixture
from tests.support.need import ROOT

EXAMPLE = ROOT / "examples" / "plan.yaml"
MOVE = date(2026, 10, 12)


async def applied(
    engine: AsyncEngine, text: str = PLAN, *, prune: bool = False, dry: bool = False
) -> Applied:
    """Apply a file of one tenant."""
    document, source = parse(text, "plans/acme.yaml")
    run = dry_run if dry else apply
    return (await run(engine, document, source, code=CODE, prune=prune))[0]


async def plan(engine: AsyncEngine, tenant: str = "acme", span: Span | None = None) -> Plan:
    """The plan as readers have it."""
    async with reading(engine) as session:
        found = await load_plan(session, tenant, span=span, day=date(2026, 11, 23))
    assert found is not None
    return found


async def audit(engine: AsyncEngine) -> list[Entry]:
    """What was written, oldest first."""
    async with reading(engine) as session:
        return (await read_audit(session, "acme", limit=500)).entries[::-1]


def meaning(text: str = PLAN) -> Meaning:
    """What the numbers of a file's tenant mean."""
    return meaning_of(states_of(parse(text, "plan.yaml")[0])[0], CODE)


async def test_applying_the_same_plan_again_changes_nothing(engine: AsyncEngine) -> None:
    """No version, no audit, the same digest; targets with a change within the period too."""
    first = await applied(engine)
    assert (first.nothing, first.generation) == (False, 1)
    before, digest = len(await audit(engine)), (await plan(engine)).digest
    assert (await applied(engine)).nothing
    assert (await applied(engine, prune=True)).nothing
    assert (len(await audit(engine)), (await plan(engine)).digest) == (before, digest)


async def test_the_example_says_everything_and_is_applied(engine: AsyncEngine) -> None:
    """Every key of a tenant stands in it, so that nobody has to guess how one is written."""
    text = EXAMPLE.read_text()
    assert (await applied(engine, text)).generation == 1
    assert (await applied(engine, text)).nothing
    document, _ = parse(text, "plan.yaml")
    absent = set(type(document.tenants[0]).model_fields) - document.tenants[0].model_fields_set
    assert absent <= {"stale_after_days", "entity_retention_days"}
    found = await plan(engine, "lighthouse")
    assert found.calendars["cn"].on >= {date(2026, 10, 10)}
    assert found.ramps["ae-ramp"].gates[0].at_least == Fraction(10_000_000)


async def test_a_dry_run_of_a_plan_says_what_apply_does(engine: AsyncEngine) -> None:
    """Amounts as people write them."""
    await applied(engine)
    changed = PLAN.replace("base: 330000", "base: 340000").replace("ahead: 120", "ahead: 130")
    told = await applied(engine, changed, dry=True)
    assert [str(change) for change in told.changes] == [
        "~ kpi calls: bands.ahead: 120 -> 130",
        "~ target won_amount.rep.anna.2026-10-01.2026-12-31: base: 330000 -> 340000",
    ]
    assert told.generation is None
    assert await applied(engine, changed) == told


async def test_a_definition_in_use_is_another_version(engine: AsyncEngine) -> None:
    """The shipped calls are version 1, the tenant's 2, changed 3; taken away, the shipped again."""
    await applied(engine)
    await applied(engine, PLAN.replace("ahead: 120", "ahead: 130"))
    found = await plan(engine)
    calls = next(one for one in found.definitions if one.id == "calls")
    assert (calls.version, calls.bands.ahead) == (3, 130)
    revisions = [one.definition for one in found.revisions["calls"]]
    assert [one and (one.version, one.bands.ahead) for one in revisions] == [
        (1, 105),
        (2, 120),
        (3, 130),
    ]
    assert found.on(date(2020, 1, 1))[0].version == 1
    gone = PLAN.replace("      - {id: calls, bands: {ahead: 120}}\n", "")
    assert [str(one) for one in (await applied(engine, gone, prune=True)).changes] == [
        "- kpi calls: Calls, 电话"
    ]
    again = next(one for one in (await plan(engine)).definitions if one.id == "calls")
    assert (again.version, again.bands.ahead) == (4, 105)


async def test_a_kpi_that_is_gone_was_there_before(engine: AsyncEngine) -> None:
    """Its definition is still given for a day on which it held."""
    await applied(engine)
    gone = PLAN.replace(
        PLAN[PLAN.index("      - {id: service_won") : PLAN.index("      - {id: calls, b")], ""
    )
    gone = gone.replace(", service_won]", "]")
    await applied(engine, gone, prune=True)
    found = await plan(engine)
    assert "service_won" not in {one.id for one in found.definitions}
    past = [one.definition for one in found.revisions["service_won"]]
    assert [one is None for one in past] == [True, False, True]


async def test_a_mover_has_two_teams_two_zones_and_one_of_them_today(engine: AsyncEngine) -> None:
    """Berlin and East to 11 October, Shanghai and West from the 12th, which she manages."""
    await applied(engine)
    anna = (await plan(engine)).reps["anna"]
    assert anna.memberships == (
        Membership("east", None, date(2026, 10, 11)),
        Membership("west", MOVE, None),
    )
    assert (anna.ramp, anna.calendar, anna.kpis) == ("slow", "de", ("won_amount", "service_won"))
    async with reading(engine) as session:
        days = [await load_org(session, "acme", day=day) for day in (date(2026, 10, 11), MOVE)]
    seen = [org.reps["anna"] for org in days if org is not None]
    assert [(one.team, one.zone, one.manages) for one in seen] == [
        ("east", "Europe/Berlin", None),
        ("west", "Asia/Shanghai", "west"),
    ]


def test_a_move_between_zones_begins_at_midnight_in_the_new_one() -> None:
    """The tenant's own zone first; Tom, who never moved, is not in the meaning at all."""
    assert meaning().owner_zones == {
        "crm/1": ((0, "Europe/Berlin"), (day_start(MOVE, "Asia/Shanghai"), "Asia/Shanghai"))
    }


def test_the_meaning_has_what_numbers_depend_on() -> None:
    """Measures, criteria, texts of reasons, the order of the stages; nothing of KPIs or targets."""
    found = meaning()
    assert found.measures["service_deals"].filters[0].in_ == ("service",)
    assert found.criteria["budget"].field == "budget"
    assert found.disqualification is not None
    assert found.disqualification.reasons == {"no budget": "no_budget", "no need": "no_need"}
    assert found.connections["crm"].steps == {"*": ("demo", "won", "lost")}


@pytest.mark.parametrize(
    ("old", "new", "another"),
    [
        ("filters: [{field: product, in: service}]", "take: sum, of: amount", True),
        ('values: ["no need"]', 'values: ["no need", 无需求]', True),
        ("{demo: qualified, won: won", "{won: won, demo: qualified", True),
        ("fiscal:", "credit: splits\n    fiscal:", True),
        ("field: budget}", "field: money}", True),
        ("week_start: monday", "week_start: sunday", False),
        ("ahead: 120", "ahead: 130", False),
        ("base: 330000", "base: 350000", False),
        ("percent: [50", "percent: [60", False),
        ("hired: 2026-01-05", "hired: 2026-02-05", False),
        ("crm: 6h", "crm: 7h", False),
    ],
)
def test_only_what_moves_numbers_is_another_meaning(
    old: str,
    new: str,
    another: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Targets, ramps, bands and dates of people need no generation."""
    assert old in PLAN
    base = PLAN.replace('"service_deals + 0"', "won_count")
    assert (meaning(base.replace(old, new)) != meaning(base)) is another


async def test_a_change_within_the_period_counts_from_its_day(engine: AsyncEngine) -> None:
    """300k, then 330k from 16 November; a correction of the first keeps the second."""
    await applied(engine)
    corrected = PLAN.replace("base: 300000", "base: 310000")
    assert len((await applied(engine, corrected)).changes) == 2
    found = (await plan(engine)).targets_of("rep", "anna", "won_amount")
    assert [(one.version, one.effective, int(one.tiers.base)) for one in found] == [
        (1, None, 30_000_000),
        (2, date(2026, 11, 16), 33_000_000),
        (3, None, 31_000_000),
        (4, date(2026, 11, 16), 33_000_000),
    ]
    everybody = Presence(calendar=(await plan(engine)).calendars["default"])
    nature = Nature(kpi="won_amount", unit="money")
    fiscal = (await plan(engine)).fiscal
    quarter = Span(date(2026, 10, 1), date(2026, 12, 31))
    now = effective(found, nature, quarter, everybody, fiscal)
    assert now is not None
    assert 31_000_000 < now.base < 33_000_000


async def test_pruning_withdraws_the_targets_that_a_file_with_targets_leaves_out(
    engine: AsyncEngine,
) -> None:
    """And one without any leaves those that came by CSV alone."""
    await applied(engine)
    tom = next(line for line in PLAN.splitlines(keepends=True) if "rep: tom, period" in line)
    kept = await applied(engine, PLAN.replace(tom, ""))
    assert kept.nothing
    assert not (await applied(engine, PLAN[: PLAN.index("    targets:")], prune=True)).changes
    pruned = await applied(engine, PLAN.replace(tom, ""), prune=True)
    assert [str(change) for change in pruned.changes] == [
        "- target win_rate.rep.tom.2026-04-01.2027-03-31: state: published -> withdrawn"
    ]
    assert (await plan(engine)).targets_of("rep", "tom") == []
    back = await applied(engine)
    assert [change.sign for change in back.changes] == ["~"]
    assert [one.version for one in (await plan(engine)).targets_of("rep", "tom")] == [2]


async def test_the_audit_says_who_and_from_what_to_what(engine: AsyncEngine) -> None:
    """The file's name, never its folder; before and after whole."""
    await applied(engine)
    await applied(engine, PLAN.replace("left: 2026-12-31", "left: 2026-11-30"))
    last = (await audit(engine))[-1]
    assert (last.actor, last.action, last.kind, last.subject) == (
        "file:acme.yaml",
        "change",
        "reps",
        "tom",
    )
    assert last.before is not None
    assert last.after is not None
    assert (last.before["terms"]["left"], last.after["terms"]["left"]) == (
        "2026-12-31",
        "2026-11-30",
    )


async def test_weights_make_the_composite_and_take_it_along(engine: AsyncEngine) -> None:
    """Without weights it is the shipped one again, also where nothing is pruned."""
    await applied(engine)
    found = {one.id: one for one in (await plan(engine)).definitions}
    assert found["composite"].formula == "weighted(won_amount=60, calls=40)"
    await applied(engine, PLAN.replace("    weights: {won_amount: 60, calls: 40}\n", ""))
    found = {one.id: one for one in (await plan(engine)).definitions}
    assert "new_customer_visits" in found["composite"].formula


def test_what_is_kept_is_written_back_as_the_file_says_it() -> None:
    """State to file to state, for both examples: nothing is lost on the way."""
    for text in (PLAN, EXAMPLE.read_text()):
        (state,) = states_of(parse(text, "plan.yaml")[0])
        raw: dict[str, Any] = written.tenant_of(state)
        document = Document.model_validate({"tenants": [raw]})
        (back,) = states_of(document)
        same = msgspec.structs.replace(back, name_zh=state.name_zh, connections=state.connections)
        assert same == state
