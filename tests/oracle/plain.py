"""The oracle: every number counted again from all patches, by brute force and by other means.

In: what one tenant was told, (event id, connection, patch) in any order and with duplicates, and
a meaning. Out: ``value`` of a flow over civil days, ``level`` of a gauge at the end of one. It
imports nothing of ours but the envelope's types, so that an error of the domain cannot hide in it.

How it counts. Every entity becomes a **diary**: one line for each field of each patch, in the order
(instant, the vendor's sequence, rank of the op, event id, value as text, kind of value). From the
diary come **snapshots**, from those **rows** (owner, measure, instant, amount); a row falls on the
civil day of its owner's zone at its instant.

What it holds to be true:

* stage, owner, amount, close day, pipeline and deletion keep their history; of any other field the
  last line counts. Created is the earliest creation told: ``created_at``, else a create's instant.
  A ``created_at`` or ``at`` outside 1970 to 3000 is none.
* Within one millisecond a stage is read with the pipeline as it stands at the end of it, and a
  change of pipeline is looked at after the stages.
* Whoever had owned a deal last at an instant (that millisecond included) gets the credit; before
  the first line, the first owner ever named. The same foresight holds for pipeline and built
  amount. An owner or amount that was cleared is none, not unknown.
* A deal deleted in the end has no flows; its gauges keep their past and end at the deletion.
* created: at the creation. ``stage:``: the first entry into each stage. built: the first entry into
  a qualified or won stage, with the amount of then. won, lost: the start of the last unbroken run,
  with the amount of the end.
* A gauge knows amount and close day only as told by then. A deal leaves ``qual`` when it was quiet
  for ``stale_after_days`` times 24 hours, and comes back with the next change or activity.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple, TypeGuard
from zoneinfo import ZoneInfo

from schemas.envelope import EntityPatch, Scalar
from schemas.meaning import Meaning

Told = tuple[str, str, EntityPatch]
"""Event id, connection, patch."""

OPS_IN_ORDER = ("create", "set", "merge", "delete", "restore")
HISTORIES = ("stage", "owner", "amount", "close_on", "pipeline")
TYPES = {"call", "email", "meeting", "visit", "demo", "proposal", "one_on_one", "custom"}
LEVELS = ("open", "open_n", "qual", "qual_n", "x_open_no_amount", "x_qual_no_amount")
GREATEST_MINOR = 1_000_000_000_000_000
GONE = "(gone)"
"""The line that a delete, a merge or a restore writes; no field can be named so."""
HOUR = 3_600_000
NEVER = 1 << 80
YEAR_3000 = int(datetime(3000, 1, 1, tzinfo=UTC).timestamp()) * 1000

NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
FOUR_DECIMALS = "CLF UYW"


class Line(NamedTuple):
    """One field of one patch, ordered as changes are ordered."""

    at: int
    sequence: int
    rank: int
    event: str
    text: str
    kind: str
    name: str
    value: Scalar


class Row(NamedTuple):
    """What one entity adds to one number at one instant."""

    owner: str
    measure: str
    at: int
    amount: int


class Snapshot(NamedTuple):
    """A deal just after one line about its stage or pipeline."""

    at: int
    stage: str
    category: str
    mapped: bool


class Diary:
    """All that was told of one entity."""

    def __init__(
        self, connection: str, kind: str, patches: Iterable[tuple[str, EntityPatch]]
    ) -> None:
        self.connection = connection
        self.kind = kind
        self.born: int | None = None
        lines: set[Line] = set()
        for event, patch in patches:
            lines.update(_lines(event, patch))
            told = patch.occurred_at if patch.op == "create" else None
            told = patch.created_at if _in_range(patch.created_at) else told
            self.born = min((b for b in (self.born, told) if b is not None), default=None)
        self.lines = sorted(lines, key=lambda line: line[:7])

    def of(self, name: str) -> list[Line]:
        """The lines about one field."""
        return [line for line in self.lines if line.name == name]

    def last(self, name: str) -> Scalar:
        """The value that a field has in the end."""
        return next((line.value for line in reversed(self.lines) if line.name == name), None)

    def known(self, name: str, at: int) -> str:
        """What had been told of a field by an instant."""
        return next((line.text for line in reversed(self.of(name)) if line.at <= at), "")

    def foreseen(self, name: str, at: int) -> str:
        """The same; and where nothing had been told yet, the first that ever will be."""
        lines = self.of(name)
        if any(line.at <= at for line in lines):
            return self.known(name, at)
        return next((line.text for line in lines if line.text), "")

    def owner(self, at: int) -> str:
        """Who gets the credit at an instant."""
        return f"{self.connection}/{self.foreseen('owner', at)}"

    @property
    def gone(self) -> bool:
        """Whether the entity is deleted or merged away in the end."""
        return self.last(GONE) is True


def _lines(event: str, patch: EntityPatch) -> Iterator[Line]:
    order = (patch.occurred_at, patch.sequence, OPS_IN_ORDER.index(patch.op), event)
    for name, value in patch.fields.items():
        yield Line(*order, _text(value), type(value).__name__, name, value)
    if patch.op in ("merge", "delete"):
        yield Line(*order, "1", "bool", GONE, True)
    if patch.op == "restore":
        yield Line(*order, "", "bool", GONE, False)


def _text(value: Scalar) -> str:
    return "" if value is None or value is False else "1" if value is True else f"{value}"


class Recount:
    """All numbers of one tenant, counted again."""

    def __init__(self, told: Iterable[Told], meaning: Meaning) -> None:
        self.meaning = meaning
        self.diaries = _diaries(told)
        self._rows = [
            row for diary in self.diaries.values() for row in self._of(diary) if row.amount
        ]

    def value(self, owner: str, measure: str, first: date, last: date) -> int:
        """A flow from one civil day of the owner to another, both included."""
        return sum(
            row.amount
            for row in self._rows
            if (row.owner, row.measure) == (owner, measure) and first <= self.day(row) <= last
        )

    def level(self, owner: str, measure: str, day: date) -> int:
        """A gauge at the end of a civil day of the owner."""
        return self.value(owner, measure, date.min, day)

    def by_day(self) -> dict[tuple[str, str, date], int]:
        """Everything at once, by civil day: amounts of flows, changes of gauges; no zeros."""
        table: dict[tuple[str, str, date], int] = defaultdict(int)
        for row in self._rows:
            table[row.owner, row.measure, self.day(row)] += row.amount
        return {key: amount for key, amount in table.items() if amount}

    def by_minute(self) -> dict[tuple[str, str, int], int]:
        """The flows by UTC minute since 1970; no zeros."""
        table: dict[tuple[str, str, int], int] = defaultdict(int)
        for row in self._rows:
            if row.measure.split(":")[0] not in LEVELS:
                table[row.owner, row.measure, row.at // 60_000] += row.amount
        return {key: amount for key, amount in table.items() if amount}

    def day(self, row: Row) -> date:
        """The civil day of a row, in its owner's zone of that moment."""
        zone = self.meaning.zone
        for since, own in self.meaning.owner_zones.get(row.owner, ()):
            if since <= row.at or since == 0:
                zone = own
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=row.at)
        return moment.astimezone(ZoneInfo(zone)).date()

    def _of(self, diary: Diary) -> Iterator[Row]:
        if diary.kind == "activity":
            yield from _activity(diary)
            return
        if not diary.gone:
            yield from self._flows(diary)
        yield from self._gauges(diary)

    def _flows(self, diary: Diary) -> Iterator[Row]:
        snapshots = list(self._snapshots(diary))
        yield from _creation(diary)
        yield from _entries(diary, snapshots)
        yield from self._built(diary, snapshots)
        yield from self._closed(diary, snapshots)

    def _built(self, diary: Diary, snapshots: list[Snapshot]) -> Iterator[Row]:
        for snapshot in snapshots:
            if snapshot.category in ("qualified", "won"):
                amount = diary.foreseen("amount", snapshot.at)
                yield from self._money(diary, "built", snapshot.at, amount)
                return

    def _closed(self, diary: Diary, snapshots: list[Snapshot]) -> Iterator[Row]:
        runs = [(kind, list(run)) for kind, run in groupby(snapshots, lambda one: one.category)]
        if not runs or runs[-1][0] not in ("won", "lost"):
            return
        kind, run = runs[-1]
        yield from self._money(diary, kind, run[0].at, diary.known("amount", NEVER))
        if kind == "won" and diary.born is not None:
            seconds = (run[0].at - diary.born) // 1000
            yield Row(diary.owner(run[0].at), f"cycle:{cycle_bucket(seconds)}", run[0].at, 1)

    def _money(self, diary: Diary, what: str, at: int, amount: str) -> Iterator[Row]:
        owner, currency = diary.owner(at), self._currency(diary)
        minor = minor_of(amount, currency)
        yield Row(owner, f"{what}_n", at, 1)
        if minor is None:
            yield Row(owner, f"x:{what}_no_amount", at, 1)
        else:
            yield Row(owner, f"{what}:{currency}", at, minor)

    def _currency(self, diary: Diary) -> str:
        own = diary.last("currency")
        if own and isinstance(own, str):
            return own
        known = self.meaning.connections.get(diary.connection)
        return "XXX" if known is None else known.currency

    def _snapshots(self, diary: Diary) -> Iterator[Snapshot]:
        stage = ""
        moves = [line for line in diary.lines if line.name in ("stage", "pipeline")]
        for line in sorted(moves, key=lambda move: (move.at, move.name == "pipeline", move[:6])):
            stage = line.text if line.name == "stage" else stage
            category = self._category(diary, stage, line.at)
            yield Snapshot(
                line.at, stage, category or ("open" if stage else "none"), bool(category)
            )

    def _category(self, diary: Diary, stage: str, at: int) -> str | None:
        known = self.meaning.connections.get(diary.connection)
        maps = {} if known is None else known.stages
        everywhere = maps.get("*", {})
        return {**everywhere, **maps.get(diary.foreseen("pipeline", at), {})}.get(stage)

    def _gauges(self, diary: Diary) -> Iterator[Row]:
        snapshots = list(self._snapshots(diary))
        touches = sorted(self._touches(diary))
        quiet = self.meaning.stale_after_days
        rests: list[tuple[int, int]] = []
        if quiet is not None:
            rests = [
                (touch + quiet * 24 * HOUR, following)
                for touch, following in zip(touches, [*touches, NEVER][1:], strict=True)
            ]
        before: dict[tuple[str, str], int] = {}
        for at in sorted({*touches, *(start for start, end in rests if start < end)}):
            stale = any(start <= at < end for start, end in rests)
            now = dict(self._standing(diary, snapshots, at, stale=stale))
            for owner, measure in before.keys() | now.keys():
                change = now.get((owner, measure), 0) - before.get((owner, measure), 0)
                yield Row(owner, measure, at, change)
            before = now

    def _standing(
        self, diary: Diary, snapshots: list[Snapshot], at: int, *, stale: bool
    ) -> Iterator[tuple[tuple[str, str], int]]:
        """What the deal adds to each gauge at an instant."""
        category = next((s.category for s in reversed(snapshots) if s.at <= at), "none")
        if category not in ("open", "qualified") or diary.known(GONE, at):
            return
        owner, currency = diary.owner(at), self._currency(diary)
        minor = minor_of(diary.known("amount", at), currency)
        close = diary.known("close_on", at).replace("-", "") or "-"
        for gauge in ("open", "qual") if category == "qualified" and not stale else ("open",):
            yield (owner, f"{gauge}_n:{close}"), 1
            if minor is None:
                yield (owner, f"x_{gauge}_no_amount:{close}"), 1
            else:
                yield (owner, f"{gauge}:{currency}:{close}"), minor

    def _touches(self, diary: Diary) -> set[int]:
        touches = {line.at for line in diary.lines if line.name in (*HISTORIES, GONE)}
        touches |= {diary.born} if diary.born is not None else set()
        for (connection, kind, _), other in self.diaries.items():
            if (connection, kind) == (diary.connection, "activity") and _took_place(other):
                named = other.last("deal")
                if (
                    named not in (None, "")
                    and self.diaries.get((connection, "deal", f"{named}")) is diary
                ):
                    touches.add(_moment(other) // HOUR * HOUR)
        return touches


def _diaries(told: Iterable[Told]) -> dict[tuple[str, str, str], Diary]:
    pages: dict[tuple[str, str, str], list[tuple[str, EntityPatch]]] = defaultdict(list)
    for event, connection, patch in told:
        pages[connection, patch.entity, patch.id].append((event, patch))
    return {key: Diary(key[0], key[1], patches) for key, patches in pages.items()}


def _creation(diary: Diary) -> Iterator[Row]:
    if diary.born is not None:
        yield Row(diary.owner(diary.born), "created", diary.born, 1)
        return
    known = [line.at for line in diary.lines if line.name in HISTORIES]
    if known:
        yield Row(diary.owner(min(known)), "x:deal_no_creation", min(known), 1)


def _entries(diary: Diary, snapshots: list[Snapshot]) -> Iterator[Row]:
    entered = {""}
    for snapshot in snapshots:
        if snapshot.stage not in entered:
            entered.add(snapshot.stage)
            owner = diary.owner(snapshot.at)
            yield Row(owner, f"stage:{percent(snapshot.stage)}", snapshot.at, 1)
            yield Row(owner, "x:unmapped_stage", snapshot.at, int(not snapshot.mapped))


def _activity(diary: Diary) -> Iterator[Row]:
    if diary.gone or diary.last("status") not in (None, "", "done"):
        return
    owner = f"{diary.connection}/{diary.known('owner', NEVER)}"
    if diary.born is None:
        yield Row(owner, "x:act_no_creation", _first_told(diary), 1)
        return
    told = diary.last("type")
    kind = told if told in TYPES else "custom"
    yield Row(owner, f"act:{kind}", _moment(diary), 1)
    if kind == "visit" and diary.last("new_customer") is True:
        yield Row(owner, "visit_new", _moment(diary), 1)


def _took_place(diary: Diary) -> bool:
    return not diary.gone and diary.born is not None and diary.last("status") in (None, "", "done")


def _moment(diary: Diary) -> int:
    at = diary.last("at")
    return at if _in_range(at) else diary.born or 0


def _in_range(at: Scalar) -> TypeGuard[int]:
    return not isinstance(at, bool) and isinstance(at, int) and 0 <= at < YEAR_3000


def _first_told(diary: Diary) -> int:
    """The earliest instant still known: any owner or deletion, of other fields the last line."""
    ever = [line.at for line in diary.lines if line.name in ("owner", GONE)]
    names = {line.name for line in diary.lines} - {*HISTORIES, GONE}
    return min([*ever, *(diary.of(name)[-1].at for name in names)], default=0)


def minor_of(text: str, currency: str) -> int | None:
    """Minor units of a decimal text, half to even, exactly; None where there are none."""
    shape = re.fullmatch(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?", text)
    if shape is None or not (shape[2] or shape[3]):
        return None
    digits, fraction = shape[2] or "", shape[3] or ""
    power = int(shape[4] or 0) - len(fraction) + decimals(currency)
    minor = round(Fraction(int(digits + fraction)) * Fraction(10) ** power)
    return None if minor > GREATEST_MINOR else -minor if shape[1] == "-" else minor


def decimals(currency: str) -> int:
    """How many digits of a currency follow its decimal point."""
    tables = ((NO_DECIMALS, 0), (THREE_DECIMALS, 3), (FOUR_DECIMALS, 4))
    return next((digits for table, digits in tables if currency in table.split()), 2)


def cycle_bucket(seconds: int) -> int:
    """The bucket of a duration: each begins 2 % above the last, rounded down, at least a second."""
    number = low = 0
    while (following := max(low + 1, low * 102 // 100)) <= seconds:
        number, low = number + 1, following
    return number


def percent(text: str) -> str:
    """Percent encoding of all but letters, digits and ``-._~``, by its own definition."""
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return "".join(
        one if one in plain else "".join(f"%{byte:02X}" for byte in one.encode()) for one in text
    )
