"""What a deal contributes: flows when they happened, gauges as deltas when they change.

In: a deal and the generation's meaning. Out: contributions per (owner key, measure, instant).

Moments. Created: the creation, credited to the owner then. Stage entry: the first entry into each
stage, owner then; conversion is told of that entry once a later stage was entered. Pipeline built,
and criteria unmet: the first entry into a qualified (or won) stage, amount and owner then. Slip:
the expected close moves to a later month while the deal is open, amount and owner then. First
response: the first activity at or after the creation, owner then. Results: ``kpi.results``. A
deleted or merged deal takes its flows back; a gauge keeps its past.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from urllib.parse import quote

from kpi.civil import within_day
from kpi.credit import Credit, owner_at
from kpi.declared import Contributions, Rules, rules_of, take_all
from kpi.entity import Entity, alive
from kpi.fields import ALWAYS, View
from kpi.gauges import gauge_contributions
from kpi.results import event, result
from kpi.sketch import bucket
from kpi.stages import Step, category_at, currency_of, passed, qualification, steps
from kpi.timeline import credited_at, latest
from schemas.envelope import TIMELINES, owner_key
from schemas.meaning import Meaning

_MINUTE = 60_000
_FIRST_YEAR, _LAST_YEAR = 1973, 2999
"""Whole minutes of offset since then, and the instants that entities hold."""


def deal_contributions(entity: Entity, meaning: Meaning) -> Contributions:
    """Flows and gauges of one deal."""
    walk = steps(entity, meaning)
    facts = gauge_contributions(entity, meaning, walk)
    if alive(entity):
        currency, rules = currency_of(entity, meaning), rules_of(meaning)
        facts.update(_creation(entity))
        facts.update(_entries(entity, walk))
        facts.update(_built(entity, walk, currency, rules))
        facts.update(_slips(entity, walk, currency))
        facts.update(_response(entity))
        facts.update(result(entity, meaning, walk, currency))
        if rules.deals:
            _declared(facts, entity, meaning, walk, rules)
    return facts


def _creation(entity: Entity) -> Contributions:
    if entity.created is not None:
        return {(owner_at(entity, entity.created), "created", entity.created): 1}
    told = (getattr(entity, name) for name in TIMELINES)
    first = min((timeline[0][0] for timeline in told if timeline), default=None)
    return {} if first is None else {(owner_at(entity, first), "x:deal_no_creation", first): 1}


def _entries(entity: Entity, walk: list[Step]) -> Contributions:
    facts: Contributions = {}
    got_on = passed(walk) if any(step.order for step in walk) else {}
    for step in _first_entries(walk):
        owner = owner_at(entity, step.at)
        facts[owner, _entry(step.stage), step.at] = 1
        if got_on.get(step.stage):
            facts[owner, _conversion(step.stage), step.at] = 1
        if not step.mapped:
            unmapped = (owner, "x:unmapped_stage", step.at)
            facts[unmapped] = facts.get(unmapped, 0) + 1
    return facts


def _first_entries(walk: list[Step]) -> list[Step]:
    """The first step into each stage."""
    first: dict[str, Step] = {}
    for step in walk:
        if step.stage:
            first.setdefault(step.stage, step)
    return list(first.values())


@lru_cache(maxsize=4_096)
def _entry(stage: str) -> str:
    return f"stage:{quote(stage, safe='')}"


@lru_cache(maxsize=4_096)
def _conversion(stage: str) -> str:
    return f"conv:{quote(stage, safe='')}"


def _built(entity: Entity, walk: list[Step], currency: str, rules: Rules) -> Contributions:
    step = qualification(walk)
    if step is None:
        return {}
    at, owner = step.at, owner_at(entity, step.at)
    facts = event(owner, "built", at, credited_at(entity.amount, at), currency)
    if rules.criteria:
        now = View(entity, ALWAYS, latest(entity.amount), currency)
        facts.update({(owner, name, at): 1 for name, met in rules.criteria if not met(now)})
    return facts


def _slips(entity: Entity, walk: list[Step], currency: str) -> Contributions:
    """Each move of the expected close to a later calendar month, while the deal was open.

    It is looked at when a millisecond is over, and against the last day that was known: a close
    taken away and put back later is a slip too.
    """
    facts: Contributions = {}
    if len(entity.close_on) < 2:  # noqa: PLR2004 - from one day to another
        return facts
    for at, _, _ in later_months(entity):
        if category_at(walk, at) in ("open", "qualified"):
            amount = credited_at(entity.amount, at)
            facts.update(event(owner_at(entity, at), "slip", at, amount, currency))
    return facts


def later_months(entity: Entity) -> Iterator[tuple[int, date, date]]:
    """(instant ms UTC, day before, day after) for each move of the expected close to a later month.

    By the last change of each millisecond, and the last day that was known before.
    """
    before: date | None = None
    for at, changes in groupby(entity.close_on, key=itemgetter(0)):
        day = civil_day(list(changes)[-1][4])
        if day is None:
            continue
        if before is not None and (day.year, day.month) > (before.year, before.month):
            yield at, before, day
        before = day


@lru_cache(maxsize=65_536)
def civil_day(text: str) -> date | None:
    """A civil day of the years 1973 to 2999, None where the text is none.

    >>> civil_day("2026-11-30"), civil_day("next week")
    (datetime.date(2026, 11, 30), None)
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def _response(entity: Entity) -> Contributions:
    """The first activity in or after the minute of the creation; to the minute."""
    created = entity.created
    if created is None or not entity.touches:
        return {}
    minute = min((m for m in entity.touches if m >= created // _MINUTE), default=None)
    if minute is None:
        return {}
    at = max(minute * _MINUTE, created)
    return {(owner_at(entity, at), f"resp:{bucket((at - created) // 1000)}", at): 1}


def _declared(
    facts: Contributions, entity: Entity, meaning: Meaning, walk: list[Step], rules: Rules
) -> None:
    """Declared flows at their moments; those of results are taken with the results."""
    currency, wanted = currency_of(entity, meaning), rules.deals
    moments: list[tuple[str, int]] = []
    if entity.created is not None:
        moments.append(("created", entity.created))
    step = qualification(walk)
    if step is not None:
        moments.append(("qualified", step.at))
    moments += [(f"stage:{step.stage}", step.at) for step in _first_entries(walk)]
    for moment, at in moments:
        if moment in wanted:
            view = View(entity, at, credited_at(entity.amount, at), currency)
            take_all(facts, wanted[moment], view, Credit(owner_at(entity, at)), at)
    if "expected_close" in wanted and latest(entity.close_on):
        _expected(facts, entity, meaning, currency, rules)


def _expected(
    facts: Contributions, entity: Entity, meaning: Meaning, currency: str, rules: Rules
) -> None:
    """On the civil day itself: never converted, whatever the owner's zone."""
    owner = owner_key(entity.connection, latest(entity.owner))
    view = View(entity, ALWAYS, latest(entity.amount), currency)
    day = civil_day(latest(entity.close_on))
    for rule in rules.deals["expected_close"]:
        if day is not None:
            take_all(facts, (rule,), view, Credit(owner), within_day(meaning, owner, day))
        elif rule.holds(view):
            facts[owner, f"x:{rule.name}", entity.close_on[-1][0]] = 1
