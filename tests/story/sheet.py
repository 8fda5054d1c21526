"""The sheet: every KPI of a person, a team or everybody, added up row by row.

In: a subject, a span of civil days. Out: each KPI's value as an exact number, None where there is
none. Guarantee: plain sums over the facts; a quantile is the exact one of the listed durations. A
person's row counts whatever team it was made in, a team's only on days on which its person was in
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache

from tests.story import facts
from tests.story.people import ALWAYS, OWNER, PEOPLE, TEAMS, Person

Number = Fraction | None
KINDS = ("call", "email", "meeting", "visit", "demo", "proposal", "one_on_one", "custom")
SELLING = ("call", "email", "meeting", "visit", "demo", "proposal")


@dataclass(frozen=True)
class Subject:
    """Whose page it is: `rep`, `team` or `organisation`, and an id."""

    kind: str
    id: str

    def counts(self, person: Person, day: date) -> bool:
        """Whether what this person does on that day is the subject's."""
        if self.kind == "rep":
            return person.id == self.id
        return self.kind == "organisation" or person.team(day) in TEAMS[self.id]


@dataclass(frozen=True)
class Entry:
    """A fact with its person and civil day."""

    person: Person
    day: date
    what: str
    number: int


@cache
def entries() -> tuple[Entry, ...]:
    """All facts, on the days of their people."""
    found = []
    for row in facts.rows():
        person = OWNER[row.who]
        found.append(Entry(person, person.day_of(row.at), row.what, row.number))
    return tuple(found)


@dataclass(frozen=True)
class Sheet:
    """The facts of a subject from `first` to `through`; `last` is when the period ends."""

    subject: Subject
    first: date
    through: date
    last: date
    team: str | None = None
    """Of a person in a team's page: only days in this team count."""

    def rows(self, what: str) -> Iterator[int]:
        """The numbers of one kind of fact."""
        for one in _of_kind(what):
            if self.first <= one.day <= self.through and self._counts(one.person, one.day):
                yield one.number

    def _counts(self, person: Person, day: date) -> bool:
        inside = self.team is None or Subject("team", self.team).counts(person, day)
        return inside and self.subject.counts(person, day)

    def sum(self, *what: str) -> Fraction:
        """Their sum."""
        return Fraction(sum(number for one in what for number in self.rows(one)))

    def quantile(self, what: str, share: Fraction) -> Number:
        """The smallest number that so large a share of them does not exceed."""
        numbers = sorted(self.rows(what))
        if not numbers:
            return None
        return Fraction(numbers[-(-share.numerator * len(numbers) // share.denominator) - 1])

    def mean(self, what: str) -> Number:
        """Sum over count."""
        return over(self.sum(what), Fraction(len(list(self.rows(what)))))

    def open(self) -> Iterator[facts.Open]:
        """Deals open as the last day ends, each by the midnight of its owner."""
        for person in PEOPLE.values():
            if self._counts(person, self.through):
                for one in _open_at(_end_of(person, self.through)):
                    if OWNER[one.who] is person:
                        yield one

    def level(self, test: Callable[[facts.Open], bool], *, money: bool) -> Fraction:
        """How many of them, or how much."""
        return Fraction(sum(one.fen if money else 1 for one in self.open() if test(one)))

    def closing(self) -> Fraction:
        """Qualified and not quiet, expected to close within the period."""
        first, last = self.first.isoformat(), self.last.isoformat()
        return self.level(
            lambda one: one.qualified and not one.quiet and first <= one.close_on <= last,
            money=True,
        )

    def helped(self) -> Fraction:
        """Credit for helping: a person's own, and nobody else's."""
        return self.sum("helped money") if self.subject.kind == "rep" else Fraction(0)

    def first_deal(self) -> Number:
        """Seconds (whole days) from the hire to the first win, if it was by now."""
        if self.subject.kind != "rep":
            return None
        person = PEOPLE[self.subject.id]
        wins = [one.day for one in _of_kind("won") if one.person is person]
        since = [day for day in wins if person.hired <= day <= self.through]
        if person.hired == ALWAYS or not since:
            return None
        return Fraction((min(since) - person.hired).days * 86_400)


def over(top: Number, bottom: Number) -> Number:
    """A quotient; none where something is missing or the divisor is 0."""
    return top / bottom if top is not None and bottom else None


def times(*numbers: Number) -> Number:
    """A product; none where something is missing."""
    product = Fraction(1)
    for one in numbers:
        if one is None:
            return None
        product *= one
    return product


def values(sheet: Sheet, targets: dict[str, Number]) -> dict[str, Number]:
    """Every KPI of the sheet; some look at targets."""
    found = _activity(sheet) | _results(sheet) | _pipeline(sheet, targets)
    found |= {
        "required_coverage": over(Fraction(1), found["win_rate"]),
        "required_coverage_money": over(Fraction(1), found["win_rate_money"]),
        "velocity": times(
            found["opportunities_qualified"],
            found["average_deal"],
            found["win_rate"],
            over(Fraction(86_400), found["cycle_median"]),
        ),
    }
    return found | {"composite": _composite(found, targets)}


def _activity(sheet: Sheet) -> dict[str, Number]:
    everything = sheet.sum(*KINDS)
    minutes = sheet.sum(*(f"minutes of {kind}" for kind in KINDS))
    created, meetings = sheet.sum("created"), sheet.sum("meeting")
    return {
        "calls": sheet.sum("call"),
        "emails": sheet.sum("email"),
        "meetings": meetings,
        "visits": sheet.sum("visit"),
        "demos": sheet.sum("demo"),
        "proposals": sheet.sum("proposal"),
        "new_customer_visits": sheet.sum("new-customer visit"),
        "follow_ups": sheet.sum("follow-up"),
        "activities_total": everything,
        "selling_share": over(sheet.sum(*SELLING), everything),
        "selling_time_share": over(sheet.sum(*(f"minutes of {k}" for k in SELLING)), minutes),
        "first_response_median": sheet.quantile("responded", Fraction(1, 2)),
        "first_response_p90": sheet.quantile("responded", Fraction(9, 10)),
        "activity_to_meeting": over(meetings, sheet.sum("call", "email")),
        "meeting_to_opportunity": over(created, meetings),
    }


def _results(sheet: Sheet) -> dict[str, Number]:
    won, lost = sheet.sum("won"), sheet.sum("lost")
    won_money, lost_money = sheet.sum("won money"), sheet.sum("lost money")
    return {
        "won_count": won,
        "won_amount": won_money,
        "won_credit": won_money + sheet.helped(),
        "lost_count": lost,
        "lost_amount": lost_money,
        "average_deal": over(won_money, won),
        "win_rate": over(won, won + lost),
        "win_rate_money": over(won_money, won_money + lost_money),
        "cycle_median": sheet.quantile("cycle", Fraction(1, 2)),
        "cycle_p90": sheet.quantile("cycle", Fraction(9, 10)),
        "cycle_mean": sheet.mean("cycle"),
        "time_to_first_deal": sheet.first_deal(),
        "scopes_amount": sheet.sum("scopes won"),
    }


def _pipeline(sheet: Sheet, targets: dict[str, Number]) -> dict[str, Number]:
    target, won = targets.get("won_amount"), sheet.sum("won money")
    gap = target - won if target is not None and target > won else None
    found: dict[str, Number] = {
        "opportunities_created": sheet.sum("created"),
        "opportunities_qualified": sheet.sum("qualified"),
        "disqualified": sheet.sum("disqualified"),
        "pipeline_built": sheet.sum("built"),
        "slipped_deals": sheet.sum("slipped"),
        "slipped_amount": sheet.sum("slipped money"),
        "web_leads_created": sheet.sum("web lead"),
        "open_pipeline": sheet.level(_any, money=True),
        "open_pipeline_count": sheet.level(_any, money=False),
        "qualified_pipeline": sheet.level(_good, money=True),
        "qualified_pipeline_count": sheet.level(_good, money=False),
        "stale_deals": sheet.level(lambda one: one.quiet, money=False),
        "stale_pipeline": sheet.level(lambda one: one.quiet, money=True),
        "coverage": over(sheet.closing(), target),
        "coverage_of_gap": over(sheet.closing(), gap),
    }
    for stage in ("lead", "demo", "offer"):
        on = sheet.sum(f"went on from {stage}")
        found[f"conversion:{stage}"] = over(on, sheet.sum(f"entered {stage}"))
    return found


WEIGHTS = {"won_amount": 50, "new_customer_visits": 30, "calls": 20}


def _composite(found: dict[str, Number], targets: dict[str, Number]) -> Number:
    """The weighted mean of what was reached of each target; what has none is left out."""
    total, weight = Fraction(0), 0
    for kpi, of in WEIGHTS.items():
        reached = over(found[kpi], targets.get(kpi))
        if reached is not None:
            total, weight = total + of * reached, weight + of
    return total / weight if weight else None


def _any(_one: facts.Open) -> bool:
    return True


def _good(one: facts.Open) -> bool:
    return one.qualified and not one.quiet


def _end_of(person: Person, day: date) -> datetime:
    """The last millisecond of a person's day: the midnight that begins the next one, less that."""
    after = day + timedelta(days=1)
    midnight = datetime(after.year, after.month, after.day, tzinfo=person.zone(after))
    return midnight - timedelta(milliseconds=1)


@cache
def _of_kind(what: str) -> tuple[Entry, ...]:
    return tuple(one for one in entries() if one.what == what)


@cache
def _open_at(at: datetime) -> tuple[facts.Open, ...]:
    return tuple(facts.open_at(at))
