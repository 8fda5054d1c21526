"""Pace: the verdict on one KPI, everything beside it, and the order of who needs help.

In: ``Progress``, and where there is one the model's ``Prediction``. Out: ``Pace``. Guarantee: never
divides by zero, whatever comes in; the same in gives the same out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

import msgspec

from kpi.pace.curves import (
    curve,
    historical_share,
    linear_share,
    note_of,
    of_expected,
    workday_share,
)
from kpi.pace.model import Caution, Curve, Pace, PaceBasis, Progress, Status
from kpi.pace.projection import Prediction
from kpi.pace.status import is_covered, status_of

_NOTHING = Fraction(0)
_EVEN = 0.5

HELP: Final[Mapping[Status, int]] = {
    "at_risk": 5,
    "behind": 4,
    "too_early": 3,
    "incomplete": 2,  # somebody must look at the source; it says nothing of the person
    "not_started": 1,
    "no_target": 0,
    "on_track": 0,
    "ahead": 0,
    "covered": 0,
}
_WORST = 1_000_000
_MOST = 1_000


def pace(progress: Progress, prediction: Prediction | None = None) -> Pace:
    """Where the KPI stands; ``prediction`` (flows only) adds probability, interval and caution."""
    if progress.target is None:
        return Pace(
            status=status_of(progress, None), basis="as_is", remaining_workdays=_left(progress)
        )
    if progress.kind != "flow":
        return _as_is(progress, progress.target)
    return _likely(_flow(progress, progress.target), prediction)


def help_score(paces: Iterable[Pace]) -> int:
    """How much a person needs help, from all their KPIs; the higher the sooner.

    The worst status decides first (``HELP``): whoever has one KPI at risk comes before whoever is
    behind on many. Among equals the sum of what is missing decides, in thousandths of what is
    expected, over the KPIs at risk or behind; each counts at most 1,000.

    >>> half, most = Fraction(1, 2), Fraction(9, 10)
    >>> help_score([Pace(status="at_risk", basis="linear", of_expected=half)])
    5000500
    >>> help_score([Pace(status="behind", basis="linear", of_expected=most)] * 2)
    4000200
    """
    told = list(paces)
    worst = max((HELP[each.status] for each in told), default=0)
    return worst * _WORST + min(_WORST - 1, sum(map(_missing, told)))


def _missing(one: Pace) -> int:
    if one.status not in {"at_risk", "behind"}:
        return 0
    if one.of_expected is None:
        return _MOST
    return max(0, min(_MOST, int((1 - one.of_expected) * 1_000)))


def _as_is(progress: Progress, target: Fraction) -> Pace:
    actual = progress.actual
    return Pace(
        status=status_of(progress, target),
        basis="as_is",
        expected=target,
        of_expected=None if actual is None else of_expected(actual, target, progress.direction),
        difference=None if actual is None else actual - target,
        remaining_workdays=_left(progress),
    )


def _flow(progress: Progress, target: Fraction) -> Pace:
    linear = curve(progress, target, linear_share(progress))
    workday = curve(progress, target, workday_share(progress))
    historical = curve(progress, target, historical_share(progress))
    basis, used = _in_use(progress, linear, workday, historical)
    remaining = None if progress.actual is None else max(_NOTHING, target - progress.actual)
    return Pace(
        status=status_of(progress, used.expected),
        basis=basis,
        expected=used.expected,
        of_expected=used.of_expected,
        projection=used.projection,
        difference=None if progress.actual is None else progress.actual - used.expected,
        linear=linear,
        workday=workday,
        historical=historical,
        historical_note=note_of(progress),
        remaining=remaining,
        required_per_workday=_required(progress, remaining),
        remaining_workdays=_left(progress),
    )


def _in_use(
    progress: Progress, linear: Curve | None, workday: Curve | None, historical: Curve | None
) -> tuple[PaceBasis, Curve]:
    """The curve asked for, else workdays, else days, of which there always is one."""
    if progress.basis == "historical" and historical is not None:
        return "historical", historical
    if progress.basis != "linear" and workday is not None:
        return "workday", workday
    if linear is None:  # pragma: no cover
        raise AssertionError("every period has a share of its days")
    return "linear", linear


def _left(progress: Progress) -> Fraction:
    return max(_NOTHING, Fraction(progress.total_workdays - progress.elapsed_workdays))


def _required(progress: Progress, remaining: Fraction | None) -> Fraction | None:
    if remaining is None:
        return None
    left = _left(progress)
    if remaining == 0 or is_covered(progress):
        return _NOTHING
    return remaining / left if left > 0 else None


def _likely(found: Pace, prediction: Prediction | None) -> Pace:
    if prediction is None or found.status in {"incomplete", "no_target"}:
        return found
    return msgspec.structs.replace(
        found,
        probability=prediction.probability,
        interval=prediction.interval,
        caution=_caution(found.status, prediction.probability),
    )


def _caution(status: Status, probability: float) -> Caution | None:
    if status in {"behind", "at_risk"} and probability > _EVEN:
        return "likely_all_the_same"
    if status in {"ahead", "on_track"} and probability < _EVEN:
        return "unlikely_all_the_same"
    return None
