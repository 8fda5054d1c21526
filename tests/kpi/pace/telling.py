"""A short way to say where somebody stands.

In: what matters to a test. Out: ``Progress`` of a month of 30 days and 22 workdays, unless told
otherwise.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from kpi.pace import Like, Progress

RANK = {"at_risk": 0, "behind": 1, "too_early": 2, "not_started": 2, "on_track": 2}
RANK |= {"ahead": 3, "covered": 4}
"""Which verdict looks better, for the law that more never looks worse."""


def month(actual: float | Fraction | None, target: int | None, day: int, **more: Any) -> Progress:
    """At the start of the workday after ``day`` completed ones; days elapse at the same speed."""
    said: dict[str, Any] = {
        "actual": None if actual is None else Fraction(actual),
        "target": None if target is None else Fraction(target),
        "kind": "flow",
        "elapsed_workdays": Fraction(day),
        "total_workdays": Fraction(22),
        "elapsed_days": Fraction(day * 30, 22),
        "total_days": Fraction(30),
    }
    return Progress(**(said | more))


def like(*cumulative: int) -> Like:
    """A like period by what there was before its first workday and at the end of each."""
    return Like(len(cumulative) - 1, cumulative)


def seen(*values: object) -> tuple[object, ...]:
    """Several values for one comparison, whatever their types."""
    return values
