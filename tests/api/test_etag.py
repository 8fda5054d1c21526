"""Polling: an ETag, and 304 while nothing changed."""

from __future__ import annotations

import httpx

from paceline.sql import models
from paceline.sql.engine import writing
from tests.api import planning
from tests.api.world import World

URL = "/v1/teams/east/progress"


async def again(api: httpx.AsyncClient, etag: str, url: str = URL) -> int:
    """The status when asked with an ETag."""
    return (await api.get(url, headers={"If-None-Match": etag})).status_code


async def etag_of(api: httpx.AsyncClient, url: str = URL) -> str:
    """The ETag as it is now."""
    return (await api.get(url)).headers["etag"]


async def test_nothing_new_is_304_without_a_body(world: World, api: httpx.AsyncClient) -> None:
    """The same minute, the same state."""
    await world.activity("1", "2026-11-20T14:10:00Z", "11", "call")
    etag = await etag_of(api)
    answer = await api.get(URL, headers={"If-None-Match": f'"other", {etag}'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag


async def test_a_304_reads_no_pane(world: World, api: httpx.AsyncClient) -> None:
    """Redis counts its HGETALLs: none for a poll that finds nothing new."""
    etag = await etag_of(api)
    await world.redis.config_resetstat()
    assert await again(api, etag) == 304
    stats = await world.redis.info("commandstats")
    assert "cmdstat_hgetall" not in stats
    assert stats["cmdstat_exec"]["calls"] == 1


async def trips(world: World, api: httpx.AsyncClient, url: str, **headers: str) -> int:
    """How many round trips to Redis a read takes: transactions, and commands outside of them."""
    await world.redis.config_resetstat()
    answer = await api.get(url, headers=headers)
    assert answer.status_code in {200, 304}, answer.text
    stats = await world.redis.info("commandstats")
    transactions: int = stats["cmdstat_exec"]["calls"]
    # A head asks four HMGETs within its transaction; the generation's meaning is asked alone.
    return transactions + int(stats["cmdstat_hmget"]["calls"]) - 4 * transactions


async def test_one_reps_read_with_all_kpis_is_one_round_trip(
    world: World, api: httpx.AsyncClient
) -> None:
    """Once the generation is known: head, panes and six past months in one transaction."""
    await world.activity("1", "2026-11-20T14:10:00Z", "11", "call")
    assert await trips(world, api, "/v1/reps/lena/progress") == 2  # the generation's meaning
    for url in ("/v1/reps/maria/progress", "/v1/reps/maria/progress?period=quarter"):
        assert await trips(world, api, url) == 1
        assert await trips(world, api, url) == 1
    await world.activity("2", "2026-11-20T14:20:00Z", "11", "call")
    assert await trips(world, api, "/v1/reps/maria/progress") == 1


async def test_a_second_round_trip_only_when_the_past_changed(
    world: World, api: httpx.AsyncClient
) -> None:
    """A call of last week arrives: her months are read again, once."""
    url = "/v1/reps/maria/progress"
    await api.get(url)
    await world.activity("1", "2026-11-12T14:10:00Z", "11", "call")
    assert await trips(world, api, url) == 2
    assert await trips(world, api, url) == 1


async def test_a_teams_read_is_a_few_round_trips(world: World, api: httpx.AsyncClient) -> None:
    """The head, and whoever changed; a team in which nobody did costs the head alone."""
    for owner in ("10", "11", "12"):
        await world.activity(f"first-of-{owner}", "2026-11-20T14:10:00Z", owner, "email")
    await api.get(URL)
    assert await trips(world, api, URL) == 1
    await world.activity("1", "2026-11-20T14:10:00Z", "11", "call")
    assert await trips(world, api, URL) == 2
    etag = await etag_of(api)
    assert await trips(world, api, URL, **{"If-None-Match": etag}) == 1


async def test_a_reps_poll_is_one_round_trip_too(world: World, api: httpx.AsyncClient) -> None:
    """Changed or not: the ETag is compared with what came in the same transaction."""
    url = "/v1/reps/maria/progress"
    etag = await etag_of(api, url)
    assert await trips(world, api, url, **{"If-None-Match": etag}) == 1
    assert await again(api, etag, url) == 304
    await world.activity("1", "2026-11-20T14:10:00Z", "11", "call")
    assert await trips(world, api, url, **{"If-None-Match": etag}) == 1
    assert await again(api, etag, url) == 200


async def test_a_target_changes_the_etag(world: World, api: httpx.AsyncClient) -> None:
    """Nothing was counted, and yet everything is to be judged anew."""
    etag = await etag_of(api)
    await planning.targets(world, "calls,maria,,,2026-11,40")
    assert await again(api, etag) == 200


async def test_a_source_that_falls_silent_changes_the_etag(
    world: World, api: httpx.AsyncClient
) -> None:
    """Without any event, and within the same minute."""
    await planning.setting(world, "sources", {"quiet_after": {"hub": "1h"}})
    await world.activity("1", "2026-11-20T14:10:00Z", "11", "call")
    world.now += 3_599_000 + 1_000
    etag = await etag_of(api)
    assert await again(api, etag) == 304
    world.now += 1_000
    assert await again(api, etag) == 200


async def test_a_change_of_a_member_changes_the_teams_etag(
    world: World, api: httpx.AsyncClient
) -> None:
    """And one of somebody else's does not."""
    etag = await etag_of(api)
    await world.activity("1", "2026-11-20T14:10:00Z", "21", "call")
    assert await again(api, etag) == 304
    await world.activity("2", "2026-11-20T14:10:00Z", "12", "call")
    assert await again(api, etag) == 200


async def test_the_minute_the_generation_and_the_organisation_change_it(
    world: World, api: httpx.AsyncClient
) -> None:
    """Everything the answer depends on."""
    etag = await etag_of(api)
    world.now += 60_000
    assert await again(api, etag) == 200
    etag = await etag_of(api)
    await world.switch(2)
    assert await again(api, etag) == 200
    etag = await etag_of(api)
    async with writing(world.engine) as session:
        team = await session.get_one(models.Team, ("acme", "east"))
        team.name = "East Coast"
        applied = {"applied_at": world.now, "digest": "", "document": "{}"}
        session.add(models.ConfigVersion(tenant="acme", version=1, **applied))
    assert await again(api, etag) == 200


async def test_periods_and_moments_have_etags_of_their_own(
    world: World, api: httpx.AsyncClient
) -> None:
    """Two questions never share one."""
    urls = [URL, f"{URL}?period=week", f"{URL}?at=2026-11-20", f"{URL}?at=2026-11-19"]
    assert len({await etag_of(api, url) for url in urls}) == len(urls)


async def test_remembered_sums_follow_every_change(world: World, api: httpx.AsyncClient) -> None:
    """A team read again costs only the panes of whoever changed, and is right each time."""
    for owner in ("10", "11", "12"):
        await world.activity(f"first-of-{owner}", "2026-11-20T14:10:00Z", owner, "email")
    panes = [await panes_read(world, api, 1)]
    for calls in range(2, 5):
        await world.activity(str(calls), "2026-11-20T14:10:00Z", "11", "email")
        panes.append(await panes_read(world, api, calls))
    # Three owners: days, base and level days, and once the ten months that are learnt from;
    # then only Maria's three.
    assert panes == [3 * (3 + 10), 3, 3, 3]


async def panes_read(world: World, api: httpx.AsyncClient, of_maria: int) -> int:
    """How many pane hashes a team read takes, whose numbers are checked."""
    await world.redis.config_resetstat()
    said = (await api.get(URL)).json()
    rows = {row["subject"]["id"]: row["measures"]["activities"] for row in said["rows"]}
    assert rows == {"chen": {"email": 1}, "grace": {"email": 1}, "maria": {"email": of_maria}}
    reads: int = (await world.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
    return reads
