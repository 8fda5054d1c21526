"""Rules as data: of whom, of which number, when it is told, to whom.

In: nothing. Out: frozen structs. Guarantee: per cents and probabilities are exact fractions of 100,
never floats; every rule has a line at which it begins and one at which it is over.

States, separate lines for both directions, dwell and once-only milestones are those of the
project's notes on alerts.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from kpi.calendar.fiscal import PeriodKind

Severity = Literal["info", "warning", "critical"]
SubjectKind = Literal["rep", "team", "organisation"]
PaceWord = Literal["at_risk", "behind", "ahead", "covered"]
ANY_TEAM = ""


class Whose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose numbers a rule looks at: each rep, each team, one of them, or the organisation."""

    each: SubjectKind
    team: str = ANY_TEAM
    """Only within the tree of this team."""
    id: str = ""
    """Only this rep or team."""


class Behind(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="pace"):
    """The pace's word is one of these."""

    statuses: tuple[PaceWord, ...] = ("at_risk",)


class Expected(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="expected"):
    """Per cent of what is expected by now; at the line or beyond begins, ``until`` ends."""

    side: Literal["below", "above"] = "below"
    enter: int = 80
    until: int = 90


class Projection(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="projection"):
    """The projection is so many per cent of the target, or less."""

    enter: int = 90
    until: int = 100


class Probability(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="probability"):
    """The chance to reach the target, per cent."""

    enter: int = 20
    until: int = 35


class Coverage(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="coverage"):
    """Coverage is so many per cent of what is required, or less.

    Required is the KPI's own target, else what the win rate of the same period asks for.
    """

    enter: int = 80
    until: int = 100


class Activity(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="no_activity"):
    """No activity of a person for so many working hours of their own."""

    hours: int = 8


class Milestone(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="milestone"):
    """Per cents of the target that are told when they are reached, once in a period."""

    percents: tuple[int, ...] = (25, 50, 75, 100, 150)


class Changed(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="change"):
    """Per cent of the same point of the last period, or less (``above``: or more)."""

    side: Literal["below", "above"] = "below"
    enter: int = 70
    until: int = 85


class Silent(msgspec.Struct, frozen=True, kw_only=True, tag_field="when", tag="stale_data"):
    """A source that is quiet for longer than it should; one alert for each."""


Condition = (
    Behind
    | Expected
    | Projection
    | Probability
    | Coverage
    | Activity
    | Milestone
    | Changed
    | Silent
)


class Recipient(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is told. ``after_days``: workdays without an acknowledgement; 0: at once."""

    role: Literal["rep", "manager", "managers_manager", "person", "admin"]
    id: str = ""
    """Of a person."""
    after_days: int = 0


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule. ``kpi`` is empty for what is not about a KPI: activity, stale data."""

    name: str
    name_zh: str | None = None
    whose: Whose
    kpi: str = ""
    period: PeriodKind = "month"
    condition: Condition
    after_percent: int = 0
    """Nothing begins before so many per cent of the period's workdays are over."""
    dwell_hours: int = 0
    """Working hours for which it must hold before it is told."""
    recover_hours: int = 0
    """Working hours for which it must be over before it is."""
    severity: Severity = "warning"
    recipients: tuple[Recipient, ...] = (Recipient(role="manager"),)
    channels: tuple[str, ...] = ("inbox",)
    """``inbox``, ``email``, or ids of subscriptions; subscriptions also take what they filter."""
    resolved: bool = False
    """Whether it is told when it is over."""
    digest: bool = False
    """Told in the daily digest only."""
    enabled: bool = False

    @property
    def once(self) -> bool:
        """What is reached stays told for the period."""
        return isinstance(self.condition, Milestone)
