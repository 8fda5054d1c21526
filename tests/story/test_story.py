"""Every number of every page of the quarter, read from the running stack, against the sheet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from tests.page.browser import Tab, browsing
from tests.story import words
from tests.story.conftest import Story
from tests.story.days import KINDS, day, days, period
from tests.story.page import SKETCHED, differences, lines
from tests.story.people import PEOPLE
from tests.story.script import FIRST, LAST
from tests.story.sheet import Subject
from tests.support.need import require_program

pytestmark = [pytest.mark.timeout(900)]

SUBJECTS = [
    *(Subject("rep", one) for one in PEOPLE),
    *(Subject("team", one) for one in ("shanghai", "overseas", "sales")),
    Subject("organisation", "jade"),
]
TURNS = "2025-10-01 2025-10-08 2025-10-19 2025-11-02 2025-11-16 2025-11-17 2025-12-12 2025-12-31"
"""Days on which something turns: holidays, the hire, the day of 25 hours, the move, the leaving."""


def moments() -> list[date]:
    """Every Tuesday and Saturday, and the days on which something turns."""
    weekly = [one for one in days(FIRST, LAST) if one.weekday() in (1, 5)]
    return sorted({*weekly, *map(day, TURNS.split())})


def path(subject: Subject) -> str:
    """Where a subject's page is."""
    if subject.kind == "organisation":
        return "/v1/organisation/progress"
    return f"/v1/{subject.kind}s/{subject.id}/progress"


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_of_every_page_equals_the_sheet(story: Story, kind: str) -> None:
    """Each person, team and everybody, twice a week, for the period around the day."""
    with story.client() as client:
        found = [
            f"{subject.id} {kind} {on}: {what}"
            for subject in SUBJECTS
            for on in moments()
            for what in told(client, subject, kind, on)
        ]

    assert not found, f"{len(found)} differ\n" + "\n".join(found[:80])


def told(client: httpx.Client, subject: Subject, kind: str, on: date) -> Iterator[str]:
    """What one page says otherwise."""
    asked = {"period": kind, "at": on.isoformat(), "kpis": "all"}
    answer = client.get(path(subject), params=asked)
    assert answer.status_code == 200, answer.text
    yield from differences(answer.json(), lines(subject, kind, on))


def test_every_row_of_a_team_counts_only_the_days_in_it(story: Story) -> None:
    """Each person in each team, month and quarter, once a week: the mover has a part in both."""
    with story.client() as client:
        found = [
            f"{team.id}/{what}"
            for team in (one for one in SUBJECTS if one.kind == "team")
            for kind in ("month", "quarter")
            for on in moments()[::3]
            for what in rows(client, team, kind, on)
        ]
    assert not found, f"{len(found)} differ\n" + "\n".join(found[:80])


def rows(client: httpx.Client, team: Subject, kind: str, on: date) -> Iterator[str]:
    """What the rows of a team's page say otherwise."""
    asked = {"period": kind, "at": on.isoformat(), "kpis": "all"}
    answer = client.get(path(team), params=asked)
    said = {row["subject"]["id"]: row for row in answer.json()["rows"]}
    span = period(kind, on)
    there = {one.id for one in PEOPLE.values() if any(team.counts(one, day) for day in days(*span))}
    if said.keys() != there:
        yield f"{kind} {on}: rows of {sorted(said)}, expected {sorted(there)}"
    for person in said.keys() & there:
        expected = lines(Subject("rep", person), kind, on, team.id)
        for what in differences(said[person], expected):
            yield f"{person} {kind} {on}: {what}"


TODAY, YESTERDAY = day("2026-01-09"), day("2026-01-08")
"""The stage's own clock stands on a Friday in January, in Shanghai and in New York."""
SHOWN = """
Object.fromEntries([...document.querySelectorAll('article.goal')].map(goal => [goal.dataset.kpi, {
  name: goal.querySelector('h3').textContent,
  spoken: goal.querySelector('.spoken').textContent,
  facts: Object.fromEntries([...goal.querySelectorAll('dd[data-fact]')]
    .map(fact => [fact.dataset.fact, fact.textContent])),
  curves: [...goal.querySelectorAll('table.curves tbody tr')]
    .map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent)),
}]))
"""
CELLS = """
[...document.querySelectorAll('tbody tr[data-id]')].flatMap(row =>
  [...row.querySelectorAll('td[data-kpi]')].map(cell =>
    [row.dataset.id, cell.dataset.kpi, cell.querySelector('.spoken').textContent]))
"""


@pytest.mark.browser
async def test_the_page_shows_the_sheets_numbers(story: Story, tmp_path: Path) -> None:
    """In a browser, of the fiscal year: every goal of every person, every cell of every team."""
    chromium = require_program("chromium", package="chromium")
    async with browsing(chromium, tmp_path / "profile") as tab:
        await tab.open(f"{story.stack.api}/#key={story.read}")
        await tab.says("#state-words", "Live")
        await tab.click("[data-period=year]")
        await tab.until("document.querySelector('[data-period=year]').ariaPressed === 'true'")
        wrong = [what for rep in PEOPLE async for what in shown(tab, rep)]
        for team in ("shanghai", "overseas"):
            wrong += [what async for what in celled(tab, team)]
    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:60])


async def shown(tab: Tab, rep: str) -> AsyncIterator[str]:
    """What a person's page shows otherwise."""
    expected = lines(Subject("rep", rep), "year", TODAY, over=YESTERDAY)
    await tab.look(f"location.hash = '#/rep/{rep}'")
    await tab.until(f"document.querySelectorAll('article.goal').length && {_called(rep)}")
    goals = await tab.look(SHOWN)
    assert len(goals) >= 5
    for kpi, goal in goals.items():
        if kpi in SKETCHED:
            continue
        line = expected[kpi]
        facts = {name: text for name, text in goal["facts"].items() if name in words.facts(line)}
        pairs: list[tuple[object, object]] = [
            (goal["spoken"], f"{goal['name']}, {words.spoken(line)}"),
            (facts, words.facts(line)),
        ]
        if line.standing.linear is not None:
            pairs.append((goal["curves"], words.curves(line)))
        for is_, ought in pairs:
            if is_ != ought:
                yield f"{rep} {kpi}: {is_}, expected {ought}"


async def celled(tab: Tab, team: str) -> AsyncIterator[str]:
    """What a team's table shows otherwise."""
    await tab.look(f"location.hash = '#/team/{team}'")
    await tab.until("document.querySelectorAll('tbody tr[data-id] td[data-kpi]').length")
    for rep, kpi, spoken in await tab.look(CELLS):
        if rep in PEOPLE and kpi not in SKETCHED and spoken:
            line = lines(Subject("rep", rep), "year", TODAY, team, YESTERDAY)[kpi]
            if not spoken.endswith(f", {words.spoken(line)}"):
                yield f"{team}/{rep} {kpi}: {spoken}, expected {words.spoken(line)}"


def _called(rep: str) -> str:
    """Whether the page is this person's already."""
    name = rep.replace("-", " ").title()
    return f"document.querySelector('#title').textContent.includes('{name}')"
