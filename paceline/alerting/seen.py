"""What one look found: a reading for each rule and subject, and how to find it again.

In: nothing. Out: frozen structs. Guarantee: ``field`` names the same rule and subject over versions
and periods, ``identity`` one alert among all.
"""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple

import msgspec

from kpi.alerts import Reading, Rule
from kpi.calendar.hours import Hours
from paceline.sql.plan import Numbered
from schemas.alerts import Figure, SubjectRef

Kind = Literal["rep", "team", "organisation", "sources"]
_SHORT = 12


class Whom(NamedTuple):
    """A subject that is looked at; ``sources`` are the tenant's connections, all of them."""

    kind: Kind
    id: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, one subject."""

    rule_id: str
    numbered: Numbered
    whom: Whom
    subject: SubjectRef
    period: str
    """Label; empty for what has no period."""
    readings: dict[str, Reading]
    """By milestone (its per cent), by source, or under ``""`` where there is only one."""
    basis: str
    hours: Hours
    again: int
    """When the clock alone may change a reading, ms UTC."""
    figure: Figure | None = None
    quiet_ms: int | None = None
    since: dict[str, int] = {}
    """Of sources: when they were last heard, ms UTC."""

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.numbered.rule

    @property
    def field(self) -> str:
        """Where its states are kept."""
        return f"{self.rule_id}|{self.whom.kind}|{self.whom.id}"


def identity(tenant: str, seen: Seen, period: str, extra: str, cause: str) -> str:
    """The alert's id: rule, subject, period, and its cause: version and place in the log."""
    parts = (tenant, seen.rule_id, seen.whom.kind, seen.whom.id, period, extra, cause)
    return "alr_" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]


def meaning_of(rule: Rule) -> str:
    """A digest of what a rule asks; whom it tells, and how, is not in it."""
    asked = (rule.whose, rule.kpi, rule.period, rule.condition)
    hours = (rule.after_percent, rule.dwell_hours, rule.recover_hours)
    raw = msgspec.json.encode((*asked, *hours))
    return hashlib.sha256(raw).hexdigest()[:_SHORT]
