"""How sure an average is: Student's confidence interval of a mean, and of the mean difference of pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from attrs import frozen

_TERMS = 300
_MOST_PAIRS = 1_000_000


@frozen
class Interval:
    """A mean of so many numbers, and between which bounds the true mean lies with the asked confidence.

    Attributes:
        low, high: None where one number, or an infinite one, says nothing of that.
    """

    mean: float
    low: float | None
    high: float | None
    count: int

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def interval_of(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return mean and Student's interval, which is exact where the numbers are normal, and near for many of any kind."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2 or not math.isfinite(mean):
        return Interval(mean, None, None, count)
    reach = quantile_of_t(0.5 + confidence / 2, count - 1) * deviation(values, mean) / math.sqrt(count)
    return Interval(mean, mean - reach, mean + reach, count)


def deviation(values: Sequence[float], mean: float) -> float:
    """Return the standard deviation of a sample of two or more."""
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def fewest_pairs(confidence: float = 0.95) -> int:
    """Return from how many pairs on a difference can be told at all.

    With fewer, even pairs that all differ in one direction are no rarer by chance than 1 - confidence (sign test, both sides).
    """
    return math.ceil(math.log2(2 / (1 - confidence)) - 1e-9)


def pairs_needed(differences: Sequence[float], confidence: float = 0.95) -> int | None:
    """Return about how many pairs would tell a difference of this size from 0, half of the times; None where there is none.

    Differences are taken to go on scattering as those that are there.
    """
    found = interval_of(differences, confidence)
    if found.low is None or not found.mean:
        return None
    spread = deviation(differences, found.mean)
    count = max(fewest_pairs(confidence), 2)
    # A few steps: the quantile changes little from some dozens on.
    for _ in range(20):
        wanted = math.ceil((quantile_of_t(0.5 + confidence / 2, count - 1) * spread / abs(found.mean)) ** 2)
        wanted = min(max(wanted, fewest_pairs(confidence)), _MOST_PAIRS)
        if wanted == count:
            break
        count = wanted
    return count


@lru_cache(maxsize=256)
def quantile_of_t(share: float, freedom: int) -> float:
    """Return below which value so great a share (above one half) of Student's distribution lies.

    By bisection of the distribution: SciPy is no dependency of what only averages.
    """
    low, high = 0.0, 1.0
    while _below(high, freedom) < share:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _below(value: float, freedom: int) -> float:
    """Return Student's distribution at a value of 0 or more (Abramowitz and Stegun 26.7.1)."""
    return 1 - _beta_share(freedom / (freedom + value * value), freedom / 2, 0.5) / 2


def _beta_share(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8, Lentz's method)."""
    if x in (0, 1):
        return x
    # It converges where x is below the mean; the function is symmetric.
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_share(1 - x, b, a)
    logs = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            c, d = 1 + term / c, 1 / (1 + term * d)
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(logs) * fraction / a
