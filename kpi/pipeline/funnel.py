"""The funnel: who entered a stage within a span, who got on, and how long they stayed.

In: deals, a half-open span of instants (ms UTC), owner keys. Out: a step for each stage. Guarantee:
a cohort: conversion is of the deals that entered the stage within the span, whenever they got on;
entries and conversions are those that the measures ``stage:`` and ``conv:`` count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from kpi.credit import owner_at
from kpi.entity import Entity, alive
from kpi.stages import Step, passed, steps
from schemas.meaning import Meaning


class StageStep(NamedTuple):
    """One stage of the funnel."""

    stage: str
    """The vendor's id."""
    entered: int
    """Deals whose first entry into it was within the span."""
    got_on: int
    """Of them those that later entered a stage further on; where no order is known, 0."""
    stayed_s: tuple[int, ...]
    """Seconds that each of them was in it at a stretch after that entry, ascending; of those that
    are in it still, until the end of the span."""
    open: int
    """Of them those that are in it still."""

    @property
    def conversion(self) -> Fraction | None:
        """Got on / entered; None where nobody entered."""
        return Fraction(self.got_on, self.entered) if self.entered else None


def funnel(
    deals: Iterable[Entity], meaning: Meaning, owners: Collection[str], start: int, end: int
) -> list[StageStep]:
    """A step for each stage that was entered by a deal of these owners within the span.

    In the order of the pipeline that most deals were in; stages outside it follow by their id.
    """
    entries: dict[str, list[tuple[bool, int, bool]]] = {}
    orders: dict[tuple[str, ...], int] = {}
    for entity in deals:
        if not alive(entity):
            continue
        walk = steps(entity, meaning)
        got_on = passed(walk)
        for place, step in _first_entries(walk):
            if start <= step.at < end and owner_at(entity, step.at) in owners:
                left = _left(walk, place)
                stays = left is None or left >= end
                stayed = ((end if stays or left is None else left) - step.at) // 1000
                entry = (got_on.get(step.stage, False), stayed, stays)
                entries.setdefault(step.stage, []).append(entry)
                orders[step.order] = orders.get(step.order, 0) + 1
    usual = max(orders, key=lambda order: (orders[order], order), default=())
    ranked = sorted(entries, key=lambda stage: (_rank(usual, stage), stage))
    return [_step(stage, entries[stage]) for stage in ranked]


def quantile(stayed: Sequence[int], share: Fraction) -> int | None:
    """The stay (seconds) that so large a share does not exceed; None of nothing.

    >>> quantile((10, 20, 30, 40), Fraction(1, 2)), quantile((), Fraction(1, 2))
    (20, None)
    """
    if not stayed:
        return None
    return stayed[max(0, -(-share.numerator * len(stayed) // share.denominator) - 1)]


def _step(stage: str, entries: list[tuple[bool, int, bool]]) -> StageStep:
    return StageStep(
        stage,
        len(entries),
        sum(got_on for got_on, _, _ in entries),
        tuple(sorted(stayed for _, stayed, _ in entries)),
        sum(stays for _, _, stays in entries),
    )


def _first_entries(walk: list[Step]) -> list[tuple[int, Step]]:
    first: dict[str, tuple[int, Step]] = {}
    for place, step in enumerate(walk):
        if step.stage:
            first.setdefault(step.stage, (place, step))
    return list(first.values())


def _left(walk: list[Step], place: int) -> int | None:
    """When the deal left the stage of a step again; None: it has not."""
    stage = walk[place].stage
    return next((step.at for step in walk[place + 1 :] if step.stage != stage), None)


def _rank(order: tuple[str, ...], stage: str) -> int:
    return order.index(stage) if stage in order else len(order)
