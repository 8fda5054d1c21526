"""The sheet of the second quarter: each figure worked out again from the rows, deal by deal.

In: the rows, what a stage means, what a dollar is worth. Out: what was won and built, what stood
open, and why that changed. Guarantee: nothing of the project is used; every rule is written out
again. Amounts and rates are such that every product is a whole number of fen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.second.script import ZONE, activities, deals
from tests.story.script import Told

SHANGHAI = ZoneInfo(ZONE)
QUIET = timedelta(days=30)

REPS = {
    "liu-fang": {"jade-crm/501"},
    "chen-jie": {"jade-crm/502"},
    "wang-lei": {"jade-crm/503"},
    "sun-yue": {"jade-crm/505"},
    "zhao-min": {"jade-crm/504", "jade-hub/904"},
    "anna-lee": {"jade-hub/901", "jade-crm/601"},
}
"""Who is there in 2026, and their ids; Ben Cole left, and nothing of his was open."""
TEAMS = {
    "shanghai": {"liu-fang", "chen-jie", "wang-lei", "sun-yue"},
    "overseas": {"zhao-min", "anna-lee"},
    "sales": set(REPS),
}

BEFORE = {
    "lead": "open", "demo": "qualified", "offer": "qualified",
    "won": "won", "lost": "lost", "dropped": "disqualified",
}  # fmt: skip
"""What the stages mean when the quarter is told."""
AFTER = BEFORE | {"demo": "open"}
"""In the CRM a demo does not qualify any more; in New York's portal it still does."""

RATES = {date(2025, 10, 1): "7.12", date(2026, 2, 1): "7.05", date(2026, 3, 1): "6.98"}
CORRECTED = RATES | {date(2026, 2, 1): "7.08"}
"""Yuan for a dollar, by the first day; February's was typed in wrong."""


def owners(kind: str, subject: str) -> set[str]:
    """Whose deals a subject has."""
    if kind == "rep":
        return REPS[subject]
    people = TEAMS[subject] if kind == "team" else set(REPS)
    return {owner for person in people for owner in REPS[person]}


class State(NamedTuple):
    """What an open deal is at a moment."""

    owner: str
    stage: str
    qualified: bool
    quiet: bool
    amount: int
    close_on: str


class Part(NamedTuple):
    """Which part of whose pipeline."""

    whose: set[str]
    only: bool = False
    """The qualified one, without what is quiet."""
    closes: tuple[str, str] | None = None
    """Expected to close from this day to that one."""


class Move(NamedTuple):
    """A change of the pipeline."""

    deal: str
    at: datetime
    kind: str
    currency: str
    number: int
    minor: int


class Fact(NamedTuple):
    """Something that counts once."""

    deal: str
    owner: str
    at: datetime
    currency: str
    minor: int

    @property
    def day(self) -> date:
        """The civil day, which is the same in Shanghai and New York."""
        return self.at.astimezone(SHANGHAI).date()


@dataclass
class Deal:
    """One deal's rows in their order, and the moments at which somebody spoke about it."""

    id: str
    connection: str
    rows: list[Told]
    touched: list[datetime]

    @cached_property
    def currency(self) -> str:
        """As the CRM names it; else the tenant's."""
        named = [one.fields["currency"] for one in self.rows if "currency" in one.fields]
        return str(named[-1]) if named else "CNY"

    @cached_property
    def moments(self) -> list[datetime]:
        """Whenever it may change, by what is told or by silence."""
        told = [one.at for one in self.rows]
        heard = sorted([*told, *self.touched])
        return sorted({*told, *self.touched, *(at + QUIET for at in heard)})

    def value(self, field: str, at: datetime) -> str:
        """What a field was at a moment."""
        known = [
            str(one.fields[field]) for one in self.rows if field in one.fields and one.at <= at
        ]
        return known[-1] if known else ""

    def gone(self, at: datetime) -> bool:
        """Deleted or merged away."""
        ops = [one.op for one in self.rows if one.at <= at and one.op != "set"]
        return bool(ops) and ops[-1] in ("delete", "merge")

    def category(self, at: datetime, meaning: Mapping[str, str]) -> str:
        """What its stage means."""
        here = meaning if self.connection == "jade-crm" else BEFORE
        return here[self.value("stage", at)]

    def owner(self, at: datetime) -> str:
        """Owner key."""
        return f"{self.connection}/{self.value('owner', at)}"

    def state(self, at: datetime, meaning: Mapping[str, str]) -> State | None:
        """As it stood when a moment was over; None where it was not open."""
        if at < self.rows[0].at or self.gone(at):
            return None
        category = self.category(at, meaning)
        if category not in ("open", "qualified"):
            return None
        last = max(one for one in [*(row.at for row in self.rows), *self.touched] if one <= at)
        return State(
            self.owner(at),
            self.value("stage", at),
            category == "qualified",
            at - last >= QUIET,
            fen(self.value("amount", at)),
            self.value("close_on", at),
        )

    def moves(self, meaning: Mapping[str, str], part: Part) -> Iterator[Move]:
        """Every change of a pipeline by this deal."""
        was: State | None = None
        ever = False
        for at in self.moments:
            now = self.state(at, meaning)
            for kind, one, other in self._one_by_one(was, now, at, meaning, part, ever=ever):
                number, minor = (inside(other, part)[i] - inside(one, part)[i] for i in (0, 1))
                if number or minor:
                    sized = "shrunk" if kind == "grown" and minor < 0 else kind
                    yield Move(self.id, at, sized, self.currency, number, minor)
            was, ever = now, ever or now is not None

    def _one_by_one(
        self,
        was: State | None,
        now: State | None,
        at: datetime,
        meaning: Mapping[str, str],
        part: Part,
        *,
        ever: bool,
    ) -> Iterator[tuple[str, State | None, State | None]]:
        if was is None or now is None:
            if now is not None:
                yield ("reopened" if ever else "created"), None, now
            elif was is not None:
                yield ("deleted" if self.gone(at) else self.category(at, meaning)), was, None
            return
        here = was
        there = here._replace(owner=now.owner)
        yield ("transferred_in" if now.owner in part.whose else "transferred_out"), here, there
        here, there = there, there._replace(close_on=now.close_on)
        yield ("pulled_in" if closes_within(there, part) else "pushed_out"), here, there
        here, there = there, there._replace(qualified=now.qualified)
        yield ("qualified" if now.qualified else "unqualified"), here, there
        here, there = there, there._replace(quiet=now.quiet)
        yield ("stale" if now.quiet else "revived"), here, there
        yield "grown", there, there._replace(amount=now.amount)

    def close(self, meaning: Mapping[str, str]) -> tuple[str, datetime] | None:
        """How it ended and since when, if it has."""
        if self.gone(self.rows[-1].at):
            return None
        found: tuple[str, datetime] | None = None
        for row in self.rows:
            if "stage" in row.fields:
                category = self.category(row.at, meaning)
                if category in ("open", "qualified"):
                    found = None
                elif found is None or found[0] != category:
                    found = category, row.at
        return found


def closes_within(state: State, part: Part) -> bool:
    """Whether it is expected to close on one of the days asked about."""
    if part.closes is None:
        return True
    return part.closes[0] <= state.close_on <= part.closes[1]


def inside(state: State | None, part: Part) -> tuple[int, int]:
    """(deals, fen or cents) that a state is in a pipeline."""
    if state is None or state.owner not in part.whose or not closes_within(state, part):
        return 0, 0
    if part.only and (not state.qualified or state.quiet):
        return 0, 0
    return 1, state.amount


def fen(amount: str) -> int:
    """An amount in the smallest unit."""
    return int(Decimal(amount) * 100)


def all_deals(told_by: datetime | None = None) -> list[Deal]:
    """Every deal that was ever told of; ``told_by``: only by what happened before that."""
    rows: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for one in deals():
        if told_by is not None and one.at >= told_by:
            continue
        rows[one.connection, one.id].append(one)
    touched: dict[str, list[datetime]] = defaultdict(list)
    for call in activities():
        if "deal" in call.fields and (told_by is None or call.at < told_by):
            minute = call.at.replace(second=0, microsecond=0)
            touched[str(call.fields["deal"])].append(minute)
    return [
        Deal(name, connection, sorted(told, key=lambda one: one.at), sorted(touched[name]))
        for (connection, name), told in rows.items()
    ]


@dataclass(frozen=True)
class Sheet:
    """All figures under one reading of the stages, at one list of rates."""

    meaning: Mapping[str, str]
    rates: Mapping[date, str]
    told_by: datetime | None = None
    """What happened from then on had not been told yet."""

    def worth(self, minor: int, currency: str, day: date) -> int:
        """In fen, by a day's rate."""
        if currency == "CNY":
            return minor
        rate = [Decimal(rate) for since, rate in sorted(self.rates.items()) if since <= day][-1]
        exact = minor * rate
        assert exact == int(exact), "the script's amounts must leave nothing over"
        return int(exact)

    def facts(self, kpi: str) -> list[Fact]:
        """What a KPI sums, of everybody and of all time."""
        found = []
        for deal in all_deals(self.told_by):
            close = deal.close(self.meaning)
            if kpi in ("won_amount", "won_count") and close is not None and close[0] == "won":
                final = fen(deal.value("amount", deal.rows[-1].at))
                minor = final if kpi == "won_amount" else 1
                found.append(Fact(deal.id, deal.owner(close[1]), close[1], deal.currency, minor))
            if kpi == "pipeline_built" and not deal.gone(deal.rows[-1].at):
                for row in deal.rows:
                    stage = "stage" in row.fields
                    if stage and deal.category(row.at, self.meaning) in ("qualified", "won"):
                        minor = fen(deal.value("amount", row.at))
                        found.append(
                            Fact(deal.id, deal.owner(row.at), row.at, deal.currency, minor)
                        )
                        break
            if kpi == "opportunities_created" and not deal.gone(deal.rows[-1].at):
                at = deal.rows[0].at
                found.append(Fact(deal.id, deal.owner(at), at, deal.currency, 1))
        return found

    def within(self, kpi: str, whose: set[str], first: date, last: date) -> list[Fact]:
        """Those of some owners on some days."""
        return [one for one in self.facts(kpi) if one.owner in whose and first <= one.day <= last]

    def figure(self, kpi: str, whose: set[str], first: date, last: date) -> int:
        """The KPI, in fen where it is money."""
        money = kpi in ("won_amount", "pipeline_built")
        return sum(
            self.worth(one.minor, one.currency, one.day) if money else one.minor
            for one in self.within(kpi, whose, first, last)
        )

    def open(self, whose: set[str], day: date) -> dict[str, tuple[Deal, State]]:
        """The deals open in some hands when a day is over."""
        at = evening(day)
        return {
            deal.id: (deal, state)
            for deal in all_deals(self.told_by)
            if (state := deal.state(at, self.meaning)) is not None and state.owner in whose
        }

    def moves(self, part: Part, first: date, last: date) -> list[Move]:
        """Why the pipeline changed on some days."""
        start, end = evening(first - timedelta(days=1)), evening(last)
        return [
            one
            for deal in all_deals(self.told_by)
            for one in deal.moves(self.meaning, part)
            if start < one.at <= end
        ]

    def standing(self, part: Part, day: date) -> dict[str, int]:
        """Currency -> what is in the pipeline when a day is over; ``""``: how many deals."""
        found: dict[str, int] = defaultdict(int)
        for deal, state in self.open(part.whose, day).values():
            number, minor = inside(state, part)
            found[""] += number
            found[deal.currency] += minor
        return {key: value for key, value in found.items() if value}


def evening(day: date) -> datetime:
    """The last moment of a day in Shanghai."""
    following = day + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=SHANGHAI)
    return midnight - timedelta(milliseconds=1)
