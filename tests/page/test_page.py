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
    assert sorted(names[:-1]) == [
        "Chen Wei",
        "Grace Okafor",
        "Lena Vogt",
        "Maria Lopez",
        "Omar Haddad",
    ]
    assert names[-1] == "Unknown owner 77"
    assert "no known rep" in await tab.text("#gaps")
    assert "hub: last event" in await tab.text("#sources")
    assert "key" not in await tab.look("location.href")
    assert tab.errors == []


async def test_a_win_moves_the_number_without_a_reload(world: World, door: Door, tab: Tab) -> None:
    """Maria wins 42,000: her cell and the card move and say so by more than colour."""
    await enter(tab, world)
    before = await tab.look(figure("maria", "won_amount"))
    await win(world, "42000")
    await tab.until("document.querySelectorAll('.n.moved.up').length")
    await tab.until(figure("maria", "won_amount"), lambda said: said not in ("", before))
    await tab.until(figure("maria", "won_amount"), lambda said: "42,000" in said)
    await tab.until("document.querySelectorAll('.n.moved').length === 0")


async def test_without_motion_numbers_change_at_once(world: World, door: Door, tab: Tab) -> None:
    """For those who prefer it, nothing runs through values that never were."""
    await tab.prefer(prefers_reduced_motion="reduce")
    await enter(tab, world)
    await tab.look(
        "window.seen = new Set(); new MutationObserver(() => seen.add("
        + figure("maria", "won_amount")
        + ")).observe(document.querySelector('tbody'), {subtree: true, childList: true}); 0"
    )
    await win(world, "42000")
    await tab.until(figure("maria", "won_amount"), lambda said: "42,000" in said)
    assert await tab.look("[...seen].filter(said => !said.includes('42,000')).length") == 0


async def test_a_rep_is_shown_in_detail(world: World, door: Door, tab: Tab) -> None:
    """By keyboard: a rep's link, Enter, goals and bars, and back again."""
    await enter(tab, world)
    await tab.look("document.querySelector('tr[data-id=chen] a').focus()")
    await tab.press("Enter")
    await tab.says("#title", "Chen Wei")
    await tab.until("document.querySelectorAll('.bars .value').length > 3")
    assert "Activities by kind" in await tab.text("#view")
    assert await tab.look("document.querySelector('#back').getAttribute('href')") == "#/"


async def test_whoever_needs_help_comes_first(world: World, door: Door, tab: Tab) -> None:
    """As the answer orders them; a click on the heading orders by name."""
    await enter(tab, world)
    answer = "fetch('/v1/organisation/progress', {headers: {Authorization: 'Bearer ' + KEY}})"
    rows = await tab.look(
        answer.replace("KEY", "sessionStorage.getItem('paceline.key')")
        + ".then(said => said.json())"
        ".then(said => said.rows.map(row => [row.subject.id, row.help]))"
    )
    urgent = [rep for rep, _ in sorted(rows, key=lambda row: -row[1])]
    shown = "[...document.querySelectorAll('tbody tr:not(.nobody)')].map(row => row.dataset.id)"
    assert await tab.look(shown) == urgent
    assert len({much for _, much in rows}) > 1
    await tab.click("th[data-head=help] button")
    assert await tab.look(shown) == ["chen", "grace", "lena", "maria", "omar"]


async def test_a_status_is_said_by_word_and_shape(world: World, door: Door, tab: Tab) -> None:
    """Every cell with a target says its status to those who see no colour or nothing at all."""
    await enter(tab, world)
    await tab.until("document.querySelectorAll('td .pace .shape').length > 10")
    said = await tab.look(
        "[...document.querySelectorAll('td')].filter(cell => cell.querySelector('.pace .shape'))"
        ".map(cell => [cell.querySelector('.pace').title, cell.querySelector('.shape').innerText,"
        " cell.querySelector('.spoken').textContent])"
    )
    shapes = {title: shape for title, shape, _ in said}
    assert len(set(shapes.values())) == len(shapes) > 1
    assert all(spoken.endswith(title) for title, _, spoken in said)


async def test_a_goal_says_what_is_needed_from_here(world: World, door: Door, tab: Tab) -> None:
    """What the answer says of Lena's calls stands on her page, all three curves behind a click."""
    key = await world.key(rep="lena")
    await tab.open(f"{world.url}/#key={key}")
    await tab.says("#title", "Lena Vogt")
    goal = "article[data-kpi=calls]"
    await tab.until(f"document.querySelectorAll('{goal} dl dd').length")
    kpi = await tab.look(
        "fetch('/v1/reps/lena/progress', {headers: {Authorization: 'Bearer "
        + key
        + "'}}).then(said => said.json()).then(said => said.kpis.find(kpi => kpi.id === 'calls'))"
    )
    assert await tab.text(f"{goal} .figure") == f"{kpi['actual']} of {kpi['target']['base']}"
    assert await tab.text(f"{goal} [data-fact=expected_now]") == _shown(kpi["pace"]["expected"])
    assert await tab.text(f"{goal} [data-fact=pace]") == f"{kpi['pace']['of_expected']:.0%}"
    await tab.click(f"{goal} summary")
    curves = await tab.text(f"{goal} .curves")
    assert all(name in curves for name in ("Linear", "Workdays", "As in the past"))


def _shown(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


async def test_a_new_rep_sees_the_whole_staircase(world: World, door: Door, tab: Tab) -> None:
    """Chen's first month: two calls steps, three of revenue, then full; this month is marked."""
    await enter(tab, world, rep="chen")
    await tab.until("document.querySelectorAll('.stair').length === 4")
    assert await tab.look("document.querySelectorAll('.stair[aria-current=step]').length") == 1
    assert "Month 1" in await tab.text(".stair[aria-current=step]")
    assert await tab.text("#ramp [data-goal=won_amount]") == "$6,000"
    assert "By month 3" in await tab.text("#ramp .gates")


async def test_the_period_is_switched_and_remembered(world: World, door: Door, tab: Tab) -> None:
    """A year holds at least what its month holds."""
    await enter(tab, world)
    await tab.until(figure("omar", "calls"), some)
    await tab.click("[data-period=day]")
    await tab.says("#state-words", "Live")
    await tab.until("document.querySelector('[data-period=day]').ariaPressed === 'true'")
    await tab.until(figure("omar", "calls"), lambda said: some(said) and int(said) < 20)
    assert await tab.look("localStorage.getItem('paceline.period')") == "day"


async def test_it_speaks_chinese(world: World, door: Door, chromium: Path, tmp_path: Path) -> None:
    """A Chinese browser is greeted in Chinese; the switch goes to English and is remembered."""
    async with browsing(chromium, tmp_path / "zh", "zh-CN") as tab:
        await tab.open(f"{world.url}/#key={await world.key()}")
        await tab.says("#state-words", "实时")
        said = await tab.text("body")
        for word in ("销售代表", "新客户拜访", "漏斗覆盖率", "赢单金额", "玛丽亚", "数据不完整"):
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
    assert some(await tab.look(figure("maria", "calls")))
    await win(world, "77000")
    await door.open()
    await tab.says("#state-words", "Live")
    await tab.until(figure("maria", "won_amount"), lambda said: "77,000" in said)
    await tab.until("document.querySelector('#stale').hidden")


async def test_without_a_stream_it_polls(world: World, door: Door, tab: Tab) -> None:
    """A proxy that lets no stream through: the numbers come by polling, and it says so."""
    await tab.do("Network.enable")
    await tab.do("Network.setBlockedURLs", urls=["*/v1/stream*"])
    await tab.open(f"{world.url}/#key={await world.key()}")
    await tab.says("#state-words", "Polling")
    await tab.until(figure("maria", "calls"), some)
    await win(world, "55000")
    await tab.until(figure("maria", "won_amount"), lambda said: "55,000" in said)


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
    await tab.until(figure("maria", "calls"), some)
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
