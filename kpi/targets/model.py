"""The values of targets: what was set, what it comes to, and the reasons.

Amounts are exact: counts, minor units of one currency, seconds or ratios, as `Fraction`. Days are
civil days; spans are closed. Nothing here knows the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Literal

import msgspec

from kpi.calendar.workdays import Leave, WorkCalendar
from kpi.periods import Span

SubjectKind = Literal["rep", "team", "organisation"]
State = Literal["draft", "published", "acknowledged"]
Source = Literal["own", "derived", "sum", "ramp"]
"""The target of that very span; a share of a longer one's; a sum of shorter ones (or of members);
what a ramp plan asks for."""

ALWAYS = Span(date.min, date.max)


class Tiers(msgspec.Struct, frozen=True):
    """What is asked for: the base, and where set a stretch above it and a commitment. 0 is legal.

    >>> Tiers(Fraction(8)).times(Fraction(1, 2)).base
    Fraction(4, 1)
    """

    base: Fraction
    stretch: Fraction | None = None
    commit: Fraction | None = None

    def times(self, factor: Fraction) -> Tiers:
        """Every tier that is set, times a factor."""
        return Tiers(
            self.base * factor,
            None if self.stretch is None else self.stretch * factor,
            None if self.commit is None else self.commit * factor,
        )


class TargetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the target of one subject for one KPI and period.

    `id` stays the same over versions, `version` grows. With `effective` it holds from that day on
    and the earlier version before it: `prorata` asks for each version's share of its own days,
    `replace` for the new figure in the whole period. `monthly` gives the per cent of each month of
    the period, in order, and sums to 100; empty means by workdays. With `prorate` false neither
    leave nor joining nor leaving lowers it.
    """

    id: str
    version: int = 1
    kpi: str
    subject_kind: SubjectKind
    subject: str
    first: date
    last: date
    tiers: Tiers
    effective: date | None = None
    change: Literal["prorata", "replace"] = "prorata"
    state: State = "published"
    monthly: tuple[int, ...] = ()
    prorate: bool = True

    @property
    def counts(self) -> bool:
        """Drafts never count; what is published does, acknowledged or not."""
        return self.state != "draft"

    @property
    def period(self) -> Span:
        """The days that the target is set for."""
        return Span(self.first, self.last)


class Nature(msgspec.Struct, frozen=True, kw_only=True):
    """What targets must know of a KPI: its id, and whether its target can be cut into parts.

    >>> Nature(kpi="win_rate", kind="ratio", unit="ratio").adds_up
    False
    """

    kpi: str
    kind: Literal["flow", "level", "ratio", "duration"] = "flow"
    unit: Literal["count", "money", "ratio", "duration"] = "count"
    direction: Literal["higher", "lower"] = "higher"

    @property
    def adds_up(self) -> bool:
        """Months sum to quarters only where what happens is counted or summed (minutes too)."""
        return self.kind == "flow"

    @property
    def prorates(self) -> bool:
        """A week of leave excuses from visits, not from keeping slipped deals below a cap."""
        return self.adds_up and self.direction == "higher"


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """When a subject is at work: its calendar, its leave, the days of its employment.

    A team or an organisation has the tenant's calendar and no leave.
    """

    calendar: WorkCalendar
    leaves: tuple[Leave, ...] = ()
    employed: Span = ALWAYS


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a target is what it is, with the numbers; `str()` says it in English.

    `days` of `of` workdays are on leave; `per_cent` is that of the ramp, None where the plan gives
    an amount; `first` to `last` are the days that it concerns.
    """

    kind: Literal["derived", "summed", "missing", "changed", "joined", "left", "leave", "ramp"]
    first: date
    last: date
    days: Fraction = Fraction(0)
    of: Fraction = Fraction(0)
    per_cent: Fraction | None = None
    whole: bool = False
    """Whether a ramp's step covers all of what was asked for."""

    def __str__(self) -> str:
        return _SAYS[self.kind](self)


def _ramp(why: Reason) -> str:
    step = "ramp by amount" if why.per_cent is None else f"ramp {_plain(why.per_cent)} %"
    return step if why.whole else f"{step} {why.first} to {why.last}"


def _plain(number: Fraction) -> str:
    """Halves and whole numbers without a needless fraction.

    >>> _plain(Fraction(3)), _plain(Fraction(5, 2))
    ('3', '2.5')
    """
    return f"{float(number):g}"


_SAYS: dict[str, Callable[[Reason], str]] = {
    "derived": lambda why: f"derived from {why.first} to {why.last}",
    "summed": lambda why: f"sum with {why.first} to {why.last}",
    "missing": lambda why: f"no target from {why.first} to {why.last}",
    "changed": lambda why: f"changed {why.first}",
    "joined": lambda why: f"joined {why.first}",
    "left": lambda why: f"left {why.last}",
    "leave": lambda why: f"leave {_plain(why.days)} of {_plain(why.of)} workdays",
    "ramp": _ramp,
}


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of days with one version and one step of the ramp: a straight piece of the line.

    `amount` falls on these days, evenly over own workdays (over days of employment where there
    is no own workday). `asked` is the base as the version has it for its whole
    period, None where no target is set and a ramp's amount holds. `per_cent` is the ramp's.
    """

    first: date
    last: date
    amount: Tiers
    asked: Fraction | None = None
    per_cent: Fraction | None = None
    id: str = ""
    version: int = 0


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """The target in force for a span.

    `full` is the base before proration and ramp, `share` is base over full (1 where full is 0).
    `id`, `version` and `state` are those of the last segment. `missing` are the days for which
    nothing is set. `segments` are in order of days; a KPI that does not add up has none.
    """

    base: Fraction
    stretch: Fraction | None = None
    commit: Fraction | None = None
    full: Fraction
    share: Fraction = Fraction(1)
    id: str = ""
    version: int = 0
    state: State = "published"
    because: tuple[Reason, ...] = ()
    source: Source = "own"
    missing: tuple[Span, ...] = ()
    segments: tuple[Segment, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """The same as text: "leave 3 of 22 workdays", "joined 2026-10-12", "ramp 50 %"."""
        return tuple(str(why) for why in self.because)
