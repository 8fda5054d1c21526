"""The rows of one deal, counted from its diary; what holds to be true says ``plain``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.meaning import Meaning
from tests.oracle import declared
from tests.oracle.diary import (
    GONE,
    HISTORIES,
    NEVER,
    Diary,
    cycle_bucket,
    minor_of,
    moment,
    percent,
    took_place,
)
from tests.oracle.shares import Result, result_of

MINUTE = 60_000
HOUR = 60 * MINUTE


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
    order: tuple[str, ...]
    """The stages of its pipeline."""


class Deals:
    """The deals of one tenant, and whatever names them."""

    meaning: Meaning
    diaries: dict[tuple[str, str, str], Diary]

    def day(self, row: Row) -> date:
        """The civil day of a row, in its owner's zone of that moment."""
        zone = self.meaning.zone
        for since, own in self.meaning.owner_zones.get(row.owner, ()):
            if since <= row.at or since == 0:
                zone = own
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=row.at)
        return moment.astimezone(ZoneInfo(zone)).date()

    def taken(
        self, kind: str, name: str, stage: str, shown: declared.Shown, result: Result, at: int
    ) -> Iterator[Row]:
        """What is declared of a moment."""
        for owner, measure, amount in declared.taken(
            self.meaning, (kind, name, stage), shown, result, at
        ):
            yield Row(owner, measure, at, amount)

    def flows(self, diary: Diary) -> Iterator[Row]:
        """All that happened to a deal."""
        snapshots = list(self._snapshots(diary))
        yield from _creation(diary)
        yield from _entries(diary, snapshots)
        yield from self._built(diary, snapshots)
        yield from self._closed(diary, snapshots)
        yield from self._slips(diary, snapshots)
        yield from self._response(diary)
        yield from self._declared_of_deal(diary, snapshots)

    def _built(self, diary: Diary, snapshots: list[Snapshot]) -> Iterator[Row]:
        for snapshot in snapshots:
            if snapshot.category in ("qualified", "won"):
                at = snapshot.at
                yield from self._money(diary, "built", at, diary.foreseen("amount", at))
                for name, criterion in self.meaning.criteria.items():
                    if not declared.shows(diary, criterion):
                        yield Row(diary.owner(at), f"unmet:{name}", at, 1)
                return

    def _closed(self, diary: Diary, snapshots: list[Snapshot]) -> Iterator[Row]:
        """The last run of one kind, if it is an end."""
        runs = [(kind, list(run)) for kind, run in groupby(snapshots, lambda one: one.category)]
        if not runs or runs[-1][0] not in ("won", "lost", "disqualified"):
            return
        kind, at = runs[-1][0], runs[-1][1][0].at
        amount, currency = diary.known("amount", NEVER), self.currency(diary)
        result = Result(diary.owner(at), {}, bad=False)
        if kind == "disqualified":
            yield from self._money(diary, "disq", at, amount)
            yield from self._reason(diary, at)
        else:
            result = result_of(diary, self.meaning, at)
            yield from self._shared(diary, kind, at, result)
        shown = declared.Shown(diary, at, amount, currency)
        yield from self.taken("deal", kind, "", shown, result, at)

    def _shared(self, diary: Diary, kind: str, at: int, result: Result) -> Iterator[Row]:
        currency, amount = self.currency(diary), diary.known("amount", NEVER)
        minor = minor_of(amount, currency)
        yield Row(result.main, f"{kind}_n", at, 1)
        yield Row(result.main, "x:bad_split", at, int(result.bad))
        if minor is None:
            yield Row(result.main, f"x:{kind}_no_amount", at, 1)
        else:
            for owner, part in result.parts(minor).items():
                yield Row(owner, f"{kind}:{currency}", at, part)
        if kind == "won":
            yield from _cycle(diary, result.main, at)
            overlay = {one.strip() for one in diary.known("overlay", at).split(";")} - {""}
            for owner in overlay:
                yield Row(f"{diary.connection}/{owner}", "ov_won_n", at, 1)
                yield Row(f"{diary.connection}/{owner}", f"ov_won:{currency}", at, minor or 0)

    def _reason(self, diary: Diary, at: int) -> Iterator[Row]:
        asked, owner = self.meaning.disqualification, diary.owner(at)
        if asked is None:
            return
        why = diary.last(asked.field)
        if why in (None, "", False):
            yield Row(owner, "disq_for:none", at, 1)
            yield Row(owner, "x:no_reason", at, 1)
        elif isinstance(why, str) and why in asked.reasons:
            yield Row(owner, f"disq_for:{percent(asked.reasons[why])}", at, 1)
        else:
            yield Row(owner, "disq_for:other", at, 1)
            yield Row(owner, "x:unknown_reason", at, 1)

    def _slips(self, diary: Diary, snapshots: list[Snapshot]) -> Iterator[Row]:
        month: tuple[int, int] | None = None
        for at in sorted({line.at for line in diary.of("close_on")}):
            day = declared.day_of(diary.known("close_on", at))
            if day is None:
                continue
            before, month = month, (day.year, day.month)
            there = next((s.category for s in reversed(snapshots) if s.at <= at), "none")
            if before is not None and before < month and there in ("open", "qualified"):
                yield from self._money(diary, "slip", at, diary.foreseen("amount", at))

    def _response(self, diary: Diary) -> Iterator[Row]:
        if diary.born is None:
            return
        answers = [at for at in self._named_at(diary) if at // MINUTE >= diary.born // MINUTE]
        if answers:
            at = max(diary.born, min(answers) // MINUTE * MINUTE)
            took = cycle_bucket((at - diary.born) // 1000)
            yield Row(diary.owner(at), f"resp:{took}", at, 1)

    def _declared_of_deal(self, diary: Diary, snapshots: list[Snapshot]) -> Iterator[Row]:
        moments = [("created", "", diary.born)] if diary.born is not None else []
        moments += [
            ("qualified", "", s.at) for s in snapshots if s.category in ("qualified", "won")
        ][:1]
        entered = {""}
        for one in snapshots:
            moments += [("stage", one.stage, one.at)] if one.stage not in entered else []
            entered.add(one.stage)
        for name, stage, at in moments:
            amount, currency = diary.foreseen("amount", at), self.currency(diary)
            shown = declared.Shown(diary, at, amount, currency)
            owner = Result(diary.owner(at), {}, bad=False)
            yield from self.taken("deal", name, stage, shown, owner, at)
        yield from self._expected(diary)

    def _expected(self, diary: Diary) -> Iterator[Row]:
        """Under the present owner, on the civil day of the expected close, at noon if it can be."""
        text, owner = diary.known("close_on", NEVER), f"{diary.connection}/"
        owner += diary.known("owner", NEVER)
        if not text:
            return
        amount, currency = diary.known("amount", NEVER), self.currency(diary)
        shown, result = declared.Shown(diary, NEVER, amount, currency), Result(owner, {}, bad=False)
        day = declared.day_of(text)
        if day is None:
            at = diary.of("close_on")[-1].at
            for name in declared.holding(self.meaning, ("deal", "expected_close", ""), shown):
                yield Row(owner, f"x:m:{name}", at, 1)
            return
        zones = [zone for _, zone in self.meaning.owner_zones.get(owner, ())]
        noons = [
            round(datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).timestamp())
            for hour in (12, 0, 23)
            for zone in zones or [self.meaning.zone]
        ]
        at = next(s for s in noons if self.day(Row(owner, "", s * 1000, 0)) == day) * 1000
        yield from self.taken("deal", "expected_close", "", shown, result, at)

    def _named_at(self, diary: Diary) -> Iterator[int]:
        """When activities that name the deal took place."""
        for (connection, kind, _), other in self.diaries.items():
            if (connection, kind) == (diary.connection, "activity") and took_place(other):
                named = other.last("deal")
                deal = (diary.connection, "deal", f"{named}")
                if named not in (None, "") and self.diaries.get(deal) is diary:
                    yield moment(other)

    def _money(self, diary: Diary, what: str, at: int, amount: str) -> Iterator[Row]:
        owner, currency = diary.owner(at), self.currency(diary)
        minor = minor_of(amount, currency)
        yield Row(owner, f"{what}_n", at, 1)
        if minor is None:
            yield Row(owner, f"x:{what}_no_amount", at, 1)
        else:
            yield Row(owner, f"{what}:{currency}", at, minor)

    def currency(self, diary: Diary) -> str:
        """The currency of an amount."""
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
            there = category or ("open" if stage else "none")
            order = self._order(diary, line.at)
            yield Snapshot(line.at, stage, there, bool(category), order)

    def _order(self, diary: Diary, at: int) -> tuple[str, ...]:
        known = self.meaning.connections.get(diary.connection)
        orders = {} if known is None else known.steps
        return orders.get(diary.foreseen("pipeline", at)) or orders.get("*", ())

    def _category(self, diary: Diary, stage: str, at: int) -> str | None:
        known = self.meaning.connections.get(diary.connection)
        maps = {} if known is None else known.stages
        everywhere = maps.get("*", {})
        return {**everywhere, **maps.get(diary.foreseen("pipeline", at), {})}.get(stage)

    def gauges(self, diary: Diary) -> Iterator[Row]:
        """The changes of all levels that a deal is part of."""
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
        owner, currency = diary.owner(at), self.currency(diary)
        minor = minor_of(diary.known("amount", at), currency)
        close = diary.known("close_on", at).replace("-", "") or "-"
        gauges = ["open"]
        if stale or category == "qualified":
            gauges.append("stale" if stale else "qual")
        for gauge in gauges:
            yield (owner, f"{gauge}_n:{close}"), 1
            if minor is not None:
                yield (owner, f"{gauge}:{currency}:{close}"), minor
            elif gauge != "stale":
                yield (owner, f"x_{gauge}_no_amount:{close}"), 1
        shown = declared.Shown(diary, at, diary.known("amount", at), currency)
        for name in declared.holding(self.meaning, ("deal", "open", ""), shown):
            yield (owner, f"g:{name}:n:{close}"), 1
            measure = self.meaning.measures[name]
            if measure.take in ("sum", "mean") and measure.of == "amount":
                what, size = ("x", 1) if minor is None else (currency, minor)
                yield (owner, f"g:{name}:{what}:{close}"), size

    def _touches(self, diary: Diary) -> set[int]:
        touches = {line.at for line in diary.lines if line.name in (*HISTORIES, GONE)}
        touches |= {diary.born} if diary.born is not None else set()
        return touches | {at // MINUTE * MINUTE for at in self._named_at(diary)}


def _cycle(diary: Diary, owner: str, at: int) -> Iterator[Row]:
    if diary.born is not None:
        seconds = max(0, (at - diary.born) // 1000)
        yield Row(owner, f"cycle:{cycle_bucket(seconds)}", at, 1)
        yield Row(owner, "cycle_s", at, seconds)


def _creation(diary: Diary) -> Iterator[Row]:
    if diary.born is not None:
        yield Row(diary.owner(diary.born), "created", diary.born, 1)
        return
    known = [line.at for line in diary.lines if line.name in HISTORIES]
    if known:
        yield Row(diary.owner(min(known)), "x:deal_no_creation", min(known), 1)


def _entries(diary: Diary, snapshots: list[Snapshot]) -> Iterator[Row]:
    entered = {""}
    for number, snapshot in enumerate(snapshots):
        if snapshot.stage not in entered:
            entered.add(snapshot.stage)
            owner = diary.owner(snapshot.at)
            yield Row(owner, f"stage:{percent(snapshot.stage)}", snapshot.at, 1)
            yield Row(owner, "x:unmapped_stage", snapshot.at, int(not snapshot.mapped))
            on = any(_further(snapshot.stage, later) for later in snapshots[number + 1 :])
            yield Row(owner, f"conv:{percent(snapshot.stage)}", snapshot.at, int(on))


def _further(stage: str, later: Snapshot) -> bool:
    after = later.order[later.order.index(stage) + 1 :] if stage in later.order else ()
    return later.stage in after and later.category not in ("lost", "disqualified")
