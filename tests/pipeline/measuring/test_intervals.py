"""Intervals equal SciPy's, and hold the true mean as often as they say."""

from __future__ import annotations

import math
import random

import pytest
from scipy import stats

from brickwork.pipeline.measuring.intervals import fewest_pairs, interval_of, pairs_needed, quantile_of_t


@pytest.mark.parametrize("freedom", [1, 2, 5, 30, 1000])
def test_quantiles_are_scipys(freedom: int) -> None:
    for share in (0.6, 0.9, 0.975, 0.995):
        assert quantile_of_t(share, freedom) == pytest.approx(stats.t.ppf(share, freedom), rel=1e-9)


def test_an_interval_is_scipys() -> None:
    values = [3.0, 4.5, 2.0, 8.0]
    found = interval_of(values, 0.9)
    low, high = stats.t.interval(0.9, 3, loc=4.375, scale=stats.sem(values))
    assert (found.mean, found.count) == (4.375, 4)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_an_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    drawn = random.Random(1)
    held = 0
    for _ in range(1000):
        found = interval_of([drawn.gauss(2, 3) for _ in range(8)])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 2 <= found.high
    # Two standard errors of a share of 0.95 in 1000 are 14.
    assert 930 <= held <= 970


def test_one_number_and_an_infinite_one_have_no_interval() -> None:
    assert interval_of([3.0]).low is None
    assert interval_of([3.0, math.inf]).low is None
    assert not interval_of([3.0]).excludes_zero
    assert interval_of([3.0, 3.1]).excludes_zero
    assert interval_of([-3.0, -3.1]).excludes_zero


def test_how_many_pairs_are_needed() -> None:
    assert fewest_pairs(0.95) == 6
    assert fewest_pairs(0.5) == 2
    spread = [1.0, -0.5, 0.8, -0.6, 0.9, -0.4]
    needed = pairs_needed(spread)
    assert needed is not None
    # So many pairs that scatter alike give an interval that just excludes 0.
    many = (spread * (needed // 6 + 1))[:needed]
    assert interval_of(many).low == pytest.approx(0, abs=0.1)
    assert needed > 6
    assert pairs_needed([1.0, -1.0]) is None
    assert pairs_needed([1.0]) is None
