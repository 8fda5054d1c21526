"""One deal at one moment: what a list of deals says of it, and why it needs somebody's eye.

In: an entity, the meaning, an instant. Out: the deal as it stood, or None where it was in no
pipeline. Guarantee: open, qualified and stale are read from ``kpi.gauges.levels``, so a list of
open deals always adds up to the gauge of the same moment.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from kpi.civil import local_day
from kpi.credit import owner_at
from kpi.deal import civil_day, later_months
from kpi.entity import Entity
from kpi.gauges import Level, levels
from kpi.money import minor_units
from kpi.stages import Step, currency_of, qualification, steps
from kpi.timeline import credited_at
from schemas.meaning import Meaning

_MINUTE = 60_000


class OpenDeal(NamedTuple):
    """A deal that is open at a moment; instants in ms UTC."""

    key: str
    """Entity key."""
    name: str
    """As the CRM has it now; empty where it says none."""
    owner: str
    """Owner key."""
    stage: str
    stage_since: int
    qualified: bool
    """In a qualified stage; a stale one too."""
    stale: bool
    amount: int | None
    """Minor units of ``currency``; None without a usable amount."""
    currency: str
    close_on: date | None
    created: int | None
    qualified_at: int | None
    last_touch: int
    """The last change or activity up to the moment."""

    @property
    def counted(self) -> bool:
        """Whether it is in the open qualified pipeline."""
        return self.qualified and not self.stale

    def overdue(self, today: date) -> bool:
        """It was expected to close before today, and is still open."""
        return self.close_on is not None and self.close_on < today


class Slip(NamedTuple):
    """The expected close of an open deal moved to a later month."""

    key: str
    at: int
    """ms UTC."""
    owner: str
    before: date
    after: date
    amount: int | None
    currency: str


def open_deal(key: str, entity: Entity, meaning: Meaning, instant: int) -> OpenDeal | None:
    """The deal as it stood when an instant was over; None where it was not open then."""
    walk = steps(entity, meaning)
    level = _level_at(entity, meaning, walk, instant)
    if level is None:
        return None
    here = _stage_at(walk, instant)
    step = qualification(walk)
    currency, named = currency_of(entity, meaning), entity.read("name")
    return OpenDeal(
        key=key,
        name=str(named) if named not in (None, "") else "",
        owner=level.owner,
        stage=here.stage,
        stage_since=here.at,
        qualified=level.qualified,
        stale=level.stale,
        amount=minor_units(level.amount, currency),
        currency=currency,
        close_on=civil_day(_dashed(level.close_day)),
        created=entity.created,
        qualified_at=step.at if step is not None and step.at <= instant else None,
        last_touch=_last_touch(entity, instant),
    )


def slips(key: str, entity: Entity, meaning: Meaning, start: int, end: int) -> list[Slip]:
    """Moves of the expected close to a later month at instants from ``start`` on, before ``end``.

    As the measure ``slip`` counts them: while the deal was open, looked at when a millisecond is
    over.
    """
    walk, currency = steps(entity, meaning), currency_of(entity, meaning)
    found = []
    for at, before, after in later_months(entity):
        if start <= at < end and _is_open(walk, at):
            amount = minor_units(credited_at(entity.amount, at), currency)
            found.append(Slip(key, at, owner_at(entity, at), before, after, amount, currency))
    return found


def days_in_stage(deal: OpenDeal, instant: int, zone: str) -> int:
    """Civil days since the deal entered its stage, in a zone."""
    return (local_day(instant, zone) - local_day(deal.stage_since, zone)).days


def _is_open(walk: list[Step], at: int) -> bool:
    return _stage_at(walk, at).category in ("open", "qualified")


def _level_at(entity: Entity, meaning: Meaning, walk: list[Step], instant: int) -> Level | None:
    found: Level | None = None
    for at, level in levels(entity, meaning, walk):
        if at > instant:
            break
        found = level
    return found


_NOWHERE = Step(0, "", None, mapped=False)


def _stage_at(walk: list[Step], instant: int) -> Step:
    """The step in force when an instant is over; of several into one stage in a row the first."""
    found = _NOWHERE
    for step in walk:
        if step.at > instant:
            break
        if step.stage != found.stage or step.category != found.category:
            found = step
    return found


def _last_touch(entity: Entity, instant: int) -> int:
    told = [
        change[0]
        for timeline in (
            entity.stage, entity.owner, entity.amount, entity.close_on, entity.pipeline,
            entity.split, entity.overlay, entity.deleted,
        )
        for change in timeline
    ]  # fmt: skip
    told += [minute * _MINUTE for minute in entity.touches]
    if entity.created is not None:
        told.append(entity.created)
    return max((at for at in told if at <= instant), default=0)


def _dashed(close_day: str) -> str:
    """``20260331`` as ``2026-03-31``; gauges write days without dashes."""
    return f"{close_day[:4]}-{close_day[4:6]}-{close_day[6:]}"
