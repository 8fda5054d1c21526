"""What should be there by now: linear, by workdays, and as like periods went.

In: ``Progress`` of a flow with a target. Out: shares of the period and curves over them. Guarantee:
shares lie in 0 … 1 and are 1 once the period is over, so every curve ends at the target.

Formulas (FIELD): ``expected = target * share``, ``projection = actual / share``; the share is
elapsed / total in days or own workdays, or the median share of at least four like periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from statistics import median

from kpi.definitions.model import Direction
from kpi.pace.model import ENOUGH_LIKES, Curve, Like, Progress, Segment

_NOTHING, _WHOLE = Fraction(0), Fraction(1)


def is_over(progress: Progress) -> bool:
    """Nothing of the period remains."""
    return progress.elapsed_days >= progress.total_days


def linear_share(progress: Progress) -> Fraction:
    """Elapsed over total days; a period without days is over."""
    if is_over(progress):
        return _WHOLE
    return _share(progress.elapsed_days, progress.total_days)


def workday_share(progress: Progress) -> Fraction | None:
    """Elapsed over total own workdays; None in a running period without any."""
    if is_over(progress):
        return _WHOLE
    if progress.total_workdays <= 0:
        return None
    return _share(progress.elapsed_workdays, progress.total_workdays)


def historical_share(progress: Progress) -> Fraction | None:
    """The median share of like periods at the same place among their workdays; None of too few."""
    usable = usable_likes(progress.likes)
    place = workday_share(progress)
    if len(usable) < ENOUGH_LIKES or place is None:
        return None
    if is_over(progress):
        return _WHOLE
    return _within(median(share_of(like, place) for like in usable))


def usable_likes(likes: Sequence[Like]) -> list[Like]:
    """Those with a total to take a share of; one that corrections made negative has none."""
    return [like for like in likes if like.cumulative[-1] > 0]


def share_of(like: Like, place: Fraction) -> Fraction:
    """The share of its total that a like period had at a place (0 … 1) among its workdays.

    Between the ends of two workdays it is interpolated, for periods differ in length: after 5 of 22
    workdays a month of 20 is read at 4 6/11.

    >>> str(share_of(Like(2, (1, 1, 5)), Fraction(3, 4)))
    '3/5'
    """
    # Whole numbers as long as possible: a fraction's sum costs ten times as much.
    part, of = place.numerator * like.workdays, place.denominator
    before = min(part // of, like.workdays - 1)
    low, high = like.cumulative[before], like.cumulative[before + 1]
    return Fraction(low * of + (part - before * of) * (high - low), of * like.cumulative[-1])


def note_of(progress: Progress) -> str:
    """Of how many like periods the curve is, or why there is none."""
    found = len(usable_likes(progress.likes))
    said = f"{found} like period{'' if found == 1 else 's'}"
    if found < ENOUGH_LIKES:
        return f"{said}, {ENOUGH_LIKES} needed"
    return f"median of {said}"


def expected_at(target: Fraction, share: Fraction, segments: Sequence[Segment]) -> Fraction:
    """The target's part that a share of the period stands for.

    With segments each stretch goes at its own target's speed, so a change leaves what was expected
    until then as it was: 100k to 120k half-way is 110k in all, and 50k, not 55k, at the change.

    >>> halves = (Segment(Fraction(100), Fraction(1, 2)), Segment(Fraction(120), Fraction(1, 2)))
    >>> [str(expected_at(Fraction(110), Fraction(n, 4), halves)) for n in range(5)]
    ['0', '25', '50', '80', '110']
    """
    whole = sum((each.target * each.share for each in segments), _NOTHING) if segments else 0
    if whole == 0:
        return target * share
    # Shares that do not add up to 1 are taken for what they are of their sum.
    at, done = share * sum((each.share for each in segments), _NOTHING), _NOTHING
    for each in segments:
        done += each.target * min(at, each.share)
        at -= min(at, each.share)
    return target * done / whole


def curve(progress: Progress, target: Fraction, share: Fraction | None) -> Curve | None:
    """The curve over a share; None without one."""
    if share is None:
        return None
    expected = expected_at(target, share, progress.segments)
    actual = progress.actual
    return Curve(
        expected,
        None if actual is None or share == 0 else actual / share,
        None if actual is None else of_expected(actual, expected, progress.direction),
    )


def of_expected(actual: Fraction, expected: Fraction, direction: Direction) -> Fraction | None:
    """Actual over expected, turned round where lower is better; None over nothing.

    >>> str(of_expected(Fraction(9), Fraction(10), "higher"))
    '9/10'
    >>> str(of_expected(Fraction(9), Fraction(10), "lower"))
    '10/9'
    """
    if direction == "lower":
        actual, expected = expected, actual
    # Two integers would make a float.
    return Fraction(actual) / expected if expected > 0 else None


def _share(elapsed: Fraction, total: Fraction) -> Fraction:
    part = elapsed.numerator * total.denominator
    return _within(Fraction(part, total.numerator * elapsed.denominator))


def _within(share: Fraction) -> Fraction:
    if share.numerator <= 0:
        return _NOTHING
    return _WHOLE if share.numerator >= share.denominator else share
