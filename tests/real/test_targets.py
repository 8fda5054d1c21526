"""Where every agent stood in the middle of each month of 2017, by all curves, against the files."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.world import World
from tests.real import files, goals
from tests.real.folded import january, prepare
from tests.real.organisation import slug
from tests.real.pages import KPIS, differences
from tests.support.need import require_shared
from tests.support.servers import RedisServer

pytestmark = [pytest.mark.shared, pytest.mark.timeout(600)]

MIDDLES = [date(2017, month, day) for month in goals.GOAL_MONTHS for day in (1, 10, 17)]
WEEKS = [date(2017, 6, 14) + timedelta(weeks=2 * n) for n in range(13)]
"""Wednesdays with twelve weeks of deals before their own."""


@pytest.fixture(scope="module")
def folder() -> Path:
    """The data set."""
    return require_shared("data/crm-sales-opportunities")


@pytest.fixture(scope="module")
def prepared(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> tuple[Path, str]:
    """The year, folded once: where its configuration is, and its numbers."""
    place = tmp_path_factory.mktemp("folded")
    url = redis_server.url.removesuffix("/0") + "/11"
    asyncio.run(prepare(place, folder, url))
    return place, url


@pytest.fixture
async def world(prepared: tuple[Path, str]) -> AsyncIterator[World]:
    """January 2018."""
    async with january(*prepared) as made:
        yield made


async def test_every_agents_pace_in_the_middle_of_every_month(world: World, folder: Path) -> None:
    """Attainment, expected by days and by workdays, what is needed, win rates, cycles."""
    deals, managers = files.deals(folder), files.managers(folder)
    asked = goals.targets(deals)
    groups = {f"/v1/reps/{slug(one)}": {one} for one in managers}
    for manager in set(managers.values()):
        his = {agent for agent, other in managers.items() if other == manager}
        groups[f"/v1/teams/{slug(manager)}"] = his
    groups["/v1/organisation"] = set(managers)
    wrong = []
    async with world.client(await world.key()) as client:
        for day in MIDDLES:
            for path, people in groups.items():
                answer = await _read(client, path, "month", day, ",".join(KPIS))
                here = goals.standing(deals, people, asked, day)
                wrong += [f"{path} {day} {what}" for what in differences(answer, here)]
    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:60])


async def test_every_agents_week_by_the_weeks_before(world: World, folder: Path) -> None:
    """The historical curve: the median share that the twelve weeks before had by then."""
    deals, managers = files.deals(folder), files.managers(folder)
    asked = goals.targets(deals)
    wrong, curves = [], 0
    async with world.client(await world.key()) as client:
        for day in WEEKS:
            for agent in managers:
                answer = await _read(client, f"/v1/reps/{slug(agent)}", "week", day, "won_amount")
                said = answer["kpis"][0]
                line = _of_week(asked, agent, day)
                expected = _historical(deals, agent, day)
                curves += expected is not None
                wrong += [f"{agent} {day} {what}" for what in _against(said, line, expected)]
    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:60])
    assert curves > 300


async def _read(
    client: httpx.AsyncClient, path: str, period: str, day: date, kpis: str
) -> dict[str, Any]:
    params = {"period": period, "at": day.isoformat(), "kpis": kpis}
    answer = await client.get(f"{path}/progress", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _against(said: dict[str, Any], line: list[Fraction], share: Fraction | None) -> Iterator[str]:
    """What is said of a week otherwise."""
    target = sum(line, Fraction(0))
    if not target:
        yield from [] if said["target"] is None else ["a target from nowhere"]
        return
    if said["target"]["base"] != round(target):
        yield f"target {said['target']['base']}, expected {round(target)}"
    curve = said["pace"]["historical"]
    if (curve is None) != (share is None):
        yield f"curve {curve}, expected at {share}"
    if curve is not None and share is not None:
        pairs = [("expected", _along(line, share))]
        if share:
            pairs.append(("projection", said["actual"] / share))
        for name, ought in pairs:
            if curve[name] != round(ought):
                yield f"{name} {curve[name]}, expected {round(ought)}"


def _of_week(asked: dict[tuple[str, str], int], agent: str, day: date) -> list[Fraction]:
    """What each workday asks for, in cents: its part of its month's target."""
    line = []
    for one in _week(day)[:5]:
        month = asked.get((agent, f"{one:%Y-%m}"), 0)
        whole = [d for d in goals.month_of(one) if d.weekday() < 5]
        line.append(Fraction(month * 100, len(whole)))
    return line


def _along(line: list[Fraction], share: Fraction) -> Fraction:
    """What a share of the week asks for: a week over two months bends where the month ends."""
    left, expected = share * len(line), Fraction(0)
    for ask in line:
        taken = min(left, Fraction(1))
        expected += ask * taken
        left -= taken
    return expected


def _historical(deals: list[files.Deal], agent: str, day: date) -> Fraction | None:
    """The median share of the twelve weeks before by the same workday; None of fewer than four."""
    place = (day - _week(day)[0]).days
    shares = []
    for back in range(1, 13):
        week = _week(day - timedelta(weeks=back))
        steps = goals.cumulative(deals, {agent}, week[0], week[-1])
        if steps[-1]:
            shares.append(Fraction(steps[place], steps[-1]))
    if len(shares) < 4:
        return None
    ordered = sorted(shares)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def _week(day: date) -> list[date]:
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=n) for n in range(7)]
