"""The desk: verdicts and encoded rows of one answer, made only where something changed.

In: parts with their sums, what the past says, the tenant's plan. Out: verdicts, rows as JSON.
Guarantee: a row that is not made anew is of exactly these sums, this past, this plan, this day and,
where today is interpolated, this minute: everything that it depends on is compared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from kpi.civil import day_start
from kpi.definitions import Book
from kpi.measures import Measures, present
from kpi.organisation import employment
from kpi.pace import prior_of
from kpi.periods import Span
from kpi.reading import add
from kpi.targets.model import Effective, Presence
from paceline.progress.answers.progress import Row
from paceline.progress.judging import choice
from paceline.progress.judging.judge import Case, Learnt, Verdict, judge
from paceline.progress.judging.ramps import on_ramp
from paceline.progress.judging.standing import Clock, Standing, clock, targets_in_force
from paceline.progress.reading.directory import Known, Kpis
from paceline.progress.reading.likes import Series
from paceline.progress.reading.pools import Pool, history
from paceline.progress.reading.selection import Part
from paceline.progress.reading.tally import FIRST_WIN, Folded
from paceline.progress.reading.windows import Question, Window, hull
from paceline.sql.plan import Plan, RepPlan

_LIMIT = 20_000
_MINUTE = 60_000


class Past(msgspec.Struct, frozen=True):
    """What a subject did in like periods, and whom it is compared with."""

    series: Series
    learn: tuple[Span, ...]
    """What the model learns from, where the source was there."""
    pool: Pool | None
    """None: a team, which is compared with itself alone."""
    likes: tuple[Span, ...]
    """What the historical curve is of."""


class Read(msgspec.Struct, frozen=True):
    """A part with everything that was read of it."""

    part: Part
    folded: tuple[Folded, ...]
    wins: tuple[Folded, ...]
    past: Past | None
    since: int | None
    """ms UTC since when the part's data is incomplete."""

    @property
    def sums(self) -> Mapping[str, int]:
        """Sums per stored measure."""
        if len(self.folded) == 1:
            return self.folded[0].sums
        return add(one.sums for one in self.folded)

    @property
    def reported(self) -> Mapping[str, int]:
        """The same with money in the reporting currency, as far as there are rates."""
        if len(self.folded) == 1:
            return self.folded[0].reported
        return add(one.reported for one in self.folded)

    @property
    def said(self) -> Measures:
        """The same in words: of one owner, as they were worked out already."""
        if len(self.folded) == 1:
            return self.folded[0].said
        return present(self.sums)


class Made(msgspec.Struct, frozen=True):
    """A row: what it was made of, what it says, and its JSON."""

    sums: Mapping[str, int]
    """As reported."""
    raw_sums: Mapping[str, int]
    """By currency."""
    first_win: int | None
    series: Series | None
    pool: Pool | None
    ids: tuple[str, ...]
    """The KPIs that it says something of."""
    targets: Mapping[str, Effective]
    clock: Clock
    raw: msgspec.Raw


class Desk:
    """Makes rows, and remembers them."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[object, ...], Made] = OrderedDict()

    def row(
        self, known: Known, question: Question, read: Read, kpis: Sequence[str], scope: str
    ) -> Made:
        """The row of a person or unknown owner; ``scope`` names whose tree it is a row of."""
        part = read.part
        minute = minute_of(known.plan, question, part.window)
        key = (
            known.plan.tenant,
            known.digest,
            scope,
            part.subject.id,
            part.subject.kind,
            part.window,
            part.stays,
            part.completed,
            tuple(kpis),
            read.since,
            minute,
        )
        sums, first_win = read.reported, first_win_of(read)
        past = (read.past.series, read.past.pool) if read.past else (None, None)
        held = self._made.get(key)
        if (
            held is not None
            and held.first_win == first_win
            and (held.series, held.pool) == past
            and (held.sums, held.raw_sums) == (sums, read.sums)
        ):
            return held
        made = self._make(known, read, kpis, minute, sums, first_win)
        self._made[key] = made
        self._made.move_to_end(key)
        if len(self._made) > _LIMIT:
            self._made.popitem(last=False)
        return made

    def _make(
        self,
        known: Known,
        read: Read,
        kpis: Sequence[str],
        minute: int | None,
        sums: Mapping[str, int],
        first_win: int | None,
    ) -> Made:
        part = read.part
        when = clock(standing_of(known.plan, part), minute)
        verdict, targets = Verdict([], 0), dict[str, Effective]()
        if part.subject.kind == "rep":
            verdict, targets = of_person(known, read, kpis, when, sums)
        row = Row(
            subject=part.subject,
            bounds=hull([part.window]),
            measures=read.said,
            kpis=verdict.kpis,
            help=verdict.help,
        )
        series, pool = (read.past.series, read.past.pool) if read.past else (None, None)
        raw = msgspec.Raw(msgspec.json.encode(row))
        ids = tuple(one.id for one in verdict.kpis)
        return Made(sums, read.sums, first_win, series, pool, ids, targets, when, raw)


def of_person(
    known: Known, read: Read, kpis: Sequence[str], when: Clock, sums: Mapping[str, int]
) -> tuple[Verdict, dict[str, Effective]]:
    """A person's KPIs, and the targets in force of them and of those that they rest on."""
    plan, kit, part = known.plan, known.kpis, read.part
    one = standing_of(plan, part)
    versions = plan.targets_of("rep", part.subject.id) if part.window.period else ()
    targets = targets_in_force(kit.book, one, plan.fiscal, versions, chain_of(kit.book, kpis))
    case = Case(
        sums=sums,
        standing=one,
        clock=when,
        targets=targets,
        kpis=kpis,
        counting=frozenset(choice.counting(plan, kit.book, part.person)),
        person=True,
        currency=plan.currency,
        since=read.since,
        first_deal_days=_first_deal_days(part.person, first_win_of(read)),
        learnt=learning(kit, read.past, one.presence),
    )
    return judge(kit.book, kit.weights, case), targets


def standing_of(plan: Plan, part: Part) -> Standing:
    """Where a person's period stands; a rolling span has no targets, so no ramp either."""
    return Standing(
        whole=part.window.whole,
        days=part.stays,
        through=part.window.through_day,
        completed=part.completed,
        presence=presence_of(plan, part.person),
        ramp=on_ramp(plan, part.person) if part.window.period else None,
    )


def presence_of(plan: Plan, person: RepPlan | None) -> Presence:
    """Calendar, leave and employment; of a team or an unknown person the tenant's calendar."""
    if person is None:
        return Presence(calendar=plan.calendars[plan.calendar])
    return Presence(
        calendar=plan.calendars[person.calendar],
        leaves=person.leaves,
        employed=employment(person.hired, person.left),
    )


def learning(kit: Kpis, past: Past | None, presence: Presence) -> Callable[[str], Learnt | None]:
    """What the past says of a KPI, worked out when it is asked for."""

    def of(kpi: str) -> Learnt | None:
        if past is None or kpi not in kit.weights.flows:
            return None
        money = kit.book.compiled[kpi].definition.unit == "money"
        own = history(past.series, presence, kpi, past.learn, money=money)
        prior = past.pool.prior(kpi, money=money) if past.pool else prior_of([own], money=money)
        curve = history(past.series, presence, kpi, past.likes, money=money)
        return Learnt(own, prior, curve)

    return of


def minute_of(plan: Plan, question: Question, window: Window) -> int | None:
    """The minute of the local day at which a running day stands; None where it does not matter."""
    if not plan.interpolate_today or question.moment.day is not None:
        return None
    return (question.moment.instant - day_start(window.through_day, window.zone)) // _MINUTE


def first_win_of(read: Read) -> int | None:
    """The ordinal of the first day since the hire with a won deal."""
    return min((one.sums[FIRST_WIN] for one in read.wins if one.sums), default=None)


def _first_deal_days(person: RepPlan | None, first_win: int | None) -> int | None:
    if person is None or person.hired is None or first_win is None:
        return None
    return first_win - person.hired.toordinal()


def chain_of(book: Book, kpis: Iterable[str]) -> list[str]:
    """The KPIs and those that they rest on: their targets matter too."""
    return list(dict.fromkeys(one for kpi in kpis for one in book.compiled[kpi].chain))
