"""Groups: the verdict on a team or the organisation.

In: everybody's sums, rows and targets. Out: one verdict on the whole. Guarantee: pure; values are
computed from the added sums; a group without a target of its own has the sum of its people's, for
KPIs that add up; where it has one, what is allocated below it is said with the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from kpi.reading import add
from kpi.targets.cascade import Cascade, Level, levels
from kpi.targets.model import Effective
from paceline.progress.answers.progress import Subject
from paceline.progress.judging import choice
from paceline.progress.judging.desk import (
    Made,
    Past,
    Read,
    chain_of,
    learning,
    minute_of,
    presence_of,
)
from paceline.progress.judging.judge import Case, Verdict, judge
from paceline.progress.judging.standing import Clock, Standing, clock, targets_in_force
from paceline.progress.reading.directory import Known
from paceline.progress.reading.windows import Question, Window
from paceline.sql.org import Org

_NOTHING = Fraction(0)
Rows = Sequence[tuple[Read, Made]]
Targets = dict[str, Effective]


def standing_of_group(known: Known, question: Question, found: Window) -> Standing:
    """A group's period by the tenant's calendar and zone: all its days, no leave."""
    presence = presence_of(known.plan, None)
    return Standing(
        whole=found.whole,
        days=(found.whole,),
        through=found.through_day,
        completed=question.completed_in(found.zone),
        presence=presence,
    )


def of_group(
    known: Known,
    subject: Subject,
    question: Question,
    found: Window,
    rows: Rows,
    asked: Sequence[str] | None,
    past: Past | None,
) -> tuple[Verdict, Clock]:
    """The verdict, and the clock it is by."""
    plan, kit = known.plan, known.kpis
    one = standing_of_group(known, question, found)
    people = [(read, made) for read, made in rows if read.part.subject.kind == "rep"]
    kpis = asked or _kpis(known, subject, people)
    chain = chain_of(kit.book, kpis) if found.period else []
    own = _own_targets(known, subject.kind, subject.id, one, chain)
    adding = [kpi for kpi in chain if _adds_up(known, kpi)]
    summed = {kpi: target for kpi in adding if (target := _sum(kpi, people)) is not None}
    when = clock(one, minute_of(plan, question, found))
    sinces = [read.since for read, _ in people if read.since is not None]
    case = Case(
        sums=add(read.reported for read, _ in rows),
        standing=one,
        clock=when,
        targets=summed | own,
        kpis=kpis,
        counting=frozenset(kpis),
        person=False,
        currency=plan.currency,
        since=min(sinces, default=None),
        learnt=learning(kit, past, one.presence),
        cascades=_cascades(known, subject, one, people, [kpi for kpi in adding if kpi in own]),
    )
    return judge(kit.book, kit.weights, case), when


def _kpis(known: Known, subject: Subject, people: Rows) -> tuple[str, ...]:
    plan, book = known.plan, known.kpis.book
    counts = (choice.counting(plan, book, read.part.person) for read, _ in people)
    targeted = (one.kpi for one in plan.targets_of(subject.kind, subject.id))
    return choice.of_group(book, counts, targeted)


def _own_targets(
    known: Known, kind: str, subject: str, one: Standing, kpis: Iterable[str]
) -> Targets:
    plan = known.plan
    versions = plan.targets_of(kind, subject)
    return targets_in_force(known.kpis.book, one, plan.fiscal, versions, kpis) if versions else {}


def _adds_up(known: Known, kpi: str) -> bool:
    compiled = known.kpis.book.compiled[kpi]
    return compiled.kind == "flow" and compiled.additive


def _sum(kpi: str, people: Rows) -> Effective | None:
    """The people's targets together; a tier that only some have is the base of the others."""
    found = [made.targets[kpi] for _, made in people if kpi in made.targets]
    if not found:
        return None
    base = _total(one.base for one in found)
    full = _total(one.full for one in found)
    return Effective(
        base=base,
        stretch=_tier([(one.base, one.stretch) for one in found]),
        commit=_tier([(one.base, one.commit) for one in found]),
        full=full,
        share=base / full if full else Fraction(1),
        source="sum",
    )


def _tier(pairs: Sequence[tuple[Fraction, Fraction | None]]) -> Fraction | None:
    if all(tier is None for _, tier in pairs):
        return None
    return _total(base if tier is None else tier for base, tier in pairs)


def _total(values: Iterable[Fraction]) -> Fraction:
    """The sum; whole numbers, which most are, are added as such, thirty times as fast."""
    whole, rest = 0, _NOTHING
    for value in values:
        if value.denominator == 1:
            whole += value.numerator
        else:
            rest += value
    return rest + whole


def _cascades(
    known: Known, subject: Subject, one: Standing, people: Rows, kpis: Sequence[str]
) -> dict[str, Cascade]:
    if not kpis:
        return {}
    org = known.org
    teams = org.teams if subject.kind == "organisation" else org.subtree(subject.id)
    own = {team: _own_targets(known, "team", team, one, kpis) for team in teams}
    own[_top(subject)] = _own_targets(known, subject.kind, subject.id, one, kpis)
    top = _top(subject)
    return {kpi: levels(_level(org, top, kpi, own, people))[top] for kpi in kpis}


def _top(subject: Subject) -> str:
    """The organisation's id may be a team's too."""
    return "" if subject.kind == "organisation" else subject.id


def _level(org: Org, group: str, kpi: str, own: Mapping[str, Targets], people: Rows) -> Level:
    target = own[group].get(kpi)
    below = (team.id for team in org.teams.values() if (team.parent or "") == group)
    return Level(
        id=group,
        own=target.base if target else None,
        members={
            read.part.subject.id: made.targets[kpi].base
            for read, made in people
            if read.part.place == group and kpi in made.targets
        },
        below=tuple(_level(org, team, kpi, own, people) for team in below),
    )
