"""Taking: the figures of every subject of a period, as they are answered now.

In: the teller, a tenant's organisation, a period that is over. Out: KPI values by subject.
Guarantee: all of one generation, or none: a period is not locked on numbers that are being switched
or put back.
"""

from __future__ import annotations

import msgspec

from paceline.progress.reading.directory import Known
from paceline.progress.reading.selection import Selection, of_organisation, of_rep, of_team
from paceline.progress.reading.windows import Question
from paceline.progress.teller import Teller
from paceline.sql.keys import ApiKey
from paceline.sql.locks import Figures, Lock, Subject
from services.api.access import Caller
from services.api.problems import unavailable, unprocessable


class Taken(msgspec.Struct, frozen=True):
    """A lock that is not written yet, and its figures."""

    lock: Lock
    figures: dict[Subject, Figures]


async def take(known: Known, teller: Teller, question: Question, author: str, note: str) -> Taken:
    """What the period's figures are; 422 while it runs, 503 while numbers are put back."""
    zone = known.plan.zone
    period = question.period_in(zone)
    if period is None or question.moment.day_in(zone) <= period.last:
        label = period.label if period else question.period
        detail = f"{label} is not over"
        raise unprocessable("not-over", detail, "a label of a period that is, such as 2026-10")
    caller = everywhere(known)
    figures: dict[Subject, Figures] = {}
    generations: set[int | None] = set()
    for chosen in _subjects(caller):
        told = await teller.tell(
            caller.known, chosen, question, "", tuple(known.kpis.book.compiled)
        )
        if told.answer is None or told.answer.whole.incomplete.get("restoring"):
            raise unavailable("the numbers are being put back; lock the period afterwards")
        whole = told.answer.whole
        generations.add(whole.generation)
        subject = (whole.subject.kind, whole.subject.id)
        figures[subject] = {one.id: one.actual for one in whole.kpis}
    if len(generations) != 1:
        raise unavailable("the numbers were switched meanwhile; try again")
    lock = Lock(
        id=0,
        label=period.label,
        first=period.first,
        last=period.last,
        locked_at=question.now,
        author=author,
        note=note,
        generation=generations.pop() or 0,
    )
    return Taken(lock, figures)


def _subjects(caller: Caller) -> list[Selection]:
    teams = [of_team(caller.known, team) for team in caller.org.teams]
    return [of_organisation(caller.org), *teams, *map(of_rep, caller.org.reps.values())]


def everywhere(known: Known) -> Caller:
    """Nobody's key: figures are taken of everybody."""
    key = ApiKey(
        id="",
        tenant=known.org.tenant,
        label="",
        scopes=("read",),
        rep_id=None,
        team_id=None,
        created_at=0,
        expires_at=None,
        revoked_at=None,
    )
    return Caller(key, known)
