"""What is measured of requests, for layouts in simulation."""

from __future__ import annotations

import pytest
from toy_blocks import Add, pipeline

import brickwork
from brickwork import InputError, scale
from brickwork.scale.measured_requests import _line_through


def test_a_request_has_its_parts_and_the_settings_stay() -> None:
    pipe = brickwork.embedded()
    seen: list[object] = []
    pipe.configure(progress=False, listeners=[seen.append])
    found = scale.request_profile(pipe, "latents", counts=(1, 2), rounds=1, prompt="a cat", num_inference_steps=3)
    assert found.steps == 3
    assert found.before > 0
    assert found.after >= 0
    assert found.step + found.each > 0
    assert min(found.step, found.each) >= 0
    assert not seen, "what is measured is none of the caller's runs"
    assert (pipe.settings.merge, list(pipe.settings.listeners)) == (None, [seen.append])


def test_a_line_goes_through_what_was_measured_and_no_time_is_negative() -> None:
    assert _line_through({1: 3.0, 2: 5.0, 4: 9.0}) == pytest.approx((1.0, 2.0))
    assert _line_through({1: 1.0, 2: 2.5}) == pytest.approx((0.0, 1.2))
    assert _line_through({1: 3.0, 2: 2.0}) == pytest.approx((2.5, 0.0))


@pytest.mark.parametrize("counts", [(1,), (2, 4), (1, 1), (0, 1)])
def test_counts_that_fit_no_line_are_refused(counts: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="1 and at least one larger number"):
        scale.request_profile(brickwork.embedded(), counts=counts, prompt="a cat")


def test_what_has_no_loop_or_a_seed_of_its_own_is_refused() -> None:
    with pytest.raises(InputError, match="leave seed and generator out"):
        scale.request_profile(brickwork.embedded(), prompt="a cat", seed=1)
    with pytest.raises(InputError, match="no loop"):
        scale.request_profile(pipeline(add=Add), "x", x=1)
