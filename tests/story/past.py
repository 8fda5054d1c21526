"""The past that a running period is compared with: how far like periods had come by now.

In: a subject, a KPI, a period and its clock. Out: the share of each like period's total at the same
place among its workdays, and what an event usually amounts to. Guarantee: days are listed and
counted one by one; what happened on a day off belongs to the workday before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cache

from tests.story.days import ONE, days, period, worked
from tests.story.people import PEOPLE, Person
from tests.story.sheet import KINDS, Number, Subject, entries

AMOUNTS = {
    "won_amount": ("won money",),
    "won_credit": ("won money", "helped money"),
    "pipeline_built": ("built",),
    "scopes_amount": ("scopes won",),
    "won_count": ("won",),
    "calls": ("call",),
    "new_customer_visits": ("new-customer visit",),
    "slipped_deals": ("slipped",),
    "web_leads_created": ("web lead",),
}
EVENTS = {
    "won_amount": ("won",),
    "won_credit": ("won", "helped"),
    "pipeline_built": ("qualified",),
}
"""What counts the events of an amount; of scopes each day with an amount is taken for one."""


COUNTED = {
    *("created", "qualified", "built", "won", "won money", "lost", "lost money", "disqualified"),
    *("slipped", "slipped money", "helped", "helped money", "web lead", "scopes won"),
    *("new-customer visit", "follow-up", *KINDS),
}
"""What shows that a source was there."""

Span = tuple[date, date]


def like_periods(kind: str, span: Span) -> list[Span]:
    """Six months of the same place in their quarters, four quarters, twelve weeks; latest first."""
    many = {"month": 6, "quarter": 4, "week": 12}.get(kind, 0)
    return _before(kind, span[0], many, 3 if kind == "month" else 1)


def learnt_from(kind: str, span: Span) -> list[Span]:
    """Where the usual size of an event is learnt: the last six months, four quarters, or weeks."""
    if kind == "year":
        return _before("quarter", span[0], 4, 1)
    return _before("month", span[0], 6, 1) if kind == "month" else like_periods(kind, span)


def _before(kind: str, first: date, many: int, back: int) -> list[Span]:
    found: list[Span] = []
    for _ in range(many):
        for _ in range(back):
            first = period(kind, first - ONE)[0]
        found.append(period(kind, first))
    return found


def _heard(spans: list[Span], people: set[str], kind: str, span: Span) -> list[Span]:
    """Those since anything was counted of these people, in the months that are looked at.

    A source that was connected within a period did not see it; a week of holidays is no sign.
    """
    looked_at = {
        one.replace(day=1)
        for like in (*like_periods(kind, span), *learnt_from(kind, span))
        for one in days(*like)
    }
    known = [
        one
        for one, rows in _by_day().items()
        if one.replace(day=1) in looked_at
        and any(person in people and what in COUNTED for person, what, _ in rows)
    ]
    return [like for like in spans if known and min(known) <= like[0] + timedelta(days=7)]


@dataclass(frozen=True)
class Group:
    """Whose past it is: people with the days on which they count, and whose workdays."""

    people: tuple[str, ...]
    team: str | None = None
    """Only days in this team's tree count."""
    own: bool = True
    """By the one person's workdays; else by the office's."""

    def workday(self, one: date) -> bool:
        """Whether a day moves the count of workdays on."""
        if not self.own:
            return worked("cn", one)
        person = PEOPLE[self.people[0]]
        return worked(person.calendar, one) and person.away.get(one, 0) < 1

    def there(self, span: Span) -> bool:
        """Employed from the first day to the last."""
        person = PEOPLE[self.people[0]]
        return not self.own or (person.hired <= span[0] and span[1] <= person.left)

    def counts(self, person: Person, one: date) -> bool:
        """Whether a day of a person is in it."""
        if person.id not in self.people:
            return False
        return self.team is None or Subject("team", self.team).counts(person, one)


def shares(group: Group, kpi: str, kind: str, span: Span, place: Fraction) -> list[Fraction]:
    """How far each like period with a total had come at this place among its workdays."""
    found = []
    for like in _heard(like_periods(kind, span), set(group.people), kind, span):
        steps = _steps(group, AMOUNTS[kpi], like) if group.there(like) else []
        if len(steps) > 1 and steps[-1] > 0:
            found.append(_at(steps, place))
    return found


def size(groups: list[Group], kpi: str, kind: str, span: Span) -> Number:
    """What an event of some people's past amounted to, in whole fen; 1 if nothing did."""
    everybody = {person for group in groups for person in group.people}
    spans = _heard(learnt_from(kind, span), everybody, kind, span)
    amount = events = 0
    for group in groups:
        own = number = 0
        for like in spans:
            if group.there(like) and len(_steps(group, AMOUNTS[kpi], like)) > 1:
                own += _steps(group, AMOUNTS[kpi], like)[-1]
                number += _events(group, kpi, like)
        if own > 0 and number > 0:
            amount, events = amount + own, events + number
    return Fraction(round(amount / events)) if events else Fraction(1)


def _events(group: Group, kpi: str, like: Span) -> int:
    if kpi in EVENTS:
        return _steps(group, EVENTS[kpi], like)[-1]
    return sum(1 for one in days(*like) if _on(group, AMOUNTS[kpi], one))


@cache
def _steps(group: Group, what: tuple[str, ...], like: Span) -> list[int]:
    """What had been counted before the first workday, and at the end of each."""
    steps = [0]
    for one in days(*like):
        if group.workday(one):
            steps.append(steps[-1])
        steps[-1] += _on(group, what, one)
    return steps


def _on(group: Group, what: tuple[str, ...], one: date) -> int:
    return sum(
        number
        for person, kind, number in _by_day().get(one, ())
        if kind in what and group.counts(PEOPLE[person], one)
    )


@cache
def _by_day() -> dict[date, list[tuple[str, str, int]]]:
    found: dict[date, list[tuple[str, str, int]]] = {}
    for entry in entries():
        found.setdefault(entry.day, []).append((entry.person.id, entry.what, entry.number))
    return found


def _at(steps: list[int], place: Fraction) -> Fraction:
    """Between two workdays in proportion."""
    at = place * (len(steps) - 1)
    before = min(int(at), len(steps) - 2)
    there = steps[before] + (at - before) * (steps[before + 1] - steps[before])
    return there / steps[-1]
