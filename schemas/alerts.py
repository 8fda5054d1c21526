"""Alerts on their way from the numbers to whoever is told: what travels on ``kpi.alerts``.

In: nothing. Out: one message per change of an alert's state that is told. Guarantee: ``id`` is the
same whoever evaluates, and over all attempts to deliver; ``sequence`` grows from change to change
of one subject, so that a receiver can drop what is stale.

Instants are integer milliseconds UTC; money is integers in minor units; ``null``: no such value.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Number = int | float


class RuleRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rule, by the version that was in force."""

    id: str
    version: int
    name: str
    name_zh: str | None = None
    when: str
    """The kind of its condition: ``pace``, ``milestone``, ..."""
    line: Number | None = None
    """Where it begins: per cents, or working hours."""


class SubjectRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose number it is; ``source``: a connection that is silent."""

    kind: Literal["rep", "team", "organisation", "source"]
    id: str
    name: str
    name_zh: str | None = None
    team: str | None = None


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The KPI as it stood, and everything that it was held against."""

    kpi: str
    version: int
    name: str
    name_zh: str
    unit: Literal["count", "money", "ratio", "duration"]
    currency: str | None = None
    exponent: int = 0
    """Of money: divide by 10 to it."""
    value: Number | None = None
    target: Number | None = None
    target_version: int | None = None
    attainment: float | None = None
    status: str
    basis: str | None = None
    """The curve that the pace is by."""
    expected: Number | None = None
    of_expected: float | None = None
    projection: Number | None = None
    probability: float | None = None
    required_per_workday: Number | None = None
    remaining_workdays: float | None = None
    required_coverage: float | None = None
    last_period: Number | None = None
    """At the same point of the last period."""


class Driver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to talk about: the driver that is shortest against the team's."""

    topic: Literal["volume", "conversion", "deal_size", "cycle", "coverage"]
    kpi: str
    value: float
    team: float
    """The team's: of amounts and counts its mean per head."""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of one alert."""

    id: str
    sequence: int
    """The place in the log (incarnation's own) of the look that found it."""
    what: Literal["fired", "resolved"]
    tenant: str
    rule: RuleRef
    severity: Literal["info", "warning", "critical"]
    subject: SubjectRef
    period: str
    """Its label, such as ``2026-11``; empty where there is none."""
    began_at: int
    at: int
    late: bool = False
    """Not news, but found by an import, a rebuild or an enabled rule: told in a digest."""
    percent: int | None = None
    """Of a milestone."""
    figure: Figure | None = None
    quiet_ms: int | None = None
    """Working time without activity."""
    silent_since: int | None = None
    driver: Driver | None = None
    explain: str = ""
    """Path in the API: the facts behind the figure."""
    field: str
    """Where its state is kept, and what it was then: what restores it where Redis was lost."""
    held: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Alert)


def encode(alert: Alert) -> bytes:
    """The alert as UTF-8 JSON, as it stands in the outbox and is written to Kafka."""
    return _encoder.encode(alert)


def decode(raw: bytes) -> Alert:
    """The alert of one Kafka value; ``msgspec.DecodeError`` (a ``ValueError``) where it is none."""
    return _decoder.decode(raw)
