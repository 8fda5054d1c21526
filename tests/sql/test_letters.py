"""Dead letters, generations and the organisation on both databases, tenant by tenant."""

from __future__ import annotations

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from paceline.sql import dead, generations, models
from paceline.sql.engine import reading, writing
from paceline.sql.org import Owner, list_tenants, load_org
from schemas.dead import DeadLetter
from schemas.meaning import Meaning

LATE = DeadLetter(
    id="call-7",
    stage="aggregate",
    tenant="acme",
    connection="hubspot-main",
    reason="too_late",
    detail="older than 90 days",
    at=1_000,
    payload=b"\x00\xff",
    headers={"ce-type": "a\x00b"},
)


def letters(n: int) -> list[DeadLetter]:
    """Calls that came too late, two at each instant."""
    return [msgspec.structs.replace(LATE, id=f"call-{i:02}", at=1_000 + i // 2) for i in range(n)]


async def test_a_letter_is_stored_once_and_never_overwritten(engine: AsyncEngine) -> None:
    """Also with bytes and a NUL, which PostgreSQL does not take in a text."""
    async with writing(engine) as session:
        await dead.store(session, [LATE, LATE])
        await dead.mark_replayed(session, "acme", "call-7")
        await dead.store(session, [LATE])
    async with reading(engine) as session:
        stored = await dead.find(session, "acme", "call-7")
    assert stored is not None
    assert (stored.letter.payload, stored.replays) == (b"\x00\xff", 1)
    assert stored.letter.headers == {"ce-type": "a\N{REPLACEMENT CHARACTER}b"}


async def test_one_tenants_letters_are_not_anothers(engine: AsyncEngine) -> None:
    """The same id in two tenants is two letters."""
    other = msgspec.structs.replace(LATE, tenant="globex", detail="theirs")
    async with writing(engine) as session:
        await dead.store(session, [LATE, other])
        await dead.mark_replayed(session, "globex", "call-7")
        mine = await dead.find(session, "acme", "call-7")
    assert mine is not None
    assert (mine.letter.detail, mine.replays) == ("older than 90 days", 0)


async def test_pages_show_every_letter_once_newest_first(engine: AsyncEngine) -> None:
    """Seven letters in pages of three: 06 05 04 | 03 02 01 | 00."""
    found: list[list[str]] = []
    async with writing(engine) as session:
        await dead.store(session, letters(7))
        page = await dead.page(session, "acme", limit=3)
        found.append([one.letter.id for one in page.letters])
        while page.next is not None:
            page = await dead.page(session, "acme", limit=3, after=page.next)
            found.append([one.letter.id for one in page.letters])
    names = [f"call-{i:02}" for i in (6, 5, 4, 3, 2, 1, 0)]
    assert found == [names[:3], names[3:6], names[6:]]


async def test_letters_are_found_by_what_is_known_of_them(engine: AsyncEngine) -> None:
    """Connection, stage, reason, replayed or not."""
    ingest = msgspec.structs.replace(LATE, id="deal-1", stage="ingest", reason="unmappable")
    async with writing(engine) as session:
        await dead.store(session, [LATE, ingest])
        await dead.mark_replayed(session, "acme", "deal-1")

        async def found(which: dead.Filter) -> list[str]:
            page = await dead.page(session, "acme", which)
            return [one.letter.id for one in page.letters]

        assert await found(dead.Filter(stage="ingest")) == ["deal-1"]
        assert await found(dead.Filter(reason="too_late")) == ["call-7"]
        assert await found(dead.Filter(connection="other")) == []
        assert await found(dead.Filter(replayed=True)) == ["deal-1"]
        assert await found(dead.Filter(replayed=False)) == ["call-7"]


async def test_generations_grow_only_when_the_meaning_changes(engine: AsyncEngine) -> None:
    """Berlin | Berlin | Paris | Berlin -> generations 1, 2, 3: going back is a change too."""
    made = []
    async with writing(engine) as session:
        for city in ("Berlin", "Berlin", "Paris", "Berlin"):
            meaning = Meaning(code=1, zone=f"Europe/{city}")
            made.append(await generations.add_if_new(session, "acme", meaning))
        assert made == [1, None, 2, 3]
        assert await generations.latest(session, "globex") is None


async def test_what_is_published_is_no_longer_waiting(engine: AsyncEngine) -> None:
    """In order, and the first publication counts."""
    async with writing(engine) as session:
        for code in (1, 2):
            await generations.add_if_new(session, "acme", Meaning(code=code, zone="UTC"))
        await generations.mark_published(session, "acme", 1)
        first = await generations.find(session, "acme", 1)
        await generations.mark_published(session, "acme", 1)
        assert await generations.find(session, "acme", 1) == first
        assert [one.generation for one in await generations.unpublished(session)] == [2]


async def test_the_organisation_has_only_the_tenants_own(engine: AsyncEngine) -> None:
    """Two teams with a rep at acme; globex has none of them, and an unknown tenant is None."""
    async with writing(engine) as session:
        session.add_all(
            [
                models.Rep(
                    tenant="acme", id="anna", name="Anna", team_id="east", zone="Asia/Tokyo"
                ),
                models.Team(tenant="acme", id="east", name="East", parent_id="sales"),
                models.Team(tenant="acme", id="sales", name="Sales"),
                models.RepOwner(tenant="acme", connection="hub", owner_id="7", rep_id="anna"),
                models.Connection(
                    id="hub",
                    tenant="acme",
                    kind="hubspot",
                    settings={"currency": "EUR", "zone": "UTC"},
                    enabled=True,
                ),
            ]
        )
    async with reading(engine) as session:
        acme, globex = await load_org(session, "acme"), await load_org(session, "globex")
        assert await load_org(session, "nobody") is None
        assert await list_tenants(session) == ["acme", "globex"]
    assert acme is not None
    assert globex is not None
    assert (globex.teams, globex.reps, globex.connections) == ({}, {}, {})
    assert acme.subtree("sales") == {"sales", "east"}
    assert [rep.id for rep in acme.members("sales")] == ["anna"]
    assert acme.reps["anna"].owners == (Owner("hub", "7"),)
    assert acme.rep_of("hub", "7") == acme.reps["anna"]
    assert acme.rep_of("hub", "8") is None


async def test_a_held_generation_waits_for_one_decision(engine: AsyncEngine) -> None:
    """Released once; the second word about it comes too late."""
    async with writing(engine) as session:
        await generations.add(session, "acme", Meaning(code=1, zone="UTC"))
        held = await generations.add(session, "acme", Meaning(code=2, zone="UTC"), held=True)
        await generations.mark_published(session, "acme", 1)
        assert await generations.decide(session, "acme", held, "release")
        assert not await generations.decide(session, "acme", held, "discard")
        assert not await generations.decide(session, "acme", 1, "discard")
        # Its activation must be in the log before what is decided about it.
        assert await generations.undelivered(session) == []
        await generations.mark_published(session, "acme", held)
        waiting = await generations.undelivered(session)
        assert [(one.generation, one.decision) for one in waiting] == [(2, "release")]
        await generations.mark_delivered(session, "acme", held)
        assert await generations.undelivered(session) == []


async def test_a_discarded_generation_is_not_what_the_next_one_is_compared_with(
    engine: AsyncEngine,
) -> None:
    """Its number is not used again; the same meaning applied later is made anew."""
    first, tried = Meaning(code=1, zone="UTC"), Meaning(code=1, zone="Asia/Shanghai")
    async with writing(engine) as session:
        assert await generations.add_if_new(session, "acme", first) == 1
        assert await generations.add_if_new(session, "acme", tried, held=True) == 2
        await generations.decide(session, "acme", 2, "discard")
        assert await generations.add_if_new(session, "acme", first) is None
        assert await generations.add_if_new(session, "acme", tried) == 3


async def test_the_same_meaning_applied_without_holding_releases_what_waits(
    engine: AsyncEngine,
) -> None:
    """And another meaning discards it."""
    first, tried = Meaning(code=1, zone="UTC"), Meaning(code=1, zone="Asia/Shanghai")
    async with writing(engine) as session:
        await generations.add_if_new(session, "acme", first)
        await generations.add_if_new(session, "acme", tried, held=True)
        assert await generations.add_if_new(session, "acme", tried, held=True) is None
        assert await generations.add_if_new(session, "acme", tried) is None
        released = await generations.find(session, "acme", 2)
        assert released is not None
        assert released.decision == "release"
        await generations.add_if_new(session, "acme", first, held=True)
        assert await generations.add_if_new(session, "acme", Meaning(code=9, zone="UTC")) == 4
        third = await generations.find(session, "acme", 3)
        assert third is not None
        assert third.decision == "discard"


async def test_a_first_generation_is_not_held(engine: AsyncEngine) -> None:
    """There are no numbers yet that could stand meanwhile: it is live at once."""
    async with writing(engine) as session:
        assert await generations.add(session, "acme", Meaning(code=1, zone="UTC"), held=True) == 1
        first = await generations.latest(session, "acme")
        assert first is not None
        assert not first.waits
