"""Selections: whose numbers are asked for, and on which days each person's count.

In: a choice, the organisation, the plan, a question. Out: parts, one a person or unknown
owner, with their windows, stays and lines to read. Guarantee: pure; a team counts a person's
results only on days when that person was in its tree, a person's own page counts all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from kpi.calendar.workdays import Leave
from kpi.civil import day_start, zone_of
from kpi.organisation import Membership, employment, intersect, stays, team_on, with_managed
from kpi.periods import Span
from kpi.reading import Slice, civil_slices, gauge_slices
from paceline.progress.answers.progress import Subject
from paceline.progress.judging.ramps import gates_of, on_ramp
from paceline.progress.reading.directory import Known
from paceline.progress.reading.tally import Line
from paceline.progress.reading.windows import Question, Window, day_slices, kept, slices_of, window
from paceline.sql.org import Org, Rep
from paceline.sql.plan import Plan, RepPlan
from schemas.envelope import owner_key
from schemas.meaning import Meaning

NEW_DAYS = 400
"""The first deal of somebody hired longer ago is not looked for."""


class Selection(msgspec.Struct, frozen=True):
    """Whose numbers are added up.

    ``tree``: on days in these teams only; ``others``: owners too that are no known rep.
    """

    subject: Subject
    reps: tuple[Rep, ...]
    tree: frozenset[str] | None = None
    others: bool = False

    @property
    def owners(self) -> list[str] | None:
        """The owners whose versions matter; None: all that there are."""
        return None if self.others else [one for rep in self.reps for one in owners_of(rep)]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One person's or owner's share of an answer."""

    subject: Subject
    window: Window
    owners: tuple[str, ...]
    lines: tuple[Line, ...]
    """Of the days that count."""
    wins: tuple[Line, ...] = ()
    """Of somebody hired lately: the days since, in which the first win is looked for."""
    gates: tuple[tuple[Span, tuple[Line, ...]], ...] = ()
    """Of one person on a ramp: the days of each gate so far."""
    person: RepPlan | None = None
    stays: tuple[Span, ...] = ()
    """Days of the period that are the subject's: employed, and in the teams asked about."""
    completed: date = date.min
    """The last civil day that is over for this person."""
    team: str | None = None
    """The team on the last day that counts."""
    place: str | None = None
    """The team on the last of the subject's days: where a mover's part was allocated."""

    @property
    def leaves(self) -> tuple[Leave, ...]:
        """Absences of the person."""
        return self.person.leaves if self.person else ()


def of_rep(rep: Rep) -> Selection:
    """One person, whatever team."""
    return Selection(rep_subject(rep), (rep,))


def of_team(known: Known, team: str) -> Selection:
    """A team's tree: everybody who ever was in it, on their days there."""
    org, plan = known.org, known.plan
    tree = org.subtree(team)
    found = org.teams[team]
    subject = Subject(kind="team", id=team, name=found.name, name_zh=found.name_zh)
    reps = (rep for rep in org.reps.values() if _ever(memberships_of(plan, rep), tree))
    return Selection(subject, tuple(reps), tree)


def of_organisation(org: Org) -> Selection:
    """Everybody, and everything that is nobody's."""
    subject = Subject(kind="organisation", id=org.tenant, name=org.name, name_zh=org.name_zh)
    return Selection(subject, tuple(org.reps.values()), others=True)


def rep_subject(rep: Rep) -> Subject:
    """A rep as the subject of numbers."""
    return Subject(kind="rep", id=rep.id, name=rep.name, name_zh=rep.name_zh, team=rep.team)


def owners_of(rep: Rep) -> list[str]:
    """The owner keys of a rep."""
    return [owner_key(owner.connection, owner.owner) for owner in rep.owners]


def unmapped(org: Org, owners: Iterable[str]) -> list[str]:
    """Owner keys that are no known rep, sorted; ``<connection>/`` stands for no owner at all."""
    mapped = {owner for rep in org.reps.values() for owner in owners_of(rep)}
    return sorted(set(owners) - mapped)


def memberships_of(plan: Plan, rep: Rep) -> tuple[Membership, ...]:
    """The dated teams of a person; a manager without a team of their own is in the managed one."""
    person = plan.reps.get(rep.id)
    if person is None or not (person.memberships or person.managed):
        return (Membership(rep.team),)
    employed = employment(person.hired, person.left)
    return with_managed(person.memberships, person.managed, employed)


def parts_of(
    org: Org,
    plan: Plan,
    chosen: Selection,
    question: Question,
    meaning: Meaning | None,
    versions: Iterable[str],
) -> list[Part]:
    """The parts of an answer: reps by id, then unknown owners."""
    made = Windows(question, by_day=bool(plan.rates))
    found = [_part(plan, chosen, question, meaning, made, rep) for rep in chosen.reps]
    parts = [part for part in found if part is not None]
    if chosen.others:
        zone = meaning.zone if meaning else org.zone
        parts += [_other(made, zone, one) for one in unmapped(org, versions)]
    return parts


class Windows:
    """Windows of one question and their slices, made once for each zone and stay."""

    def __init__(self, question: Question, *, by_day: bool) -> None:
        self._question, self._by_day = question, by_day
        self._held: dict[tuple[str, str], Window] = {}
        self._slices: dict[tuple[int, tuple[Span, ...] | None], tuple[Slice, ...]] = {}

    def slices(self, found: Window, stays: Sequence[Span] | None) -> tuple[Slice, ...]:
        """The slices of some stays within a window of these."""
        key = (id(found), None if stays is None else tuple(stays))
        made = self._slices.get(key)
        if made is None:
            made = slices_of(self._question, found, stays, by_day=self._by_day)
            self._slices[key] = made
        return made

    def of(self, zone: str, before: str) -> Window:
        """The window for a zone that was another on the first day."""
        found = self._held.get((zone, before))
        if found is None:
            found = self._held[zone, before] = window(self._question, zone, before)
        return found


def _part(
    plan: Plan,
    chosen: Selection,
    question: Question,
    meaning: Meaning | None,
    made: Windows,
    rep: Rep,
) -> Part | None:
    """None for somebody who was not in the teams within the period."""
    zone = zone_for(rep, question, meaning)
    found = made.of(zone, zone)
    found = made.of(zone, _zone_on(rep, found.first_day, meaning, zone))
    person = plan.reps.get(rep.id)
    dated = memberships_of(plan, rep)
    inside = _inside(chosen, dated, person, found.whole)
    if chosen.tree is not None and not inside:
        return None
    cuts = inside if chosen.tree is not None else None
    owners = tuple(owners_of(rep))
    slices = made.slices(found, cuts)
    since_hire = _since_hire(person, found, question)
    return Part(
        subject=rep_subject(rep),
        window=found,
        owners=owners,
        lines=tuple(Line(one, slices) for one in owners),
        wins=tuple(Line(one, since_hire, first_win=True) for one in owners if since_hire),
        gates=_gates(plan, person, owners, found, question) if _alone(chosen) else (),
        person=person,
        stays=tuple(inside),
        completed=question.completed_in(zone),
        team=team_on(dated, min(found.through_day, found.last_day)) or rep.team,
        place=(team_on(dated, inside[-1].last) if inside else None) or rep.team,
    )


def _other(made: Windows, zone: str, owner: str) -> Part:
    connection, _, name = owner.partition("/")
    found = made.of(zone, zone)
    return Part(
        subject=Subject(kind="owner", id=owner, name=name, connection=connection),
        window=found,
        owners=(owner,),
        lines=(Line(owner, made.slices(found, None)),),
    )


def _inside(
    chosen: Selection, dated: Sequence[Membership], person: RepPlan | None, whole: Span
) -> list[Span]:
    employed = employment(person.hired, person.left) if person else Span(date.min, date.max)
    if chosen.tree is not None:
        spans = stays(dated, chosen.tree, whole)
        return [cut for one in spans if (cut := intersect(one, employed))]
    inside = intersect(whole, employed)
    return [inside] if inside else []


def _since_hire(person: RepPlan | None, found: Window, question: Question) -> tuple[Slice, ...]:
    """Single days since the hire; empty where that was too long ago, or is still ahead."""
    hired = person.hired if person else None
    last = found.through_day
    if hired is None or not hired <= last <= hired + timedelta(days=NEW_DAYS):
        return ()
    return tuple(one for one in day_slices(hired, last) if kept(question, one))


def _alone(chosen: Selection) -> bool:
    return chosen.subject.kind == "rep"


def _gates(
    plan: Plan,
    person: RepPlan | None,
    owners: Iterable[str],
    found: Window,
    question: Question,
) -> tuple[tuple[Span, tuple[Line, ...]], ...]:
    on = on_ramp(plan, person)
    if on is None or person is None:
        return ()
    spans = dict.fromkeys(Span(gate.first, gate.due) for gate in gates_of(on, person))
    so_far = {span: Span(span.first, min(span.last, found.through_day)) for span in spans}
    return tuple(
        (span, tuple(Line(owner, slices) for owner in owners))
        for span, cut in so_far.items()
        if cut.first <= cut.last
        and (slices := (*civil_slices(*cut), *gauge_slices(cut.last)))
        and all(kept(question, one) for one in slices)
    )


def zone_for(rep: Rep, question: Question, meaning: Meaning | None) -> str:
    """The zone whose days a rep's numbers were put into at the question's moment."""
    moment = question.moment
    if moment.day is None:
        return _zone_at(rep, moment.instant, meaning)
    return _zone_on(rep, moment.day, meaning, rep.zone)


def _zone_on(rep: Rep, day: date, meaning: Meaning | None, zone: str) -> str:
    """The zone in which a civil day began."""
    return _zone_at(rep, day_start(day, zone), meaning)


def _zone_at(rep: Rep, instant: int, meaning: Meaning | None) -> str:
    owners = owners_of(rep)
    return rep.zone if meaning is None or not owners else zone_of(meaning, owners[0], instant)


def _ever(dated: Iterable[Membership], tree: frozenset[str]) -> bool:
    return any(one.team in tree and not one.overlay for one in dated)
