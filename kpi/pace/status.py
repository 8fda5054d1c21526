"""The verdict: one word for where a KPI stands.

In: ``Progress`` and the expected value. Out: ``Status``. Guarantee: the first rule that applies
decides, in this order:

1. a silent source: ``incomplete``; 2. no target: ``no_target``; 3. a flow whose target is reached:
``covered`` (lower is better: once the period is over); 4. nothing elapsed and nothing happened:
``not_started`` (by days where the period has no own workday); 5. no value (a rate of nothing):
``too_early``; 6. a flow that can no longer reach its target, because the period is over or a cap is
passed, is measured: ``behind`` or ``at_risk``, never on track; 7. a flow of which fewer than
``too_early_below`` events are expected by now: ``ahead`` where it is, else ``too_early``; 8. the
bands.
"""

from __future__ import annotations

from fractions import Fraction

from kpi.definitions.model import Bands, Direction
from kpi.pace.curves import is_over
from kpi.pace.model import Progress, Status

_NOTHING = Fraction(0)


def status_of(progress: Progress, expected: Fraction | None) -> Status:
    """The status; ``expected`` by the basis in use, the target of what is no flow."""
    if progress.incomplete_since is not None:
        return "incomplete"
    if progress.target is None or expected is None:
        return "no_target"
    if is_covered(progress):
        return "covered"
    if _not_started(progress):
        return "not_started"
    if progress.actual is None:
        return "too_early"
    return _judged(progress, progress.actual, expected)


def is_covered(progress: Progress) -> bool:
    """A flow's target is reached: at once, or where lower is better when the period is over."""
    if progress.kind != "flow" or progress.target is None or progress.actual is None:
        return False
    if progress.direction == "higher":
        return progress.actual >= progress.target
    return is_over(progress) and progress.actual <= progress.target


def by_bands(actual: Fraction, expected: Fraction, direction: Direction, bands: Bands) -> Status:
    """The bands alone, exact on their edges: 105 % is on track, 99 % still is, 81 % is behind.

    Nothing divides: actual is compared with per cents of expected, so 0 expected is legal. Where
    lower is better, the same bands are read on expected over actual.

    >>> [by_bands(Fraction(n), Fraction(100), "higher", Bands()) for n in (106, 105, 98, 80)]
    ['ahead', 'on_track', 'behind', 'at_risk']
    """
    have, need = (actual, expected) if direction == "higher" else (expected, actual)
    hundredfold = have * 100
    if hundredfold > need * bands.ahead:
        return "ahead"
    if hundredfold >= need * bands.on_track:
        return "on_track"
    return "behind" if hundredfold >= need * bands.at_risk else "at_risk"


def _judged(progress: Progress, actual: Fraction, expected: Fraction) -> Status:
    banded = by_bands(actual, expected, progress.direction, progress.bands)
    if progress.kind != "flow":
        return banded
    if is_over(progress) or _passed(progress, actual):
        return "at_risk" if banded == "at_risk" else "behind"
    if _too_early(progress, expected) and not _clearly_ahead(progress, banded):
        return "too_early"
    return banded


def _not_started(progress: Progress) -> bool:
    no_workday = progress.elapsed_workdays <= 0 < progress.total_workdays
    nothing_elapsed = no_workday or progress.elapsed_days <= 0
    return nothing_elapsed and not is_over(progress) and not _happened(progress)


def _passed(progress: Progress, actual: Fraction) -> bool:
    """A cap that is passed stays passed: what has slipped has slipped, however early it is."""
    if progress.direction == "higher" or progress.target is None:
        return False
    return actual > progress.target


def _happened(progress: Progress) -> bool:
    return progress.happened or bool(progress.actual)


def _too_early(progress: Progress, expected: Fraction) -> bool:
    size = progress.average_size
    if size is None:
        return progress.unit == "count" and expected < progress.too_early_below
    return expected < progress.too_early_below * size


def _clearly_ahead(progress: Progress, banded: Status) -> bool:
    # Too early protects from being blamed on small numbers, not from being told good news. That
    # nothing bad has happened yet is no news, though, where lower is better.
    return banded == "ahead" and progress.direction == "higher"
