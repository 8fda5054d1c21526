"""Forecasts of a scene by every method, and how good those of the past were.

In: a scene, the past, submissions. Out: views. Guarantee: pure; a method that knows nothing has no
value; parts sum to the value, rounded once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from kpi.pipeline.accuracy import Pair, accuracy
from kpi.pipeline.closable import UNKNOWN
from kpi.pipeline.forecast import (
    Forecast,
    Point,
    categories,
    conversion_curve,
    run_rate,
    seasonal,
    usual,
    weighted,
)
from kpi.pipeline.learning import opened
from paceline.sql.forecasts import Submission
from services.api.answers.pipeline import AccuracyView, MethodView
from services.api.pipeline.past import OrgPast
from services.api.pipeline.scene import Scene

DEFAULT = "seasonal"


def methods(
    scene: Scene, past: OrgPast, won: Fraction, recent: Fraction, last: Submission | None
) -> list[MethodView]:
    """Every method; ``recent``: what the subject won in the past's recent periods."""
    period, today = scene.period, scene.today
    elapsed = (today - period.first).days
    point = Point(elapsed, period.days, won)
    days = [(span.last - span.first).days + 1 for span in past.like]
    known = usual(list(zip(past.won_like, days, strict=True)), recent, past.won_recent)
    share = known.share if known else Fraction(0)
    there = scene.opened()
    closing = [deal for deal in there if deal.close_on is not None and deal.close_on <= period.last]
    chances = [
        (worth, past.chances.get(deal.stage, UNKNOWN))
        for deal in closing
        if deal.amount is not None
        and (worth := scene.worth(deal.amount, deal.currency, scene.instant)) is not None
    ]
    by_stage = opened(there, scene.worth, scene.instant)
    found: dict[str, Forecast | None] = {
        DEFAULT: seasonal(point, known),
        "run_rate": run_rate(point),
        "weighted": weighted(won, chances),
        "conversion_curve": conversion_curve(won, by_stage, past.ended, share),
        **_stood_for(won, last),
    }
    return [_view(name, one) for name, one in found.items()]


def _stood_for(won: Fraction, last: Submission | None) -> dict[str, Forecast | None]:
    """Commit and best case as they were submitted: what is won is in both."""
    if last is None:
        return {"commit": None, "best_case": None}
    commit = max(Fraction(0), last.commit - won)
    best = max(Fraction(0), last.best_case - max(won, Fraction(last.commit)))
    both = categories(won, commit, best)
    return {"commit": both.commit, "best_case": both.best_case}


def _view(name: str, one: Forecast | None) -> MethodView:
    if one is None:
        return MethodView(id=name, value=None, parts={})
    parts = {part: round(size) for part, size in one.parts.items()}
    over = round(one.value) - sum(parts.values())
    if over:
        parts[max(parts, key=lambda part: (abs(one.parts[part]), part))] += over
    return MethodView(id=name, value=round(one.value), parts=parts)


def accuracies(
    said: Mapping[str, Sequence[Submission]], actual: Mapping[str, Fraction]
) -> list[AccuracyView]:
    """By author: each period's last submission of theirs against what came true."""
    pairs: dict[str, list[Pair]] = {}
    for label, of_period in said.items():
        last = {one.author: one for one in of_period}
        for author, one in last.items():
            pairs.setdefault(author, []).append(Pair(Fraction(one.commit), actual[label]))
    return [measured(author, each) for author, each in sorted(pairs.items())]


def measured(who: str, pairs: Sequence[Pair]) -> AccuracyView:
    """One line of the table."""
    found = accuracy(pairs)
    return AccuracyView(
        who=who,
        periods=found.pairs,
        wape=None if found.wape is None else float(found.wape),
        bias=None if found.bias is None else float(found.bias),
    )
