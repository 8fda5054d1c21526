"""Where everyone stands: KPIs against targets, in rep's and team's answers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api import planning
from tests.api.test_progress import read, tell_november
from tests.api.world import World, ms

HOUR = 3_600_000


async def kpi_of(api: httpx.AsyncClient, path: str, kpi: str, **query: str) -> Any:
    """One KPI of a progress answer."""
    said = await read(api, path, **query)
    return next(one for one in said["kpis"] if one["id"] == kpi)


async def calls(world: World, owner: str, *days: str) -> None:
    """A call at noon in New York on each day."""
    for number, day in enumerate(days):
        await world.activity(f"{owner}-{day}-{number}", f"{day}T17:00:00Z", owner, "call")


async def test_a_kpi_is_shown_against_its_target(world: World, api: httpx.AsyncClient) -> None:
    """12,500 of 20,000 dollars after 14 of 21 workdays: 13,333 are expected, so she is behind."""
    await tell_november(world)
    await planning.targets(world, "won_amount,maria,,,2026-11,20000,25000")
    won = await kpi_of(api, "reps/maria", "won_amount")
    assert (won["actual"], won["attainment"], won["status"]) == (1_250_000, 0.625, "behind")
    assert (won["target"]["base"], won["target"]["stretch"]) == (2_000_000, 2_500_000)
    pace = won["pace"]
    assert (pace["basis"], pace["expected"], pace["difference"]) == ("workday", 1_333_333, -83_333)
    assert (pace["elapsed_workdays"], pace["remaining_workdays"]) == (14, 7)
    assert (pace["remaining"], pace["required_per_workday"]) == (750_000, 107_143)
    assert pace["projection"] == 1_875_000
    assert pace["linear"]["expected"] == 1_266_667  # 19 of 30 days


async def test_every_kpi_has_its_definition_beside_it(world: World, api: httpx.AsyncClient) -> None:
    """A rep's page has the whole catalogue, what counts first; names are in both languages."""
    said = await read(api, "reps/maria")
    ids = [one["id"] for one in said["kpis"]]
    assert len(ids) >= 40
    assert set(ids) == set(said["definitions"])
    counting = [one["id"] for one in said["kpis"] if one["counts"]]
    assert ids[: len(counting)] == counting
    assert said["definitions"]["won_amount"]["name_zh"]
    assert said["definitions"]["won_amount"]["currency"] == "USD"


async def test_a_role_says_which_kpis_count_and_in_which_order(
    world: World, api: httpx.AsyncClient
) -> None:
    """Maria develops sales: calls, then meetings; her row in the team has these alone."""
    await planning.put(world, "roles", "sdr", id="sdr", name="SDR", kpis=["calls", "meetings"])
    await planning.rep(world, "maria", role="sdr")
    own = await read(api, "reps/maria")
    assert [one["id"] for one in own["kpis"] if one["counts"]] == ["calls", "meetings"]
    rows = {row["subject"]["id"]: row for row in (await read(api, "teams/east"))["rows"]}
    assert [one["id"] for one in rows["maria"]["kpis"]] == ["calls", "meetings"]
    assert [one["id"] for one in rows["chen"]["kpis"]][:2] == ["won_amount", "won_count"]


async def test_a_query_narrows_the_kpis(world: World, api: httpx.AsyncClient) -> None:
    """Two of them, in the order asked for; one that does not exist is refused by name."""
    for path in ("reps/maria", "teams/east", "organisation"):
        said = await read(api, path, kpis="calls,win_rate")
        assert [one["id"] for one in said["kpis"]] == ["calls", "win_rate"]
        for row in said["rows"]:
            assert [one["id"] for one in row["kpis"]] == ["calls", "win_rate"]
    refused = await api.get("/v1/reps/maria/progress", params={"kpis": "calls,phones"})
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:paceline:problem:unknown-kpi"
    assert "phones" in refused.json()["detail"]


async def test_a_movers_days_count_in_the_team_of_the_day(
    world: World, api: httpx.AsyncClient
) -> None:
    """Lena is in the west until Sunday 15th: one call there, two in the east, three on her page."""
    teams = [{"team": "west"}, {"team": "east", "from": "2026-11-16"}]
    await planning.rep(world, "lena", teams=teams)
    await calls(world, "21", "2026-11-10", "2026-11-17", "2026-11-18")
    await planning.targets(world, "calls,lena,,,2026-11,42")
    own = await kpi_of(api, "reps/lena", "calls")
    west = (await read(api, "teams/west", kpis="calls"))["rows"]
    east = (await read(api, "teams/east", kpis="calls"))["rows"]
    in_west = next(row for row in west if row["subject"]["id"] == "lena")["kpis"][0]
    in_east = next(row for row in east if row["subject"]["id"] == "lena")["kpis"][0]
    assert (in_west["actual"], in_east["actual"], own["actual"]) == (1, 2, 3)
    # 2 to 13 November are ten workdays of 21, 16 to 30 November eleven.
    assert (in_west["target"]["base"], in_east["target"]["base"]) == (20, 22)
    assert own["target"]["base"] == 42
    # Her days in the west are over, with one call of twenty.
    assert (in_west["status"], in_west["pace"]["remaining_workdays"]) == ("at_risk", 0)
    whole = await kpi_of(api, "teams/sales", "calls", kpis="calls")
    assert (whole["actual"], whole["target"]["base"]) == (3, 42)
    assert whole["target"]["source"] == "sum"


async def test_a_level_is_of_the_team_that_the_person_is_in_now(
    world: World, api: httpx.AsyncClient
) -> None:
    """Lena took her open deal with her."""
    teams = [{"team": "west"}, {"team": "east", "from": "2026-11-16"}]
    await planning.rep(world, "lena", teams=teams)
    deal = {"owner": "21", "stage": "proposal", "amount": "100"}
    await world.deal("1", "2026-11-10T15:00:00Z", "create", **deal)
    levels = {
        team: (await kpi_of(api, f"teams/{team}", "open_pipeline", kpis="open_pipeline"))["actual"]
        for team in ("west", "east", "sales")
    }
    assert levels == {"west": 0, "east": 10_000, "sales": 10_000}


async def test_leave_lowers_the_target_and_its_days_are_no_workdays(
    world: World, api: httpx.AsyncClient
) -> None:
    """A week away: 16 of 21 workdays, so 16 of 21 calls, and the reason is said."""
    leave = [{"from": "2026-11-09", "to": "2026-11-13"}]
    await planning.rep(world, "maria", leave=leave)
    await planning.targets(world, "calls,maria,,,2026-11,21")
    found = await kpi_of(api, "reps/maria", "calls")
    assert (found["target"]["base"], found["target"]["full"]) == (16, 21)
    assert found["target"]["reasons"] == ["leave 5 of 21 workdays"]
    assert (found["pace"]["elapsed_workdays"], found["pace"]["total_workdays"]) == (9, 16)
    assert found["pace"]["expected"] == 9


async def test_a_change_within_the_month_is_no_deviation(
    world: World, api: httpx.AsyncClient
) -> None:
    """21 calls, from the 16th on 42: 10 + 22 in all, and until then only ten were expected."""
    await planning.targets(world, "calls,maria,,,2026-11,21")
    await planning.targets(world, "calls,maria,,,2026-11,42,,2026-11-16")
    now = await kpi_of(api, "reps/maria", "calls")
    assert (now["target"]["base"], now["target"]["version"]) == (32, 2)
    assert now["target"]["reasons"] == ["changed 2026-11-16"]
    assert now["pace"]["expected"] == 10 + 4 * 2
    before = await kpi_of(api, "reps/maria", "calls", at="2026-11-13")
    assert before["pace"]["expected"] == 10


async def test_lower_is_better_turns_the_verdict_round(
    world: World, api: httpx.AsyncClient
) -> None:
    """Four deals slipped where three were allowed in the whole month."""
    await planning.targets(
        world, "slipped_deals,maria,,,2026-11,3", "slipped_deals,omar,,,2026-11,3"
    )
    for number in range(4):
        deal = {"owner": "11", "stage": "proposal", "close_on": "2026-11-30"}
        await world.deal(f"{number}", "2026-11-02T15:00:00Z", "create", **deal)
        await world.deal(f"{number}", f"2026-11-{10 + number}T15:00:00Z", close_on="2027-01-15")
    maria = await kpi_of(api, "reps/maria", "slipped_deals")
    omar = await kpi_of(api, "reps/omar", "slipped_deals")
    assert (maria["actual"], omar["actual"]) == (4, 0)
    assert maria["attainment"] == 0.75
    assert maria["pace"]["of_expected"] < 1
    assert maria["status"] in {"behind", "at_risk", "too_early"}
    assert omar["status"] not in {"behind", "at_risk"}


async def test_ratios_of_a_team_come_from_sums(world: World, api: httpx.AsyncClient) -> None:
    """Maria wins one of one, Chen loses three: the team's rate is a quarter, not a half."""
    won = {"owner": "11", "stage": "won", "amount": "1"}
    await world.deal("1", "2026-11-10T15:00:00Z", "create", **won)
    for number in range(3):
        lost = {"owner": "12", "stage": "lost"}
        await world.deal(f"lost-{number}", "2026-11-11T15:00:00Z", "create", **lost)
    said = await read(api, "teams/east", kpis="win_rate")
    assert said["kpis"][0]["actual"] == 0.25
    rates = {row["subject"]["id"]: row["kpis"][0]["actual"] for row in said["rows"]}
    assert rates == {"maria": 1.0, "chen": 0.0, "grace": None}


async def test_a_teams_own_target_shows_what_is_not_allocated(
    world: World, api: httpx.AsyncClient
) -> None:
    """100 calls for the east, 30 given to Maria and 50 to Chen: 20 are nobody's yet."""
    await planning.targets(
        world, "calls,,east,,2026-11,100", "calls,maria,,,2026-11,30", "calls,chen,,,2026-11,50"
    )
    east = await kpi_of(api, "teams/east", "calls", kpis="calls")
    assert (east["target"]["base"], east["target"]["source"]) == (100, "own")
    assert east["allocated"] == {"allocated": 80, "difference": 20}
    sales = await kpi_of(api, "teams/sales", "calls", kpis="calls")
    assert (sales["target"]["base"], sales["target"]["source"]) == (80, "sum")


async def test_who_needs_help_comes_first(world: World, api: httpx.AsyncClient) -> None:
    """Maria has made none of her calls, Chen all: her row has the greater number."""
    await planning.targets(world, "won_count,maria,,,2026-11,30", "won_count,chen,,,2026-11,1")
    won = {"owner": "12", "stage": "won", "amount": "1"}
    await world.deal("1", "2026-11-10T15:00:00Z", "create", **won)
    rows = {row["subject"]["id"]: row["help"] for row in (await read(api, "teams/east"))["rows"]}
    assert rows["maria"] > rows["chen"] == 0


async def test_a_silent_source_is_no_lazy_rep(world: World, api: httpx.AsyncClient) -> None:
    """Three hours without an event where two may pass: incomplete, and only for who is in it."""
    await planning.setting(world, "sources", {"quiet_after": {"hub": "2h"}})
    await planning.targets(world, "calls,maria,,,2026-11,100")
    await calls(world, "11", "2026-11-10")
    since = world.now
    world.now += HOUR
    assert (await kpi_of(api, "reps/maria", "calls"))["status"] == "at_risk"
    world.now += 2 * HOUR
    maria = await kpi_of(api, "reps/maria", "calls")
    assert (maria["status"], maria["incomplete_since"]) == ("incomplete", since)
    assert (maria["actual"], maria["target"]["base"]) == (1, 100)
    await planning.rep(world, "maria", owners={})
    assert (await kpi_of(api, "reps/maria", "calls"))["incomplete_since"] is None
    past = await kpi_of(api, "reps/chen", "calls", at="2026-11-12")
    assert past["incomplete_since"] is None  # the source spoke after that day


async def test_a_sources_rhythm_is_learnt(world: World, api: httpx.AsyncClient) -> None:
    """A source that speaks every workday is silent on Tuesday when it last spoke on Friday."""
    days = [f"2026-11-{day:02}" for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18, 19)]
    october = [f"2026-10-{day:02}" for day in (22, 23, 26, 27, 28, 29, 30)]
    await calls(world, "11", *october, *days)
    since = world.now
    world.now = ms("2026-11-22T15:00:00Z")
    assert (await kpi_of(api, "reps/maria", "calls"))["incomplete_since"] is None  # a weekend
    world.now = ms("2026-11-24T20:00:00Z")
    assert (await kpi_of(api, "reps/maria", "calls"))["incomplete_since"] == since


async def test_a_source_that_speaks_rarely_may_be_quiet(
    world: World, api: httpx.AsyncClient
) -> None:
    """Heard on every third workday, it is not silent after two."""
    days = ["2026-10-26", "2026-10-29", "2026-11-03", "2026-11-06", "2026-11-11", "2026-11-16"]
    await calls(world, "11", *days)
    world.now = ms("2026-11-24T20:00:00Z")
    assert (await kpi_of(api, "reps/maria", "calls"))["incomplete_since"] is None


async def test_numbers_that_are_being_restored_are_incomplete(
    world: World, api: httpx.AsyncClient
) -> None:
    """No verdict while the archive is replayed."""
    await planning.targets(world, "calls,maria,,,2026-11,100")
    await calls(world, "11", "2026-11-10")
    await world.redis.hset(f"{{{world.partition}}}:meta", "restoring", "1")
    assert (await kpi_of(api, "reps/maria", "calls"))["status"] == "incomplete"


@pytest.mark.parametrize(
    ("period", "label", "first", "last"),
    [
        ("month", "FY2027-M08", "2026-11-01", "2026-11-30"),
        ("quarter", "FY2027-Q3", "2026-10-01", "2026-12-31"),
        ("year", "FY2027", "2026-04-01", "2027-03-31"),
        ("FY2027-Q2", "FY2027-Q2", "2026-07-01", "2026-09-30"),
        ("2026-10", "FY2027-M07", "2026-10-01", "2026-10-31"),
        ("week", "2026-11-15", "2026-11-15", "2026-11-21"),
    ],
)
async def test_periods_are_those_of_the_fiscal_calendar(
    world: World, api: httpx.AsyncClient, period: str, label: str, first: str, last: str
) -> None:
    """The year begins in April, the week on Sunday; a label names a period of the past."""
    await planning.setting(world, "fiscal", {"start_month": 4, "week_start": "sunday"})
    said = await read(api, "reps/maria", period=period)
    assert (said["bounds"]["first_day"], said["bounds"]["last_day"]) == (first, last)
    if period not in {"week", "2026-10"}:
        assert said["period_label"] == label
    over = min(last, "2026-11-20")
    assert said["bounds"]["through_day"] == over


async def test_a_period_that_is_over_is_measured_by_its_whole_target(
    world: World, api: httpx.AsyncClient
) -> None:
    """October is over: everything was expected, nothing remains."""
    await planning.targets(world, "calls,maria,,,2026-10,22")
    await calls(world, "11", "2026-10-06", "2026-11-10")
    found = await kpi_of(api, "reps/maria", "calls", period="2026-10")
    assert (found["actual"], found["status"]) == (1, "at_risk")
    assert (found["pace"]["expected"], found["pace"]["remaining_workdays"]) == (22, 0)


async def test_like_months_give_a_curve_and_a_probability(
    world: World, api: httpx.AsyncClient
) -> None:
    """The second months of six quarters, eight calls each, early ones: a curve and a chance."""
    months = ("2025-05", "2025-08", "2025-11", "2026-02", "2026-05", "2026-08")
    for month in months:
        await calls(world, "11", *(f"{month}-{day:02}" for day in (3, 4, 5, 6, 10, 12, 24, 26)))
    await calls(world, "11", "2026-11-03", "2026-11-04", "2026-11-10", "2026-11-12")
    await planning.targets(world, "calls,maria,,,2026-11,6")
    pace = (await kpi_of(api, "reps/maria", "calls"))["pace"]
    assert pace["historical_note"] == "median of 6 like periods"
    assert pace["historical"]["expected"] > pace["workday"]["expected"]
    assert 0 < pace["probability"] < 1
    low, high = pace["interval"]
    assert 4 <= low <= high
    in_team = (await read(api, "teams/east", kpis="calls"))["rows"]
    row = next(one for one in in_team if one["subject"]["id"] == "maria")
    assert row["kpis"][0]["pace"] == pace  # her page and her row say the same


async def test_months_before_the_source_are_no_months_of_idleness(
    world: World, api: httpx.AsyncClient
) -> None:
    """A CRM connected in mid-August: September and October count, nothing of before does."""
    await calls(world, "11", *(f"2026-08-{day}" for day in range(17, 31)))
    for month in ("2026-09", "2026-10"):
        await calls(world, "11", *(f"{month}-{day:02}" for day in range(1, 31, 2)))
    await calls(world, "11", *(f"2026-11-{day:02}" for day in range(2, 20, 2)))
    await planning.targets(world, "calls,maria,,,2026-11,14")
    pace = (await kpi_of(api, "reps/maria", "calls"))["pace"]
    assert pace["historical_note"] == "0 like periods, 4 needed"
    low, high = pace["interval"]
    assert low <= 9 + 5 <= high  # nine so far; fifteen a month makes five in the rest
    assert 0.2 < pace["probability"] < 0.9


async def test_a_kpi_without_a_value_says_why(world: World, api: httpx.AsyncClient) -> None:
    """Nothing was won or lost, nothing is aimed at, and a win in euros is in no dollars."""
    euros = {"owner": "11", "stage": "won", "amount": "900", "currency": "EUR"}
    await world.deal("1", "2026-11-10T15:00:00Z", "create", **euros)
    reasons = {one["id"]: one["reason"] for one in (await read(api, "reps/chen"))["kpis"]}
    assert (reasons["win_rate"], reasons["coverage"]) == ("no_denominator", "no_target")
    assert (reasons["cycle_median"], reasons["won_count"]) == ("no_data", None)
    won = await kpi_of(api, "reps/maria", "won_amount")
    assert (won["actual"], won["other_currencies"]) == (0, ["EUR"])
    average = await kpi_of(api, "reps/maria", "average_deal")
    assert (average["actual"], average["reason"]) == (None, "mixed_currencies")
    assert (await kpi_of(api, "reps/maria", "calls"))["other_currencies"] == []


async def test_why_a_target_is_lower_is_told_in_values_too(
    world: World, api: httpx.AsyncClient
) -> None:
    """Three days of leave of 21 workdays, so that a page can say it in any language."""
    await planning.rep(world, "maria", leave=[{"from": "2026-11-09", "to": "2026-11-11"}])
    await planning.targets(world, "calls,maria,,,2026-11,42")
    target = (await kpi_of(api, "reps/maria", "calls"))["target"]
    (why,) = target["because"]
    assert (why["kind"], why["days"], why["of"], why["per_cent"]) == ("leave", 3, 21, None)
    assert target["reasons"] == ["leave 3 of 21 workdays"]
