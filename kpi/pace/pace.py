"""Pace: the verdict on one KPI, everything beside it, and the order of who needs help.

In: ``Progress``, and where there is one the model's ``Prediction``. Out: ``Pace``. Guarantee: never
divides by zero, whatever comes in; the same in gives the same out.
"""

from __future__ import annotations

from collections.abc import Iterable

from kpi.pace.model import Pace, Progress
from kpi.pace.projection import Prediction


def pace(progress: Progress, prediction: Prediction | None = None) -> Pace:
    """Where the KPI stands; ``prediction`` (flows only) adds probability, interval and caution."""
    raise NotImplementedError


def help_score(paces: Iterable[Pace]) -> int:
    """How much a person needs help, from all their KPIs; the higher the sooner."""
    raise NotImplementedError
