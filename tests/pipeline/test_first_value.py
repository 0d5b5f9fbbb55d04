"""The first value of a call, given by position."""

from __future__ import annotations

import pytest

from brickwork import Block, InputError, ModularPipeline, Outputs, PipelineState, SequentialPipelineBlocks

CALL = {"num_inference_steps": 2, "height": 64, "width": 64, "seed": 1}


class Join(Block):
    """Reads two texts, the second of which is required."""

    class Out(Outputs):
        joined: str

    def run(self, ending: str = "!", *, word: str) -> Out:
        return self.Out(joined=word + ending)


class Free(Block):
    """Requires nothing."""

    class Out(Outputs):
        joined: str

    def run(self, ending: str = "!") -> Out:
        return self.Out(joined=ending)


def made(block: type[Block]) -> ModularPipeline:
    return SequentialPipelineBlocks.from_blocks_dict({"block": block}).init_pipeline()


def test_it_is_the_prompt(tiny_pipe: ModularPipeline) -> None:
    by_position = tiny_pipe("a cat", output="images", **CALL)[0]
    assert by_position.tobytes() == tiny_pipe(prompt="a cat", output="images", **CALL)[0].tobytes()
    both = tiny_pipe(["a cat", "a dog"], output="images", **CALL)
    assert len(both) == 2


def test_else_it_is_the_first_required_input() -> None:
    assert made(Join)("a", output="joined") == "a!"
    assert made(Join)("a", "joined", ending="?") == "a?"
    *_, last = made(Join).stream("a", "joined")
    assert last.result == "a!"


def test_a_state_is_still_taken() -> None:
    pipe = made(Join)
    state = PipelineState({"word": "a"})
    assert pipe(state, output="joined") == pipe(state=state, output="joined") == "a!"
    assert pipe(None, word="a", output="joined") == "a!"


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InputError, match="no input of this pipeline is required.*Inputs: ending"):
        made(Free)("a")
    with pytest.raises(InputError, match="word is given twice"):
        made(Join)("a", word="b")
    with pytest.raises(InputError, match="Two states"):
        made(Join)(PipelineState(), state=PipelineState())
    with pytest.raises(InputError, match="state= is the state of an earlier run, and got 'a'"):
        made(Join)(state="a")
