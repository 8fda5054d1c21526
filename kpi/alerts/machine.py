"""The state machine of one alert: one rule, one subject, one period.

In: the state it was in, one look. Out: the state it is in, and the change to tell, if there is one.
Guarantees, tested over random looks: between the lines nothing changes; what begins is told once
and what is over once, in turn; while data is missing nothing begins and nothing ends; a change of
target or organisation alone begins nothing; the same looks give the same identity, whoever looks.

=============  ==================================================================================
normal         nothing to tell
pending        it holds, not for long enough yet (``dwell_hours``)
firing         told
recovering     it is over, not for long enough yet (``recover_hours``)
no_data        a source is silent; ``before`` is what it was in, and will be in again
error          the rule could not be read; as no_data
=============  ==================================================================================
"""

from __future__ import annotations

from typing import Literal

import msgspec

from kpi.alerts.conditions import Reading
from kpi.calendar.hours import HOUR, Hours

State = Literal["normal", "pending", "firing", "recovering", "no_data", "error"]
Steady = Literal["normal", "pending", "firing", "recovering"]


class Held(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of an alert between two looks."""

    state: State = "normal"
    since: int = 0
    """When it came into the state, ms UTC."""
    before: Steady = "normal"
    """Of no_data and error."""
    cause: str = ""
    """Of pending and after: the place in the log of the look at which it began."""
    began: int = 0
    """Of pending and after: when, ms UTC."""
    late: bool = False
    """It began by something that is told in a digest."""
    basis: str = ""
    """Digest of target, definition and organisation of the last look."""
    rebased: float | None = None
    """How far it was when the line moved: it begins only once it is further than that."""
    on: bool = False
    """What was read last."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look."""

    at: int
    place: str
    """Of the look in the log: incarnation, partition, offset."""
    reading: Reading
    basis: str
    hours: Hours
    late: bool = False
    """What it found is not news: an import, another meaning, a source that is back."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told."""

    what: Literal["fired", "resolved"]
    cause: str
    began: int
    late: bool


class Terms(msgspec.Struct, frozen=True):
    """What the machine needs of a rule."""

    dwell: int
    """ms of working time."""
    recover: int
    once: bool = False


def step(terms: Terms, held: Held | None, look: Sample) -> tuple[Held, Change | None]:
    """The next state, and what is to be told of it.

    >>> from kpi.calendar.workdays import WorkCalendar
    >>> hours = Hours(WorkCalendar(id="plain"), "UTC")
    >>> look = Sample(at=5, place="a:0:7", reading=Reading("on"), basis="1", hours=hours)
    >>> held, change = step(Terms(0, 0), Held(basis="1"), look)
    >>> held.state, change.what, change.cause
    ('firing', 'fired', 'a:0:7')
    """
    first = held is None
    now = held or Held(basis=look.basis)
    word = look.reading.word
    if word in {"no_data", "error"}:
        return _without(now, "no_data" if word == "no_data" else "error", look.at), None
    back = now.state in {"no_data", "error"}
    if back:
        since = look.at if now.before in {"pending", "recovering"} else now.since
        now = msgspec.structs.replace(now, state=now.before, before="normal", since=since)
    now = _rebased(now, look)
    late = look.late or first or back
    found, change = _moved(terms, now, look, late=late)
    kept = msgspec.structs.replace(found, basis=look.basis, on=word == "on")
    return kept, change


def due(terms: Terms, held: Held, hours: Hours) -> int | None:
    """When the state changes by itself if nothing else is read until then; None: never."""
    if held.state == "pending":
        return hours.later(held.since, terms.dwell)
    if held.state == "recovering":
        return hours.later(held.since, terms.recover)
    return None


def terms_of(dwell_hours: int, recover_hours: int, *, once: bool) -> Terms:
    """The terms of a rule's hours."""
    return Terms(dwell_hours * HOUR, recover_hours * HOUR, once)


def _without(now: Held, state: Literal["no_data", "error"], at: int) -> Held:
    if now.state in {"no_data", "error"}:
        return now if now.state == state else msgspec.structs.replace(now, state=state, since=at)
    before: Steady = now.state  # type: ignore[assignment]  # the two others were left above
    return msgspec.structs.replace(now, state=state, before=before, since=at)


def _rebased(now: Held, look: Sample) -> Held:
    """The line moved: what holds now, and did not before, is no deviation of anybody."""
    word, far = look.reading
    if word == "off":
        return msgspec.structs.replace(now, rebased=None)
    if word == "on" and now.state == "normal" and not now.on and now.basis != look.basis:
        return msgspec.structs.replace(now, rebased=far)
    return now


def _moved(terms: Terms, now: Held, look: Sample, *, late: bool) -> tuple[Held, Change | None]:
    match now.state, look.reading.word:
        case "normal", "on":
            return _begun(terms, now, look, late=late)
        case "pending", "off":
            return _over(now, look.at), None
        case "pending", _:
            return _waited(terms, now, look)
        case "firing", "off" if not terms.once:
            return _ended(terms, _in("recovering", now, look), look)
        case "recovering", "off":
            return _ended(terms, now, look)
    return (_in("firing", now, look) if now.state == "recovering" else now), None


def _begun(terms: Terms, now: Held, look: Sample, *, late: bool) -> tuple[Held, Change | None]:
    if now.rebased is not None and look.reading.far <= now.rebased:
        return now, None
    begun = msgspec.structs.replace(
        _in("pending", now, look), began=look.at, cause=look.place, late=late, rebased=None
    )
    return _waited(terms, begun, look)


def _in(state: Steady, now: Held, look: Sample) -> Held:
    return msgspec.structs.replace(now, state=state, since=look.at)


def _waited(terms: Terms, now: Held, look: Sample) -> tuple[Held, Change | None]:
    if look.hours.between(now.since, look.at) < terms.dwell:
        return now, None
    return _in("firing", now, look), _told("fired", now)


def _ended(terms: Terms, now: Held, look: Sample) -> tuple[Held, Change | None]:
    if look.hours.between(now.since, look.at) < terms.recover:
        return now, None
    return _over(now, look.at), _told("resolved", now)


def _over(now: Held, at: int) -> Held:
    return msgspec.structs.replace(now, state="normal", since=at, cause="", began=0, late=False)


def _told(what: Literal["fired", "resolved"], now: Held) -> Change:
    return Change(what=what, cause=now.cause, began=now.began, late=now.late)
