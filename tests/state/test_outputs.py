"""What `run` returns."""

from __future__ import annotations

import pytest

from brickwork import Block, Outputs, RunError, SequentialPipelineBlocks


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


def test_outputs_by_position_are_answered_with_what_to_write() -> None:
    class Adds(Block):
        class Out(Outputs):
            total: int
            half: float = 0.5

        def run(self, x: int) -> Out:
            return self.Out(x)  # type: ignore[misc]

    with pytest.raises(
        RunError, match=r"Adds\.Out takes each output by its name: write self\.Out\(half=\.\.\., total="
    ) as caught:
        SequentialPipelineBlocks.from_blocks_dict({"adds": Adds}).init_pipeline()(x=1)
    assert "In block adds." in caught.value.__notes__[0]
    assert isinstance(caught.value.__cause__, TypeError)


def test_another_type_error_of_a_block_stays_its_own() -> None:
    class Fails(Block):
        class Out(Outputs):
            total: int

        def run(self, x: int) -> Out:
            return self.Out(total=len(x))  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="has no len"):
        SequentialPipelineBlocks.from_blocks_dict({"fails": Fails}).init_pipeline()(x=1)
