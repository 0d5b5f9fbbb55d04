"""Layouts in simulation, against what queueing theory and arithmetic say."""

from __future__ import annotations

from math import inf

import pytest

from brickwork import InputError, scale
from brickwork.engine import Stage, Stages
from brickwork.scale import Layout, RequestProfile

PLAIN = RequestProfile(before=0.1, steps=10, step=0.05, each=0.03, after=0.1)
"""One second alone."""


def line(*seconds: float, sending: float = 0.0) -> Stages:
    last = len(seconds) - 1
    parts = (Stage(f"d{n}", (f"s{n}",), (), 0, each, sending=sending * (n < last)) for n, each in enumerate(seconds))
    return Stages(tuple(parts), (), "")


def test_one_after_another_is_arithmetic() -> None:
    assert PLAIN.alone == pytest.approx(1.0)
    found = scale.simulate(PLAIN, Layout(), rate=inf, requests=10)
    assert found.throughput == pytest.approx(1.0)
    assert (found.p50, found.p99) == (pytest.approx(5.0), pytest.approx(10.0))
    assert found.busy == pytest.approx(1.0)
    assert found.device_seconds == pytest.approx(1.0)


def test_waiting_is_what_queueing_theory_says() -> None:
    """M/D/1 of Pollaczek and Khinchine: the mean wait is load / (2 (1 - load)) services; its median lies below."""
    found = scale.simulate(PLAIN, Layout(), rate=0.5, requests=10_000, seed=3)
    assert found.busy == pytest.approx(0.5, rel=0.04)
    assert found.throughput == pytest.approx(0.5, rel=0.04)
    # With half a load half of all requests find nobody there.
    assert 1.0 <= found.p50 < 1.05
    full = scale.simulate(PLAIN, Layout(), rate=0.9, requests=10_000, seed=3)
    assert full.p99 > 3 * found.p99


def test_replicas_serve_as_many_times_as_much() -> None:
    one, four = (scale.simulate(PLAIN, Layout(replicas=n), rate=inf, requests=400) for n in (1, 4))
    assert four.throughput == pytest.approx(4 * one.throughput)
    assert four.device_seconds == pytest.approx(one.device_seconds)
    pooled = scale.simulate(PLAIN, Layout(replicas=4), rate=2.0, requests=4000)
    alone = scale.simulate(PLAIN, Layout(), rate=0.5, requests=4000)
    assert pooled.p99 < alone.p99


@pytest.mark.parametrize(("rows", "expected"), [(1, 1.0), (2, 2 / (0.4 + 10 * 0.11)), (8, 8 / (1.6 + 10 * 0.29))])
def test_requests_that_share_steps_serve_more(rows: int, expected: float) -> None:
    found = scale.simulate(PLAIN, Layout(rows=rows), rate=inf, requests=800)
    assert found.throughput == pytest.approx(expected, rel=0.02)


def test_a_newcomer_joins_at_the_next_step() -> None:
    """Of two at once, the first has all its steps but one with the other."""
    found = scale.simulate(PLAIN, Layout(rows=2), rate=inf, requests=2)
    # Two beginnings, ten steps of two, two ends.
    assert found.p99 == pytest.approx(0.2 + 10 * 0.11 + 0.2)
    assert found.p50 == pytest.approx(0.2 + 10 * 0.11 + 0.1)


def test_a_line_is_as_fast_as_its_slowest_stage_and_what_it_sends() -> None:
    found = scale.simulate(PLAIN, Layout(stages=line(0.2, 0.6, 0.2, sending=0.05)), rate=inf, requests=1000)
    assert found.throughput == pytest.approx(1 / 0.65, rel=0.01)
    lone = scale.simulate(PLAIN, Layout(stages=line(0.2, 0.6, 0.2, sending=0.05)), rate=1e-3, requests=50)
    assert lone.p50 == pytest.approx(1.1)
    two = Layout(replicas=2, stages=line(0.2, 0.6, 0.2))
    assert two.devices == 6
    assert scale.simulate(PLAIN, two, rate=inf, requests=1000).throughput == pytest.approx(2 / 0.6, rel=0.01)


def test_a_seed_is_a_stream_of_requests() -> None:
    first, again, other = (scale.simulate(PLAIN, Layout(), rate=0.7, requests=500, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("wrong", [{"replicas": 0}, {"rows": 0}, {"replicas": True}, {"rows": 1.5}])
def test_numbers_that_are_none_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(wrong))}=.*from 1 on"):
        Layout(**wrong)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="a line of stages has one run in each"):
        Layout(rows=2, stages=line(0.5, 0.5))
    for rate, requests in ((0, 5), (-1, 5), (1, 0), (1, True)):
        with pytest.raises(InputError, match="rate above 0, and at least one request"):
            scale.simulate(PLAIN, Layout(), rate=rate, requests=requests)
