"""What `run` returns."""

from __future__ import annotations

import pytest

from brickwork import Outputs, RunError


class Out(Outputs):
    images: int
    score: float = 0.5


def test_outputs_hold_what_was_given_and_defaults() -> None:
    out = Out(images=1)
    assert (out.images, out.score) == (1, 0.5)
    assert Out(images=1, score=2.0).score == 2.0


def test_an_unknown_output_names_the_nearest() -> None:
    with pytest.raises(RunError, match="Out declares no output 'image'. Did you mean 'images'?"):
        Out(image=1)  # type: ignore[call-arg]


def test_a_missing_output_is_named() -> None:
    with pytest.raises(RunError, match="'images', and it was not given"):
        Out(score=1.0)  # type: ignore[call-arg]


def test_outputs_are_frozen() -> None:
    with pytest.raises(AttributeError, match="frozen"):
        Out(images=1).images = 2  # type: ignore[misc]


def test_outputs_are_inherited() -> None:
    class More(Out):
        mask: int

    assert More(images=1, mask=2).score == 0.5
