"""8,800 real deals as signed webhooks through real services, and every figure against the files."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.real import files, goals, organisation, portal
from tests.real.organisation import slug
from tests.real.pages import KPIS, differences
from tests.support.need import require_shared
from tests.support.servers import ApacheKafka, RedisServer, Tansu
from tests.support.stack import Stack

SECRET = "a portal's own secret, not anybody's"
IN_FLIGHT = 8
TOTAL = 10_005_534
LAST = files.Deal("last", "nobody", "Prospecting", None, None, 1, 1)
LAST_DAYS = [
    date(2017 + month // 12, month % 12 + 1, 1) - timedelta(days=1) for month in range(1, 13)
]

pytestmark = [pytest.mark.shared, pytest.mark.timeout(600)]


@pytest.fixture
def folder() -> Path:
    """The data set."""
    return require_shared("data/crm-sales-opportunities")


@pytest.fixture
def embedded(tmp_path: Path, tansu: Tansu, redis_server: RedisServer) -> Iterator[Stack]:
    """The embedded broker and Redis."""
    stack = Stack(
        tmp_path / "stack",
        tansu.bootstrap,
        redis_server.url,
        {"PORTAL_SECRET": SECRET},
        journal="always",
        idempotent=False,
    )
    with stack:
        yield stack


@pytest.fixture
def grown(tmp_path: Path, kafka: ApacheKafka, debian_redis: RedisServer) -> Iterator[Stack]:
    """Apache Kafka and Debian's redis-server."""
    secrets = {"PORTAL_SECRET": SECRET}
    with Stack(tmp_path / "stack", kafka.bootstrap, debian_redis.url, secrets) as stack:
        yield stack


async def test_every_figure_of_a_year_equals_the_files_on_the_embedded_stack(
    embedded: Stack, folder: Path
) -> None:
    """Won and open, targets and attainment, win rates and cycles, per agent, manager and in all.

    Then with another meaning.
    """
    year = await played(embedded, folder, tenant="opportunities-embedded")
    await year.check(stale_after=None)
    # Another meaning: quiet deals leave after 30 days. Built anew from the archive, beside the old.
    embedded.apply(year.document(stale_after="30"))
    await year.generation(2)
    await year.check(stale_after=timedelta(days=30))


async def test_every_figure_of_a_year_equals_the_files_on_apache_kafka(
    grown: Stack, folder: Path
) -> None:
    """The same on Apache Kafka and Debian's Redis: nothing but settings differs."""
    year = await played(grown, folder, tenant="opportunities-grown")
    await year.check(stale_after=None)


class Year:
    """The data set as one tenant of a running stack."""

    def __init__(self, stack: Stack, folder: Path, tenant: str) -> None:
        self.stack, self.tenant = stack, tenant
        self.deals = files.deals(folder)
        self.managers = files.managers(folder)
        self.owners = organisation.owners(self.managers)
        self.targets = goals.targets(self.deals)
        self.key = ""

    def move(self, years: int) -> None:
        """Let everything happen so many years later."""
        self.deals = [
            replace(one, engaged=_later(one.engaged, years), closed=_later(one.closed, years))
            for one in self.deals
        ]
        self.targets = {
            (agent, f"{int(month[:4]) + years}{month[4:]}"): base
            for (agent, month), base in self.targets.items()
        }

    def document(self, stale_after: str, *, without: str = "") -> str:
        """The organisation as configuration; one agent may still be unknown."""
        return organisation.document(self.tenant, self.managers, stale_after, without)

    def set_targets(self) -> None:
        """Those of the README, from a CSV, by the command line."""
        file = self.stack.folder / "targets.csv"
        file.write_text(organisation.csv_of(self.targets), encoding="utf-8")
        self.stack.paceline("targets", "import", str(file), "-t", self.tenant)

    async def play(self) -> None:
        """Post every webhook, several requests at a time."""
        bodies = portal.webhooks(self.deals, self.owners, seed=8_800)
        waiting = iter(bodies)
        async with httpx.AsyncClient(timeout=60) as client:

            async def post() -> None:
                for body in waiting:
                    await self._post(client, body)

            await asyncio.gather(*(post() for _ in range(IN_FLIGHT)))
            # One more, after all were acknowledged: when it counts, so does everything before.
            last = portal.webhooks([LAST], {LAST.agent: "1"}, seed=1, first=999_999)
            await self._post(client, [event for body in last for event in body])

    async def _post(self, client: httpx.AsyncClient, body: list[portal.Webhook]) -> None:
        url = f"{self.stack.ingest}/v1/webhooks/{self.tenant}-hubspot"
        raw = portal.encode(body)
        answer = await client.post(url, content=raw, headers=portal.sign(raw, url, SECRET))
        assert answer.status_code == 200, answer.text
        assert answer.json()["accepted"] == len(body), answer.text

    async def check(self, stale_after: timedelta | None) -> None:
        """Every agent, every manager and the whole, for every month of 2017."""
        async with self._client() as client:
            total = 0
            for day in LAST_DAYS:
                total += await self._check_month(client, day, stale_after)
            assert total == TOTAL

    async def _check_month(
        self, client: httpx.AsyncClient, day: date, stale_after: timedelta | None
    ) -> int:
        won = files.won(self.deals)
        teams: dict[str, Figures] = {}
        for agent, manager in self.managers.items():
            expected = Figures(
                won.get((agent, f"{day:%Y-%m}"), (0, 0)),
                files.open_qualified(self.deals, agent, day, stale_after),
            )
            path = f"/v1/reps/{slug(agent)}/progress"
            assert await self._figures(client, path, day, {agent}) == expected, (agent, day)
            teams[manager] = teams.get(manager, Figures()).plus(expected)
        for manager, expected in teams.items():
            path = f"/v1/teams/{slug(manager)}/progress"
            people = {agent for agent, his in self.managers.items() if his == manager}
            assert await self._figures(client, path, day, people) == expected, (manager, day)
        whole = sum_of(teams.values())
        path, everybody = "/v1/organisation/progress", set(self.managers)
        assert await self._figures(client, path, day, everybody) == whole
        return whole.won[1]

    async def _figures(
        self, client: httpx.AsyncClient, path: str, day: date, people: set[str]
    ) -> "Figures":
        asked = {"period": "month", "at": day.isoformat(), "kpis": ",".join(KPIS)}
        answer = await client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        if day.month in goals.GOAL_MONTHS:
            expected = goals.standing(self.deals, people, self.targets, day)
            assert differences(answer.json(), expected) == [], (path, day)
        return _figures(answer.json()["measures"])

    async def generation(self, number: int) -> None:
        """Wait until this generation answers."""
        async with self._client() as client:

            async def live() -> bool:
                answer = await client.get("/v1/organisation/progress")
                return bool(answer.json()["generation"] == number)

            await _until(live, 120, f"generation {number}")

    async def arrived(self) -> None:
        """Wait until the last event counts."""
        async with self._client() as client:

            async def counted() -> bool:
                answer = await client.get("/v1/reps")
                owners = {one["owner"] for one in answer.json()["unmapped_owners"]}
                return "1" in owners

            await _until(counted, 240, "the last event to count")

    def _client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(base_url=self.stack.api, headers=headers, timeout=30)


class Figures:
    """Won, and open qualified pipeline by expected close month: (count, whole dollars) each."""

    def __init__(
        self, won: tuple[int, int] = (0, 0), opened: dict[str, tuple[int, int]] | None = None
    ) -> None:
        self.won = won
        self.open = {month: pair for month, pair in (opened or {}).items() if pair != (0, 0)}

    def plus(self, other: "Figures") -> "Figures":
        """Both together."""
        counts: Counter[str] = Counter()
        amounts: Counter[str] = Counter()
        for one in (self, other):
            counts.update({month: pair[0] for month, pair in one.open.items()})
            amounts.update({month: pair[1] for month, pair in one.open.items()})
        opened = {month: (counts[month], amounts[month]) for month in counts}
        return Figures((self.won[0] + other.won[0], self.won[1] + other.won[1]), opened)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Figures) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.won)

    def __repr__(self) -> str:
        return f"Figures({self.won}, {self.open})"


def sum_of(parts: Any) -> Figures:
    """All together."""
    total = Figures()
    for part in parts:
        total = total.plus(part)
    return total


def _later(day: date | None, years: int) -> date | None:
    return None if day is None else day.replace(year=day.year + years)


async def played(stack: Stack, folder: Path, tenant: str, later: int = 0) -> Year:
    """The year told to a stack that does not know one of the agents at first.

    ``later``: so many years, for those who ask for single days, which are kept 800 days.
    """
    year = Year(stack, folder, tenant)
    year.move(later)
    stack.apply(year.document(stale_after="null", without="Darcel Schlecht"))
    year.key = stack.key(tenant)
    await year.play()
    await year.arrived()
    # Mapped only now: the past is right at once, and no new generation is needed.
    stack.apply(year.document(stale_after="null"))
    year.set_targets()
    async with year._client() as client:

        async def mapped() -> bool:
            answer = await client.get("/v1/reps/darcel-schlecht/progress")
            return answer.status_code == 200 and answer.json()["generation"] == 1

        await _until(mapped, 30, "the agent to be mapped")
    return year


def _figures(measures: dict[str, Any]) -> Figures:
    won, opened = measures["won"], measures["open_qualified_pipeline"]
    months = {
        month: (level["count"], _dollars(level["amounts"]))
        for month, level in opened["by_close_month"].items()
    }
    return Figures((won["count"], _dollars(won["amounts"])), months)


def _dollars(amounts: dict[str, int]) -> int:
    cents = amounts.get("USD", 0)
    assert set(amounts) <= {"USD"}
    assert cents % 100 == 0
    return cents // 100


async def _until(condition: Any, within: float, what: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not await condition():
        assert loop.time() < deadline, f"waited {within} s for {what}"
        await asyncio.sleep(0.2)
