"""Windows: what a period means for one zone at one moment, and which panes hold it.

In: a period's name, a moment, a zone. Out: true bounds and slices. Guarantee: pure; a window that
panes no longer hold is refused with the edge that is gone, never answered short.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from kpi.civil import day_start, local_day
from kpi.panes import DAY, DAYS_KEPT, MINUTES_KEPT, MONTHS_KEPT
from kpi.periods import CIVIL, civil_period, rolling_length
from kpi.reading import Slice, civil_slices, gauge_slices, next_month, rolling_slices

Resolution = Literal["minute", "day"]

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
    """A period as of a moment, asked at ``now`` (ms UTC)."""

    period: str
    moment: Moment
    now: int


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Half-open bounds in ms UTC, civil days where the period has them, and the panes to read."""

    zone: str
    start: int
    end: int
    first_day: date
    last_day: date
    through_day: date
    resolution: Resolution
    slices: tuple[Slice, ...]


def ask(period: str, at: str | None, now: int) -> Question:
    """The question of a request; ``UnreadableError`` where ``period`` or ``at`` mean nothing."""
    if period not in CIVIL and rolling_length(period) is None:
        raise UnreadableError(
            "unknown-period",
            f"{period!r} is no period",
            f"{', '.join(CIVIL)}, or rolling:<n><m|h|d> up to 400 days",
        )
    return Question(period, _moment(at, now), now)


def window(question: Question, zone: str) -> Window:
    """The window in one zone; ``UnreadableError`` where its panes are no longer kept."""
    length = rolling_length(question.period)
    found = _civil(question, zone) if length is None else _rolling(question.moment, zone, length)
    for one in found.slices:
        if question.now >= _kept_until(one):
            raise _gone(one, found)
    return found


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


def _civil(question: Question, zone: str) -> Window:
    day = question.moment.day_in(zone)
    span = civil_period(question.period, day)
    return Window(
        zone=zone,
        start=day_start(span.first, zone),
        end=day_start(day + timedelta(days=1), zone),
        first_day=span.first,
        last_day=span.last,
        through_day=day,
        resolution="day",
        slices=(*civil_slices(span.first, day), *gauge_slices(day)),
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
        slices=(*flows.slices, *gauge_slices(day)),
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
        slices=(*civil_slices(first, day), *gauge_slices(day)),
    )


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
