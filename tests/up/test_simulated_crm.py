"""The simulated CRM: the same story from the same seed, told as a portal tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
import pytest

from paceline.demo.events import Event
from paceline.demo.memory import Memory, founded, keep, recall
from paceline.demo.organisation import sellers
from paceline.demo.portal import Portal, Refused
from paceline.demo.story import next_scene, past
from paceline.demo.world import World

NOW = 1_795_000_000_000
DAY_MS = 86_400_000


def _told(seed: int, now: int = NOW) -> list[Event]:
    random, memory = Random(seed), founded(now)
    return past(World(random, sellers(), memory.state), random, now)


def test_the_same_seed_and_clock_tell_the_same_story() -> None:
    """And another seed tells another."""
    assert _told(1) == _told(1)
    assert _told(1) != _told(2)


def test_the_past_is_ninety_days_of_workdays_and_ends_now() -> None:
    """Nothing on a Sunday of Shanghai or New York, nothing in the future."""
    instants = [event["occurredAt"] for event in _told(1)]
    assert NOW - 92 * DAY_MS < min(instants) < NOW - 85 * DAY_MS
    assert max(instants) < NOW
    days = Counter(datetime.fromtimestamp(at / 1000, UTC).isoweekday() for at in instants)
    assert days[7] == 0
    assert 3_000 < len(instants) < 10_000


def test_no_deal_speaks_before_it_is_made() -> None:
    """Every change of a deal comes after its creation."""
    made: set[int] = set()
    for event in _told(3):
        if event["subscriptionType"] == "deal.creation":
            made.add(event["objectId"])
        elif event["subscriptionType"].startswith("deal."):
            assert event["objectId"] in made


def test_live_scenes_keep_the_number_of_open_deals_in_bounds() -> None:
    """For hours, too: neither a page without deals nor one without an end."""
    random, memory = Random(5), founded(NOW)
    world = World(random, sellers(), memory.state)
    past(world, random, NOW)
    for second in range(20_000):
        assert next_scene(world, random, NOW + second * 1000)
    assert 40 < len(memory.state.deals) < 220


def test_a_past_that_was_cut_short_is_told_again_with_the_same_events(tmp_path: Path) -> None:
    """So that telling it twice counts once."""
    file = tmp_path / "crm.json"
    keep(file, founded(NOW))
    again = recall(file, NOW + DAY_MS)
    assert again == founded(NOW)


def test_a_past_that_was_told_is_never_told_again(tmp_path: Path) -> None:
    """The open deals go on where they were."""
    file = tmp_path / "crm.json"
    told = founded(NOW)
    keep(file, Memory(founded_at=NOW, told=True, state=told.state))
    assert recall(file, NOW + DAY_MS).told


async def test_a_batch_that_is_not_taken_is_sent_again_as_another_attempt() -> None:
    """As a portal does: the same events, the attempt one higher."""
    seen: list[list[Event]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(httpx.Response(200, content=request.content).json())
        return httpx.Response(503 if len(seen) == 1 else 200)

    portal = _portal(answer)
    await portal.post([{"objectId": 1}])
    await portal.close()
    assert [batch[0]["attemptNumber"] for batch in seen[:2]] == [0, 1]


async def test_a_wrong_secret_ends_the_portal_with_the_receivers_words() -> None:
    """Trying again would not help."""
    portal = _portal(lambda _: httpx.Response(401, text="not_authentic"))
    with pytest.raises(Refused, match="answers 401: not_authentic"):
        await portal.post([{"objectId": 1}])
    await portal.close()


async def test_a_hundred_events_at_most_go_into_one_request() -> None:
    """All of them arrive, some of them twice."""
    sizes: list[int] = []
    objects: set[int] = set()

    def answer(request: httpx.Request) -> httpx.Response:
        batch = httpx.Response(200, content=request.content).json()
        sizes.append(len(batch))
        objects.update(event["objectId"] for event in batch)
        return httpx.Response(200)

    portal = _portal(answer)
    await portal.post_all([{"objectId": i} for i in range(950)])
    await portal.close()
    assert max(sizes) == 100
    assert objects == set(range(950))


def _portal(answer: Callable[[httpx.Request], httpx.Response]) -> Portal:
    portal = Portal("http://127.0.0.1/v1/webhooks/demo", "made-up", Random(1))
    portal._client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return portal
