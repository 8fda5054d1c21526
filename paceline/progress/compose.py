"""Composing an answer from what was read and judged.

In: parts with their sums, rows, the head they belong to. Out: a ``Progress`` without rows, and its
rows. Guarantee: pure; a whole is presented from the added sums of its parts, so quantiles and
ratios are those of the whole and not means of parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, cast

import msgspec

from kpi.calendar.workdays import provisional_years
from kpi.currency import decimal_of
from kpi.measures import Measures, currencies, exponent, present
from kpi.reading import add
from kpi.targets.model import Presence
from paceline.progress.answers.kpis import BandsView, KpiInfo, KpiProgress, RampView, Workdays
from paceline.progress.answers.progress import (
    Change,
    Currency,
    Freshness,
    Progress,
    RateView,
    Row,
    Subject,
    Version,
)
from paceline.progress.judging import choice, ramps
from paceline.progress.judging.desk import Desk, Made, Past, Read, presence_of, standing_of
from paceline.progress.judging.group import of_group
from paceline.progress.judging.standing import Clock
from paceline.progress.reading.directory import Known, Kpis
from paceline.progress.reading.reader import Head
from paceline.progress.reading.windows import Question, Window, hull, window
from paceline.sql.org import Org


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """All that an answer is made of."""

    known: Known
    subject: Subject
    question: Question
    kpis: tuple[str, ...] | None
    """Those asked for; None: those that count."""
    reads: Sequence[Read]
    past: Past | None
    """The group's own."""
    gates: Mapping[Any, Mapping[str, int]]
    """Of one person on a ramp: sums of the days of each gate."""
    head: Head


class Said(msgspec.Struct, frozen=True):
    """A row as JSON; ``id`` of its rep, or of an owner that no rep has."""

    id: str
    kind: str
    raw: msgspec.Raw


class Answer(msgspec.Struct, frozen=True):
    """A progress whose rows are JSON already."""

    whole: Progress
    """Without rows."""
    rows: list[Said]
    ramp: RampView | None = None
    """Of one person with a ramp plan, even once it is over."""

    def encoded(self) -> bytes:
        """The whole with all its rows, as ``answers.Progress`` says."""
        return msgspec.json.encode(
            msgspec.structs.replace(
                self.whole, rows=_raw(self.rows, "rep"), unmapped_owners=_raw(self.rows, "owner")
            )
        )

    def change(self, ids: Iterable[str]) -> bytes:
        """The whole without rows and the rows of some, as ``answers.Change`` says."""
        wanted = frozenset(ids)
        rows = cast("Any", [row.raw for row in self.rows if row.id in wanted])
        return msgspec.json.encode(Change(progress=self.whole, rows=rows))


def _raw(rows: Iterable[Said], kind: str) -> Any:
    """Rows are encoded where a list of ``Row`` is documented: the same bytes, encoded once."""
    return [row.raw for row in rows if row.kind == kind]


def compose(sheet: Sheet, desk: Desk) -> Answer:
    """The answer; the organisation's also counts what nobody owns."""
    if sheet.subject.kind == "rep":
        return _of_person(sheet, desk)
    known, question = sheet.known, sheet.question
    found = window(question, known.org.zone)
    rows = [(read, _row(sheet, desk, read)) for read in sheet.reads]
    verdict, when = of_group(known, sheet.subject, question, found, rows, sheet.kpis, sheet.past)
    said = present(add(read.sums for read in sheet.reads))
    windows = [read.part.window for read in sheet.reads] or [found]
    ids = dict.fromkeys([one.id for one in verdict.kpis])
    ids.update(dict.fromkeys(kpi for _, made in rows for kpi in made.ids))
    whole = _whole(sheet, said, windows, verdict.kpis, ids)
    whole.workdays = _workdays(presence_of(known.plan, None), found, when)
    others = [read for read in sheet.reads if read.part.subject.kind == "owner"]
    whole.incomplete = _incomplete(said, others, sheet)
    return Answer(whole, [Said(r.part.subject.id, r.part.subject.kind, m.raw) for r, m in rows])


def _of_person(sheet: Sheet, desk: Desk) -> Answer:
    known, read = sheet.known, sheet.reads[0]
    plan, kit = known.plan, known.kpis
    counts = choice.counting(plan, kit.book, read.part.person)
    kpis = sheet.kpis or choice.of_person(plan, kit.book, counts)
    made = desk.row(known, sheet.question, read, kpis, "own")
    own = msgspec.json.decode(made.raw, type=Row)
    whole = _whole(sheet, read.said, [read.part.window], own.kpis, made.ids)
    one = standing_of(plan, read.part)
    whole.workdays = _workdays(one.presence, read.part.window, made.clock)
    ramp = _ramp(sheet, read, counts)
    running = ramp is not None and not ramps.over(ramp, read.part.window.through_day)
    whole.ramp = ramp if running else None
    return Answer(whole, [], ramp)


def _row(sheet: Sheet, desk: Desk, read: Read) -> Made:
    plan, kit = sheet.known.plan, sheet.known.kpis
    kpis = sheet.kpis or choice.counting(plan, kit.book, read.part.person)
    return desk.row(sheet.known, sheet.question, read, kpis, sheet.subject.id)


def _ramp(sheet: Sheet, read: Read, counts: Sequence[str]) -> RampView | None:
    plan, person = sheet.known.plan, read.part.person
    on = ramps.on_ramp(plan, person)
    if on is None or person is None:
        return None
    one = standing_of(plan, read.part)
    return ramps.view(plan, sheet.known.kpis.book, person, on, counts, one, sheet.gates)


def _whole(
    sheet: Sheet,
    said: Measures,
    windows: Sequence[Window],
    kpis: list[KpiProgress],
    ids: Iterable[str],
) -> Progress:
    head, question, period = sheet.head, sheet.question, windows[0].period
    return Progress(
        subject=sheet.subject,
        period=question.period,
        period_label=period.label if period else question.period,
        bounds=hull(windows),
        measures=said,
        kpis=kpis,
        definitions={kpi: info(sheet.known.kpis, sheet.known, kpi) for kpi in ids},
        rows=[],
        unmapped_owners=[],
        incomplete=_incomplete(said, (), sheet),
        currencies=_currencies(said, sheet.known),
        rates=_rates(said, sheet.known, max(one.through_day for one in windows)),
        watermark=head.clock,
        generation=head.generation,
        version=Version(incarnation=head.incarnation, owners=head.versions),
        freshness=_freshness(sheet.known.org, head),
        generated_at=question.now,
    )


def info(kit: Kpis, known: Known, kpi: str) -> KpiInfo:
    """A definition as it is shown."""
    compiled = kit.book.compiled[kpi]
    one = compiled.definition
    return KpiInfo(
        name=one.name,
        name_zh=one.name_zh,
        says=one.says,
        says_zh=one.says_zh,
        unit=one.unit,
        kind=compiled.kind,
        direction=one.direction,
        formula=one.formula,
        version=one.version,
        currency=known.plan.currency if one.unit == "money" else None,
        bands=msgspec.convert(one.bands, BandsView, from_attributes=True),
    )


def _currencies(said: Measures, known: Known) -> dict[str, Currency]:
    """Those of the measures, and the tenant's own, in which KPIs are."""
    codes = currencies(said) | {known.plan.currency}
    return {code: Currency(exponent=exponent(code)) for code in sorted(codes)}


def _rates(said: Measures, known: Known, day: date) -> list[RateView]:
    """What the other currencies of the measures are worth."""
    rates = known.plan.rates
    found: list[RateView] = []
    for code in sorted(currencies(said) - {rates.currency}):
        step = rates.step(code, day)
        rate = decimal_of(step.rate) if step else None
        since = step.since.isoformat() if step else None
        found.append(RateView(currency=code, rate=rate, since=since))
    return found


def _workdays(presence: Presence, found: Window, when: Clock) -> Workdays:
    whole = found.whole
    return Workdays(
        calendar=presence.calendar.id,
        total=float(when.total_workdays),
        elapsed=float(when.elapsed_workdays),
        remaining=float(when.total_workdays - when.elapsed_workdays),
        provisional=bool(provisional_years(presence.calendar, whole.first, whole.last)),
    )


def _incomplete(said: Measures, others: Sequence[Read], sheet: Sheet) -> dict[str, int]:
    counted = dict(said.incomplete)
    head, subject = sheet.head, sheet.subject
    counted["unmapped_owners"] = sum(1 for read in others if read.part.subject.name)
    counted["without_owner"] = sum(1 for read in others if not read.part.subject.name)
    counted["too_late_events"] = head.too_late if subject.kind == "organisation" else 0
    counted["restoring"] = int(head.restoring)
    return {what: amount for what, amount in counted.items() if amount}


def _freshness(org: Org, head: Head) -> list[Freshness]:
    return [
        Freshness(connection=one.id, kind=one.kind, last_event_at=head.seen.get(one.id))
        for one in org.connections.values()
    ]
