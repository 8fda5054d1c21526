"""The distributions beneath the projection: negative binomial counts, gamma sums.

In: means and variances. Out: probabilities and quantiles as floats. Guarantee: standard library
only; probabilities lie in 0 … 1 and are true to about 1e-10, quantiles of the gamma to 1 % of the
standard deviation's order (Wilson and Hilferty), which is finer than any model of a person's month.

Sources: the continued fractions of the incomplete gamma and beta functions are DLMF 8.9.2 and
8.17.22 by Lentz's method; Wilson and Hilferty (1931) for the gamma's quantiles.
"""

from __future__ import annotations

from math import exp, isinf, lgamma, log, log1p, sqrt
from statistics import NormalDist

_TINY = 1e-300
_CLOSE = 1e-13
_STEPS = 2_000
_WALK_TO = 60.0
"""Means up to here are walked for quantiles, count by count; beyond, a gamma is as good."""

NORMAL = NormalDist()


def count_at_least(need: int, mean: float, variance: float) -> float:
    """P(N ≥ need) of a negative binomial; Poisson where the variance is no more than the mean.

    >>> round(count_at_least(1, 2.0, 2.0), 4), round(count_at_least(2, 1.0, 2.0), 4)
    (0.8647, 0.25)
    """
    if need <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    size = _size(mean, variance)
    if isinf(size):
        return gamma_below(float(need), mean)
    return beta_below(float(need), size, mean / (size + mean))


def count_quantiles(levels: tuple[float, ...], mean: float, variance: float) -> list[int]:
    """The smallest counts whose cumulative probability reaches each level; levels ascend.

    >>> count_quantiles((0.1, 0.5, 0.9), 3.0, 3.0)
    [1, 3, 5]
    """
    if mean <= 0:
        return [0] * len(levels)
    if mean > _WALK_TO:
        return [max(0, round(gamma_quantile(level, mean, variance))) for level in levels]
    return _walk(levels, mean, _size(mean, variance))


def gamma_at_least(need: float, mean: float, variance: float) -> float:
    """P(X ≥ need) of a gamma with that mean and variance.

    >>> round(gamma_at_least(3.0, 1.0, 1.0), 6) == round(exp(-3), 6)
    True
    """
    if need <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if variance <= 0:
        return float(mean >= need)
    return 1.0 - gamma_below(mean * mean / variance, need * mean / variance)


def gamma_quantile(level: float, mean: float, variance: float) -> float:
    """The value below which a gamma lies with that probability."""
    if mean <= 0 or variance <= 0:
        return max(0.0, mean)
    ninth = variance / (9.0 * mean * mean)
    root = 1.0 - ninth + NORMAL.inv_cdf(level) * sqrt(ninth)
    return mean * max(0.0, root) ** 3


def gamma_below(shape: float, x: float) -> float:
    """The regularised lower incomplete gamma function P(shape, x)."""
    if x <= 0:
        return 0.0
    front = exp(max(-700.0, shape * log(x) - x - lgamma(shape)))
    if x < shape + 1.0:
        return min(1.0, front * _gamma_series(shape, x))
    return max(0.0, 1.0 - front * _gamma_fraction(shape, x))


def beta_below(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for 0 < x < 1."""
    front = exp(max(-700.0, lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)))
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * _beta_fraction(a, b, x) / a)
    return max(0.0, 1.0 - front * _beta_fraction(b, a, 1.0 - x) / b)


def _size(mean: float, variance: float) -> float:
    """The negative binomial's size; infinite, a Poisson, without variance beyond the mean."""
    beyond = variance - mean
    return mean * mean / beyond if beyond > mean * 1e-9 else float("inf")


def _walk(levels: tuple[float, ...], mean: float, size: float) -> list[int]:
    poisson = isinf(size)
    chance = exp(-mean) if poisson else exp(-size * log1p(mean / size))
    ratio = mean if poisson else mean / (size + mean)
    found: list[int] = []
    below, n = chance, 0
    for level in levels:
        while below < level and n < _STEPS:
            n += 1
            chance *= (ratio if poisson else ratio * (size + n - 1)) / n
            below += chance
        found.append(n)
    return found


def _gamma_series(shape: float, x: float) -> float:
    term = total = 1.0 / shape
    for n in range(1, _STEPS):
        term *= x / (shape + n)
        total += term
        if term < total * _CLOSE:
            break
    return total


def _gamma_fraction(shape: float, x: float) -> float:
    b = x + 1.0 - shape
    c, d = 1.0 / _TINY, 1.0 / b
    value = d
    for n in range(1, _STEPS):
        a = n * (shape - n)
        b += 2.0
        d = 1.0 / _off_zero(a * d + b)
        c = _off_zero(b + a / c)
        value *= d * c
        if abs(d * c - 1.0) < _CLOSE:
            break
    return value


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for n in range(1, _STEPS):
        even = n * (b - n) * x / ((a + 2 * n - 1.0) * (a + 2 * n))
        d = 1.0 / _off_zero(1.0 + even * d)
        c = _off_zero(1.0 + even / c)
        value *= d * c
        odd = -(a + n) * (a + b + n) * x / ((a + 2 * n) * (a + 2 * n + 1.0))
        d = 1.0 / _off_zero(1.0 + odd * d)
        c = _off_zero(1.0 + odd / c)
        value *= d * c
        if abs(d * c - 1.0) < _CLOSE:
            break
    return value


def _off_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
