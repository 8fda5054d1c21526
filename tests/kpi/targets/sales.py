"""A small sales organisation to set targets for, and short ways to say what is set."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Literal

from kpi.calendar.fiscal import FiscalCalendar, parse_label
from kpi.calendar.workdays import Leave, WorkCalendar
from kpi.periods import Span
from kpi.targets.model import ALWAYS, Nature, Presence, State, SubjectKind, TargetVersion, Tiers

CIVIL = FiscalCalendar()
PLAIN = WorkCalendar(id="plain")
AT_WORK = Presence(calendar=PLAIN)

AMOUNT = Nature(kpi="won_amount", unit="money")
VISITS = Nature(kpi="new_customer_visits")
WIN_RATE = Nature(kpi="win_rate", kind="ratio", unit="ratio")
OPEN_PIPELINE = Nature(kpi="open_pipeline", kind="level", unit="money")
SLIPPED = Nature(kpi="slipped_deals", direction="lower")

APRIL = Span(date(2026, 4, 1), date(2026, 4, 30))
NOVEMBER = Span(date(2026, 11, 1), date(2026, 11, 30))


def day(text: str) -> date:
    """A civil day of 2026, from ``"04-16"``, or of any year, from ``"2027-01-05"``."""
    return date.fromisoformat(text if len(text) > len("04-16") else f"2026-{text}")


def span(first: str, last: str) -> Span:
    """Both included."""
    return Span(day(first), day(last))


def named(label: str, fiscal: FiscalCalendar = CIVIL) -> Span:
    """The days of ``"2026-Q4"`` or ``"2026-11"``."""
    period = parse_label(fiscal, label)
    return Span(period.first, period.last)


def target(
    base: int | Fraction,
    period: str | Span,
    *,
    effective: str | None = None,
    change: Literal["prorata", "replace"] = "prorata",
    version: int = 1,
    kpi: str = "won_amount",
    subject: str = "ana",
    kind: SubjectKind = "rep",
    state: State = "published",
    stretch: int | None = None,
    commit: int | None = None,
    monthly: tuple[int, ...] = (),
    prorate: bool = True,
    known: str = "",
) -> TargetVersion:
    """What Ana is asked for, if nobody else is named."""
    days = named(period) if isinstance(period, str) else period
    return TargetVersion(
        id=known or f"{subject}-{kpi}-{days.first}-{days.last}",
        version=version,
        kpi=kpi,
        subject_kind=kind,
        subject=subject,
        first=days.first,
        last=days.last,
        tiers=Tiers(
            Fraction(base),
            None if stretch is None else Fraction(stretch),
            None if commit is None else Fraction(commit),
        ),
        effective=day(effective) if effective else None,
        change=change,
        state=state,
        monthly=monthly,
        prorate=prorate,
    )


def away(first: str, last: str, halves: int = 2) -> Leave:
    """Leave."""
    return Leave(day(first), day(last), halves)


def present(*leaves: Leave, employed: Span = ALWAYS, calendar: WorkCalendar = PLAIN) -> Presence:
    """Somebody at work but for some leave."""
    return Presence(calendar=calendar, leaves=leaves, employed=employed)


def told(*values: object) -> tuple[object, ...]:
    """Values side by side, to be compared with plain numbers: `Fraction(8)` equals 8."""
    return values
