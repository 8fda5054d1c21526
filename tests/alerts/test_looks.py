"""What rules find in real numbers, look by look: a real Redis, the real fence, real SQL."""

from __future__ import annotations

from paceline.sql import alerts as sql
from paceline.sql.engine import writing
from schemas import keys
from schemas.alerts import Alert
from tests.alerts.desk import Desk
from tests.api import planning
from tests.api.world import World

MONDAY = "2026-11-16T15:00:00Z"
"""10:00 in New York; ten of November's twenty-one workdays are completed."""


async def won(world: World, deal: str, owner: str, day: str, amount: str) -> None:
    """A deal won at noon in New York."""
    await world.deal(deal, f"{day}T17:00:00Z", stage="won", owner=owner, amount=amount)


async def at_risk(world: World, **more: object) -> None:
    """A rule: each rep's won amount at risk, told at once."""
    body: dict[str, object] = {"when": "pace", "after_percent": 0, "dwell_hours": 0}
    body |= {"recover_hours": 0, **more}
    await planning.put(world, "rules", "rep-won-at-risk", **body)


async def test_a_rep_at_risk_is_told_once_with_everything_that_explains_it(
    world: World, desk: Desk
) -> None:
    """2,000 of 21,000 dollars after ten of 21 workdays: 10,000 are expected by then."""
    await planning.targets(world, "won_amount,maria,,,2026-11,21000")
    await won(world, "d1", "11", "2026-11-03", "9500.00")
    await at_risk(world)
    await desk.plan()
    assert await desk.look(MONDAY) == []
    await world.deal("d1", "2026-11-16T15:30:00Z", amount="2000.00")
    await desk.touch("11")
    (alert,) = await desk.look("2026-11-16T16:00:00Z")
    assert (alert.what, alert.subject.id, alert.period, alert.severity, alert.late) == (
        "fired",
        "maria",
        "2026-11",
        "warning",
        False,
    )
    assert (alert.rule.id, alert.rule.version, alert.rule.when) == ("rep-won-at-risk", 1, "pace")
    figure = alert.figure
    assert figure is not None
    assert (figure.value, figure.target, figure.expected) == (200_000, 2_100_000, 1_000_000)
    assert (figure.status, figure.of_expected, figure.currency) == ("at_risk", 0.2, "USD")
    assert alert.explain == "/v1/explain?kpi=won_amount&period=2026-11&rep=maria"
    await desk.touch("11")
    assert await desk.look("2026-11-16T17:00:00Z") == []


async def test_pace_that_the_clock_alone_spoils_is_found_when_it_is_due(
    world: World, desk: Desk
) -> None:
    """Nothing happens, and on the next morning too little has."""
    await planning.targets(world, "won_amount,maria,,,2026-11,21000")
    await won(world, "d1", "11", "2026-11-03", "8600.00")
    await at_risk(world)
    await desk.plan()
    assert await desk.look(MONDAY) == []
    due = (await desk.due())["acme/rep/maria"]
    midnight = 1_763_355_600_000 + 365 * 86_400_000  # 17 November 2026, 00:00 in New York
    assert midnight < due <= midnight + 11 * 60_000
    assert await desk.look("2026-11-16T23:00:00Z") == []
    (alert,) = await desk.look("2026-11-17T05:20:00Z")
    assert alert.figure is not None
    assert alert.figure.expected == 1_100_000


async def test_the_same_look_read_again_tells_the_same_under_the_same_id(
    world: World, desk: Desk
) -> None:
    """Redis went back to before the look, and another worker reads the record again."""
    await planning.targets(world, "won_amount,maria,,,2026-11,21000")
    await won(world, "d1", "11", "2026-11-03", "9500.00")
    await at_risk(world)
    await desk.plan()
    await desk.look(MONDAY)
    await world.deal("d1", "2026-11-16T15:30:00Z", amount="2000.00")
    await desk.touch("11")
    dump = {key: await world.redis.dump(key) or b"" for key in await world.redis.keys("*")}
    first = await desk.look("2026-11-16T16:00:00Z")
    await world.redis.flushdb()
    for key, raw in dump.items():
        await world.redis.restore(key, 0, raw)
    desk.restart()
    desk.offset -= 1
    assert await desk.look("2026-11-16T16:00:00Z") == first


async def test_a_target_that_is_raised_tells_nobody(world: World, desk: Desk) -> None:
    """She was on track until the line moved; a day later she is further behind by herself."""
    await planning.targets(world, "won_amount,maria,,,2026-11,21000")
    await won(world, "d1", "11", "2026-11-03", "9900.00")
    await at_risk(world)
    await desk.plan()
    assert await desk.look(MONDAY) == []
    await planning.targets(world, "won_amount,maria,,,2026-11,42000,,2026-11-01,replace")
    desk.restart()
    await desk.plan()
    assert await desk.look("2026-11-16T16:00:00Z") == []
    kept = await desk.kept("rep-won-at-risk|rep|maria")
    assert kept.states[""].rebased is not None
    (alert,) = await desk.look("2026-11-17T05:20:00Z")
    assert not alert.late


async def test_a_rule_that_is_enabled_tells_what_holds_already_in_a_digest(
    world: World, desk: Desk
) -> None:
    """No storm of pushes when a rule is switched on: five people are behind already."""
    for rep in ("maria", "chen", "lena", "omar", "grace"):
        await planning.targets(world, f"won_amount,{rep},,,2026-11,21000")
    await at_risk(world)
    await desk.plan()
    told = await desk.look(MONDAY)
    assert sorted(one.subject.id for one in told) == ["chen", "grace", "lena", "maria", "omar"]
    assert all(one.late for one in told)


async def test_a_new_period_begins_without_a_storm_and_ends_the_last_one(
    world: World, desk: Desk
) -> None:
    """On 1 December nobody has won anything, and nothing is told but that November is over."""
    await planning.targets(
        world, "won_amount,maria,,,2026-11,21000", "won_amount,maria,,,2026-12,21000"
    )
    await at_risk(world)
    await desk.plan()
    (alert,) = await desk.look(MONDAY)
    told = await desk.look("2026-12-01T15:00:00Z")
    assert [(one.id, one.what, one.period) for one in told] == [(alert.id, "resolved", "2026-11")]
    kept = await desk.kept("rep-won-at-risk|rep|maria")
    assert (kept.period, kept.states[""].state) == ("2026-12", "normal")


async def test_a_silent_source_is_told_once_and_holds_everything_else(
    world: World, desk: Desk
) -> None:
    """One notice about the source, none about whom it says nothing of."""
    await planning.targets(world, "won_amount,maria,,,2026-11,21000")
    await won(world, "d1", "11", "2026-11-03", "9900.00")
    await planning.setting(world, "sources", {"quiet_after": {"hub": "4h"}})
    await at_risk(world)
    await planning.put(world, "rules", "source-silent")
    await desk.plan()
    assert await desk.look(MONDAY) == []
    meta = keys.tenant_meta(world.partition, world.tenant)
    heard = str(world.now)
    (alert,) = await quiet_look(desk, "2026-11-17T15:00:00Z", heard)
    assert (alert.rule.id, alert.subject.kind, alert.subject.id) == (
        "source-silent",
        "source",
        "hub",
    )
    assert alert.silent_since == int(heard)
    assert (await desk.kept("rep-won-at-risk|rep|maria")).states[""].state == "no_data"
    assert await quiet_look(desk, "2026-11-18T15:00:00Z", heard) == []
    told = await desk.look("2026-11-19T15:00:00Z")
    assert sorted((one.rule.id, one.what, one.late) for one in told) == [
        ("rep-won-at-risk", "fired", True),
        ("source-silent", "resolved", False),
    ]
    assert await world.redis.hget(meta, keys.seen("hub")) == str(world.now).encode()


async def quiet_look(desk: Desk, at: str, heard: str) -> list[Alert]:
    """A look at a moment until which nothing was heard."""
    world = desk.world
    original = world.redis.hset

    async def hset(name: str, *rest: object, **more: object) -> int:
        if len(rest) == 2 and rest[0] == keys.seen("hub"):
            rest = (rest[0], heard)
        return int(await original(name, *rest, **more))  # type: ignore[arg-type]

    world.redis.hset = hset  # type: ignore[method-assign,assignment]
    try:
        return await desk.look(at)
    finally:
        world.redis.hset = original  # type: ignore[method-assign]


async def test_milestones_are_told_once_and_an_import_tells_in_a_digest(
    world: World, desk: Desk
) -> None:
    """A quarter and half of the target by one deal; what an import brings is no news."""
    await planning.targets(
        world, "won_amount,maria,,,2026-11,10000", "won_amount,lena,,,2026-11,10000"
    )
    await planning.put(world, "rules", "rep-milestones")
    await desk.plan()
    assert await desk.look(MONDAY) == []
    await won(world, "d1", "11", "2026-11-16", "5000.00")
    await desk.touch("11")
    told = await desk.look("2026-11-16T17:30:00Z")
    assert [(one.subject.id, one.percent, one.late) for one in told] == [
        ("maria", 25, False),
        ("maria", 50, False),
    ]
    await world.deal("d1", "2026-11-16T18:00:00Z", amount="100.00")
    await desk.touch("11")
    assert await desk.look("2026-11-16T18:30:00Z") == []
    await won(world, "d2", "21", "2026-11-12", "2500.00")
    await desk.touch("21", late=True)
    (alert,) = await desk.look("2026-11-16T19:00:00Z")
    assert (alert.subject.id, alert.percent, alert.late) == ("lena", 25, True)


async def test_a_person_without_activity_is_noticed_to_the_minute(world: World, desk: Desk) -> None:
    """Eight working hours of hers after a call at 11:30: at 11:30 of the next day, not before."""
    await world.activity("c1", "2026-11-16T16:30:00Z", "11", "call")
    await planning.put(world, "rules", "rep-quiet", hours=9, of="maria")
    await desk.plan()
    assert await desk.look("2026-11-16T17:00:00Z") == []
    due = (await desk.due())["acme/rep/maria"]
    assert due < 1_763_355_600_000 + 365 * 86_400_000 + 11 * 60_000
    assert await desk.look("2026-11-17T06:00:00Z") == []
    assert (await desk.due())["acme/rep/maria"] == world.now + 10.5 * 3_600_000
    (alert,) = await desk.look("2026-11-17T16:30:00Z")
    assert (alert.rule.when, alert.quiet_ms) == ("no_activity", 9 * 3_600_000)


async def test_a_team_follows_its_people_within_seconds(world: World, desk: Desk) -> None:
    """The team is looked at five seconds after a member's number changed, once for all of them."""
    await planning.targets(world, "won_amount,,east,,2026-11,30000")
    await planning.put(
        world,
        "rules",
        "east-behind",
        name="East is behind",
        each="team",
        of="east",
        kpi="won_amount",
        when="expected",
        enter=80,
        until=90,
        to=["manager"],
    )
    await won(world, "d1", "11", "2026-11-03", "20000.00")
    await desk.plan()
    assert await desk.look(MONDAY) == []
    await world.deal("d1", "2026-11-16T15:30:00Z", amount="100.00")
    await desk.touch("11", "10")
    assert await desk.look("2026-11-16T16:00:00Z") == []
    assert (await desk.due())["acme/team/east"] == world.now + 5_000
    (alert,) = await desk.look("2026-11-16T16:00:05Z")
    assert (alert.subject.kind, alert.subject.id) == ("team", "east")


async def test_states_come_back_from_sql_where_redis_was_lost(world: World, desk: Desk) -> None:
    """What was told is not told again, and is over under the id that it began with."""
    await planning.targets(world, "won_amount,maria,,,2026-11,21000")
    await won(world, "d1", "11", "2026-11-03", "9500.00")
    await at_risk(world)
    await desk.plan()
    await desk.look(MONDAY)
    await world.deal("d1", "2026-11-16T15:30:00Z", amount="2000.00")
    await desk.touch("11")
    (alert,) = await desk.look("2026-11-16T16:00:00Z")
    async with writing(world.engine) as session:
        await sql.store_fired(session, [alert])
    p = world.partition
    await world.redis.delete(keys.alert_states(p, world.tenant), keys.watched(p), keys.due(p))
    desk.restart()
    await desk.plan()
    assert await desk.look("2026-11-16T17:00:00Z") == []
    await world.deal("d1", "2026-11-16T17:30:00Z", amount="20000.00")
    await desk.touch("11")
    (over,) = await desk.look("2026-11-16T18:00:00Z")
    assert (over.what, over.id) == ("resolved", alert.id)


async def test_another_meaning_of_the_numbers_is_told_in_a_digest(world: World, desk: Desk) -> None:
    """A rebuild finds nothing that she did: nobody is pushed for it."""
    await planning.targets(world, "won_amount,maria,,,2026-11,21000")
    await won(world, "d1", "11", "2026-11-03", "9900.00")
    await at_risk(world)
    await desk.plan()
    assert await desk.look(MONDAY) == []
    await world.switch(2)
    desk.restart()
    await desk.touch("11")
    (alert,) = await desk.look("2026-11-16T16:00:00Z")
    assert (alert.what, alert.late) == ("fired", True)
