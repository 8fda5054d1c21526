"""Every number of every page of the quarter, read from the running stack, against the sheet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from tests.story.conftest import Story
from tests.story.days import KINDS, day, days, period
from tests.story.page import differences, lines
from tests.story.people import PEOPLE
from tests.story.script import FIRST, LAST
from tests.story.sheet import Subject

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
