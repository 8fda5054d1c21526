"""Every number opens why it is that: formula, sums, and the facts, in a real browser."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.api.world import World, founded
from tests.page.browser import Tab
from tests.page.conftest import Door

pytestmark = pytest.mark.browser

CLICK = "document.querySelector('{}').click();0"
ROWS = "document.querySelectorAll('.why-drawer .facts tr').length"


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Maria has won two deals today, of 900 and 100 dollars; the ledger has the facts."""
    async with founded(redis_url, tmp_path) as made:
        made.now = time.time_ns() // 1_000_000
        made.ledger = True
        now = datetime.fromtimestamp(made.now / 1000 - 60, UTC).isoformat(timespec="seconds")
        for deal, amount in (("71", "900"), ("72", "100")):
            await made.deal(deal, now, "create", owner="11", stage="won", amount=amount)
        yield made


async def test_a_number_opens_the_facts_that_it_sums(world: World, door: Door, tab: Tab) -> None:
    """Maria's won amount: what it means, that the facts sum to it, both deals; Escape closes it."""
    await tab.open(f"{world.url}/#key={await world.key()}")
    await tab.says("#state-words", "Live")
    cell = 'tr[data-id="maria"] td[data-kpi="won_amount"] [data-why]'
    await tab.until(f"document.querySelector('{cell}')?.innerText", "$1,000".__eq__)
    await tab.look(CLICK.format(cell))
    await tab.until(ROWS, (2).__eq__)
    said = await tab.text(".why-drawer")
    assert "Won amount: $1,000" in said
    assert "The facts below sum to exactly this." in said
    assert "Deal 71" in said
    assert "+$900" in said
    assert "Maria Lopez" in said
    assert tab.errors == []
    await tab.do("Input.dispatchKeyEvent", type="keyDown", key="Escape", windowsVirtualKeyCode=27)
    await tab.until("!document.querySelector('.why-drawer').open")


async def test_a_keyboard_opens_it_too_and_levels_name_their_deals(
    world: World, door: Door, tab: Tab
) -> None:
    """Enter on the focused number; in the language of the page."""
    now = datetime.fromtimestamp(world.now / 1000 - 30, UTC).isoformat(timespec="seconds")
    await world.deal("80", now, "create", owner="11", stage="proposal", amount="5000")
    await tab.open(f"{world.url}/#key={await world.key(rep='maria')}")
    await tab.says("#state-words", "Live")
    await tab.look("document.querySelector('#language').click();0")
    number = '[data-why="kpi:open_pipeline"]'
    await tab.until(f"document.querySelectorAll('{number}').length")
    await tab.look(
        f"document.querySelectorAll('details').forEach(one => one.open = true);"
        f"document.querySelector('{number}').focus();"
        f"document.activeElement.dispatchEvent("
        f"new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true}}));0"
    )
    await tab.until(ROWS)
    said = await tab.text(".why-drawer")
    assert "商机 80" in said
    assert "以下明细之和与该数字完全一致" in said
    assert "构成该数字的记录" in said


async def test_pipeline_and_forecast_open_on_asking(world: World, door: Door, tab: Tab) -> None:
    """Coverage, forecast, waterfall, funnel, the deal to close; a call for help is sent once."""
    now = datetime.fromtimestamp(world.now / 1000 - 30, UTC)
    await world.deal(
        "90", now.isoformat(timespec="seconds"), "create", owner="11", stage="proposal",
        amount="5000", name="Cold storage", close_on=now.date().isoformat(),
    )  # fmt: skip
    await tab.open(f"{world.url}/#key={await world.key()}")
    await tab.says("#state-words", "Live")
    await tab.look("document.querySelector('#pipeline').open = true; 0")
    await tab.until("document.querySelectorAll('.pipeline .deals li').length", (1).__eq__)
    said = await tab.text(".pipeline")
    for words in ("Cold storage", "$5,000", "Open deals by chance", "Why the qualified pipeline"):
        assert words in said
    await tab.look(
        "window.prompt = () => 'please call their CFO';"
        "document.querySelector('.deals .help').click(); 0"
    )
    await tab.until("document.querySelector('.deals .help').innerText", "Help asked".__eq__)
    async with world.client(await world.key()) as api:
        (call,) = (await api.get("/v1/help")).json()["items"]
    assert (call["deal"], call["rep"], call["text"]) == (
        "d:hub:90",
        "maria",
        "please call their CFO",
    )
    assert tab.errors == []
