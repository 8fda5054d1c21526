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
* created: at the creation. ``stage:``: the first entry into each stage; ``conv:`` with it, if a
  later line entered a stage that comes after it in the order of the pipeline of then, and is
  neither lost nor disqualified. built and ``unmet:``: the first entry into a qualified or won
  stage, with the amount of then, and the criteria as they stand. won, lost, disq: the start of the
  last unbroken run, with the amount of the end; ``cycle:`` and ``cycle_s`` from the creation.
* slip: at the end of a millisecond in which the close day moved to a later month than the last
  readable one, if the deal was open or qualified by then; amount and owner of then.
* resp: the first activity that took place in the minute of the creation or later, to the minute.
* With splits, the amount goes by exact quotas, the units left over to the largest remainders, then
  to the smallest id; all else to the largest share, then to the smallest id. A split that cannot be
  read gives the owner all.
* A gauge knows amount and close day only as told by then. A deal leaves ``qual`` for ``stale`` when
  it was quiet for ``stale_after_days`` times 24 hours, and comes back with the next change or
  activity; a deal not yet qualified is in ``stale`` likewise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

from schemas.meaning import Meaning
from tests.oracle import declared
from tests.oracle.deals import Deals, Row
from tests.oracle.diary import (
    GONE,
    HISTORIES,
    NEVER,
    Diary,
    Told,
    cycle_bucket,
    diaries,
    kind_of,
    minor_of,
    moment,
    took_place,
    whole_of,
)
from tests.oracle.shares import Result

LEVELS = {"open", "open_n", "qual", "qual_n", "stale", "stale_n", "g"}
LEVELS |= {"x_open_no_amount", "x_qual_no_amount"}


class Recount(Deals):
    """All numbers of one tenant, counted again."""

    def __init__(self, told: Iterable[Told], meaning: Meaning) -> None:
        self.meaning = meaning
        self.diaries = diaries(told)
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

    def _of(self, diary: Diary) -> Iterator[Row]:
        if diary.kind == "activity":
            yield from _activity(diary)
            if not diary.gone and diary.born is not None:
                yield from self._declared_of_activity(diary)
            return
        if not diary.gone:
            yield from self.flows(diary)
        yield from self.gauges(diary)

    def _declared_of_activity(self, diary: Diary) -> Iterator[Row]:
        amount, currency = diary.known("amount", NEVER), self.currency(diary)
        owner = f"{diary.connection}/{diary.known('owner', NEVER)}"
        for name, at in (("created", diary.born), ("done", moment(diary))):
            if at is not None and (name == "created" or took_place(diary)):
                all_to = Result(owner, {}, bad=False)
                shown = declared.Shown(diary, NEVER, amount, currency)
                yield from self.taken("activity", name, "", shown, all_to, at)


def _activity(diary: Diary) -> Iterator[Row]:
    if diary.gone or diary.last("status") not in (None, "", "done"):
        return
    owner = f"{diary.connection}/{diary.known('owner', NEVER)}"
    if diary.born is None:
        yield Row(owner, "x:act_no_creation", _first_told(diary), 1)
        return
    kind, at, new = kind_of(diary), moment(diary), diary.last("new_customer")
    yield Row(owner, f"act:{kind}", at, 1)
    yield Row(owner, "visit_new", at, int(kind == "visit" and new is True))
    follows = kind in ("call", "email", "meeting", "visit") and new is False
    yield Row(owner, "follow_up", at, int(follows))
    if diary.last("minutes") not in (None, ""):
        minutes = whole_of(diary.last("minutes"))
        if minutes is None or not 0 <= minutes <= 24 * 60:
            yield Row(owner, "x:bad_minutes", at, 1)
        else:
            yield Row(owner, f"act_min:{kind}", at, minutes)


def _first_told(diary: Diary) -> int:
    """The earliest instant still known: any owner or deletion, of other fields the last line."""
    ever = [line.at for line in diary.lines if line.name in ("owner", GONE)]
    names = {line.name for line in diary.lines} - {*HISTORIES, GONE}
    return min([*ever, *(diary.of(name)[-1].at for name in names)], default=0)


__all__ = ["Recount", "Row", "Told", "cycle_bucket", "minor_of"]
