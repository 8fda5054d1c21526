"""Who is who in the story: owner ids, teams, zones, days at work. Written by hand.

In: nothing. Out: the people, and what holds for each of them on a day. Guarantee: the same as the
story's `paceline.yaml` says, written a second time; nothing is read from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.story.days import day, days, worked
from tests.story.script import CALLS, CRM, HUB, NEW_YORK, SHANGHAI

FULL, HALF = Fraction(1), Fraction(1, 2)
NEVER, ALWAYS = day("2999-12-31"), day("1990-01-01")


@dataclass(frozen=True)
class Person:
    """One person; `teams` and `zones` are (first day, value) in order."""

    id: str
    owners: tuple[tuple[str, str], ...]
    teams: tuple[tuple[date, str], ...]
    zones: tuple[tuple[date, str], ...] = ((ALWAYS, SHANGHAI),)
    calendar: str = "cn"
    hired: date = ALWAYS
    left: date = NEVER
    away: dict[date, Fraction] = field(default_factory=dict)

    def team(self, one: date) -> str:
        """The team of a day; none before the first and after the last day at work."""
        return _latest(self.teams, one) if self.hired <= one <= self.left else ""

    def zone(self, one: date) -> ZoneInfo:
        """The zone whose midnight begins that day."""
        return ZoneInfo(_latest(self.zones, one))

    def day_of(self, at: datetime) -> date:
        """The civil day of an instant: the new zone holds from its own midnight of the move on."""
        for since, name in reversed(self.zones):
            zone = ZoneInfo(name)
            if since == ALWAYS or at >= datetime(since.year, since.month, since.day, tzinfo=zone):
                return at.astimezone(zone).date()
        raise AssertionError("the first zone holds always")

    def own(self, one: date) -> Fraction:
        """How much of a day this person works."""
        if not (self.hired <= one <= self.left and worked(self.calendar, one)):
            return Fraction(0)
        return 1 - self.away.get(one, Fraction(0))


def _latest(steps: tuple[tuple[date, str], ...], one: date) -> str:
    return [value for since, value in steps if since <= one][-1]


def _away(first: str, last: str, part: Fraction = FULL) -> dict[date, Fraction]:
    return dict.fromkeys(days(day(first), day(last)), part)


def _crm(name: str) -> tuple[str, str]:
    return "jade-crm", CRM[name]


def _overseas(name: str) -> tuple[tuple[str, str], ...]:
    return ("jade-hub", HUB[name]), ("jade-crm", CALLS[name])


IN_SHANGHAI = ((ALWAYS, "shanghai"),)
OVERSEAS = ((ALWAYS, "overseas"),)
MOVE = day("2025-11-17")

PEOPLE = {
    one.id: one
    for one in (
        Person("liu-fang", (_crm("liu"),), IN_SHANGHAI),
        Person(
            "chen-jie",
            (_crm("chen"),),
            IN_SHANGHAI,
            away=_away("2025-11-10", "2025-11-14") | _away("2025-12-05", "2025-12-05", HALF),
        ),
        Person(
            "wang-lei",
            (_crm("wang"),),
            IN_SHANGHAI,
            hired=day("2025-10-20"),
            away=_away("2025-11-24", "2025-11-25"),
        ),
        Person(
            "zhao-min",
            (_crm("zhao"), ("jade-hub", HUB["zhao"])),
            (*IN_SHANGHAI, (MOVE, "overseas")),
            ((ALWAYS, SHANGHAI), (MOVE, NEW_YORK)),
        ),
        Person("sun-yue", (_crm("sun"),), IN_SHANGHAI),
        Person("anna-lee", _overseas("anna"), OVERSEAS, ((ALWAYS, NEW_YORK),), calendar="us"),
        Person(
            "ben-cole",
            _overseas("ben"),
            OVERSEAS,
            ((ALWAYS, NEW_YORK),),
            calendar="us",
            left=day("2025-12-12"),
        ),
    )
}
OWNER = {owner: person for person in PEOPLE.values() for owner in person.owners}
TEAMS = {"shanghai": {"shanghai"}, "overseas": {"overseas"}, "sales": {"shanghai", "overseas"}}
