"""Told: coverage, lists of deals, funnel and waterfall of a scene, as they are answered.

In: a scene, the past, the progress answer of the same question. Out: views. Guarantee: pure; lists
and parts sum to the totals beside them, each rounded once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import msgspec

from kpi.civil import day_start, local_day
from kpi.periods import Span
from kpi.pipeline.closable import Candidate, Look, Sorted, sort
from kpi.pipeline.coverage import Season, coverage, creation, required_coverage, win_rate
from kpi.pipeline.deals import OpenDeal, days_in_stage, slips
from kpi.pipeline.funnel import StageStep, funnel, quantile
from kpi.pipeline.waterfall import Scope, converted, parts, waterfall
from paceline.progress.answers.kpis import KpiProgress
from paceline.progress.reading.selection import owners_of
from schemas.meaning import Meaning
from services.api.answers.pipeline import (
    CoverageView,
    DealList,
    DealView,
    FunnelStep,
    List,
    Slipped,
    WaterfallPart,
)
from services.api.explaining.links import record_link
from services.api.pipeline.past import OrgPast
from services.api.pipeline.scene import Scene

_HALF, _MOST = Fraction(1, 2), Fraction(9, 10)


class Page(msgspec.Struct, frozen=True):
    """Which part of a list."""

    after: int
    limit: int


def lists(scene: Scene, past: OrgPast) -> dict[List, list[Candidate]]:
    """Every list of open deals."""
    look = Look(scene.today, scene.period.last, scene.instant, past.chances, past.cycles)
    opened = [(deal, _worth(scene, deal)) for deal in scene.opened()]
    found: Sorted = sort(opened, look)
    every = [*found.closable, *found.overdue, *found.later]
    stale = sorted((one for one in every if one.deal.stale), key=lambda one: -one.expected)
    return {
        "closable": found.closable,
        "overdue": found.overdue,
        "later": found.later,
        "stale": stale,
    }


def deal_list(
    scene: Scene, found: Sequence[Candidate], page: Page, asking: Collection[str]
) -> DealList:
    """A page of a list; ``asking``: deals with an open call for help."""
    shown = found[page.after : page.after + page.limit]
    end = page.after + len(shown)
    names = reps_of(scene)
    apart: dict[str, int] = {}
    for one in found:
        if one.worth is None and one.deal.amount is not None:
            apart[one.deal.currency] = apart.get(one.deal.currency, 0) + one.deal.amount
    return DealList(
        total=len(found),
        worth=round(sum((one.worth or Fraction(0) for one in found), Fraction(0))),
        apart=apart,
        items=[_deal(scene, one, names, asking) for one in shown],
        next=str(end) if end < len(found) else None,
    )


def slipped(scene: Scene) -> list[Slipped]:
    """Deals whose close moved to a later month within the period so far, newest first."""
    start = day_start(scene.period.first, scene.zone)
    names = reps_of(scene)
    found = [
        slip
        for key, entity in scene.deals
        for slip in slips(key, entity, scene.meaning, start, scene.instant + 1)
        if slip.owner in scene.looked
    ]
    found.sort(key=lambda one: (-one.at, one.key))
    return [
        Slipped(
            deal=one.key,
            **record(scene, one.key),
            rep=names.get(one.owner),
            at=one.at,
            before=one.before.isoformat(),
            after=one.after.isoformat(),
            amount=one.amount,
            currency=one.currency,
        )
        for one in found
    ]


def covered(
    scene: Scene, past: OrgPast, own: Sequence[Season], kpi: KpiProgress, open_: Iterable[OpenDeal]
) -> CoverageView:
    """Coverage of the target, what is required, and what to create; ``kpi``: won amount."""
    first, last = scene.period.first, scene.period.last
    qualified = Fraction(0)
    for deal in open_:
        if deal.counted and deal.close_on is not None and first <= deal.close_on <= last:
            qualified += _worth(scene, deal) or Fraction(0)
    won = Fraction(kpi.actual or 0)
    target = Fraction(kpi.target.base) if kpi.target else None
    found = coverage(qualified, target, won)
    rate = win_rate(own, past.seasons)
    rest = max(Fraction(0), (target or Fraction(0)) - won)
    left = (last - scene.today).days
    plan = creation(qualified, rest, rate, past.cycles, left) if rate and target else None
    required = required_coverage(rate)
    return CoverageView(
        qualified=round(qualified),
        target=round(target) if target is not None else None,
        won=round(won),
        of_target=_float(found.of_target),
        of_rest=_float(found.of_rest),
        covered=found.covered,
        win_rate=_float(rate),
        required=_float(required),
        gap=round(plan.gap) if plan else None,
        create_per_week=round(plan.per_week) if plan and plan.per_week is not None else None,
        chances=[float(one) for one in plan.chances] if plan else [],
    )


def funnel_steps(scene: Scene) -> list[FunnelStep]:
    """The cohort of the period so far."""
    start = day_start(scene.period.first, scene.zone)
    entities = [entity for _, entity in scene.deals]
    found = funnel(entities, scene.meaning, scene.looked, start, scene.instant + 1)
    ends = _ends(scene.meaning)
    return [
        _ended(one)
        if one.stage in ends["won"]
        else FunnelStep(
            stage=one.stage,
            entered=one.entered,
            got_on=one.got_on,
            conversion=_float(one.conversion),
            median_s=quantile(one.stayed_s, _HALF),
            p90_s=quantile(one.stayed_s, _MOST),
            open=one.open,
        )
        for one in found
        if one.stage not in ends["lost"]
    ]


def _ended(one: StageStep) -> FunnelStep:
    """The last step: nobody goes on from it, and nobody waits in it."""
    return FunnelStep(
        stage=one.stage,
        entered=one.entered,
        got_on=0,
        conversion=None,
        median_s=None,
        p90_s=None,
        open=0,
    )


def _ends(meaning: Meaning) -> dict[str, set[str]]:
    """Stages that mean won, and those that mean the deal is gone."""
    found: dict[str, set[str]] = {"won": set(), "lost": set()}
    for source in meaning.connections.values():
        for stages in source.stages.values():
            for stage, category in stages.items():
                if category == "won":
                    found["won"].add(stage)
                elif category in ("lost", "disqualified"):
                    found["lost"].add(stage)
    return found


def waterfall_of(
    scene: Scene, days: tuple[date, date], *, qualified: bool, closes: Span | None
) -> dict[str, Any]:
    """The change over civil days, both included, in the tenant's zone; fields of the view.

    ``closes``: only deals that are expected to close on one of these days.
    """
    start = day_start(days[0], scene.zone)
    end = day_start(date.fromordinal(days[1].toordinal() + 1), scene.zone)
    expected = (closes.first, closes.last) if closes else (None, None)
    scope = Scope(frozenset(scene.looked), qualified, *expected)
    change = waterfall(scene.deals, scene.meaning, scope, start, end)
    ours = converted(change, scene.rates.convert, scene.zone, start, end)
    kinds = parts(change.movements)
    worth = _rounded(ours.start, ours.end, ours.parts)
    return {
        "start": worth[0],
        "end": worth[1],
        "start_deals": change.start.number,
        "end_deals": change.end.number,
        "start_amounts": change.start.amounts,
        "end_amounts": change.end.amounts,
        "parts": [
            WaterfallPart(
                kind=kind,
                deals=kinds[kind].number if kind in kinds else 0,
                amounts=kinds[kind].amounts if kind in kinds else {},
                worth=worth[2].get(kind, 0),
            )
            for kind in dict.fromkeys([*kinds, *ours.parts])
        ],
        "apart": ours.apart,
    }


def _rounded(
    start: Fraction, end: Fraction, exact: Mapping[Any, Fraction]
) -> tuple[int, int, dict[Any, int]]:
    """Whole minor units that still add up: what rounding leaves over goes to the greatest part."""
    sums = {kind: round(size) for kind, size in exact.items()}
    over = round(end) - round(start) - sum(sums.values())
    if over and sums:
        greatest = max(sums, key=lambda kind: (abs(exact[kind]), kind))
        sums[greatest] += over
    return round(start), round(end), sums


def reps_of(scene: Scene) -> dict[str, str]:
    """Owner key -> rep."""
    org = scene.caller.org
    return {owner: rep.id for rep in org.reps.values() for owner in owners_of(rep)}


def record(scene: Scene, deal: str) -> dict[str, Any]:
    """The record's id in its CRM, and its address there."""
    _, connection, id_ = deal.split(":", 2)
    source = scene.caller.org.connections.get(connection)
    return {"record": id_, "link": record_link(source.link, "deal", id_) if source else None}


def _deal(
    scene: Scene, one: Candidate, names: Mapping[str, str], asking: Collection[str]
) -> DealView:
    deal = one.deal
    return DealView(
        deal=deal.key,
        **record(scene, deal.key),
        name=deal.name,
        rep=names.get(deal.owner),
        owner=deal.owner,
        stage=deal.stage,
        days_in_stage=days_in_stage(deal, scene.instant, scene.zone),
        qualified=deal.qualified,
        stale=deal.stale,
        amount=deal.amount,
        currency=deal.currency,
        worth=round(one.worth) if one.worth is not None else None,
        close_on=deal.close_on.isoformat() if deal.close_on else None,
        last_touch=deal.last_touch,
        chance=float(one.chance),
        needs=list(one.needs),
        help=deal.key in asking,
    )


def _worth(scene: Scene, deal: OpenDeal) -> Fraction | None:
    if deal.amount is None:
        return None
    return scene.rates.convert(deal.amount, deal.currency, local_day(scene.instant, scene.zone))


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
