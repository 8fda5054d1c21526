"""The page in a real browser: what people see, and that it moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.api.world import World
from tests.page.browser import Tab, browsing
from tests.page.conftest import Door

pytestmark = pytest.mark.browser

ROW = "document.querySelector('tr[data-id={rep}] td[data-kpi={kpi}] .figures')?.innerText ?? ''"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def figure(rep: str, kpi: str) -> str:
    """The expression for one cell of the table."""
    return ROW.format(rep=rep, kpi=kpi)


def some(said: str) -> bool:
    """Whether a cell shows a count above zero."""
    return said.isdigit() and int(said) > 0


async def enter(tab: Tab, world: World, **bound: str) -> None:
    """Open the page with a link that carries a key, and wait until it is live."""
    await tab.open(f"{world.url}/#key={await world.key(**bound)}")
    await tab.says("#state-words", "Live")


async def win(world: World, amount: str) -> None:
    """Maria wins a deal a minute ago."""
    ago = datetime.fromtimestamp(world.now / 1000, UTC) - timedelta(minutes=1)
    at = ago.isoformat(timespec="seconds")
    await world.deal(f"win-{amount}", at, "create", owner="11", stage="won", amount=amount)


async def test_a_link_with_a_key_shows_the_organisation(world: World, door: Door, tab: Tab) -> None:
    """Every rep, the unknown owner, the gaps, the source; and the key has left the address bar."""
    await enter(tab, world)
    names = await tab.look(
        "[...document.querySelectorAll('tbody th')].map(cell => cell.innerText.split('\\n')[0])"
    )
    assert names == [
        "Chen Wei",
        "Grace Okafor",
        "Lena Vogt",
        "Maria Lopez",
        "Omar Haddad",
        "Unknown owner 77",
    ]
    assert "no known rep" in await tab.text("#gaps")
    assert "hub: last event" in await tab.text("#sources")
    assert "key" not in await tab.look("location.href")
    assert tab.errors == []


async def test_a_win_moves_the_number_without_a_reload(world: World, door: Door, tab: Tab) -> None:
    """Maria wins 42,000: her cell and the card move and say so by more than colour."""
    await enter(tab, world)
    before = await tab.look(figure("maria", "won"))
    await win(world, "42000")
    await tab.until("document.querySelectorAll('.n.moved.up').length")
    await tab.until(figure("maria", "won"), lambda said: said not in ("", before))
    await tab.until(figure("maria", "won"), lambda said: "42,000" in said)
    await tab.until("document.querySelectorAll('.n.moved').length === 0")


async def test_without_motion_numbers_change_at_once(world: World, door: Door, tab: Tab) -> None:
    """For those who prefer it, nothing runs through values that never were."""
    await tab.prefer(prefers_reduced_motion="reduce")
    await enter(tab, world)
    await tab.look(
        "window.seen = new Set(); new MutationObserver(() => seen.add("
        + figure("maria", "won")
        + ")).observe(document.querySelector('tbody'), {subtree: true, childList: true}); 0"
    )
    await win(world, "42000")
    await tab.until(figure("maria", "won"), lambda said: "42,000" in said)
    assert await tab.look("[...seen].filter(said => !said.includes('42,000')).length") == 0


async def test_a_rep_is_shown_in_detail(world: World, door: Door, tab: Tab) -> None:
    """By keyboard: the first rep's link, Enter, cards and bars, and back again."""
    await enter(tab, world)
    await tab.look("document.querySelector('tbody a').focus()")
    await tab.press("Enter")
    await tab.says("#title", "Chen Wei")
    await tab.until("document.querySelectorAll('.bars .value').length > 3")
    assert "Activities by kind" in await tab.text("#view")
    assert await tab.look("document.querySelector('#back').getAttribute('href')") == "#/"


async def test_the_period_is_switched_and_remembered(world: World, door: Door, tab: Tab) -> None:
    """A year holds at least what its month holds."""
    await enter(tab, world)
    await tab.until(figure("omar", "activities"), some)
    await tab.click("[data-period=day]")
    await tab.says("#state-words", "Live")
    await tab.until("document.querySelector('[data-period=day]').ariaPressed === 'true'")
    await tab.until(figure("omar", "activities"), lambda said: some(said) and int(said) < 20)
    assert await tab.look("localStorage.getItem('paceline.period')") == "day"


async def test_it_speaks_chinese(world: World, door: Door, chromium: Path, tmp_path: Path) -> None:
    """A Chinese browser is greeted in Chinese; the switch goes to English and is remembered."""
    async with browsing(chromium, tmp_path / "zh", "zh-CN") as tab:
        await tab.open(f"{world.url}/#key={await world.key()}")
        await tab.says("#state-words", "实时")
        said = await tab.text("body")
        for word in ("销售代表", "新客户拜访", "优质商机漏斗", "赢单", "玛丽亚", "数据不完整"):
            assert word in said
        await tab.click("#language")
        await tab.says("#state-words", "Live")
        assert "Maria Lopez" in await tab.text("body")
        assert await tab.look("document.documentElement.lang") == "en"
        assert await tab.look("localStorage.getItem('paceline.language')") == "en"


async def test_it_says_when_it_is_offline_and_comes_back_by_itself(
    world: World, door: Door, tab: Tab
) -> None:
    """The server goes and comes; the win that happened meanwhile is there."""
    await enter(tab, world)
    await door.shut()
    await tab.says("#state-words", "Offline")
    await tab.says("#stale", "No connection")
    assert some(await tab.look(figure("maria", "activities")))
    await win(world, "77000")
    await door.open()
    await tab.says("#state-words", "Live")
    await tab.until(figure("maria", "won"), lambda said: "77,000" in said)
    await tab.until("document.querySelector('#stale').hidden")


async def test_without_a_stream_it_polls(world: World, door: Door, tab: Tab) -> None:
    """A proxy that lets no stream through: the numbers come by polling, and it says so."""
    await tab.do("Network.enable")
    await tab.do("Network.setBlockedURLs", urls=["*/v1/stream*"])
    await tab.open(f"{world.url}/#key={await world.key()}")
    await tab.says("#state-words", "Polling")
    await tab.until(figure("maria", "activities"), some)
    await win(world, "55000")
    await tab.until(figure("maria", "won"), lambda said: "55,000" in said)


async def test_it_asks_for_a_key_and_refuses_a_wrong_one(
    world: World, door: Door, tab: Tab
) -> None:
    """Nothing is shown before; a manager's key then shows the manager's teams."""
    await tab.open(world.url)
    await tab.until("document.querySelector('#ask')?.hidden === false")
    assert await tab.look("document.querySelector('#board').hidden")
    await submit(tab, "pl_000000000000_wrong")
    await tab.says("#ask-error", "not valid")
    await submit(tab, await world.key(team="east"))
    await tab.says("#title", "East")
    assert await tab.look("document.querySelectorAll('tbody tr').length") == 3


async def submit(tab: Tab, key: str) -> None:
    """Fill in the form."""
    await tab.look(f"document.querySelector('#key').value = {key!r}; 0")
    await tab.click("#ask-form button")


async def test_a_reps_key_shows_that_rep(world: World, door: Door, tab: Tab) -> None:
    """No team, no list: her own numbers."""
    await enter(tab, world, rep="maria")
    await tab.says("#title", "Maria Lopez")
    assert await tab.look("document.querySelector('#teams').hidden")


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
async def test_nothing_is_wider_than_the_window(
    world: World, door: Door, tab: Tab, width: int
) -> None:
    """From a small phone to a desk, for a team and for a rep."""
    await tab.size(width, 800)
    await enter(tab, world)
    await tab.until(figure("maria", "activities"), some)
    assert await tab.look(OVERFLOW) == 0
    await tab.look("location.hash = '#/rep/maria'")
    await tab.until("document.querySelectorAll('.bars .value').length > 3")
    assert await tab.look(OVERFLOW) == 0


async def test_it_fetches_nothing_from_anywhere_else(world: World, door: Door, tab: Tab) -> None:
    """And no request carries a key in its address."""
    key = await world.key()
    await tab.open(f"{world.url}/#key={key}")
    await tab.says("#state-words", "Live")
    assert all(url.startswith(world.url) for url in tab.requests)
    assert not any(key in url.partition("#")[0] for url in tab.requests)
