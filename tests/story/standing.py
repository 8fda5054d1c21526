"""Where a subject stands: the whole page of one KPI, worked out from values, goals and days.

In: a subject, a period, a day that is over. Out: expected values by each curve, difference,
projections, what is needed per workday, the status. Guarantee: fractions, and days walked one by
one; the rules are those that FIELD.md and the page's own words state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.story.days import days, worked
from tests.story.goals import CAPS, FLOWS, Asked
from tests.story.people import PEOPLE
from tests.story.sheet import Number, Subject

LOWER = {
    "first_response_median",
    "first_response_p90",
    "disqualified",
    "stale_deals",
    "stale_pipeline",
    "required_coverage",
    "required_coverage_money",
    "slipped_deals",
    "slipped_amount",
    "lost_count",
    "lost_amount",
    "cycle_median",
    "cycle_p90",
    "cycle_mean",
    "time_to_first_deal",
}
"""Less of it is better."""
BANDS = {"web_leads_created": (110, 95, 70)}
TOO_EARLY = {"web_leads_created": 2}
LINEAR = {"web_leads_created"}
USUAL = (105, 99, 81)


@dataclass(frozen=True)
class Curve:
    """One way to say how much should be there by now."""

    expected: Fraction
    projection: Number
    of_expected: Number


@dataclass(frozen=True)
class Clock:
    """How far the subject's own days of the period have gone."""

    elapsed: int
    total: int
    worked: Fraction
    workdays: Fraction
    own: dict[date, Fraction] = field(repr=False)
    """How much of each of the days is worked."""

    @property
    def over(self) -> bool:
        """Nothing of it is left."""
        return self.elapsed >= self.total

    @property
    def begun(self) -> bool:
        """A workday is over; where there is none to come, a day."""
        return self.over or (self.elapsed > 0 and (self.worked > 0 or self.workdays == 0))

    @property
    def left(self) -> Fraction:
        """Workdays that remain."""
        return max(Fraction(0), self.workdays - self.worked)


def clock(subject: Subject, span: tuple[date, date], on: date) -> Clock:
    """The clock of a person's own days, or of the office's where it is a team's."""
    if subject.kind == "rep":
        person = PEOPLE[subject.id]
        own = {one: person.own(one) for one in days(*span) if person.hired <= one <= person.left}
    else:
        own = {one: Fraction(worked("cn", one)) for one in days(*span)}
    return clock_of(own, on)


def clock_of(own: dict[date, Fraction], on: date) -> Clock:
    """The clock of some days, of which those up to `on` are over."""
    gone = [one for one in own if one <= on]
    return Clock(
        len(gone),
        len(own),
        sum((own[one] for one in gone), Fraction(0)),
        sum(own.values(), Fraction(0)),
        own,
    )


@dataclass(frozen=True)
class Standing:
    """One KPI's line of the page."""

    status: str
    attainment: Number = None
    basis: str = "as_is"
    expected: Number = None
    difference: Number = None
    of_expected: Number = None
    projection: Number = None
    linear: Curve | None = None
    workday: Curve | None = None
    historical: Curve | None = None
    remaining: Number = None
    required: Number = None


def standing(
    kpi: str,
    actual: Number,
    asked: Asked | None,
    at: Clock,
    shares: list[Fraction] | None = None,
    size: Number = None,
    *,
    happened: bool = False,
) -> Standing:
    """The line; `shares`: how far like periods had come by now; `size`: a usual event's amount.

    `happened`: what the KPI rests on is there, even where it comes to nothing.
    """
    if asked is None:
        return Standing("no_target")
    if kpi not in FLOWS:
        return _as_it_is(kpi, actual, asked.base, at, happened=happened)
    return _flow(kpi, actual or Fraction(0), asked, at, shares or [], size)


def _as_it_is(kpi: str, actual: Number, target: Fraction, at: Clock, *, happened: bool) -> Standing:
    if actual is None:
        return Standing("too_early" if at.begun else "not_started", expected=target)
    started = at.begun or actual != 0 or happened
    return Standing(
        _banded(kpi, actual, target) if started else "not_started",
        _attainment(kpi, actual, target),
        expected=target,
        difference=actual - target,
        of_expected=_of(kpi, actual, target),
    )


def _flow(
    kpi: str, actual: Fraction, asked: Asked, at: Clock, shares: list[Fraction], size: Number
) -> Standing:
    target = asked.base
    linear = _curve(
        kpi, actual, asked, at, Fraction(1) if at.over else _share(at.elapsed, at.total)
    )
    workday = historical = None
    if at.over or at.workdays > 0:
        share = Fraction(1) if at.over else _share(at.worked, at.workdays)
        workday = _curve(kpi, actual, asked, at, share)
        if len(shares) >= 4:
            middle = Fraction(1) if at.over else _median(shares)
            historical = _curve(kpi, actual, asked, at, middle)
    basis = "linear" if kpi in LINEAR or workday is None else "workday"
    used = workday if basis == "workday" and workday is not None else linear
    remaining = max(Fraction(0), target - actual)
    covered = _covered(kpi, actual, target, at)
    required: Number = Fraction(0)
    if remaining and not covered:
        required = remaining / at.left if at.left else None
    return Standing(
        "covered" if covered else _status(kpi, actual, target, used.expected, at, size),
        _attainment(kpi, actual, target),
        basis,
        used.expected,
        actual - used.expected,
        used.of_expected,
        used.projection,
        linear,
        workday,
        historical,
        remaining,
        required,
    )


def _status(
    kpi: str, actual: Fraction, target: Fraction, expected: Fraction, at: Clock, size: Number
) -> str:
    if not at.begun and actual == 0:
        return "not_started"
    banded = _banded(kpi, actual, expected)
    if at.over or (kpi in CAPS and actual > target):
        return "at_risk" if banded == "at_risk" else "behind"
    least = Fraction(TOO_EARLY.get(kpi, 3)) * (size if size is not None else 1)
    counts = size is not None or kpi not in _MONEY
    if counts and expected < least and (banded != "ahead" or kpi in LOWER):
        return "too_early"
    return banded


_MONEY = {"won_amount", "won_credit", "pipeline_built", "scopes_amount"}


def _covered(kpi: str, actual: Fraction, target: Fraction, at: Clock) -> bool:
    """Reached: at once; of a cap only when the period is over."""
    return (at.over and actual <= target) if kpi in CAPS else actual >= target


def _banded(kpi: str, actual: Fraction, expected: Fraction) -> str:
    ahead, on_track, at_risk = BANDS.get(kpi, USUAL)
    have, need = (expected, actual) if kpi in LOWER else (actual, expected)
    if 100 * have > ahead * need:
        return "ahead"
    if 100 * have >= on_track * need:
        return "on_track"
    return "behind" if 100 * have >= at_risk * need else "at_risk"


def _attainment(kpi: str, actual: Fraction, target: Fraction) -> Number:
    if kpi not in LOWER:
        return actual / target if target > 0 else None
    if actual <= 0:
        return Fraction(2) if target else Fraction(1)
    return min(target / actual, Fraction(2))


def _of(kpi: str, actual: Fraction, expected: Fraction) -> Number:
    top, bottom = (expected, actual) if kpi in LOWER else (actual, expected)
    return top / bottom if bottom > 0 else None


def _curve(kpi: str, actual: Fraction, asked: Asked, at: Clock, share: Fraction) -> Curve:
    expected = _along(asked, at, share)
    return Curve(expected, actual / share if share else None, _of(kpi, actual, expected))


def _along(asked: Asked, at: Clock, share: Fraction) -> Fraction:
    """What the days ask for up to a share of one's workdays; within a day by its part."""
    if not asked.by_day:
        return asked.base * share
    whole = sum((asked.by_day[one] for one, part in at.own.items() if part), Fraction(0))
    if not whole:
        return asked.base * share
    left, so_far = share * at.workdays, Fraction(0)
    for one, part in at.own.items():
        if part:
            taken = min(left, part)
            so_far += asked.by_day[one] * taken / part
            left -= taken
    return asked.base * so_far / whole


def _share(part: int | Fraction, whole: int | Fraction) -> Fraction:
    return Fraction(part) / Fraction(whole)


def _median(shares: list[Fraction]) -> Fraction:
    ordered = sorted(shares)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
