"""Applying a file: idempotent, honest when dry, and generations only where needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.config.apply import Applied, apply, dry_run
from paceline.config.meaning import meaning_of
from paceline.config.parse import parse
from paceline.config.problems import ConfigError
from paceline.config.state import states_of
from paceline.sql import generations, models
from paceline.sql.connections import find_connection
from paceline.sql.engine import engine_for, reading
from paceline.sql.migrate import upgrade_engine
from paceline.sql.org import Org, load_org
from schemas.meaning import Meaning
from tests.config.files import GOOD
from tests.support.need import ROOT

EXAMPLE = ROOT / "examples" / "paceline.yaml"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An empty, migrated database."""
    engine = engine_for(f"sqlite+aiosqlite:///{tmp_path / 'paceline.db'}")
    await upgrade_engine(engine)
    yield engine
    await engine.dispose()


async def applied(
    engine: AsyncEngine, text: str, *, prune: bool = False, dry: bool = False, code: int = 1
) -> Applied:
    """Apply a file of one tenant."""
    document, source = parse(text, "acme.yaml")
    run = dry_run if dry else apply
    return (await run(engine, document, source, code=code, prune=prune))[0]


async def org(engine: AsyncEngine, tenant: str = "acme") -> Org:
    """The organisation as the API reads it."""
    async with reading(engine) as session:
        found = await load_org(session, tenant)
    assert found is not None
    return found


def meaning(text: str, code: int = 1) -> Meaning:
    """What the numbers of a file's tenant mean."""
    return meaning_of(states_of(parse(text, "acme.yaml")[0])[0], code)


async def test_applying_the_same_file_again_changes_nothing(engine: AsyncEngine) -> None:
    """No row, no generation, no version; whatever the order of its lines and its style."""
    first = await applied(engine, GOOD)
    assert (first.nothing, first.generation) == (False, 1)
    again = await applied(engine, GOOD)
    assert (again.nothing, again.changes, again.generation) == (True, [], None)
    styled = GOOD.replace("hub: [101, 102]", 'hub: ["102", "101"]').replace("EUR", '"EUR"')
    assert (await applied(engine, styled)).nothing
    async with reading(engine) as session:
        assert await session.scalar(select(func.count(models.ConfigVersion.version))) == 1


async def test_a_dry_run_says_what_apply_does_and_does_nothing(engine: AsyncEngine) -> None:
    """The same report before and at the change; only apply changes the database."""
    await applied(engine, GOOD)
    changed = GOOD.replace("name: Anna", "name: Anna Berg\n        zone: Asia/Tokyo")
    changed = changed.replace(
        "      - {id: sales", "      - {id: new, name: New}\n      - {id: sales"
    )
    told = await applied(engine, changed, dry=True)
    assert [str(change) for change in told.changes] == [
        "+ team new: New",
        "~ rep anna: name: Anna -> Anna Berg, zones: (none) -> Asia/Tokyo",
    ]
    assert told.generation == 2
    assert (await org(engine)).reps["anna"].name == "Anna"
    assert await applied(engine, changed) == told
    assert (await org(engine)).reps["anna"].zone == "Asia/Tokyo"


async def test_without_prune_what_the_file_leaves_out_is_kept_and_named(
    engine: AsyncEngine,
) -> None:
    """Tom is not in the file: kept, with his owner id; with --prune he goes."""
    await applied(engine, GOOD)
    tom = GOOD[GOOD.index("      - id: tom") : GOOD.index("    connections:")]
    without = GOOD.replace(tom, "")
    kept = await applied(engine, without)
    assert (kept.nothing, kept.kept) == (True, ["rep tom"])
    pruned = await applied(engine, without, prune=True)
    assert [str(change) for change in pruned.changes] == ["- rep tom: Tom"]
    assert pruned.generation is None
    assert set((await org(engine)).reps) == {"anna"}


async def test_an_owner_moves_from_one_rep_to_another(engine: AsyncEngine) -> None:
    """102 was Anna's and is Tom's; it never belongs to both."""
    await applied(engine, GOOD)
    moved = GOOD.replace("[101, 102]", "101").replace("hub: 103", "hub: [102, 103]")
    assert (await applied(engine, moved)).generation is None
    found = await org(engine)
    assert [found.rep_of("hub", owner) for owner in ("101", "102", "103")] == [
        found.reps["anna"],
        found.reps["tom"],
        found.reps["tom"],
    ]


async def test_an_owner_moves_away_from_a_rep_that_the_file_leaves_out(
    engine: AsyncEngine,
) -> None:
    """Tom is kept but the file gives his 103 to Anna."""
    await applied(engine, GOOD)
    tom = GOOD[GOOD.index("      - id: tom") : GOOD.index("    connections:")]
    await applied(engine, GOOD.replace(tom, "").replace("102]", "102, 103]"))
    found = await org(engine)
    assert found.rep_of("hub", "103") == found.reps["anna"]
    assert found.reps["tom"].owners == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: Acme", "name: Acme Industries\n    name_zh: 顶点公司"),
        ("team: east", "team: sales"),
        ("parent: sales}", "name_zh: 东区}"),
        ("manages: sales", "manages: east"),
        ("hub: [101, 102]", "hub: [101, 102, 777]"),
        ("name: Anna", "name: Anna\n        zone: Europe/Berlin"),
        ("env: HUB_SECRET", "env: HUB_SECRET_2"),
        ("portal: 62515", "portal: 62516\n        enabled: false"),
        ("occurred_at: changed_at", "occurred_at: at"),
    ],
)
async def test_names_teams_reps_and_secrets_need_no_generation(
    engine: AsyncEngine, old: str, new: str
) -> None:
    """Also an unknown owner mapped to a rep in the tenant's own zone: its past is right at once."""
    assert meaning(GOOD.replace(old, new, 1)) == meaning(GOOD)
    await applied(engine, GOOD)
    changed = await applied(engine, GOOD.replace(old, new, 1))
    assert (changed.nothing, changed.generation) == (False, None)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("closedlost: lost", "closedlost: open", "connections.hub.stages.default.closedlost"),
        ("zone: Europe/Berlin", "zone: Asia/Tokyo", "zone: Europe/Berlin -> Asia/Tokyo"),
        ("currency: EUR", "currency: USD", "connections.hub.currency: EUR -> USD"),
        ("stale_after_days: 30", "stale_after_days: null", "stale_after_days: 30 -> (none)"),
        ("name: Tom", "name: Tom\n        zone: Asia/Tokyo", "owner_zones.hub/103"),
    ],
)
async def test_what_the_numbers_mean_needs_a_generation(
    engine: AsyncEngine, old: str, new: str, told: str
) -> None:
    """Stages, zones, currencies, staleness; and the report says which of them."""
    await applied(engine, GOOD)
    changed = await applied(engine, GOOD.replace(old, new, 1))
    assert changed.generation == 2
    assert told in "\n".join(changed.meaning)
    async with reading(engine) as session:
        last = await generations.latest(session, "acme")
    assert last is not None
    assert last.meaning == meaning(GOOD.replace(old, new, 1))


async def test_a_new_version_of_the_code_is_a_new_meaning(engine: AsyncEngine) -> None:
    """The file is the same, the numbers would not be."""
    await applied(engine, GOOD)
    assert (await applied(engine, GOOD, code=2)).meaning == ("code: 1 -> 2",)


async def test_another_tenants_connection_cannot_be_taken_over(engine: AsyncEngine) -> None:
    """Globex names its source `hub` too: refused by line, and nothing of globex is stored."""
    await applied(engine, GOOD)
    with pytest.raises(ConfigError) as caught:
        await applied(engine, GOOD.replace("id: acme", "id: globex").replace("visits", "v2"))
    line = "acme.yaml:23:13: tenants[0].connections[0].id: connection id `hub` is in use elsewhere"
    assert caught.value.lines == [f"{line}; choose another"]
    async with reading(engine) as session:
        assert await load_org(session, "globex") is None


async def test_the_example_is_applied_and_read_back(engine: AsyncEngine) -> None:
    """Both languages, HubSpot's default stages, two secrets at once, two accounts of one rep."""
    first = await applied(engine, EXAMPLE.read_text())
    assert first.generation == 1
    assert (await applied(engine, EXAMPLE.read_text())).nothing
    found = await org(engine, "northwind")
    assert (found.name_zh, found.teams["shanghai"].name_zh) == ("北风机器人", "上海组")
    assert [owner.owner for owner in found.reps["tom-reed"].owners] == ["5003", "5103"]
    assert found.subtree("sales") == {"sales", "east", "shanghai"}
    async with reading(engine) as session:
        hub = await find_connection(session, "hubspot-main")
        visits = await find_connection(session, "visit-app")
        last = await generations.latest(session, "northwind")
    assert hub is not None
    assert visits is not None
    assert last is not None
    assert hub.settings.stages["*"]["qualifiedtobuy"] == "qualified"
    assert [one.secret_env for one in visits.settings.signatures] == [
        "VISIT_APP_SECRET",
        "VISIT_APP_SECRET_OLD",
    ]
    assert last.meaning.owner_zones == {
        "hubspot-main/5004": ((0, "Asia/Shanghai"),),
        "visit-app/liwei": ((0, "Asia/Shanghai"),),
    }


async def test_what_hubspots_properties_tell_is_stored_and_is_no_new_meaning(
    engine: AsyncEngine,
) -> None:
    """Custom properties and both spellings of the address; their order says nothing."""
    assert (await applied(engine, GOOD)).generation == 1
    told = (
        "portal: 62515\n        properties: {visit_type: type}\n        uri_forms: [raw, decoded]"
    )
    changed = await applied(engine, GOOD.replace("portal: 62515", told))
    assert changed.generation is None
    (change,) = changed.changes
    assert change.details == (
        "properties.visit_type: (none) -> type",
        "uri_forms: decoded -> decoded, raw",
    )
    async with reading(engine) as session:
        hub = await find_connection(session, "hub")
    assert hub is not None
    assert hub.settings.properties == {"visit_type": "type"}
    assert hub.settings.uri_forms == ("decoded", "raw")
    turned = told.replace("[raw, decoded]", "[decoded, raw]")
    assert (await applied(engine, GOOD.replace("portal: 62515", turned))).nothing
