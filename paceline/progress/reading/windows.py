"""Windows: what a period means for one zone at one moment, and which panes hold it.

In: a period's name or label, a moment, a zone. Out: true bounds and slices. Guarantee: pure; a
window that panes no longer hold is refused with the edge that is gone, never answered short.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal, cast

import msgspec

from kpi.calendar.fiscal import Period, parse_label, period_of
from kpi.calendar.labels import PeriodKind
from kpi.calendar.years import FiscalCalendar
from kpi.civil import day_start, local_day
from kpi.organisation import intersect
from kpi.panes import DAY, DAYS_KEPT, MINUTES_KEPT, MONTHS_KEPT
from kpi.periods import CIVIL, Span, rolling_length
from kpi.reading import Slice, civil_slices, gauge_slices, last_day, next_month, rolling_slices
from paceline.progress.answers.progress import Bounds

Resolution = Literal["minute", "day"]

ORDINARY = FiscalCalendar()
"""Months, quarters and years of the calendar, weeks from Monday."""

EARLIEST = date(1990, 1, 1)
FORESEEN_DAYS = 400
"""How far ahead ``at`` may lie: levels are known in advance as far as nothing happens."""


class UnreadableError(ValueError):
    """The question has no answer; ``possible`` says which has."""

    def __init__(self, code: str, detail: str, possible: str) -> None:
        super().__init__(detail)
        self.code, self.detail, self.possible = code, detail, possible


class Moment(msgspec.Struct, frozen=True):
    """As of when: the end of a civil day in every zone of its own, or an instant (ms UTC)."""

    day: date | None
    instant: int

    def day_in(self, zone: str) -> date:
        """The civil day of the moment in a zone."""
        return self.day or local_day(self.instant, zone)

    def instant_in(self, zone: str) -> int:
        """The instant at which rolling spans end in a zone."""
        return day_start(self.day + timedelta(days=1), zone) if self.day else self.instant


class Question(msgspec.Struct, frozen=True):
    """A period as of a moment, asked at ``now`` (ms UTC), by a tenant's fiscal calendar."""

    period: str
    moment: Moment
    now: int
    fiscal: FiscalCalendar = ORDINARY
    named: Period | None = None
    """The period of a label such as ``FY2026-Q3``; None where it is the one of the moment."""

    @property
    def is_now(self) -> bool:
        """Whether it was asked without ``at``, so that the answer moves with the clock."""
        return self.moment == Moment(None, self.now)

    def day_in(self, zone: str) -> date:
        """The last civil day that counts in a zone: that of the moment, at most the period's."""
        day = self.moment.day_in(zone)
        return day if self.named is None else min(day, self.named.last)

    def completed_in(self, zone: str) -> date:
        """The last civil day that is over: today is not, a day asked for as a date is."""
        day = self.day_in(zone)
        over = self.moment.day is not None or day < self.moment.day_in(zone)
        return day if over else day - timedelta(days=1)

    def period_in(self, zone: str) -> Period | None:
        """The civil period in a zone; None for a rolling span."""
        if self.named is not None or rolling_length(self.period) is not None:
            return self.named
        return period_of(self.fiscal, _kind(self.period), self.moment.day_in(zone))


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Half-open bounds in ms UTC, civil days where the period has them, and what panes to read."""

    zone: str
    start: int
    end: int
    first_day: date
    last_day: date
    through_day: date
    resolution: Resolution
    period: Period | None
    """None: a rolling span."""
    minutes: tuple[Slice, ...] = ()
    """Of a rolling span by the minute: its flows."""

    @property
    def whole(self) -> Span:
        """All days of the period or span."""
        return Span(self.first_day, self.last_day)

    @property
    def counted(self) -> Span:
        """The days whose flows count; empty (first after last) before the period has begun."""
        return Span(self.first_day, self.through_day)


def ask(period: str, at: str | None, now: int, fiscal: FiscalCalendar = ORDINARY) -> Question:
    """The question of a request; ``UnreadableError`` where ``period`` or ``at`` mean nothing."""
    moment = _moment(at, now)
    if period in CIVIL or rolling_length(period) is not None:
        return Question(period, moment, now, fiscal)
    try:
        named = parse_label(fiscal, period)
    except ValueError as error:
        raise UnreadableError(
            "unknown-period", f"{period!r} is no period: {error}", f"{', '.join(CIVIL)}, {_OTHERS}"
        ) from None
    return Question(period, moment, now, fiscal, _near(named, period, now))


_OTHERS = "a label such as 2026-11 or FY2026-Q3, or rolling:<n><m|h|d> up to 400 days"


def window(question: Question, zone: str, zone_before: str | None = None) -> Window:
    """The window in one zone, which was another on the first day where ``zone_before`` says so."""
    length = rolling_length(question.period)
    if length is None:
        return _civil(question, zone, zone_before or zone)
    return _rolling(question.moment, zone, length)


def slices_of(
    question: Question,
    found: Window,
    stays: Sequence[Span] | None = None,
    *,
    by_day: bool = False,
) -> tuple[Slice, ...]:
    """The slices of the days that count, or only of some stays within them; levels if still there.

    ``by_day``: single days where they are still kept, so that each is converted by its own rate.
    ``UnreadableError`` where a pane is no longer kept.
    """
    wanted = _flows(found, stays)
    if by_day and found.resolution == "day":
        daily = [each for one in wanted for each in _days_of(one)]
        wanted = daily if all(kept(question, one) for one in daily) else wanted
    if _at_the_end(found, stays):
        wanted += gauge_slices(found.through_day)
    for one in wanted:
        if question.now >= _kept_until(one):
            raise _gone(one, found)
    return tuple(wanted)


def day_slices(first: date, last: date) -> list[Slice]:
    """Flows of civil days, both included, by single days even where months are whole."""
    slices: list[Slice] = []
    while first <= last:
        end = min(last, next_month(first) - timedelta(days=1))
        slices.append(Slice("d", f"{first:%Y%m}", first.day, end.day))
        first = end + timedelta(days=1)
    return slices


def kept(question: Question, one: Slice) -> bool:
    """Whether no pane of a slice has expired."""
    return question.now < _kept_until(one)


def hull(windows: Sequence[Window]) -> Bounds:
    """The bounds of all; the zone is ``several`` where they differ."""
    zones = {one.zone for one in windows}
    return Bounds(
        zone=zones.pop() if len(zones) == 1 else "several",
        start=rfc3339(min(one.start for one in windows)),
        end=rfc3339(max(one.end for one in windows)),
        first_day=min(one.first_day for one in windows).isoformat(),
        last_day=max(one.last_day for one in windows).isoformat(),
        through_day=max(one.through_day for one in windows).isoformat(),
        resolution=windows[0].resolution,
    )


def rfc3339(instant: int) -> str:
    """An instant as RFC 3339 in UTC, to the millisecond.

    >>> rfc3339(1_490_918_400_000)
    '2017-03-31T00:00:00.000Z'
    """
    moment = datetime.fromtimestamp(instant // 1000, UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}.{instant % 1000:03}Z"


def _moment(at: str | None, now: int) -> Moment:
    if at is None:
        return Moment(None, now)
    # A "+" that was not escaped arrives as a blank; no valid instant has one there.
    text = at.replace(" ", "+") if "T" in at else at
    try:
        found = _instant(text) if "T" in text else Moment(date.fromisoformat(text), 0)
    except ValueError:
        raise UnreadableError("invalid-at", f"at={at!r} is neither", _AT) from None
    return _within(found, at, now)


_AT = "a civil date such as 2017-03-31, or an RFC 3339 instant with its zone"


def _instant(text: str) -> Moment:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return Moment(None, (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))


def _within(found: Moment, at: str, now: int) -> Moment:
    day = found.day_in("UTC") if found.day or abs(found.instant) < 1 << 47 else date.max
    latest = local_day(now, "UTC") + timedelta(days=FORESEEN_DAYS)
    if not EARLIEST <= day <= latest:
        raise UnreadableError("invalid-at", f"at={at!r} is out of range", f"{EARLIEST} to {latest}")
    return found


def _kind(period: str) -> PeriodKind:
    return cast("PeriodKind", period)


def _near(named: Period, label: str, now: int) -> Period:
    latest = local_day(now, "UTC") + timedelta(days=FORESEEN_DAYS)
    if not EARLIEST <= named.first <= latest:
        raise UnreadableError(
            "unknown-period", f"{label!r} is out of range", f"{EARLIEST} to {latest}"
        )
    return named


def _civil(question: Question, zone: str, zone_before: str) -> Window:
    day = question.day_in(zone)
    period = question.period_in(zone)
    if period is None:
        raise TypeError("a rolling span has no civil period")
    start = day_start(period.first, zone_before)
    return Window(
        zone=zone,
        start=start,
        end=max(start, day_start(day + timedelta(days=1), zone)),
        first_day=period.first,
        last_day=period.last,
        through_day=day,
        resolution="day",
        period=period,
    )


def _rolling(moment: Moment, zone: str, length: int) -> Window:
    end = moment.instant_in(zone)
    day = moment.day_in(zone)
    flows = rolling_slices(end, length)
    if flows is None:
        return _rolling_days(day, zone, length // DAY)
    return Window(
        zone=zone,
        start=flows.start,
        end=flows.end,
        first_day=local_day(flows.start, zone),
        last_day=day,
        through_day=day,
        resolution="minute",
        period=None,
        minutes=tuple(flows.slices),
    )


def _rolling_days(day: date, zone: str, days: int) -> Window:
    first = day - timedelta(days=days - 1)
    return Window(
        zone=zone,
        start=day_start(first, zone),
        end=day_start(day + timedelta(days=1), zone),
        first_day=first,
        last_day=day,
        through_day=day,
        resolution="day",
        period=None,
    )


def _at_the_end(found: Window, stays: Sequence[Span] | None) -> bool:
    """Whether somebody is there on the last day that counts; levels are of those alone."""
    return stays is None or any(stay.first <= found.through_day <= stay.last for stay in stays)


def _flows(found: Window, stays: Sequence[Span] | None) -> list[Slice]:
    """A span by the minute is not cut by days: who is in the team at its end counts with it all."""
    if found.resolution == "minute":
        return list(found.minutes) if _at_the_end(found, stays) else []
    cuts = [found.counted] if stays is None else stays
    inside = [cut for one in cuts if (cut := intersect(one, found.counted))]
    return [slice_ for cut in inside for slice_ in civil_slices(*cut)]


def _days_of(one: Slice) -> list[Slice]:
    """The same panes as single days."""
    if one.grain != "M":
        return [one]
    year = int(one.span)
    return day_slices(date(year, one.low, 1), last_day(one))


def _kept_until(one: Slice) -> int:
    """Until when no pane of the slice has expired; the store may keep it a little longer."""
    if one.grain == "gM":
        return 1 << 62
    if one.grain == "m":
        return (int(one.span) + 1) * DAY + MINUTES_KEPT
    if one.grain == "M":
        return _month_end(int(one.span), one.low) + MONTHS_KEPT
    return _month_end(int(one.span[:4]), int(one.span[4:])) + DAYS_KEPT


def _month_end(year: int, month: int) -> int:
    return day_start(next_month(date(year, month, 1)), "UTC")


_KEPT = {
    "m": "minutes are kept 8 days: ask for more rolling days or for a civil period",
    "d": "single days are kept 800 days: let the period begin and end with a month",
    "gd": "levels of single days are kept 800 days: ask for the last day of a month",
    "M": "months are kept 10 years",
}


def _gone(one: Slice, asked: Window) -> UnreadableError:
    edge = asked.through_day if one.grain == "gd" else _edge(one, asked)
    return UnreadableError(
        "beyond-retention", f"the edge at {edge} is no longer kept to the day", _KEPT[one.grain]
    )


def _edge(one: Slice, asked: Window) -> date:
    whole = f"{asked.first_day:%Y%m}" == one.span
    return asked.first_day if whole or one.grain != "d" else asked.through_day
