"""Keeping: from what was seen and the states that were kept to new states and what is told.

In: a ``Seen``, the states of its rule and subject. Out: the states from now on, changes, when to
look again. Guarantee: pure; with another period or another question of the rule it begins anew, and
what was told of the last period is over.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kpi.alerts import Change, Held, Sample, step
from kpi.alerts.machine import due, terms_of
from paceline.alerting.seen import Seen, meaning_of


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The states of one rule and subject, as they stand in Redis."""

    asked: str
    """Digest of what the rule asked."""
    period: str = ""
    generation: int = 0
    """Of the numbers that were looked at last."""
    states: dict[str, Held] = {}
    """By milestone, by source, or under ``""``."""


class Told(NamedTuple):
    """A change, of which of the states, in which period, and the state that it led to."""

    extra: str
    period: str
    change: Change
    held: Held


class Outcome(NamedTuple):
    """What becomes of it."""

    kept: Kept
    told: list[Told]
    again: int
    """When to look again, ms UTC."""


def advance(
    kept: Kept | None, seen: Seen, at: int, place: str, *, generation: int = 0, late: bool = False
) -> Outcome:
    """The next states; ``place``: of the look in the log; ``late``: what it finds is no news.

    Nor is what another ``generation`` of the numbers finds: they mean something else now.
    """
    rule = seen.rule
    terms = terms_of(rule.dwell_hours, rule.recover_hours, once=rule.once)
    asked = meaning_of(rule)
    told: list[Told] = []
    late = late or (kept is not None and kept.generation != generation)
    if kept is not None and (kept.asked, kept.period) != (asked, seen.period):
        told += _ended(kept)
        new_period = kept.asked == asked
        kept = Kept(asked=asked, period=seen.period) if new_period else None
        fresh = _fresh(seen) if new_period else {}
    else:
        fresh = {}
    states: dict[str, Held] = dict(kept.states if kept else {})
    again = seen.again
    for extra, reading in seen.readings.items():
        look = Sample(
            at=at,
            place=f"{seen.numbered.version}@{place}",
            reading=reading,
            basis=seen.basis,
            hours=seen.hours,
            late=late,
        )
        held, change = step(terms, states.get(extra, fresh.get(extra)), look)
        states[extra] = held
        if change is not None:
            told.append(Told(extra, seen.period, change, held))
        moment = due(terms, held, seen.hours)
        if moment is not None:
            again = min(again, max(moment, at + 1))
    found = Kept(asked=asked, period=seen.period, generation=generation, states=states)
    return Outcome(found, told, again)


def _fresh(seen: Seen) -> dict[str, Held]:
    """At the beginning of a period nothing is held, and what begins then is news."""
    return dict.fromkeys(seen.readings, Held(basis=seen.basis))


def _ended(kept: Kept) -> list[Told]:
    """What was told and is not over when its period is."""
    return [
        Told(
            extra,
            kept.period,
            Change(what="resolved", cause=held.cause, began=held.began, late=held.late),
            Held(),
        )
        for extra, held in kept.states.items()
        if held.cause and ({held.state, held.before} & {"firing", "recovering"})
    ]


def encode(kept: Kept) -> str:
    """As it stands in Redis; equal values give equal texts."""
    return msgspec.json.encode(kept, order="deterministic").decode()


def decode(raw: bytes | str | None) -> Kept | None:
    """What ``encode`` wrote; None where there is nothing, or nothing that can be read."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=Kept)
    except msgspec.DecodeError:
        return None
