"""Looking: the numbers of some subjects, held against the rules of their tenant.

In: an organisation with its plan, whom to look at, a moment. Out: a ``Seen`` for each rule and
subject. Guarantee: every number is the one that progress would answer at that moment; what cannot
be read now is left out, and looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from kpi.alerts import Activity, Changed, Coverage, Measured, Rule, Silent, read
from kpi.calendar.fiscal import previous
from kpi.calendar.hours import Hours
from kpi.calendar.workdays import day_after, workdays
from kpi.organisation import employment
from paceline.alerting.case import COMPLETED, REQUIRED, Case
from paceline.alerting.quiet import Quiet
from paceline.alerting.seen import Seen, Whom
from paceline.progress.answers.kpis import KpiProgress
from paceline.progress.answers.progress import Row, Subject
from paceline.progress.judging.desk import presence_of
from paceline.progress.reading.directory import Known
from paceline.progress.reading.reader import Reader
from paceline.progress.reading.selection import Selection, of_organisation, of_team
from paceline.progress.reading.windows import Question, UnreadableError, ask
from paceline.progress.teller import Teller
from paceline.sql.org import Rep
from paceline.sql.plan import Numbered
from schemas.alerts import SubjectRef

_MINUTE = 60_000
_SOURCES_AGAIN = 5 * _MINUTE

_Rules = dict[str, Numbered]


class Moment(msgspec.Struct, frozen=True):
    """As of when: an instant, or for a backtest the end of a civil day."""

    at: int
    day: date | None = None

    def question(self, known: Known, period: str) -> Question:
        """What is asked of a period; today's where no day is named."""
        said = None if self.day is None else self.day.isoformat()
        return ask(period, said, self.at, known.plan.fiscal)


class Looker:
    """Looks, for one process."""

    def __init__(self, teller: Teller, reader: Reader) -> None:
        self._teller = teller
        self._quiet = Quiet(reader)

    async def look(self, known: Known, whom: Iterable[Whom], moment: Moment) -> list[Seen]:
        """All that the enabled rules find."""
        by_kind: dict[str, list[Whom]] = {}
        for one in dict.fromkeys(whom):
            by_kind.setdefault(one.kind, []).append(one)
        rules = rules_by_kind(known)
        found: list[Seen] = []
        if by_kind.get("rep") and rules.get("rep"):
            found += await self._reps(known, [one.id for one in by_kind["rep"]], rules, moment)
        for one in by_kind.get("team", ()):
            if rules.get("team") and one.id in known.org.teams:
                chosen = of_team(known, one.id)
                found += await self._group(known, one, chosen, rules["team"], moment)
        for one in by_kind.get("organisation", ()):
            if rules.get("organisation"):
                chosen = of_organisation(known.org)
                found += await self._group(known, one, chosen, rules["organisation"], moment)
        for one in by_kind.get("sources", ()):
            if rules.get("sources"):
                found += await self._sources(known, one, rules["sources"], moment)
        return found

    async def _reps(
        self, known: Known, ids: Sequence[str], rules: dict[str, _Rules], moment: Moment
    ) -> list[Seen]:
        reps = [rep for id_ in ids if (rep := known.org.reps.get(id_)) is not None]
        found: list[Seen] = []
        for period, group in _by_period(rules["rep"]).items():
            asked = [
                rep for rep in reps if any(_about(known, one.rule, rep) for one in group.values())
            ]
            question = moment.question(known, period)
            asked = [rep for rep in asked if _employed(known, rep, question)]
            if not asked:
                continue
            rows = await self._rows(known, asked, question, _kpis_of(known, group))
            last = await self._last(known, asked, question, group)
            quiet = await self._quiet_of(known, asked, group, moment)
            for rep in asked:
                case = Case(known, question, Whom("rep", rep.id), _rep_ref(rep), _hours(known, rep))
                for id_, numbered in group.items():
                    if _about(known, numbered.rule, rep):
                        kpis, before = rows.get(rep.id, {}), last.get(rep.id, {})
                        found.append(case.seen(id_, numbered, kpis, before, quiet.get(rep.id)))
        return found

    async def _group(
        self, known: Known, whom: Whom, chosen: Selection, rules: _Rules, moment: Moment
    ) -> list[Seen]:
        found: list[Seen] = []
        for period, every in _by_period(rules).items():
            group = {id_: one for id_, one in every.items() if _about_group(known, one.rule, whom)}
            if not group:
                continue
            question = moment.question(known, period)
            kpis = await self.whole(known, chosen, question, _kpis_of(known, group))
            last: dict[str, KpiProgress] = {}
            compared = _compared(group)
            if compared and (before := _last_point(known, question)) is not None:
                last = await self.whole(known, chosen, before, compared)
                now = await self.whole(known, chosen, _completed(known, question), compared)
                kpis = kpis | {kpi + COMPLETED: one for kpi, one in now.items()}
            case = Case(known, question, whom, _subject_ref(chosen.subject), _hours(known, None))
            found += [case.seen(id_, one, kpis, last, None) for id_, one in group.items()]
        return found

    async def _sources(self, known: Known, whom: Whom, rules: _Rules, moment: Moment) -> list[Seen]:
        question = moment.question(known, "day")
        head, silent = await self._teller.head(known, question)
        if head.restoring:
            return []
        seen = {one: at for one, at in head.seen.items() if one in known.org.connections}
        readings = {one: read(Silent(), Measured(silent=one in silent)) for one in seen}
        subject = SubjectRef(
            kind="organisation", id=known.org.tenant, name=known.org.name, name_zh=known.org.name_zh
        )
        return [
            Seen(
                rule_id=id_,
                numbered=numbered,
                whom=whom,
                subject=subject,
                period="",
                readings=readings,
                basis="",
                hours=_hours(known, None),
                again=moment.at + _SOURCES_AGAIN,
                since={one: at for one, at in seen.items() if one in silent},
            )
            for id_, numbered in rules.items()
        ]

    async def _rows(
        self, known: Known, reps: Sequence[Rep], question: Question, kpis: tuple[str, ...]
    ) -> dict[str, dict[str, KpiProgress]]:
        if not kpis:
            return {rep.id: {} for rep in reps}
        subject = Subject(kind="team", id="", name="")
        chosen = Selection(subject, tuple(reps))
        told = await self._teller.tell(known, chosen, question, "", kpis)
        if told.answer is None:
            return {}
        rows = (msgspec.json.decode(row.raw, type=Row) for row in told.answer.rows)
        return {row.subject.id: {one.id: one for one in row.kpis} for row in rows}

    async def whole(
        self, known: Known, chosen: Selection, question: Question, kpis: tuple[str, ...]
    ) -> dict[str, KpiProgress]:
        """A subject's own KPIs."""
        told = await self._teller.tell(known, chosen, question, "", kpis)
        return {one.id: one for one in told.answer.whole.kpis} if told.answer else {}

    async def _last(
        self, known: Known, reps: Sequence[Rep], question: Question, group: _Rules
    ) -> dict[str, dict[str, KpiProgress]]:
        """What the last period had at the same point, and this one on completed days."""
        compared = _compared(group)
        before = _last_point(known, question) if compared else None
        if before is None:
            return {}
        then = await self._rows(known, reps, before, compared)
        now = await self._rows(known, reps, _completed(known, question), compared)
        return {
            rep: kpis | {kpi + COMPLETED: one for kpi, one in now.get(rep, {}).items()}
            for rep, kpis in then.items()
        }

    async def _quiet_of(
        self, known: Known, reps: Sequence[Rep], group: _Rules, moment: Moment
    ) -> dict[str, int]:
        """When each was last active, ms UTC; who never was is not in it."""
        if not any(isinstance(one.rule.condition, Activity) for one in group.values()):
            return {}
        return await self._quiet.last(known, reps, moment.at)


def rules_by_kind(known: Known) -> dict[str, _Rules]:
    """The enabled rules by what they look at."""
    found: dict[str, _Rules] = {}
    for id_, one in sorted(known.plan.rules.items()):
        kind = "sources" if isinstance(one.rule.condition, Silent) else one.rule.whose.each
        found.setdefault(kind, {})[id_] = one
    return found


def everybody(known: Known) -> list[Whom]:
    """Whom the rules of a tenant are about."""
    kinds = rules_by_kind(known)
    found = [Whom("rep", id_) for id_ in known.org.reps] if "rep" in kinds else []
    found += [Whom("team", id_) for id_ in known.org.teams] if "team" in kinds else []
    if "organisation" in kinds:
        found.append(Whom("organisation", known.org.tenant))
    if "sources" in kinds:
        found.append(Whom("sources", known.org.tenant))
    return found


def _by_period(rules: _Rules) -> dict[str, _Rules]:
    found: dict[str, _Rules] = {}
    for id_, one in rules.items():
        found.setdefault(one.rule.period, {})[id_] = one
    return found


def _kpis_of(known: Known, rules: _Rules) -> tuple[str, ...]:
    found = dict.fromkeys(
        one.rule.kpi
        for one in rules.values()
        if one.rule.kpi and one.rule.kpi in known.kpis.book.compiled
    )
    if any(isinstance(one.rule.condition, Coverage) for one in rules.values()):
        found.update(dict.fromkeys(REQUIRED))
    return tuple(found)


def _compared(rules: _Rules) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            one.rule.kpi for one in rules.values() if isinstance(one.rule.condition, Changed)
        )
    )


def _completed(known: Known, question: Question) -> Question:
    """The same period, by the days that are over."""
    zone = known.org.zone
    return ask(
        question.period, question.completed_in(zone).isoformat(), question.now, known.plan.fiscal
    )


def _last_point(known: Known, question: Question) -> Question | None:
    """The last period up to as many workdays as this one has completed; None on its first day."""
    plan, zone = known.plan, known.org.zone
    period = question.period_in(zone)
    completed = question.completed_in(zone)
    if period is None or completed < period.first:
        return None
    calendar = plan.calendars[plan.calendar]
    done = workdays(calendar, (), period.first, completed)
    before = previous(plan.fiscal, period)
    day = day_after(calendar, (), before.first, before.last, done) - timedelta(days=1)
    if day < before.first:
        return None
    try:
        return ask(question.period, day.isoformat(), question.now, plan.fiscal)
    except UnreadableError:
        return None


def _about(known: Known, rule: Rule, rep: Rep) -> bool:
    whose = rule.whose
    if whose.id and whose.id != rep.id:
        return False
    return not whose.team or rep.team in known.org.subtree(whose.team)


def _about_group(known: Known, rule: Rule, whom: Whom) -> bool:
    whose = rule.whose
    if whom.kind != "team":
        return True
    if whose.id and whose.id != whom.id:
        return False
    return not whose.team or whom.id in known.org.subtree(whose.team)


def _employed(known: Known, rep: Rep, question: Question) -> bool:
    person = known.plan.reps.get(rep.id)
    if person is None:
        return True
    span = employment(person.hired, person.left)
    return span.first <= question.day_in(rep.zone) <= span.last


def _hours(known: Known, rep: Rep | None) -> Hours:
    plan = known.plan
    person = plan.reps.get(rep.id) if rep else None
    presence = presence_of(plan, person)
    return Hours(presence.calendar, rep.zone if rep else known.org.zone, tuple(presence.leaves))


def _rep_ref(rep: Rep) -> SubjectRef:
    return SubjectRef(kind="rep", id=rep.id, name=rep.name, name_zh=rep.name_zh, team=rep.team)


def _subject_ref(subject: Subject) -> SubjectRef:
    kind: Literal["team", "organisation"] = "team" if subject.kind == "team" else "organisation"
    return SubjectRef(kind=kind, id=subject.id, name=subject.name, name_zh=subject.name_zh)
