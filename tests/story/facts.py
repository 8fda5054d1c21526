"""The facts sheet: what each deal and activity of the script counts for, row by row.

In: the script's rows. Out: rows (owner, moment, what, number), and for any moment the deals that
stood open then. Guarantee: nothing of the project is used; every rule is written out again as a
loop over one deal's rows.

The rules. Results are those that stand in the end: a deleted or merged deal has none, a reopened
one only its last close, a correction after the close corrects it. They fall on the moment at which
they happened and to who owned the deal then. What stood open at a moment is what was known then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.story.script import Told, Value, activities, deals

CATEGORY = {
    "lead": "open",
    "demo": "qualified",
    "offer": "qualified",
    "won": "won",
    "lost": "lost",
    "dropped": "disqualified",
}
ORDER = ("lead", "demo", "offer", "won")
REASONS = {"no_budget": "budget", "too_small": "size"}
STALE = timedelta(days=30)


class Row(NamedTuple):
    """What counts: whose (connection, owner id), when, what, how much."""

    who: tuple[str, str]
    at: datetime
    what: str
    number: int


class Open(NamedTuple):
    """A deal open at a moment."""

    who: tuple[str, str]
    qualified: bool
    quiet: bool
    fen: int
    close_on: str


@dataclass
class Deal:
    """One deal's rows, each field as (moment, value) in their order."""

    id: str
    connection: str
    told: list[Told]
    touches: list[datetime]

    def history(self, field: str) -> list[tuple[datetime, Value]]:
        """The values of a field over time."""
        return [(one.at, one.fields[field]) for one in self.told if field in one.fields]

    def value(self, field: str, at: datetime) -> Value:
        """What a field was at a moment."""
        found: Value = None
        for since, value in self.history(field):
            if since <= at:
                found = value
        return found

    def final(self, field: str) -> Value:
        """What a field is in the end."""
        found = self.history(field)
        return found[-1][1] if found else None

    def who(self, at: datetime) -> tuple[str, str]:
        """Who owned it at a moment."""
        return self.connection, str(self.value("owner", at))

    @property
    def created(self) -> datetime:
        """When it came to be."""
        return self.told[0].at

    def gone(self, at: datetime | None = None) -> bool:
        """Whether it is deleted or merged away, at a moment or in the end."""
        state = False
        for one in self.told:
            if at is None or one.at <= at:
                if one.op in ("delete", "merge"):
                    state = True
                if one.op == "restore":
                    state = False
        return state

    def close(self) -> tuple[str, datetime] | None:
        """How it ended, and since when without a break."""
        end: tuple[str, datetime] | None = None
        for at, stage in self.history("stage"):
            category = CATEGORY[str(stage)]
            if category in ("open", "qualified"):
                end = None
            elif end is None or end[0] != category:
                end = (category, at)
        return end

    def qualified(self) -> datetime | None:
        """When it was first qualified; a win without is that too."""
        for at, stage in self.history("stage"):
            if CATEGORY[str(stage)] in ("qualified", "won"):
                return at
        return None


def fen(amount: Value) -> int:
    """An amount in the smallest unit."""
    return int(Decimal(str(amount)) * 100)


def all_deals() -> list[Deal]:
    """Every deal of the script, with the moments at which it was called about."""
    told: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for one in deals():
        told[one.connection, one.id].append(one)
    touched: dict[str, list[datetime]] = defaultdict(list)
    for call in activities():
        if "deal" in call.fields:
            touched[str(call.fields["deal"])].append(call.at)
    return [
        Deal(name, connection, sorted(rows, key=lambda one: one.at), sorted(touched[name]))
        for (connection, name), rows in told.items()
    ]


def rows() -> list[Row]:
    """All facts, of deals and of activities."""
    found = [row for deal in all_deals() if not deal.gone() for row in _deal(deal)]
    return [*found, *_activities()]


def open_at(at: datetime) -> list[Open]:
    """The deals open at a moment, as they were known then."""
    found = []
    for deal in all_deals():
        if deal.created <= at and not deal.gone(at):
            category = CATEGORY[str(deal.value("stage", at))]
            if category in ("open", "qualified"):
                amount, close = fen(deal.value("amount", at)), deal.value("close_on", at)
                quiet = _quiet(deal, at)
                qualified = category == "qualified"
                found.append(Open(deal.who(at), qualified, quiet, amount, str(close or "")))
    return found


def _quiet(deal: Deal, at: datetime) -> bool:
    """Nothing was told of it and nobody called about it for thirty days."""
    last = max(one.at for one in deal.told if one.at <= at)
    # An activity is remembered by its minute.
    calls = [call.replace(second=0, microsecond=0) for call in deal.touches if call <= at]
    return at - max([last, *calls]) >= STALE


def _deal(deal: Deal) -> Iterator[Row]:
    yield Row(deal.who(deal.created), deal.created, "created", 1)
    if deal.final("source") == "web":
        yield Row(deal.who(deal.created), deal.created, "web lead", 1)
    yield from _stages(deal)
    yield from _built(deal)
    yield from _slips(deal)
    yield from _response(deal)
    close = deal.close()
    if close is not None:
        yield from _result(deal, *close)


def _stages(deal: Deal) -> Iterator[Row]:
    seen: set[str] = set()
    history = [(at, str(stage)) for at, stage in deal.history("stage")]
    for place, (at, stage) in enumerate(history):
        if stage not in seen:
            seen.add(stage)
            yield Row(deal.who(at), at, f"entered {stage}", 1)
            later = [name for _, name in history[place + 1 :] if name in ORDER]
            if stage in ORDER and any(ORDER.index(n) > ORDER.index(stage) for n in later):
                yield Row(deal.who(at), at, f"went on from {stage}", 1)


def _built(deal: Deal) -> Iterator[Row]:
    at = deal.qualified()
    if at is not None:
        yield Row(deal.who(at), at, "qualified", 1)
        yield Row(deal.who(at), at, "built", fen(deal.value("amount", at)))
        if deal.final("budget") != "yes":
            yield Row(deal.who(at), at, "unmet budget", 1)


def _slips(deal: Deal) -> Iterator[Row]:
    """The expected close moves to a later month while the deal is open."""
    before: str | None = None
    for at, value in deal.history("close_on"):
        after = str(value)
        open_ = CATEGORY[str(deal.value("stage", at))] in ("open", "qualified")
        if before is not None and after[:7] > before[:7] and open_:
            yield Row(deal.who(at), at, "slipped", 1)
            yield Row(deal.who(at), at, "slipped money", fen(deal.value("amount", at)))
        before = after


def _response(deal: Deal) -> Iterator[Row]:
    calls = [call for call in deal.touches if call >= deal.created]
    if calls:
        seconds = int((calls[0] - deal.created).total_seconds())
        yield Row(deal.who(calls[0]), calls[0], "responded", seconds)


def _result(deal: Deal, how: str, at: datetime) -> Iterator[Row]:
    amount = fen(deal.final("amount"))
    if how == "disqualified":
        yield Row(deal.who(at), at, "disqualified", 1)
        reason = deal.final("lost_reason")
        named = "none" if reason is None else REASONS.get(str(reason), "other")
        yield Row(deal.who(at), at, f"disqualified for {named}", 1)
        return
    main, parts = _shares(deal, at, amount)
    yield Row(main, at, how, 1)
    for who, part in parts:
        yield Row(who, at, f"{how} money", part)
        if how == "won" and deal.final("product") == "scope":
            yield Row(who, at, "scopes won", part)
    if how == "won":
        yield Row(main, at, "cycle", int((at - deal.created).total_seconds()))
        for helper in str(deal.value("overlay", at) or "").split(";"):
            if helper:
                yield Row((deal.connection, helper), at, "helped", 1)
                yield Row((deal.connection, helper), at, "helped money", amount)


def _shares(
    deal: Deal, at: datetime, amount: int
) -> tuple[tuple[str, str], list[tuple[tuple[str, str], int]]]:
    """Whom a result counts for, and how its money is divided: to the fen, nothing left over."""
    told = deal.value("split", at)
    shares = [one.split("=") for one in str(told).split(";")] if told else []
    per_cent = {owner: Fraction(share) for owner, share in shares}
    if sum(per_cent.values()) != 100:
        return deal.who(at), [(deal.who(at), amount)]
    exact = {owner: amount * share / 100 for owner, share in per_cent.items()}
    whole = {owner: int(part) for owner, part in exact.items()}
    left = amount - sum(whole.values())
    for owner in sorted(exact, key=lambda one: (-(exact[one] - whole[one]), one))[:left]:
        whole[owner] += 1
    main = min(per_cent, key=lambda one: (-per_cent[one], one))
    return (deal.connection, main), [((deal.connection, o), part) for o, part in whole.items()]


def _activities() -> Iterator[Row]:
    told: dict[str, list[Told]] = defaultdict(list)
    for one in activities():
        told[one.id].append(one)
    for history in told.values():
        yield from _activity(sorted(history, key=lambda one: one.at))


def _activity(history: list[Told]) -> Iterator[Row]:
    if history[-1].op == "delete":
        return
    fields: dict[str, Value] = {}
    for one in history:
        fields |= one.fields
    if fields.get("status", "done") != "done":
        return
    who, at, kind = ("jade-crm", str(fields["owner"])), history[0].at, str(fields["type"])
    yield Row(who, at, kind, 1)
    yield Row(who, at, f"minutes of {kind}", int(fields.get("minutes") or 0))
    if kind == "visit" and fields.get("new_customer") is True:
        yield Row(who, at, "new-customer visit", 1)
    if kind in ("call", "email", "meeting", "visit") and fields.get("new_customer") is False:
        yield Row(who, at, "follow-up", 1)
